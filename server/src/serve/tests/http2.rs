//! HTTP/2 as it is on the wire.

use super::*;

/// HTTP/2 as it is on the wire (RFC 9113): an empty SETTINGS frame after the preface.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// The next frame: its type, flags and payload; `None` at the end.
async fn frame(client: &mut DuplexStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    client.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    client.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], payload))
}

/// HEADERS of `GET` with this literal path, on stream 1, at its end.
fn get_on_http2(path: &str) -> Vec<u8> {
    get_on_stream(1, path)
}

fn get_on_stream(stream: u8, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("a short path");
    // HPACK (RFC 7541): GET, http, then :path and :authority as literals.
    let block = [&[0x82, 0x86, 0x04, length], path.as_bytes(), b"\x01\x01x"].concat();
    [&[0, 0, u8::try_from(block.len()).expect("short"), 1, 5, 0, 0, 0, stream], &block[..]].concat()
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_of_http2_is_told_that_it_ends() {
    let connections = connections();
    for acknowledges in [true, false] {
        let (mut client, served) = connect(&connections);
        let begun = Instant::now();
        client.write_all(HELLO).await.expect("sent");
        let mut told = None;
        while let Some((kind, flags, payload)) = frame(&mut client).await {
            match kind {
                GOAWAY => {
                    told.get_or_insert(begun.elapsed());
                }
                PING if flags == 0 && acknowledges => {
                    let head = [0, 0, 8, PING, 1, 0, 0, 0, 0];
                    client.write_all(&[&head, &payload[..]].concat()).await.expect("sent");
                }
                _ => {}
            }
        }
        let told = told.expect("GOAWAY");
        assert!(told >= IDLE && told < IDLE + Duration::from_secs(1), "{told:?}");
        let after = begun.elapsed().checked_sub(told).expect("later");
        assert_eq!(after.as_secs(), if acknowledges { 0 } else { GOODBYE.as_secs() });
        served.await.expect("its task ends");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_http2_that_takes_long_is_never_cut_and_pings_alone_keep_nothing() {
    const DATA: u8 = 0;
    let connections = connections();
    let (mut client, _served) = connect(&connections);
    client.write_all(HELLO).await.expect("sent");
    client.write_all(&get_on_http2("/long")).await.expect("sent");
    let mut read = Vec::new();
    while read.len() < b"done".len() {
        let (kind, _, payload) = frame(&mut client).await.expect("it is not cut");
        assert_ne!(kind, GOAWAY);
        if kind == DATA {
            read.extend(payload);
        }
    }
    assert_eq!(read, b"done");
    let done = Instant::now();
    let (mut answers, mut client) = tokio::io::split(client);
    let pings = async {
        loop {
            client.write_all(&[&[0, 0, 8, PING, 0, 0, 0, 0, 0], &[0; 8][..]].concat()).await.expect("sent");
            sleep(Duration::from_secs(20)).await;
        }
    };
    let goaway = async {
        let mut head = [0; 9];
        loop {
            answers.read_exact(&mut head).await.expect("a frame");
            if head[3] == GOAWAY {
                return;
            }
            answers.read_exact(&mut vec![0; usize::from(head[2])]).await.expect("its payload");
        }
    };
    tokio::select! {
        () = goaway => {}
        () = pings => {}
    }
    assert!(done.elapsed() >= IDLE && done.elapsed() < IDLE + Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn bodies_that_nobody_reads_do_not_hold_up_the_other_streams_of_their_connection() {
    /// What each connection begins with (RFC 9113, section 6.9.2).
    const FIRST_WINDOW: u32 = 65_535;
    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    let connections = connections();
    let (mut client, _served) = connect(&connections);
    client.write_all(HELLO).await.expect("sent");
    let (mut streams, mut of_a_stream, mut of_all) = (None, None, FIRST_WINDOW);
    while let Ok(Some((kind, flags, payload))) = timeout(HEAD_WITHIN, frame(&mut client)).await {
        match kind {
            SETTINGS if flags == 0 => {
                for setting in payload.chunks_exact(6) {
                    match setting[1] {
                        3 => streams = Some(number(&setting[2..])),
                        4 => of_a_stream = Some(number(&setting[2..])),
                        _ => {}
                    }
                }
            }
            WINDOW_UPDATE => of_all += number(&payload),
            _ => {}
        }
    }
    assert_eq!((streams, of_a_stream), (Some(STREAMS), Some(WINDOW)));
    assert!(of_all >= STREAMS * WINDOW, "{of_all} bytes for all streams together");
}

/// SETTINGS with an initial window of 0 or of another byte in its end (RFC 9113, section 6.5.2).
const NO_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

#[tokio::test(start_paused = true)]
async fn an_answer_on_http2_is_kept_for_who_opens_a_window_and_not_for_who_does_not() {
    for (path, opens, window) in
        [("/large", true, 0), ("/large", false, 0), ("/large", false, 1), ("/", false, 1)]
    {
        let connections = connections();
        let (client, mut served) = connect(&connections);
        let (mut answers, mut client) = tokio::io::split(client);
        let read = tokio::spawn(async move {
            let mut whole = Vec::new();
            // Until the connection ends, in whichever way.
            let _ = answers.read_to_end(&mut whole).await;
            whole.len()
        });
        let begun = Instant::now();
        client.write_all(&[&NO_WINDOW[..NO_WINDOW.len() - 1], &[window]].concat()).await.expect("sent");
        client.write_all(&get_on_http2(path)).await.expect("sent");
        // Pings show that the connection is there, and are no reading.
        loop {
            let ping = [&[0, 0, 8, PING, 0, 0, 0, 0, 0], &[0; 8][..]].concat();
            // Room for a good part of the answer, on the stream and on the connection.
            let room =
                |stream: u8| [&[0, 0, 4, 8, 0, 0, 0, 0, stream], &60_000_u32.to_be_bytes()[..]].concat();
            let window = [room(1), room(0)].concat();
            if client.write_all(if opens { &window } else { &ping }).await.is_err() {
                break;
            }
            let over = begun.elapsed() > 4 * UNREAD;
            if over || timeout(UNREAD / 3, &mut served).await.is_ok() {
                break;
            }
        }
        if opens {
            assert!(!served.is_finished(), "a client that reads is kept");
            drop(client);
            served.abort();
        } else {
            assert!(
                begun.elapsed() >= UNREAD && begun.elapsed() < 2 * UNREAD,
                "{path} {window}: {:?}",
                begun.elapsed()
            );
        }
        let _ = read.await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_too_many_answers_that_wait_the_connection_with_most_of_them_goes() {
    const EACH: u8 = 60;
    const CLIENTS: usize = 8;
    let most = 3 * usize::from(EACH);
    let house = House::of(100, most);
    let connections = Connections::in_house(house.clone(), routes());
    let mut hoarders = Vec::new();
    let mut member = connect(&connections);
    for _ in 0..CLIENTS {
        let (mut client, served) = connect(&connections);
        client.write_all(NO_WINDOW).await.expect("sent");
        for number in 0..EACH {
            // Whoever has been sent away is told by a broken pipe.
            let _ = client.write_all(&get_on_stream(2 * number + 1, "/")).await;
        }
        hoarders.push((client, served));
        sleep(Duration::from_millis(1)).await;
        assert!(house.answers().load(Ordering::Relaxed) <= most);
        assert!(ask(&mut member.0, GET).await.ends_with("yes"), "a client that reads is kept");
    }
    let gone = hoarders.iter().filter(|(_, served)| served.is_finished()).count();
    assert!((CLIENTS - 3..CLIENTS).contains(&gone), "{gone} of {CLIENTS} had to go");
    drop(hoarders);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(house.answers().load(Ordering::Relaxed), 0, "none is counted for ever");
}

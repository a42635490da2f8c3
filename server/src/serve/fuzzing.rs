//! A connection for the fuzz target of heads.

use axum::Router;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};
use tokio::join;

use super::connections::Connections;
use super::house::{ANSWERS, House, ROOM};

/// Between the two ends, in bytes.
const BETWEEN: usize = 64 * 1024;

/// What a client gets that sends this and then no more, to the connection's end.
pub(crate) async fn exchange(router: Router, bytes: &[u8]) -> Vec<u8> {
    let connections = Connections::in_house(House::of(ROOM, ANSWERS), router);
    let (client, server) = duplex(BETWEEN);
    let (mut answers, mut client) = split(client);
    let mut answer = Vec::new();
    let send = async {
        // The server may have closed, and has then answered.
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
    };
    let read = async {
        let _ = answers.read_to_end(&mut answer).await;
    };
    join!(connections.attend(server), send, read);
    answer
}

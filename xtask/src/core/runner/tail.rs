//! Reads a stream to its end in the background and keeps what fits.

use std::io::Read;
use std::sync::mpsc::{Receiver, sync_channel};

/// How much of standard output is kept: a listing of thousands of resources as JSON stays far below it, and
/// a program gone wild does not fill the memory.
pub(super) const STDOUT_LIMIT: usize = 16 << 20;

/// How much of standard error is kept: people read its end.
pub(super) const STDERR_LIMIT: usize = 64 << 10;

/// The last `limit` bytes of the stream, sent once it is closed.
pub(super) fn collect(mut stream: impl Read + Send + 'static, limit: usize) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut chunk = [0; 8192];
        while let Ok(read) = stream.read(&mut chunk) {
            if read == 0 {
                break;
            }
            kept.extend_from_slice(&chunk[..read]);
            // Cut only at twice the limit: moving the rest to the front on every read would be quadratic.
            if kept.len() > 2 * limit {
                kept.drain(..kept.len() - limit);
            }
        }
        let tail = &kept[kept.len().saturating_sub(limit)..];
        // The receiver is gone only when the command was given up.
        let _ = sender.send(String::from_utf8_lossy(tail).into_owned());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_stream_is_kept() {
        let text = "x".repeat(50_000) + "end";
        let kept = collect(std::io::Cursor::new(text.into_bytes()), 1000).recv().unwrap();
        assert_eq!(kept.len(), 1000);
        assert!(kept.ends_with("xend"));
    }
}

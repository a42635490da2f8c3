//! From the start of the process to the first 200: settings, CA certificates, the licence check on loopback.

use crate::contender::Contender;
use crate::stack::Stack;
use crate::stats::Row;

/// The group of this row.
pub(crate) const GROUP: &str = "Start";
/// The row.
pub(crate) const FIRST_ANSWER: &str = "start to first 200";

/// Starts for each round: one takes some milliseconds.
const STARTS: usize = 6;

pub(crate) async fn measure(stack: &Stack, rounds: usize) -> Result<Vec<Row>, String> {
    let mut samples = Vec::new();
    for _ in 0..rounds * STARTS {
        let mut server = stack.before(&stack.stub_url(), Contender::ApiToken)?;
        samples.push(server.ready().await?.as_secs_f64() * 1e3);
        server.stop().await?;
    }
    Ok(vec![Row::new(GROUP, FIRST_ANSWER, "ms", samples)])
}

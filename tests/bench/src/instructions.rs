//! Instructions per call in user space, counted by callgrind: exact, whatever else the machine does.

use std::ffi::OsString;

use crate::contender::Contender;
use crate::stack::Stack;
use crate::stats::Row;

/// The group of these rows.
pub(crate) const GROUP: &str = "Instructions per call (callgrind)";

/// Two runs that differ in nothing but these calls: their difference is what the calls took, without start and end.
const CALLS: usize = 400;
/// What both runs begin with.
const WARM_UP: usize = 100;

pub(crate) async fn measure(stack: &Stack) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        let short = count(stack, contender, WARM_UP).await?;
        let long = count(stack, contender, WARM_UP + CALLS).await?;
        let per_call = (long - short) / CALLS as f64 / 1000.0;
        rows.push(Row::new(GROUP, contender.name(), "thousand", vec![per_call]));
    }
    Ok(rows)
}

/// The instructions of a whole run with so many calls, one at a time.
async fn count(stack: &Stack, contender: Contender, calls: usize) -> Result<f64, String> {
    let file = |kind: &str| stack.out.join(format!("{kind}.{}", contender.slug()));
    let log = file("valgrind");
    let option = |name: &str, path: &std::path::Path| {
        let mut option = OsString::from(name);
        option.push(path);
        option
    };
    let under = vec![
        "valgrind".into(),
        "--tool=callgrind".into(),
        option("--callgrind-out-file=", &file("callgrind")),
        option("--log-file=", &log),
    ];
    let running = stack.run(contender, under).await?;
    stack.load(&running, calls, 1).run().await?;
    running.stop().await?;
    let said = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    collected(&said).ok_or_else(|| format!("callgrind counted nothing: {said}"))
}

/// Reads `==123== Collected : 456`.
fn collected(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sum_is_found() {
        let said = "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n";
        assert!(super::collected(said).is_some_and(|count| (count - 1_234_567.0).abs() < f64::EPSILON));
    }
}

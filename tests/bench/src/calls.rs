//! CPU per call: the servers take turns, round after round, so that what else the machine does hits all of them.

use std::collections::BTreeMap;

use crate::Args;
use crate::contender::Contender;
use crate::stack::{MAX_FRESH_CALLS, Stack};
use crate::stats::{Row, ratios};

/// Connections that stay open, each with one call under way: enough that the server is never idle.
const CONNECTIONS: usize = 16;
/// Caches are filled and connections to the backend open.
const WARM_UP: usize = 500;

/// The group of the ratios.
pub(crate) const RATIOS: &str = "CPU per call, ratios";

const CPU: &str = "CPU per call";
const THROUGHPUT: &str = "Calls per second, one core, 16 connections";
const LATENCY: &str = "Latency, 16 connections";

#[derive(Default)]
struct Series {
    cpu: Vec<f64>,
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

pub(crate) async fn measure(stack: &Stack, args: &Args) -> Result<Vec<Row>, String> {
    let mut all: BTreeMap<&str, Series> = BTreeMap::new();
    for _ in 0..args.rounds {
        for contender in Contender::ALL {
            let series = all.entry(contender.slug()).or_default();
            round(stack, contender, args.calls, series).await?;
        }
    }
    let cpu = |contender: Contender| &all[contender.slug()].cpu;
    let mut rows = Vec::new();
    for contender in Contender::ALL.into_iter().filter(|contender| *contender != Contender::Bare) {
        let name = contender.name();
        rows.push(Row::new(
            RATIOS,
            against_bare(contender),
            "",
            ratios(cpu(contender), cpu(Contender::Bare)),
        ));
        if contender.is_ours() {
            let what = format!("{name} / {}", Contender::Plain.name());
            rows.push(Row::new(RATIOS, what, "", ratios(cpu(contender), cpu(Contender::Plain))));
        }
    }
    let by_either = ratios(cpu(Contender::Rest), cpu(Contender::ApiToken));
    rows.push(Row::new(RATIOS, by_rest(), "", by_either));
    for contender in Contender::ALL {
        let (name, series) = (contender.name(), &all[contender.slug()]);
        rows.push(Row::new(CPU, name, "us", series.cpu.clone()));
        rows.push(Row::new(THROUGHPUT, name, "1/s", series.rate.clone()));
        rows.push(Row::new(LATENCY, format!("{name}, p50"), "ms", series.p50.clone()));
        rows.push(Row::new(LATENCY, format!("{name}, p99"), "ms", series.p99.clone()));
    }
    rows.sort_by_key(|row| [RATIOS, CPU, THROUGHPUT, LATENCY].iter().position(|group| *group == row.group));
    Ok(rows)
}

/// How the ratio to the bare proxy is called.
pub(crate) fn against_bare(contender: Contender) -> String {
    format!("{} / {}", contender.name(), Contender::Bare.name())
}

/// How the ratio of reads by the REST API to those by the helper API is called.
pub(crate) fn by_rest() -> String {
    format!("{} / {}", Contender::Rest.name(), Contender::ApiToken.name())
}

async fn round(stack: &Stack, contender: Contender, calls: usize, series: &mut Series) -> Result<(), String> {
    let calls = if contender == Contender::FreshJwt { calls.min(MAX_FRESH_CALLS) } else { calls };
    let running = stack.run(contender, Vec::new()).await?;
    stack.load(&running, WARM_UP, CONNECTIONS).run().await?;
    let before = running.program.cpu()?;
    let answered = stack.load(&running, calls, CONNECTIONS).run().await?;
    let took = running.program.cpu()?.saturating_sub(before);
    series.cpu.push(took.as_secs_f64() * 1e6 / calls as f64);
    series.rate.push(answered.rate);
    series.p50.push(answered.p50);
    series.p99.push(answered.p99);
    running.stop().await
}

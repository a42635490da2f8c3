//! Histograms with labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Label values come from fixed sets, but for Validibot's own error codes. Beyond this, they are counted as one.
const MAX_SERIES: usize = 1000;
const OTHER: &str = "_OTHER";

/// One metric: a histogram of durations for each combination of label values.
pub(super) struct Histograms<const LABELS: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; LABELS],
    /// Upper bounds, in seconds, ascending.
    bounds: &'static [f64],
    series: Mutex<BTreeMap<[String; LABELS], Histogram>>,
}

struct Histogram {
    /// One for each bound, and one for what is above the last.
    counts: Vec<u64>,
    sum: Duration,
}

impl<const LABELS: usize> Histograms<LABELS> {
    pub(super) fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; LABELS],
        bounds: &'static [f64],
    ) -> Self {
        Self { name, help, labels, bounds, series: Mutex::default() }
    }

    pub(super) fn add(&self, labels: [&str; LABELS], took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = labels.map(str::to_owned);
        if series.len() >= MAX_SERIES && !series.contains_key(&key) {
            key = [(); LABELS].map(|()| OTHER.to_owned());
        }
        let histogram = series
            .entry(key)
            .or_insert_with(|| Histogram { counts: vec![0; self.bounds.len() + 1], sum: Duration::ZERO });
        histogram.counts[bucket] += 1;
        histogram.sum += took;
    }

    /// Writes the text form (Prometheus, exposition formats, version 0.0.4).
    pub(super) fn write(&self, text: &mut String) {
        let name = self.name;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} histogram", self.help);
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for (values, histogram) in &*series {
            let labels = self.labels(values);
            let mut count = 0;
            let bounds = self.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, bucket) in bounds.zip(&histogram.counts) {
                count += bucket;
                let _ = writeln!(text, "{name}_bucket{{{labels}le=\"{bound}\"}} {count}");
            }
            let labels = labels.trim_end_matches(',');
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", histogram.sum.as_secs_f64());
            let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
        }
    }

    /// `name="value",` for each label that has a value.
    fn labels(&self, values: &[String; LABELS]) -> String {
        let mut text = String::new();
        for (name, value) in self.labels.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(text, "{name}=\"{value}\",");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_text_form_is_that_of_prometheus() {
        let histograms = Histograms::new("x_seconds", "What it is", ["a", "b"], &[0.1, 1.0]);
        for milliseconds in [50, 100, 500, 5000] {
            histograms.add(["1", ""], Duration::from_millis(milliseconds));
        }
        histograms.add(["q\"\\", "2"], Duration::from_millis(1));
        let mut text = String::new();
        histograms.write(&mut text);
        expect![[r#"
            # HELP x_seconds What it is
            # TYPE x_seconds histogram
            x_seconds_bucket{a="1",le="0.1"} 2
            x_seconds_bucket{a="1",le="1"} 3
            x_seconds_bucket{a="1",le="+Inf"} 4
            x_seconds_sum{a="1"} 5.65
            x_seconds_count{a="1"} 4
            x_seconds_bucket{a="q\"\\",b="2",le="0.1"} 1
            x_seconds_bucket{a="q\"\\",b="2",le="1"} 1
            x_seconds_bucket{a="q\"\\",b="2",le="+Inf"} 1
            x_seconds_sum{a="q\"\\",b="2"} 0.001
            x_seconds_count{a="q\"\\",b="2"} 1
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let histograms = Histograms::new("x", "", ["a"], &[1.0]);
        for number in 0..2 * MAX_SERIES {
            histograms.add([&number.to_string()], Duration::ZERO);
        }
        let series = histograms.series.lock().expect("not poisoned");
        assert_eq!(series.len(), MAX_SERIES + 1);
        assert_eq!(series[&[OTHER.to_owned()]].counts.iter().sum::<u64>(), MAX_SERIES as u64);
    }
}

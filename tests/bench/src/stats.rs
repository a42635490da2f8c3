//! One figure, taken several times.

use serde::Serialize;

/// What was measured, and every time that it was.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Groups of the report.
    pub(crate) group: &'static str,
    /// What it is a figure of.
    pub(crate) what: String,
    /// Its unit; empty for a ratio.
    pub(crate) unit: &'static str,
    /// Every measurement, in order.
    pub(crate) samples: Vec<f64>,
    /// Why there is none, where there is none.
    pub(crate) missing: Option<String>,
}

impl Row {
    pub(crate) fn new(
        group: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        samples: Vec<f64>,
    ) -> Self {
        Self { group, what: what.into(), unit, samples, missing: None }
    }

    pub(crate) fn missing(group: &'static str, what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { missing: Some(reason.into()), ..Self::new(group, what, "", Vec::new()) }
    }

    /// The middle of the measurements; `None` where there is none.
    pub(crate) fn median(&self) -> Option<f64> {
        median(&self.samples)
    }

    /// The smallest and the largest.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        let smallest = self.samples.iter().copied().min_by(f64::total_cmp)?;
        Some((smallest, self.samples.iter().copied().max_by(f64::total_cmp)?))
    }
}

/// The middle one; of an even number, the mean of the two.
pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

/// Round by round: two programs that were measured one after the other had the same machine.
pub(crate) fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

/// The value below which this part of the sorted samples lies.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        let row = Row::new("g", "w", "us", vec![3.0, 1.0, 2.0]);
        assert_eq!(row.spread(), Some((1.0, 3.0)));
        assert!((ratios(&[2.0, 9.0], &[1.0, 3.0])[1] - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&[1.0, 2.0, 3.0, 4.0], 0.5) - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&[1.0], 0.99) - 1.0).abs() < f64::EPSILON);
    }
}

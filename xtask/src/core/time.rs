//! Times as Google writes them.

use std::time::Duration;

/// How long after 1970-01-01T00:00:00Z a time is that is written as RFC 3339 in UTC, such as `2026-12-01T16:00:00.5Z`; `None` where it
/// is not, or before.
///
/// Days are counted from the calendar as in Howard Hinnant's `days_from_civil`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
pub fn since_epoch(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March ends with the day that is not always there.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(Duration::new(((days * 24 + hour) * 60 + minute) * 60 + second, nanos))
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let numbers: Option<Vec<u64>> = text.split(between).map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-12-01T16:11:22Z", 1_796_141_482),
        ] {
            assert_eq!(since_epoch(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        let fraction = since_epoch("1970-01-01T00:00:01.25Z");
        assert_eq!(fraction, Some(Duration::from_millis(1250)));
        for text in
            ["", "1970-01-01", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "1969-12-31T00:00:00Z"]
        {
            assert_eq!(since_epoch(text), None, "{text}");
        }
    }
}

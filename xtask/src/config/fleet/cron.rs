//! Cron lines as Cloud Scheduler reads them: five fields, UNIX style
//! (<https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules>).

use std::ops::RangeInclusive;

/// A field's name, its numbers, and the words that stand for them from the first number on.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    words: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// From Sunday, 0; 7 is Sunday again.
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, words: &[] },
    Field { name: "hour", range: 0..=23, words: &[] },
    Field { name: "day of the month", range: 1..=31, words: &[] },
    Field { name: "month", range: 1..=12, words: &MONTHS },
    Field { name: "day of the week", range: 0..=7, words: &DAYS },
];

/// Says what is wrong with a cron line.
pub fn check(line: &str) -> Result<(), String> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let form = "minute, hour, day of the month, month, day of the week";
        return Err(format!("'{line}' has {} fields; a cron line has five: {form}", parts.len()));
    }
    FIELDS.iter().zip(parts).try_for_each(|(field, part)| {
        part.split(',').try_for_each(|item| field.check(item)).map_err(|why| format!("{}: {why}", field.name))
    })
}

impl Field {
    /// `*`, a number, a range, each perhaps with a step.
    fn check(&self, item: &str) -> Result<(), String> {
        let (span, step) = item.split_once('/').map_or((item, None), |(span, step)| (span, Some(step)));
        if let Some(step) = step {
            let good = step.parse().is_ok_and(|step: u32| step >= 1 && step <= *self.range.end());
            if !good {
                return Err(format!("'{step}' is not a step from 1 to {}", self.range.end()));
            }
        }
        if span == "*" {
            return Ok(());
        }
        match span.split_once('-') {
            Some((from, to)) => {
                let (first, last) = (self.number(from)?, self.number(to)?);
                if first <= last { Ok(()) } else { Err(format!("'{span}' ends before it begins")) }
            }
            None if step.is_some() => {
                Err(format!("'{item}' has a step but no range; write '*' or a range before it"))
            }
            None => self.number(span).map(|_| ()),
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let word = word.and_then(|index| u32::try_from(index).ok()).map(|index| index + self.range.start());
        // `parse` would take a sign.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = word.or_else(|| text.parse().ok().filter(|_| digits));
        number
            .filter(|number| self.range.contains(number))
            .ok_or_else(|| format!("'{text}' is not from {} to {}", self.range.start(), self.range.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cloud_scheduler_takes_are_taken() {
        for line in [
            "0 2 * * *",
            "*/5 * * * *",
            "0 4 * * 0",
            "17 * * * *",
            "0 9-17/2 1,15 jan-mar MON-FRI",
            "0 0 * * 7",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (line, why) in [
            (
                "0 2 * *",
                "'0 2 * *' has 4 fields; a cron line has five: minute, hour, day of the month, month, day of the week",
            ),
            ("60 * * * *", "minute: '60' is not from 0 to 59"),
            ("0 24 * * *", "hour: '24' is not from 0 to 23"),
            ("0 0 0 * *", "day of the month: '0' is not from 1 to 31"),
            ("0 0 * FOO *", "month: 'FOO' is not from 1 to 12"),
            ("0 0 * * 8", "day of the week: '8' is not from 0 to 7"),
            ("*/0 * * * *", "minute: '0' is not a step from 1 to 59"),
            ("5-1 * * * *", "minute: '5-1' ends before it begins"),
            ("+5 * * * *", "minute: '+5' is not from 0 to 59"),
            ("5/10 * * * *", "minute: '5/10' has a step but no range; write '*' or a range before it"),
            ("1, * * * *", "minute: '' is not from 0 to 59"),
        ] {
            assert_eq!(check(line), Err(why.to_owned()));
        }
    }
}

//! Cloud Logging's structured JSON: `severity`, `message`, `time`, then the event's fields
//! (<https://cloud.google.com/logging/docs/structured-logging>).

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::MAX_FIELD_BYTES;
use crate::base::clean::{short, short_debug};

/// One JSON object a line. JSON escapes control characters, so no input can forge a line.
pub(super) struct CloudFormat;

impl<S, N> FormatEvent<S, N> for CloudFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, r#"{{"severity":"{}","time":""#, severity(*event.metadata().level()))?;
        // RFC 3339: nothing in it has to be escaped.
        SystemTime.format_time(&mut writer)?;
        writer.write_char('"')?;
        let mut fields = Fields { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        writeln!(writer, "}}")
    }
}

/// The line that says how many lines are missing before it.
pub(super) fn missing(lines: u64) -> String {
    let mut time = String::new();
    // Without a time it is still a line.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    format!(
        "{{\"severity\":\"WARNING\",\"time\":\"{time}\",\"message\":\"lines of log were dropped: nobody read them in time\",\"dropped\":{lines}}}\n"
    )
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// Writes each field as it comes: a tree of them would only be taken apart again.
struct Fields<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            // Names of fields are ours, and have nothing to escape.
            self.result = [",\"", field.name(), "\":"]
                .into_iter()
                .try_for_each(|part| self.writer.write_str(part))
                .and_then(|()| value(&mut self.writer));
        }
    }
}

/// As it stands where nothing has to be escaped, which is nearly always.
fn write_text(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        return writer.write_str(&serde_json::to_string(text).unwrap_or_default());
    }
    ["\"", text, "\""].into_iter().try_for_each(|part| writer.write_str(part))
}

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |writer| writer.write_str(if value { "true" } else { "false" }));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() > MAX_FIELD_BYTES {
            self.write(field, |writer| write_text(writer, &short(value, MAX_FIELD_BYTES)));
        } else {
            self.write(field, |writer| write_text(writer, value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |writer| write_text(writer, &short_debug(value, MAX_FIELD_BYTES)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("nobody panicked").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_field_is_longer_than_a_kilobyte_whatever_its_kind() {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(CloudFormat);
        let subscriber = tracing_subscriber::registry().with(layer.with_writer(move || writer.clone()));
        let long = "ä".repeat(1_000_000);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(text = long, display = %long, debug = ?[&long, &long], "{long}");
        });
        let line = written.0.lock().expect("nobody panicked").clone();
        let entry: Value = serde_json::from_slice(&line).expect("a line of JSON");
        for field in ["text", "display", "debug", "message"] {
            let text = entry[field].as_str().expect("text");
            assert!(text.ends_with('…') && text.len() <= MAX_FIELD_BYTES + 3, "{field}: {}", text.len());
        }
        serde_json::from_str::<Value>(&missing(7)).expect("a line of JSON");
    }
}

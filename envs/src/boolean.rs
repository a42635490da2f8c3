//! The two readings of on and off.

/// Reads a switch of the server, such as `VALIDIBOT_MCP_ENABLED`.
///
/// True is `true`, `1`, `yes`, `y`, `on` or `t`; false is `false`, `0`, `no`, `n`, `off` or `f`; in any case.
/// Anything else, the empty text too, is `None`: a kill switch must not be guessed.
pub fn parse_switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "on" | "t" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "f" => Some(false),
        _ => None,
    }
}

/// Reads the build gate, `ENABLE_MCP_SERVER`.
///
/// True is `true`, `1` or `yes`; false is `false`, `0`, `no` or empty; in any case. Anything else is `None`.
pub fn parse_gate(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_is_narrower_than_a_switch_but_takes_the_empty_text() {
        for (text, gate, switch) in [
            ("true", Some(true), Some(true)),
            ("TRUE", Some(true), Some(true)),
            ("Yes", Some(true), Some(true)),
            ("1", Some(true), Some(true)),
            ("on", None, Some(true)),
            ("t", None, Some(true)),
            ("", Some(false), None),
            ("0", Some(false), Some(false)),
            ("No", Some(false), Some(false)),
            ("off", None, Some(false)),
            ("maybe", None, None),
        ] {
            assert_eq!(parse_gate(text), gate, "gate {text:?}");
            assert_eq!(parse_switch(text), switch, "switch {text:?}");
        }
    }
}

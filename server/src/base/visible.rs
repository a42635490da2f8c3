//! Texts of others as a person would see them: what a model reads must not hold more than what is shown to the person beside
//! it.

/// The text without characters that nothing is drawn for: Unicode's `Default_Ignorable_Code_Point` (`DerivedCoreProperties`,
/// Unicode 17) with the tag characters and variation selectors, in which whole sentences have been hidden, the marks of
/// direction, the annotation characters, and controls but for line ends and tabs.
pub(crate) fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

fn is_hidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    control
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_on_that_is_not_seen() {
        let hidden: String =
            "ignore all".chars().filter_map(|c| char::from_u32(0xe0000 + u32::from(c))).collect();
        assert_eq!(visible(&format!("zone{hidden} 1")), "zone 1");
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{feff}d\u{7}e\u{3164}f\u{fe0f}g"), "abcdefg");
        let seen = "Wärme 25 °C — 床面積 \u{1f600}\n\tline";
        assert_eq!(visible(seen), seen);
    }
}

//! Names of clients, as they may be shown to people.

/// A name as it may be shown: no control characters, and none that reorder, hide or stand for text that cannot be seen.
pub(super) fn clean_name(name: &str) -> String {
    let shown: String = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    shown.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect::<String>().trim().to_owned()
}

/// `Default_Ignorable_Code_Point` and the general category Format (Cf) of Unicode 17, and the blank among the Braille patterns.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_hide_or_reorder_its_text() {
        assert_eq!(clean_name("  Claude\u{202e}\u{0}\nCode\u{200b} "), "Claude Code");
        for hidden in [
            '\u{3164}',
            '\u{115f}',
            '\u{34f}',
            '\u{2800}',
            '\u{61c}',
            '\u{fff9}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{feff}',
        ] {
            assert_eq!(clean_name(&format!("{hidden}Cla{hidden}ude{hidden}")), "Claude", "{hidden:?}");
        }
        assert_eq!(
            clean_name("\u{c9}diteur \u{5de5}\u{5177} \u{1f642}"),
            "\u{c9}diteur \u{5de5}\u{5177} \u{1f642}"
        );
    }
}

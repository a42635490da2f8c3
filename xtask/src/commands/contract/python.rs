//! Python sources as text: enough of their structure to find the words of a list, of a mapping and of a class.
//!
//! Nothing is run, and nothing that is not there is guessed.

/// A source file without its comments and without texts in three quotation marks, which are documentation. Lines keep their
/// places.
pub(super) fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => {
                let triple: String = std::iter::repeat_n(first, 3).collect();
                if rest.starts_with(&triple) {
                    let end = rest[3..].find(&triple).map_or(rest.len(), |at| at + 6);
                    // Where it stood stays countable.
                    code.extend(rest[..end].chars().filter(|c| *c == '\n'));
                    rest = &rest[end..];
                    continue;
                }
                let length = text_length(rest, first);
                code.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            _ => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        rest = &rest[length..];
    }
    code
}

/// How long a text in quotation marks is, with both of them; one that is not closed ends with its line.
fn text_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The lines of the block that begins with `header`: its first line, and what is indented further. A bracket that closes what
/// the first line opened belongs to it.
pub(super) fn block(code: &str, header: &str) -> Option<String> {
    let mut lines = code.lines().skip_while(|line| !begins(line.trim_start(), header));
    let first = lines.next()?;
    let depth = indent(first);
    let inside = lines.take_while(|line| {
        let text = line.trim_start();
        text.is_empty()
            || indent(line) > depth
            || (indent(line) == depth && text.starts_with([')', ']', '}']))
    });
    Some(std::iter::once(first).chain(inside).collect::<Vec<_>>().join("\n"))
}

/// `class A` begins `class A(B):` and not `class AB:`.
fn begins(line: &str, header: &str) -> bool {
    line.strip_prefix(header).is_some_and(|rest| {
        !header.ends_with(|c: char| c.is_alphanumeric())
            || !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The texts in quotation marks, and what comes before and after each.
fn texts(code: &str) -> Vec<(&str, &str, &str)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = code[at..].find(['"', '\'']).map(|start| at + start) {
        let quote = char::from(code.as_bytes()[start]);
        let length = text_length(&code[start..], quote).max(1);
        let whole = &code[start..start + length];
        if whole.len() >= 2 && whole.ends_with(quote) {
            found.push((&code[..start], &whole[1..whole.len() - 1], &code[start + length..]));
        }
        at = start + length;
    }
    found
}

/// Every text in quotation marks.
pub(super) fn literals(code: &str) -> Vec<String> {
    texts(code).into_iter().map(|(_, text, _)| text.to_owned()).collect()
}

/// The keys of mappings: texts before a colon.
pub(super) fn keys(code: &str) -> Vec<String> {
    let of_mapping = |after: &str| after.trim_start().starts_with(':');
    let keys = texts(code).into_iter().filter(|(_, _, after)| of_mapping(after));
    keys.map(|(_, text, _)| text.to_owned()).collect()
}

/// The routes: the first argument of `path(…)` and `….register(…)`.
pub(super) fn routes(code: &str) -> Vec<String> {
    let of_route = |before: &str| {
        let before = before.trim_end().trim_end_matches('r');
        before.strip_suffix('(').is_some_and(|before| {
            begins_no_word(before, "path")
                || begins_no_word(before, "re_path")
                || before.ends_with(".register")
        })
    };
    let routes = texts(code).into_iter().filter(|(before, _, _)| of_route(before));
    routes.map(|(_, text, _)| text.to_owned()).collect()
}

/// Whether `text` ends with this word alone.
fn begins_no_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The names that are assigned to directly in the block, one indentation below its first line.
pub(super) fn assigned(block: &str) -> Vec<String> {
    let inner =
        block.lines().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
    let names = block.lines().skip(1).filter(|line| indent(line) == inner).filter_map(|line| {
        let (name, value) = line.trim_start().split_once('=')?;
        let name = name.split(':').next().unwrap_or_default().trim();
        let word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        (word && !value.starts_with('=')).then(|| name.to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
"""Not "this"."""
class Shape(Base):
    """Neither 'that'."""
    colour = Text(
        required=False,
    )
    size: int = 3  # "no"
    def get(self):
        other = 1
        return {"a": 1, 'b' : "c#d", }
    class Meta:
        fields = [
            "colour",
            # "gone",
            "size",
        ]
        read_only = fields
class Shapes:
    fields = ["one", "two"]
urls = [path("a/<str:x>/", view), re_path(r"^b$", view), router.register("c", view), other_path("d")]
"#;

    #[test]
    fn words_are_found_where_they_mean_something() {
        let code = code(SOURCE);
        assert_eq!(code.lines().count(), SOURCE.lines().count(), "lines keep their places");
        let shape = block(&code, "class Shape").expect("a block");
        assert_eq!(assigned(&shape), ["colour", "size"]);
        assert_eq!(keys(&shape), ["a", "b"]);
        let fields =
            |class: &str| block(&block(&code, class).expect("a block"), "fields = [").expect("a list");
        assert_eq!(literals(&fields("class Shape")), ["colour", "size"]);
        assert_eq!(literals(&fields("class Shapes")), ["one", "two"]);
        assert_eq!(routes(&code), ["a/<str:x>/", "^b$", "c"]);
        assert_eq!(block(&code, "class Sha"), None);
    }

    #[test]
    fn what_is_no_python_at_all_ends() {
        for text in ["\"", "'''", "\"\\", "é\"é", "#", "path(\"", "a\n\"b\n'c"] {
            let code = code(text);
            let _ = (literals(&code), keys(&code), routes(&code), assigned(&code), block(&code, "a"));
        }
    }
}

//! Patterns with `*`, for faults and for images.

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters, `/` included.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run() {
        assert!(matches("*", ""));
        assert!(matches("a/*/c:get", "a/b/x/c:get"));
        assert!(matches("*secrets*", "v1/projects/p/secrets/n"));
        assert!(!matches("a", "ab"));
        assert!(!matches("a/*/c", "a/c"));
        assert!(matches("a*", "a"));
        assert!(!matches("a*b", "ac"));
    }
}

//! 'Did you mean …?'

/// The candidate that a misspelt name most likely meant; `None` where nothing is near enough to suggest.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_ascii_uppercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 4 + 1)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance, in bytes: variable names are ASCII.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let names = ["VALIDIBOT_API_BASE_URL", "VALIDIBOT_MCP_BASE_URL", "PORT"];
        assert_eq!(closest("VALIDIBOT_API_BASEURL", names), Some("VALIDIBOT_API_BASE_URL"));
        assert_eq!(closest("validibot_mcp_base_ur", names), Some("VALIDIBOT_MCP_BASE_URL"));
        assert_eq!(closest("PROT", names), Some("PORT"));
        assert_eq!(closest("DATABASE_PASSWORD", names), None);
    }
}

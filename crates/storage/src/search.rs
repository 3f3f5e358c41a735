//! What is looked for, as databases take it.

use hubbub_domain::search;

/// The words to look for as a JSON array of strings: one parameter for any number of words, and nothing in them is a
/// pattern.
pub(crate) fn words_as_json(search: &str) -> String {
    serde_json::to_string(&search::words(search)).expect("strings are always valid JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_patterns() {
        assert_eq!(words_as_json("  Tea \t% _\0\"x\\  "), r#"["tea","%","_","\"x\\"]"#);
        assert_eq!(words_as_json(" \n "), "[]");
    }
}

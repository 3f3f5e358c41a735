//! Texts without case and diacritics, so that "eclair" finds "Éclair" in every storage.
//!
//! Folding happens here, not in SQL: databases disagree about letters beyond ASCII.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most words of a search that count; the rest is ignored, so that no search costs more than this many scans.
const MAX_WORDS: usize = 16;

/// `text` in lower case and compatibility-decomposed, without marks, and with the letters that Unicode does not take
/// apart (ø, ł, ß …) written as people type them who lack the key.
#[must_use]
pub fn fold(text: &str) -> String {
    let lower = text.nfkd().collect::<String>().to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    for c in lower.nfkd().filter(|&c| !is_combining_mark(c)) {
        match c {
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ŧ' => folded.push('t'),
            'ς' => folded.push('σ'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            c => folded.push(c),
        }
    }
    folded
}

/// The words to look for, folded: each of them must be in a folded text that is found.
#[must_use]
pub fn words(search: &str) -> Vec<String> {
    let folded = fold(search);
    let words = folded.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.take(MAX_WORDS).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_diacritics_do_not_matter() {
        for (text, folded) in [
            ("Éclair", "eclair"),
            ("e\u{301}CLAIR", "eclair"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("Łódź", "lodz"),
            ("İstanbul ısı", "istanbul isi"),
            ("ΟΔΌΣ", "οδοσ"),
            ("οδός", "οδοσ"),
            ("Ёлка", "елка"),
            ("ﬁn", "fin"),
            ("Smørrebrød", "smorrebrod"),
            ("日本語", "日本語"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn words_are_bounded() {
        assert_eq!(words("  Tea \t% _\0\"x\\  "), ["tea", "%", "_", "\"x\\"]);
        assert!(words(" \n ").is_empty());
        assert_eq!(words(&"a ".repeat(1000)).len(), MAX_WORDS);
    }
}

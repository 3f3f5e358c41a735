//! What all texts that people type have in common: no control characters, no invisible ones, no direction tricks.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Why a text was refused. The message names what was wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Too few or too many characters after trimming.
    #[error("must have {min} to {max} characters, has {actual}")]
    Length {
        /// Fewest characters allowed.
        min: usize,
        /// Most characters allowed.
        max: usize,
        /// Characters found.
        actual: usize,
    },
    /// A control character, line break, zero-width or bidirectional control character.
    #[error("contains the invisible or control character U+{0:04X}; remove it")]
    Invisible(u32),
    /// A character outside those the field allows.
    #[error("contains {0:?}; {1}")]
    Character(char, &'static str),
    /// Letters of several scripts that can be mistaken for one another (UTS #39, section 5).
    #[error("mixes letters of several scripts; use one")]
    MixedScripts,
    /// Not an e-mail address.
    #[error("is not an e-mail address such as ada@example.org")]
    Email,
}

/// Whether `c` draws nothing or changes the direction of what surrounds it (UTS #39; Unicode bidi controls).
///
/// The zero-width joiner U+200D counts too, except inside an emoji sequence, which names do not need.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Trims, normalises to NFC and checks one line of text.
///
/// # Errors
/// [`TextError::Invisible`] or [`TextError::Length`] (counted in characters after normalising).
pub fn single_line(text: &str, min: usize, max: usize) -> Result<String, TextError> {
    clean(text, min, max, false)
}

/// As [`single_line`], but line feeds are allowed (a bio, a description).
///
/// # Errors
/// [`TextError::Invisible`] or [`TextError::Length`].
pub fn multi_line(text: &str, min: usize, max: usize) -> Result<String, TextError> {
    clean(&text.replace("\r\n", "\n"), min, max, true)
}

fn clean(text: &str, min: usize, max: usize, line_feeds: bool) -> Result<String, TextError> {
    let text: String = text.trim_matches(|c| c == ' ' || (line_feeds && c == '\n')).nfc().collect();
    if let Some(c) = text.chars().find(|&c| is_invisible(c) && !(line_feeds && c == '\n')) {
        return Err(TextError::Invisible(u32::from(c)));
    }
    let actual = text.chars().count();
    if actual < min || actual > max {
        return Err(TextError::Length { min, max, actual });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_normalises_and_counts_characters() {
        assert_eq!(single_line("  e\u{301}te\u{301} ", 1, 3).unwrap(), "été");
        assert_eq!(single_line("   ", 1, 3), Err(TextError::Length { min: 1, max: 3, actual: 0 }));
    }

    #[test]
    fn refuses_line_breaks_zero_width_and_bidi_controls() {
        for bad in ["a\nb", "a\r\nb", "a\u{200B}b", "a\u{202E}b", "a\u{2066}b", "a\0b"] {
            assert!(matches!(single_line(bad, 1, 10), Err(TextError::Invisible(_))), "{bad:?}");
        }
        assert_eq!(multi_line("a\r\nb\n", 0, 10).unwrap(), "a\nb");
    }
}

//! What all texts that people type have in common: no control characters, no invisible ones, no direction tricks.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::UnicodeEmoji;
use unicode_script::{Script, UnicodeScript};

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
/// The zero-width joiner and non-joiner count too; where they mean something, [`single_line`] and [`multi_line`] let them pass.
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
    let chars: Vec<char> = text.chars().collect();
    let allowed = |at: usize| match chars[at] {
        '\n' => line_feeds,
        '\u{200D}' => joins_emoji(&chars[..at], chars.get(at + 1)),
        '\u{200C}' => parts_arabic_letters(&chars[..at], chars.get(at + 1)),
        c => !is_invisible(c),
    };
    if let Some(at) = (0..chars.len()).find(|&at| !allowed(at)) {
        return Err(TextError::Invisible(u32::from(chars[at])));
    }
    let actual = chars.len();
    if actual < min || actual > max {
        return Err(TextError::Length { min, max, actual });
    }
    Ok(text)
}

/// Whether a zero-width joiner here makes one emoji of two (UTS #51, section 1.4.9).
fn joins_emoji(before: &[char], after: Option<&char>) -> bool {
    // A skin tone or the request for colour may stand between an emoji and the joiner.
    let base = before.iter().rev().find(|c| !matches!(c, '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}'));
    base.is_some_and(|&c| is_emoji(c)) && after.is_some_and(|&c| is_emoji(c))
}

/// A picture by itself: neither a digit, which are emoji of a kind, nor half of a flag.
fn is_emoji(c: char) -> bool {
    c.is_emoji_char() && !c.is_ascii() && !matches!(c, '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether a zero-width non-joiner here keeps two letters apart that the Arabic script would join, as Persian needs it within
/// words (UAX #31, section 2.3, A1).
fn parts_arabic_letters(before: &[char], after: Option<&char>) -> bool {
    let is_letter = |c: &char| c.is_alphabetic() && c.script() == Script::Arabic;
    before.last().is_some_and(is_letter) && after.is_some_and(is_letter)
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
    fn joiners_pass_where_they_mean_something_and_nowhere_else() {
        for good in [
            "\u{1F469}\u{200D}\u{1F4BB}",
            "\u{1F469}\u{1F3FD}\u{200D}\u{1F680}",
            "\u{1F3F3}\u{FE0F}\u{200D}\u{1F308}",
            "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} Family",
            "\u{2764}\u{FE0F}\u{200D}\u{1F525}",
            "می\u{200C}خواهم",
            "خانه\u{200C}ها",
        ] {
            assert_eq!(single_line(good, 1, 40).as_deref(), Ok(good), "{good:?}");
        }
        for bad in [
            "a\u{200D}b",
            "\u{1F469}\u{200D}",
            "\u{200D}\u{1F469}",
            "\u{1F469}\u{200D}\u{200D}\u{1F4BB}",
            "\u{1F469}\u{200D}a",
            "1\u{200D}2",
            "\u{1F469}\u{200C}\u{1F4BB}",
            "a\u{200C}b",
            "می\u{200C}",
            "\u{200C}خ",
            "می\u{200C}\u{200C}خ",
            "می\u{200C} خ",
            "م\u{200D}ن",
            "\u{627}\u{200C}a",
        ] {
            assert!(matches!(single_line(bad, 1, 40), Err(TextError::Invisible(_))), "{bad:?}");
        }
    }

    #[test]
    fn refuses_line_breaks_zero_width_and_bidi_controls() {
        for bad in ["a\nb", "a\r\nb", "a\u{200B}b", "a\u{202E}b", "a\u{2066}b", "a\0b"] {
            assert!(matches!(single_line(bad, 1, 10), Err(TextError::Invisible(_))), "{bad:?}");
        }
        assert_eq!(multi_line("a\r\nb\n", 0, 10).unwrap(), "a\nb");
    }
}

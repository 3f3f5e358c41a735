//! Which passwords are refused: too short, too long, or among the first a guesser tries (NIST SP 800-63B, section
//! 5.1.1.2; OWASP ASVS 5.0, 6.2.4). Nothing about the mix of characters is asked for.
//!
//! Guessers take a common word and decorate it: capitals, a year, `123`, `!`, a `0` for an `o`. A list of decorated words
//! is always too short, so the decoration is taken off first: `Dr4gon2024!` is refused for `dragon`.

use std::collections::HashSet;
use std::sync::LazyLock;

use hubbub_domain::user::{Email, Username};
use thiserror::Error;

use crate::password::normalise;

/// Fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// Most characters of a password. All of them count; nothing is cut off.
pub const MAX_PASSWORD_CHARS: usize = 128;

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("../data/common-passwords.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// Fewest letters of a common word, and most characters of decoration around it: few enough to be tried all, while a longer
/// tail may be a password of its own.
const WORD_CHARS: usize = 4;
const DECORATION_CHARS: usize = 6;

/// The words of `data/common-words.txt`, and those within the passwords of the list, [`plain`].
static COMMON_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = include_str!("../data/common-words.txt").lines().filter(|line| !line.starts_with('#'));
    let within = COMMON.iter().map(|password| password.trim_matches(|c: char| !c.is_alphabetic()));
    words.chain(within).filter(|word| word.chars().count() >= WORD_CHARS).map(plain).collect()
});

/// Why a password was refused. The message names what was wrong and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Too few or too many characters.
    #[error("must have {min} to {max} characters, has {actual}", min = MIN_PASSWORD_CHARS, max = MAX_PASSWORD_CHARS)]
    Length {
        /// Characters found.
        actual: usize,
    },
    /// On the list of the most common passwords, or a common word with decoration.
    #[error("is one of the most common passwords; choose one that others do not use")]
    Common,
    /// One character or a short piece over and over.
    #[error("repeats one short piece; choose something less regular")]
    Repeated,
    /// A run such as 12345678 or abcdefgh.
    #[error("is a sequence such as 12345678; choose something less regular")]
    Sequence,
    /// The username or the address with at most a few digits around it.
    #[error("is made from the username or the e-mail address; choose something others cannot guess")]
    Personal,
}

/// Checks a password that somebody chose.
///
/// # Errors
/// [`PasswordError`] says why it was refused.
pub(crate) fn check(password: &str, username: &Username, email: &Email) -> Result<(), PasswordError> {
    let password = normalise(password);
    let actual = password.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&actual) {
        return Err(PasswordError::Length { actual });
    }
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    if repeats_a_short_piece(&lower) {
        return Err(PasswordError::Repeated);
    }
    if is_sequence(&lower) {
        return Err(PasswordError::Sequence);
    }
    if is_decorated_word(&lower) {
        return Err(PasswordError::Common);
    }
    let lower: String = lower.into_iter().collect();
    if COMMON.contains(lower.as_str()) {
        return Err(PasswordError::Common);
    }
    let local = email.as_str().rsplit_once('@').map_or(email.as_str(), |(local, _)| local);
    if lower == email.as_str() || is_made_from(&lower, &username.as_str().to_lowercase()) || is_made_from(&lower, local)
    {
        return Err(PasswordError::Personal);
    }
    Ok(())
}

/// A common word, perhaps with digits and marks before and after it and in the place of letters.
fn is_decorated_word(chars: &[char]) -> bool {
    let marks = |chars: &mut dyn Iterator<Item = &char>| chars.take_while(|c| !c.is_alphabetic()).count();
    let (before, after) = (marks(&mut chars.iter()), marks(&mut chars.iter().rev()));
    // A digit at the edge may be a letter in disguise: every split is tried.
    (0..=before.min(DECORATION_CHARS)).any(|before| {
        (0..=after.min(DECORATION_CHARS - before)).any(|after| {
            let word = chars.get(before..chars.len() - after).unwrap_or_default();
            COMMON_WORDS.contains(&plain(&word.iter().collect::<String>()))
        })
    })
}

/// With the letters that stand behind digits and marks; `i` and `l`, which share their disguises, are one.
fn plain(word: &str) -> String {
    let letter = |c| match c {
        '@' | '4' => 'a',
        '8' => 'b',
        '3' => 'e',
        '9' => 'g',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' | '+' => 't',
        other => other,
    };
    word.chars().map(letter).collect()
}

/// `aaaaaaaa`, `abababab`, `abc1abc1`: up to four characters over and over, the last time perhaps in part.
fn repeats_a_short_piece(chars: &[char]) -> bool {
    (1..=4).any(|len| chars.iter().zip(&chars[len..]).all(|(a, b)| a == b))
}

/// `12345678`, `87654321`, `abcdefgh`, `90123456`: each character follows the one before, digits around the corner too.
fn is_sequence(chars: &[char]) -> bool {
    let step = |a: char, b: char| match (a.to_digit(10), b.to_digit(10)) {
        (Some(a), Some(b)) if (a + 1) % 10 == b => Some(1),
        (Some(a), Some(b)) if (b + 1) % 10 == a => Some(-1),
        (None, None) if a.is_alphabetic() && u32::from(a) + 1 == u32::from(b) => Some(1),
        (None, None) if b.is_alphabetic() && u32::from(b) + 1 == u32::from(a) => Some(-1),
        _ => None,
    };
    let steps: Vec<Option<i32>> = chars.windows(2).map(|pair| step(pair[0], pair[1])).collect();
    steps[0].is_some() && steps.iter().all(|s| *s == steps[0])
}

/// The name itself, or with up to four digits or marks before and after it.
fn is_made_from(password: &str, name: &str) -> bool {
    let few = |rest: &str| rest.chars().count() <= 4 && rest.chars().all(|c| !c.is_alphabetic());
    !name.is_empty() && password.split_once(name).is_some_and(|(before, after)| few(before) && few(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), PasswordError> {
        check(password, &Username::parse("ada_lovelace").unwrap(), &Email::parse("countess@example.org").unwrap())
    }

    #[test]
    fn eight_to_one_hundred_and_twenty_eight_characters_of_any_script() {
        assert_eq!(judge("qz7kw2m"), Err(PasswordError::Length { actual: 7 }));
        assert_eq!(judge("qz7kw2mx"), Ok(()));
        let long: String = "lorem ipsum dolor sit amet ".chars().cycle().take(129).collect();
        assert_eq!(judge(&long), Err(PasswordError::Length { actual: 129 }));
        assert_eq!(judge(&long[..128]), Ok(()));
        assert_eq!(judge("пароль для Ады"), Ok(()));
        assert_eq!(judge("🦀🐙🦑🦐🦞🐚🐡🐠"), Ok(()), "characters count, not bytes");
        assert_eq!(judge("e\u{301}e\u{301}e\u{301}e\u{301}"), Err(PasswordError::Length { actual: 4 }), "after NFC");
    }

    #[test]
    fn the_most_common_are_refused_however_they_are_capitalised() {
        for common in ["password", "Password1", "QWERTYUIOP", "iloveyou1", "Passw0rd", "football1", "trustno1"] {
            assert_eq!(judge(common), Err(PasswordError::Common), "{common}");
        }
    }

    #[test]
    fn decoration_makes_no_common_word_a_good_password() {
        for common in [
            "Dr4gon2024!",
            "dragon1987",
            "!!Monkey!!",
            "P@$$w0rd99",
            "w3lcome2031",
            "1iverp00l",
            "5unsh1ne",
            "char1ie7",
        ] {
            assert_eq!(judge(common), Err(PasswordError::Common), "{common}");
        }
        // More words, more letters, or a tail that is a password of its own.
        for good in
            ["dragon and welcome mat", "dragonx1987", "dragon84729163", "my dragon 1987", "84729163", "qz7dragonw2m"]
        {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
    }

    /// ASVS 6.2.4 wants the 3 000 most common ones that fit the policy refused; lists differ, so these are many more.
    #[test]
    fn tens_of_thousands_that_fit_the_policy_otherwise_are_refused_as_common() {
        let tails =
            ["", "1", "12", "123", "1234", "!", "1!", "123!", "01", "69", "77", "99", "2000", "2024", "2025", "2026"];
        let mut refused = HashSet::new();
        let words = include_str!("../data/common-words.txt").lines().filter(|line| !line.starts_with('#'));
        for word in words.chain(COMMON.iter().copied()) {
            for tail in tails {
                let password = format!("{word}{tail}");
                if judge(&password) == Err(PasswordError::Common) {
                    refused.insert(password);
                }
            }
        }
        assert!(refused.len() > 30_000, "{}", refused.len());
        let undecorated = COMMON.iter().filter(|password| judge(password) == Err(PasswordError::Common)).count();
        assert!(undecorated > 1_500, "{undecorated}");
    }

    #[test]
    fn regular_ones_are_refused() {
        for repeated in ["aaaaaaaa", "11111111", "abababab", "abc1abc1", "abcabcabca", "ЖЖЖЖЖЖЖЖ"] {
            assert_eq!(judge(repeated), Err(PasswordError::Repeated), "{repeated}");
        }
        for sequence in ["12345678", "1234567890", "90123456", "87654321", "abcdefgh", "ZYXWVUTS", "абвгдежз"] {
            assert_eq!(judge(sequence), Err(PasswordError::Sequence), "{sequence}");
        }
    }

    #[test]
    fn names_and_addresses_are_refused() {
        for personal in
            ["ada_lovelace", "Ada_Lovelace1815", "countess", "countess1!", "12countess", "countess@example.org"]
        {
            assert_eq!(judge(personal), Err(PasswordError::Personal), "{personal}");
        }
        assert_eq!(judge("the countess counts"), Ok(()));
    }

    #[test]
    fn the_list_holds_several_hundred_entries_that_other_rules_let_pass() {
        assert!(COMMON.len() >= 500, "{} entries", COMMON.len());
        for entry in COMMON.iter() {
            assert!(entry.chars().count() >= MIN_PASSWORD_CHARS, "{entry:?} is refused for its length already");
            assert_eq!(**entry, entry.to_lowercase(), "entries are compared in lower case");
        }
    }
}

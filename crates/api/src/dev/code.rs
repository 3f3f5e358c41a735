//! Finds the code in a mail.

/// The first run of exactly six digits.
pub(crate) fn find_code(text: &str) -> Option<&str> {
    let mut digits = text.split(|c: char| !c.is_ascii_alphanumeric());
    digits.find(|run| run.len() == 6 && run.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_six_digits_and_nothing_else() {
        assert_eq!(find_code("Your code is 012345. It is good for 15 minutes."), Some("012345"));
        assert_eq!(find_code("\n    654321\n"), Some("654321"));
        assert_eq!(find_code("1234567 12345 a123456 2026-11-21"), None);
    }
}

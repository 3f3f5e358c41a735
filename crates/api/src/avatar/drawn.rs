//! The default picture: initials on a colour.

use hubbub_domain::UserId;
use unicode_segmentation::UnicodeSegmentation;

use crate::html::escape;

/// Backgrounds on which white text has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3); a test holds that.
const COLOURS: [&str; 16] = [
    "#b3261e", "#a8324a", "#9c2c77", "#7b3fa0", "#5b4bb7", "#3f56b8", "#2a62b0", "#1a6a94", "#12716f", "#1d7350",
    "#3c7030", "#5f6a1c", "#7a5f14", "#8f5213", "#9a4520", "#6b5750",
];

/// An SVG of 256×256 with up to two initials of `name` on a colour that belongs to `user`.
pub(crate) fn drawn(user: UserId, name: &str) -> String {
    // The last byte of a UUIDv7 is random; the first ones are time and would give friends who join together one colour.
    let colour = COLOURS[usize::from(user.0.as_bytes()[15]) % COLOURS.len()];
    let initials = escape(&initials(name));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" width="256" height="256"><rect width="256" height="256" fill="{colour}"/><text x="128" y="128" fill="#ffffff" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif" font-size="104" font-weight="600" text-anchor="middle" dominant-baseline="central">{initials}</text></svg>"##
    )
}

/// The first character of the first word and of the last one, in upper case; `?` for a name without letters or digits.
/// A character is what a reader takes for one (UAX #29, extended grapheme cluster).
fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || "._-".contains(c))
        .filter_map(|word| word.graphemes(true).find(|g| g.chars().next().is_some_and(char::is_alphanumeric)));
    let first = words.next();
    let last = words.next_back();
    let initials: String = first.into_iter().chain(last).collect();
    if initials.is_empty() { "?".to_owned() } else { initials.to_uppercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_what_people_expect() {
        for (name, expected) in [
            ("ada", "A"),
            ("Ada Lovelace", "AL"),
            ("Ada King Lovelace", "AL"),
            ("ada_lovelace", "AL"),
            ("e\u{301}tienne", "E\u{301}"),
            ("花子 山田", "花山"),
            ("नी रा", "नीरा"),
            ("<script>alert(1)</script>", "S"),
            ("…!", "?"),
            ("ß", "SS"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn nothing_in_a_name_becomes_markup() {
        let svg = drawn(UserId::new(), "\"><script>alert(1)</script>");
        assert!(!svg.contains("<script"), "{svg}");
    }

    #[test]
    fn white_text_can_be_read_on_every_colour() {
        for colour in COLOURS {
            let channel = |at: usize| {
                let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
            let contrast = 1.05 / (luminance + 0.05);
            assert!(contrast >= 4.5, "{colour}: {contrast:.2}");
        }
    }
}

//! What somebody came with: a `User-Agent` reduced to the browser's family, its major version and the system's name, which
//! is what helps to find a fault. The rest, which would tell people apart, is forgotten here.

use hubbub_domain::Client;

/// Families by the product token that tells them apart (RFC 9110, section 10.1.5), the more particular first: Edge and Opera
/// call themselves Chrome too, and everybody Safari.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
    ("hubbub-loadtest/", "Hubbub load test"),
    ("Python/", "Python"),
];

/// Systems by what tells them, the more particular first: Android calls itself Linux too, and iOS Mac OS X.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Longest version kept, in digits.
const VERSION_DIGITS: usize = 4;

/// What `user_agent` says, as far as it is known.
pub(crate) fn of(user_agent: &str) -> Client {
    let browser = BROWSERS.iter().find_map(|(token, family)| {
        let (_, rest) = user_agent.split_once(token)?;
        // Only Safari has its version beside its name.
        if *family == "Safari" && !user_agent.contains("Safari/") {
            return None;
        }
        let major: String = rest.chars().take_while(char::is_ascii_digit).take(VERSION_DIGITS).collect();
        Some(if major.is_empty() { (*family).to_owned() } else { format!("{family} {major}") })
    });
    let system = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned());
    Client { browser, system }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(user_agent: &str) -> (String, String) {
        let Client { browser, system } = of(user_agent);
        (browser.unwrap_or_default(), system.unwrap_or_default())
    }

    #[test]
    fn browsers_and_systems_are_told_apart() {
        for (user_agent, browser, system) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                "Chrome 141",
                "Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                 Safari/537.36 Edg/140.0.3485.54",
                "Edge 140",
                "Windows",
            ),
            ("Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", "Firefox 143", "Android"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 \
                 Safari/605.1.15",
                "Safari 18",
                "macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1",
                "Chrome 141",
                "iOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 \
                 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet 28",
                "Android",
            ),
            ("hubbub-loadtest/0.1.0", "Hubbub load test 0", ""),
            ("curl/8.14.1", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(told(user_agent), (browser.to_owned(), system.to_owned()), "{user_agent}");
        }
    }

    #[test]
    fn nothing_that_somebody_made_up_is_kept() {
        let (browser, system) = told("Firefox/999999999999<script> Windows <b>");
        assert_eq!((browser.as_str(), system.as_str()), ("Firefox 9999", "Windows"));
        assert_eq!(told("Firefox/<script>").0, "Firefox");
        assert_eq!(told(&"Version/1 ".repeat(10_000)).0, "");
    }
}

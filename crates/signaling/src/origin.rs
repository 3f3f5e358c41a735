//! Whether a browser may open a socket from the page it shows (RFC 6455, section 10.2).

use axum::http::uri::Authority;
use url::{Host, Url};

/// Whether `origin`, the header's value, is this server's own: that of `public_url`, or the host and port the request
/// was sent to. The scheme does not count for the latter, as a proxy in front may have taken TLS off.
pub(crate) fn is_own(origin: &str, public_url: &Url, asked: Option<&Authority>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if !matches!(origin.scheme(), "http" | "https") {
        return false;
    }
    origin.origin() == public_url.origin() || asked.is_some_and(|asked| same_host(&origin, asked))
}

fn same_host(origin: &Url, asked: &Authority) -> bool {
    let Some(host) = origin.host() else { return false };
    let Ok(asked_host) = Host::parse(asked.host()) else { return false };
    let default = Url::port_or_known_default(origin);
    // A Host without a port means the default port of whatever scheme the browser used.
    let asked_port = asked.port_u16().or(match origin.scheme() {
        "https" => Some(443),
        _ => Some(80),
    });
    host.to_owned() == asked_host && default == asked_port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(origin: &str, public: &str, host: Option<&str>) -> bool {
        let host = host.map(|host| host.parse::<Authority>().unwrap());
        is_own(origin, &Url::parse(public).unwrap(), host.as_ref())
    }

    #[test]
    fn the_public_url_is_own() {
        assert!(own("https://talk.example.org", "https://talk.example.org/", None));
        assert!(own("https://TALK.example.org:443", "https://talk.example.org", Some("10.0.0.1:8080")));
    }

    #[test]
    fn the_host_asked_is_own_whatever_the_scheme() {
        assert!(own("http://localhost:8080", "http://127.0.0.1:8080", Some("localhost:8080")));
        assert!(own("https://talk.example.org", "http://127.0.0.1:8080", Some("talk.example.org")));
        assert!(own("https://talk.example.org", "http://127.0.0.1:8080", Some("talk.example.org:443")));
        assert!(own("http://[::1]:8080", "http://127.0.0.1:8080", Some("[::1]:8080")));
    }

    #[test]
    fn everything_else_is_foreign() {
        for origin in [
            "https://evil.example",
            "https://talk.example.org.evil.example",
            "https://talk.example.org:8443",
            "http://talk.example.org:443@evil.example",
            "ftp://talk.example.org",
            "null",
            "",
            "file:///talk.example.org",
        ] {
            assert!(!own(origin, "https://talk.example.org", Some("talk.example.org")), "{origin}");
        }
        assert!(!own("http://talk.example.org", "https://talk.example.org", None));
    }
}

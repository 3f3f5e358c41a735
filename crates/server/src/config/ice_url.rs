//! URLs of STUN and TURN servers (RFC 7064, RFC 7065). A browser that is given one it cannot read refuses them all, so that one
//! mistake here would keep everybody from talking.

use url::Host;

/// The host and port of a `stun:` URL.
///
/// # Errors
/// What is wrong and what would be right.
pub(crate) fn stun(url: &str, schemes: &[&str]) -> Result<(String, u16), String> {
    let right = "expected such as stun:stun.example.org:3478";
    let found = schemes.iter().find_map(|scheme| url.strip_prefix(&format!("{scheme}:")));
    found
        .ok_or(())
        .and_then(|rest| host_and_port(rest, 3478))
        .map_err(|()| format!("{url:?} is no STUN server; {right}"))
}

/// How a TURN server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// What a `turn:` or `turns:` URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
}

/// Reads a `turn:` or `turns:` URL.
///
/// # Errors
/// What is wrong and what would be right.
pub(crate) fn turn(url: &str) -> Result<TurnServer, String> {
    let right = "expected such as turn:turn.example.org:3478, turn:turn.example.org:3478?transport=tcp or \
                 turns:turn.example.org:5349?transport=tcp";
    let wrong = || format!("{url:?} is no TURN server; {right}");
    let (scheme, rest) = url.split_once(':').ok_or_else(wrong)?;
    let (address, transport) = match rest.split_once('?') {
        None => (rest, None),
        Some((address, query)) => (address, Some(query.strip_prefix("transport=").ok_or_else(wrong)?)),
    };
    let (transport, usual_port) = match (scheme, transport) {
        ("turn", None | Some("udp")) => (Transport::Udp, 3478),
        ("turn", Some("tcp")) => (Transport::Tcp, 3478),
        ("turns", None | Some("tcp")) => (Transport::Tls, 5349),
        ("turns", Some("udp")) => {
            return Err(format!("{url:?}: browsers speak TURN over TLS by TCP alone; {right}"));
        }
        _ => return Err(wrong()),
    };
    let (host, port) = host_and_port(address, usual_port).map_err(|()| wrong())?;
    Ok(TurnServer { host, port, transport })
}

fn host_and_port(text: &str, default: u16) -> Result<(String, u16), ()> {
    // The colons of an IPv6 address stand in brackets.
    let end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[end..].find(':') {
        Some(colon) => (&text[..end + colon], text[end + colon + 1..].parse().map_err(|_| ())?),
        None => (text, default),
    };
    if port == 0 || host.contains('%') {
        return Err(());
    }
    match Host::parse(host).map_err(|_| ())? {
        Host::Domain(name) => Ok((name, port)),
        Host::Ipv4(address) => Ok((address.to_string(), port)),
        Host::Ipv6(address) => Ok((address.to_string(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_servers_are_a_scheme_a_host_and_maybe_a_port() {
        let read = |url| stun(url, &["stun"]);
        assert_eq!(read("stun:stun.example.org"), Ok(("stun.example.org".to_owned(), 3478)));
        assert_eq!(read("stun:192.0.2.1:19302"), Ok(("192.0.2.1".to_owned(), 19302)));
        assert_eq!(read("stun:[2001:db8::1]:3479"), Ok(("2001:db8::1".to_owned(), 3479)));
        assert_eq!(read("stun:[2001:db8::1]"), Ok(("2001:db8::1".to_owned(), 3478)));
        for bad in [
            "",
            "stun:",
            "stun:a:0",
            "stun:a:b",
            "stun:a b",
            "stun://a",
            "stuns:a",
            "a:3478",
            "stun:2001:db8::1",
            "stun:[::1",
        ] {
            assert!(read(bad).is_err_and(|e| e.contains("is no STUN server; expected such as")), "{bad}");
        }
    }

    #[test]
    fn turn_servers_may_name_their_transport() {
        for good in [
            "turn:turn.example.org",
            "turn:turn.example.org:3478?transport=udp",
            "turn:192.0.2.1:3478?transport=tcp",
            "turns:turn.example.org:443?transport=tcp",
            "turns:[2001:db8::1]:5349",
        ] {
            assert!(turn(good).is_ok(), "{good}");
        }
        let secure = TurnServer { host: "a".to_owned(), port: 5349, transport: Transport::Tls };
        assert_eq!(turn("turns:a"), Ok(secure));
        for bad in [
            "turn:",
            "turn:a?transport=sctp",
            "turn:a?tcp",
            "turn:a:99999",
            "turn://a",
            "http:a",
            "turn",
            "turn:u@a",
            "turn:a/b",
        ] {
            assert!(turn(bad).is_err_and(|e| e.contains("is no TURN server; expected such as")), "{bad}");
        }
        assert!(turn("turns:a?transport=udp").is_err_and(|e| e.contains("by TCP alone")));
    }
}

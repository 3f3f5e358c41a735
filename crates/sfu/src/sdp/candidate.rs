//! Checking a candidate a client trickles. Nothing is ever sent to it: peer-reflexive addresses do the work.

use std::net::{IpAddr, SocketAddr};

/// The longest candidate accepted, in bytes; real ones have about 120.
const CANDIDATE_MAX: usize = 1024;

/// Checks the value of a candidate attribute (RFC 8839, section 5.1), with or without `candidate:` or `a=` before it.
/// An empty one says that there are no more, as browsers write it.
///
/// # Errors
/// Says what is wrong with it and what would be right.
pub fn check(candidate: &str) -> Result<(), String> {
    if candidate.len() > CANDIDATE_MAX {
        return Err(format!("the candidate has {} bytes; at most {CANDIDATE_MAX} are accepted", candidate.len()));
    }
    if candidate.chars().any(char::is_control) {
        return Err("the candidate has a control character inside".to_owned());
    }
    if candidate.is_empty() {
        return Ok(());
    }
    let text = candidate.strip_prefix("a=").unwrap_or(candidate);
    let text = text.strip_prefix("candidate:").unwrap_or(text);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [foundation, component, transport, priority, address, port, typ, kind, rest @ ..] = words.as_slice() else {
        return Err("a candidate is: foundation component transport priority address port \"typ\" type".to_owned());
    };
    let ice_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    // Some clients put a minus into the foundation.
    if foundation.len() > 32 || !foundation.bytes().all(|b| ice_char(b) || b == b'-') {
        return Err("the candidate's foundation needs 1 to 32 letters, digits, '+' or '/'".to_owned());
    }
    if !matches!(component.parse(), Ok(1_u16..=256)) {
        return Err("the candidate's component needs a number from 1 to 256".to_owned());
    }
    if !["udp", "tcp", "ssltcp"].iter().any(|known| transport.eq_ignore_ascii_case(known)) {
        return Err("the candidate's transport needs to be udp or tcp".to_owned());
    }
    if priority.parse::<u32>().is_err() {
        return Err("the candidate's priority needs a number below 4294967296".to_owned());
    }
    let name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if address.parse::<IpAddr>().is_err() && !(address.len() <= 253 && address.bytes().all(name)) {
        return Err("the candidate's address needs to be an IP address or a host name".to_owned());
    }
    if port.parse::<u16>().is_err() {
        return Err("the candidate's port needs a number below 65536".to_owned());
    }
    if *typ != "typ" || !["host", "srflx", "prflx", "relay"].contains(kind) {
        return Err("the candidate needs \"typ\" and one of host, srflx, prflx, relay".to_owned());
    }
    if rest.len() % 2 != 0 {
        return Err("the candidate's extensions need to be pairs of name and value".to_owned());
    }
    Ok(())
}

/// The address of a candidate that [`check`] accepts and that is a TURN server's (`typ relay`); `None` for every other one.
#[must_use]
pub fn relayed(candidate: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = candidate.split_ascii_whitespace().collect();
    let [_, _, _, _, address, port, "typ", "relay", ..] = words.as_slice() else { return None };
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_relayed_candidate_has_a_relayed_address() {
        let address = relayed("a=candidate:3 1 udp 1 2001:db8::1 5000 typ relay raddr :: rport 9").expect("relayed");
        assert_eq!(address.to_string(), "[2001:db8::1]:5000");
        assert_eq!(relayed("candidate:1 1 udp 1 192.0.2.1 5000 typ srflx raddr 10.0.0.5 rport 9"), None);
        assert_eq!(relayed("candidate:1 1 udp 1 name.local 5000 typ relay"), None);
    }

    #[test]
    fn those_of_clients_are_right() {
        for good in [
            "",
            "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0 ufrag EsAw network-cost 999",
            "candidate:1 1 UDP 2122252543 0d6c0fcb-8a4f-4d1c-9f0b-8f3f0c0d4d9e.local 51234 typ host",
            "candidate:2 1 TCP 2105458943 192.168.1.4 9 typ host tcptype active",
            "a=candidate:3 2 udp 1 2001:db8::1 5000 typ relay raddr :: rport 9",
            "6d0b6bcc2b6c8ed6 1 udp 2130706431 10.1.2.3 40000 typ host",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn wrong_ones_are_told_what_is_wrong() {
        for (bad, word) in [
            ("candidate:1 1 udp", "typ"),
            ("candidate:! 1 udp 1 10.0.0.1 1 typ host", "foundation"),
            ("candidate:1 0 udp 1 10.0.0.1 1 typ host", "component"),
            ("candidate:1 1 sctp 1 10.0.0.1 1 typ host", "transport"),
            ("candidate:1 1 udp x 10.0.0.1 1 typ host", "priority"),
            ("candidate:1 1 udp 1 10.0.0.1;rm 1 typ host", "address"),
            ("candidate:1 1 udp 1 10.0.0.1 99999 typ host", "port"),
            ("candidate:1 1 udp 1 10.0.0.1 1 typ guess", "typ"),
            ("candidate:1 1 udp 1 10.0.0.1 1 typ host raddr", "pairs"),
            ("candidate:1 1 udp 1 10.0.0.1 1 typ host\r\na=ice-lite", "control"),
        ] {
            assert!(check(bad).unwrap_err().contains(word), "{bad}");
        }
        assert!(check(&"x".repeat(2000)).unwrap_err().contains("2000"));
    }
}

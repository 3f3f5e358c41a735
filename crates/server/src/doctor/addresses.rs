//! Whether the addresses that clients are told to send audio to lead to this machine. Decides purely.

use std::net::{IpAddr, SocketAddr};

use super::finding::Finding;

/// What is known about the addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// `media.announced_addresses`.
    pub(crate) configured: Vec<IpAddr>,
    /// What is announced where nothing is configured.
    pub(crate) by_default: Vec<IpAddr>,
    /// Every address of the interfaces.
    pub(crate) own: Vec<IpAddr>,
    /// How STUN servers see this machine.
    pub(crate) seen: Vec<SocketAddr>,
    /// The media port that they were asked from; `None` when it was another one.
    pub(crate) asked_from: Option<u16>,
    /// Whether the server asks STUN servers itself and announces what they say.
    pub(crate) finds_itself: bool,
    /// Whether people are to come from outside this machine.
    pub(crate) for_others: bool,
}

const NAME: &str = "announced addresses";

/// The line about them.
pub(crate) fn judge(known: &Known) -> Finding {
    let announced = if known.configured.is_empty() { &known.by_default } else { &known.configured };
    let outside: Vec<IpAddr> = known.seen.iter().map(|seen| seen.ip().to_canonical()).collect();
    let list = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let strange: Vec<IpAddr> =
        announced.iter().copied().filter(|ip| !known.own.contains(ip) && !outside.contains(ip)).collect();
    if let Some(wrong) = strange.iter().find(|wrong| outside.iter().any(|seen| seen.is_ipv4() == wrong.is_ipv4())) {
        let seen: Vec<IpAddr> = outside.iter().copied().filter(|seen| seen.is_ipv4() == wrong.is_ipv4()).collect();
        let found = format!(
            "{wrong} is announced, but is no address of this machine, and STUN sees it as {}: clients send audio elsewhere",
            list(&seen)
        );
        return Finding::fails(NAME, found, format!("set media.announced_addresses to [\"{}\"]", seen[0]));
    }
    if !strange.is_empty() {
        let found = format!("{} is announced and is no address of this machine", list(&strange));
        let advice =
            "right when a NAT or a cloud passes the media ports on from there; `--stun stun:HOST:PORT` checks it";
        return Finding::warning(NAME, found, advice);
    }
    if announced.iter().all(IpAddr::is_loopback) && known.for_others {
        let found = format!("only {} is announced: others hear nothing", list(announced));
        return Finding::fails(
            NAME,
            found,
            "set media.announced_addresses to this machine's address, and media.bind to \"::\"",
        );
    }
    if let Some((port, moved)) = known.asked_from.and_then(|port| {
        let moved =
            known.seen.iter().find(|seen| seen.port() != port && !known.own.contains(&seen.ip().to_canonical()));
        moved.map(|moved| (port, moved))
    }) && !announced.contains(&moved.ip().to_canonical())
    {
        let found = format!("the NAT in front of this machine shows media port {port} as {moved}");
        let advice = format!(
            "forward the media ports, UDP and TCP, to this machine under the same numbers, and set media.announced_addresses to [\"{}\"]",
            moved.ip()
        );
        return Finding::fails(NAME, found, advice);
    }
    let untold: Vec<IpAddr> =
        outside.iter().copied().filter(|seen| !announced.contains(seen) && !known.own.contains(seen)).collect();
    if !untold.is_empty() && known.finds_itself && known.configured.is_empty() {
        return Finding::ok(NAME, format!("{}, and {} as STUN says", list(announced), list(&untold)));
    }
    if !untold.is_empty() {
        let found = format!("{}, but outside this machine is seen as {}", list(announced), list(&untold));
        let advice = format!(
            "for people outside this network forward the media ports and set media.announced_addresses to [\"{}\"]",
            untold[0]
        );
        return Finding::warning(NAME, found, advice);
    }
    if known.for_others && known.seen.is_empty() && announced.iter().all(is_local) {
        let found = format!("{}: only for people in the same network", list(announced));
        return Finding::warning(
            NAME,
            found,
            "for others set media.announced_addresses to the public address, or media.stun_servers",
        );
    }
    let how = if known.configured.is_empty() { " (of the interfaces)" } else { "" };
    Finding::ok(NAME, format!("{}{how}", list(announced)))
}

/// Whether only the same network reaches it (RFC 1918, RFC 6598, RFC 3927, RFC 4193).
pub(crate) fn is_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn behind_nat() -> Known {
        Known {
            by_default: ips(&["10.0.0.5"]),
            own: ips(&["127.0.0.1", "10.0.0.5"]),
            seen: vec!["203.0.113.9:7882".parse().unwrap()],
            asked_from: Some(7882),
            for_others: true,
            ..Known::default()
        }
    }

    #[track_caller]
    fn expect(known: &Known, level: Level, parts: &[&str]) {
        let finding = judge(known);
        let text = format!("{} {}", finding.found, finding.advice.unwrap_or_default());
        assert_eq!(finding.level, level, "{text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text}");
    }

    #[test]
    fn an_address_that_is_neither_here_nor_what_stun_sees_is_wrong() {
        let wrong = Known { configured: ips(&["198.51.100.7"]), ..behind_nat() };
        expect(&wrong, Level::Fails, &["198.51.100.7", "203.0.113.9", "media.announced_addresses"]);
        let right = Known { configured: ips(&["203.0.113.9"]), ..behind_nat() };
        expect(&right, Level::Ok, &["203.0.113.9"]);
        let unasked = Known { seen: Vec::new(), ..wrong };
        expect(&unasked, Level::Warning, &["198.51.100.7", "--stun"]);
        let other_family = Known { configured: ips(&["2001:db8::1"]), ..behind_nat() };
        expect(&other_family, Level::Warning, &["2001:db8::1", "--stun"]);
    }

    #[test]
    fn a_nat_is_found_and_whether_it_keeps_the_ports() {
        expect(&behind_nat(), Level::Warning, &["10.0.0.5", "203.0.113.9"]);
        expect(&Known { finds_itself: true, ..behind_nat() }, Level::Ok, &["203.0.113.9"]);
        let moved = Known { seen: vec!["203.0.113.9:40001".parse().unwrap()], finds_itself: true, ..behind_nat() };
        expect(&moved, Level::Fails, &["7882", "203.0.113.9:40001", "forward"]);
        expect(&Known { asked_from: None, ..moved }, Level::Ok, &["203.0.113.9"]);
    }

    #[test]
    fn who_is_reached_is_said() {
        let loopback = Known { by_default: ips(&["127.0.0.1"]), own: ips(&["127.0.0.1"]), ..Known::default() };
        expect(&loopback, Level::Ok, &["127.0.0.1"]);
        expect(&Known { for_others: true, ..loopback }, Level::Fails, &["others hear nothing"]);
        expect(&Known { seen: Vec::new(), ..behind_nat() }, Level::Warning, &["same network"]);
        let public = Known {
            by_default: ips(&["203.0.113.9"]),
            own: ips(&["203.0.113.9"]),
            for_others: true,
            ..Known::default()
        };
        expect(&public, Level::Ok, &["203.0.113.9"]);
    }
}

//! The machine's own addresses.

use std::io;
use std::net::IpAddr;

/// The addresses that a socket bound to `unspecified` receives on, most useful first: those others can reach, then
/// loopback. IPv6 link-local addresses are left out: they mean nothing without a zone.
pub(super) fn covered(unspecified: IpAddr) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()?
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|address| usable(*address, unspecified))
        .collect();
    addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6(), *address));
    addresses.dedup();
    Ok(addresses)
}

fn usable(address: IpAddr, unspecified: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => unspecified.is_ipv4() && !v4.is_link_local(),
        IpAddr::V6(v6) => unspecified.is_ipv6() && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_includes_loopback_last() {
        let addresses = covered(IpAddr::from([0, 0, 0, 0])).expect("interfaces");
        assert_eq!(addresses.last(), Some(&IpAddr::from([127, 0, 0, 1])));
        assert!(addresses.iter().all(IpAddr::is_ipv4));
    }

    #[test]
    fn addresses_without_meaning_elsewhere_are_left_out() {
        let any4 = IpAddr::from([0, 0, 0, 0]);
        assert!(!usable("169.254.1.1".parse().expect("address"), any4));
        assert!(!usable("fe80::1".parse().expect("address"), "::".parse().expect("address")));
        assert!(usable("192.0.2.1".parse().expect("address"), any4));
    }
}

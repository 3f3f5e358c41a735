//! The machine's own addresses.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

/// The addresses that a socket bound to `unspecified` receives on and that others can reach, best first: public ones before
/// private ones, IPv6 before IPv4 (RFC 6724, section 2.1; RFC 8421). Loopback only when there is nothing else.
///
/// `[::]` covers IPv4 too. Left out are link-local addresses, which mean nothing without a zone, and IPv6 addresses that are
/// temporary (RFC 8981: gone within a day), deprecated or not usable yet.
pub(super) fn covered(unspecified: IpAddr) -> io::Result<Vec<IpAddr>> {
    let addresses = if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect();
    Ok(reachable(addresses, unspecified, &fleeting()))
}

/// Whether a socket bound to `unspecified` has to be told from which address to answer: there are several of a family, so that
/// the system's routes may choose another one than was asked. Loopback ones count when clients are told of them.
pub(super) fn are_several(unspecified: IpAddr, announced: &[IpAddr]) -> io::Result<bool> {
    let mut addresses = covered(unspecified)?;
    addresses.extend(announced.iter().copied().filter(|address| address.is_loopback()));
    Ok(several(&addresses))
}

fn several(addresses: &[IpAddr]) -> bool {
    let different: HashSet<&IpAddr> = addresses.iter().collect();
    [false, true].into_iter().any(|v6| different.iter().filter(|address| address.is_ipv6() == v6).count() > 1)
}

/// Addresses announced at most. Each costs every client checks, and machines with containers have many that lead nowhere.
const MOST: usize = 16;

fn reachable(mut addresses: Vec<IpAddr>, unspecified: IpAddr, fleeting: &HashSet<Ipv6Addr>) -> Vec<IpAddr> {
    addresses.retain(|address| match address {
        IpAddr::V4(v4) => !v4.is_link_local(),
        IpAddr::V6(v6) => unspecified.is_ipv6() && !v6.is_unicast_link_local() && !fleeting.contains(v6),
    });
    addresses.sort_by_key(|address| (address.is_loopback(), is_private(*address), address.is_ipv4(), *address));
    addresses.dedup();
    if addresses.first().is_some_and(|first| !first.is_loopback()) {
        addresses.retain(|address| !address.is_loopback());
    }
    addresses.truncate(MOST);
    addresses
}

/// Reachable from the same network only (RFC 1918, RFC 6598, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// IPv6 addresses that nobody should be told of, as Linux lists them.
#[cfg(target_os = "linux")]
fn fleeting() -> HashSet<Ipv6Addr> {
    std::fs::read_to_string("/proc/net/if_inet6")
        .map(|list| list.lines().filter_map(fleeting_in).collect())
        .unwrap_or_default()
}

/// Elsewhere the system does not say; a stable address stands next to each temporary one.
#[cfg(not(target_os = "linux"))]
fn fleeting() -> HashSet<Ipv6Addr> {
    HashSet::new()
}

/// The address of a line of /proc/net/if_inet6 (address, interface, prefix length, scope, flags, name; all but the name in
/// hexadecimal digits) when its flags are those of a temporary, duplicate, deprecated or tentative one.
#[cfg(any(test, target_os = "linux"))]
fn fleeting_in(line: &str) -> Option<Ipv6Addr> {
    const TEMPORARY: u32 = 0x01;
    const DUPLICATE: u32 = 0x08;
    const DEPRECATED: u32 = 0x20;
    const TENTATIVE: u32 = 0x40;
    let mut words = line.split_ascii_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
    (flags & (TEMPORARY | DUPLICATE | DEPRECATED | TENTATIVE) != 0).then(|| Ipv6Addr::from_bits(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().expect("address")).collect()
    }

    const ANY4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    const ANY6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

    #[test]
    fn the_best_come_first_and_loopback_not_at_all() {
        let all = addresses(&[
            "127.0.0.1",
            "::1",
            "10.0.0.5",
            "100.64.3.1",
            "203.0.113.5",
            "169.254.1.1",
            "fe80::1",
            "fd00::2",
            "2001:db8::7",
        ]);
        let none = HashSet::new();
        let both = addresses(&["2001:db8::7", "203.0.113.5", "fd00::2", "10.0.0.5", "100.64.3.1"]);
        assert_eq!(reachable(all.clone(), ANY6, &none), both);
        assert_eq!(reachable(all, ANY4, &none), addresses(&["203.0.113.5", "10.0.0.5", "100.64.3.1"]));
    }

    #[test]
    fn without_a_network_loopback_is_better_than_nothing() {
        let none = HashSet::new();
        let all = addresses(&["127.0.0.1", "::1", "fe80::1"]);
        assert_eq!(reachable(all.clone(), ANY6, &none), addresses(&["::1", "127.0.0.1"]));
        assert_eq!(reachable(all, ANY4, &none), addresses(&["127.0.0.1"]));
    }

    #[test]
    fn temporary_and_deprecated_addresses_are_left_out() {
        let list = "20010db8000000000000000000000007 02 40 00 80     eth0\n\
                    20010db8000000000000000000000008 02 40 00 01     eth0\n\
                    20010db8000000000000000000000009 02 40 00 20     eth0\n\
                    nonsense\n";
        let fleeting: HashSet<_> = list.lines().filter_map(fleeting_in).collect();
        let all = addresses(&["2001:db8::7", "2001:db8::8", "2001:db8::9"]);
        assert_eq!(reachable(all, ANY6, &fleeting), addresses(&["2001:db8::7"]));
    }

    #[test]
    fn a_machine_with_many_addresses_names_the_best() {
        let many = (0..40).map(|n| IpAddr::from([10, 0, n, 1])).chain(addresses(&["203.0.113.5"])).collect();
        let found = reachable(many, ANY4, &HashSet::new());
        assert_eq!((found.len(), found[0]), (MOST, "203.0.113.5".parse().expect("address")));
    }

    #[test]
    fn several_addresses_are_two_of_one_family() {
        assert!(!several(&addresses(&["192.0.2.1", "2001:db8::1", "192.0.2.1"])));
        assert!(several(&addresses(&["192.0.2.1", "2001:db8::1", "192.0.2.2"])));
        assert!(several(&addresses(&["2001:db8::1", "2001:db8::2"])));
    }

    #[test]
    fn this_machine_has_addresses() {
        assert!(!covered(ANY6).expect("interfaces").is_empty());
        assert!(covered(ANY4).expect("interfaces").iter().all(IpAddr::is_ipv4));
    }
}

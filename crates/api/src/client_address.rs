//! Who asks: the address behind the proxies that we trust, and behind no others.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::state::App;

/// The client's address. `X-Forwarded-For` counts only as far as it was written by configured proxies.
///
/// Taken from [`ConnectInfo<SocketAddr>`]; the server must be run with `into_make_service_with_connect_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Reads the list right to left: each entry was added by the hop to its right, so the first one that is no trusted
    /// proxy is the client. An entry that is no address ends the walk at the proxy that sent it.
    #[must_use]
    pub fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
        let mut client = peer.to_canonical();
        let hops: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("?").split(','))
            .map(str::trim)
            .collect();
        for hop in hops.iter().rev() {
            if !is_trusted(client) {
                break;
            }
            match parse_hop(hop) {
                Some(ip) => client = ip.to_canonical(),
                None => break,
            }
        }
        Self(client)
    }

    /// What counts as one client: an IPv4 address, or the /64 network that one IPv6 customer gets at least.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

/// An address, with or without a port, IPv6 with or without brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// The address of whoever holds the other end of the TCP connection.
pub(crate) fn peer(parts: &Parts) -> IpAddr {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::resolve(peer(parts), &parts.headers, &app.config.trusted_proxies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        ClientAddress::resolve(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(resolve("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
        assert_eq!(resolve("127.0.0.1", &["1.2.3.4"], &[]), "127.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_what_the_client_wrote_is_not() {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(resolve("127.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(resolve("127.0.0.1", &["6.6.6.6, 198.51.100.7, 10.1.2.3"], &trusted), "198.51.100.7");
        assert_eq!(resolve("127.0.0.1", &["6.6.6.6", "198.51.100.7:4711"], &trusted), "198.51.100.7");
        assert_eq!(resolve("::ffff:127.0.0.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
    }

    #[test]
    fn nonsense_ends_the_walk_at_the_proxy_that_sent_it() {
        assert_eq!(resolve("10.0.0.1", &["1.1.1.1, unknown"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(resolve("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn ipv6_clients_count_by_their_network() {
        let address = ClientAddress("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(address.network().to_string(), "2001:db8:1:2::");
    }
}

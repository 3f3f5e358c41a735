//! The server to talk to.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use url::{Host, Url};

use crate::error::LoadTestError;

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    base: Url,
}

impl Target {
    /// Parses `http://host:port` or `https://host`, with or without a slash at the end.
    ///
    /// # Errors
    /// [`LoadTestError::BadUrl`] saying what is wrong.
    pub fn parse(text: &str) -> Result<Self, LoadTestError> {
        let bad = |reason: &str| LoadTestError::BadUrl { url: text.to_owned(), reason: reason.to_owned() };
        let base = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad(&format!("it begins with {:?}", base.scheme())));
        }
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(bad("it has something after the host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(bad("it has a user name or password"));
        }
        Ok(Self { base })
    }

    /// Refuses every host but this machine.
    ///
    /// # Errors
    /// [`LoadTestError::ForeignTarget`].
    pub fn require_loopback(&self) -> Result<(), LoadTestError> {
        let loopback = match self.base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        if loopback {
            Ok(())
        } else {
            Err(LoadTestError::ForeignTarget { host: self.base.host_str().unwrap_or_default().to_owned() })
        }
    }

    /// The URL of a path of the REST API.
    #[must_use]
    pub fn rest(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// The URL of the WebSocket, for a ticket.
    #[must_use]
    pub fn socket(&self, ticket: &str) -> Url {
        let mut url = self.rest("/ws");
        let scheme = if self.base.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("http becomes ws, https becomes wss");
        url.query_pairs_mut()
            .append_pair("version", &hubbub_protocol::PROTOCOL_VERSION.to_string())
            .append_pair("ticket", ticket);
        url
    }

    /// The address of this machine from which packets go to the target: where media sockets are bound.
    ///
    /// # Errors
    /// [`LoadTestError::Unreachable`] when the name is unknown or no route leads there.
    pub async fn local_address(&self) -> Result<IpAddr, LoadTestError> {
        let unreachable =
            |e: std::io::Error| LoadTestError::Unreachable { url: self.to_string(), reason: e.to_string() };
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.base.port_or_known_default().unwrap_or(443);
        let mut addresses = tokio::net::lookup_host((host, port)).await.map_err(unreachable)?;
        let remote = addresses.next().ok_or_else(|| unreachable(std::io::ErrorKind::AddrNotAvailable.into()))?;
        let any: SocketAddr =
            if remote.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("both are addresses");
        // Connecting a UDP socket sends nothing: it only asks the routing table.
        let socket = UdpSocket::bind(any).map_err(unreachable)?;
        socket.connect(remote).map_err(unreachable)?;
        socket.local_addr().map(|address| address.ip()).map_err(unreachable)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loaded_without_asking() {
        for own in ["http://127.0.0.1:8080", "http://localhost/", "http://[::1]:1", "https://talk.localhost"] {
            assert!(Target::parse(own).unwrap().require_loopback().is_ok(), "{own}");
        }
        for foreign in ["https://talk.example.org", "http://192.0.2.1", "http://127.0.0.1.example.org"] {
            let error = Target::parse(foreign).unwrap().require_loopback().unwrap_err();
            assert!(error.to_string().contains("--i-own-this-server"), "{error}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_a_reason() {
        for bad in
            ["", "talk", "127.0.0.1:8080", "ftp://host", "http://host/rooms", "http://a:b@host", "http://host?x=1"]
        {
            let error = Target::parse(bad).unwrap_err().to_string();
            assert!(error.contains("expected http://host:port") && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn the_socket_follows_the_scheme() {
        let url = Target::parse("https://talk.example.org").unwrap().socket("a+b");
        assert_eq!(url.as_str(), "wss://talk.example.org/ws?version=1&ticket=a%2Bb");
    }
}

//! The media ports: free or a running Hubbub's, whether datagrams arrive there, and where STUN sees them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use hubbub_sfu::{BindingRequest, announced_by_default, bind_media_tcp, bind_media_udp, interface_addresses};
use rtc_stun::attributes::ATTR_USERNAME;
use rtc_stun::message::{BINDING_REQUEST, Message, TransactionId};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::addresses::{self, Known};
use super::finding::Finding;
use super::{Doctor, http, names, stun};
use crate::config::{Config, stun_url};

/// How long a datagram of our own may take, and what the running server says about it.
const ARRIVAL: Duration = Duration::from_secs(2);

/// Addresses that are tried at most.
const TRIED: usize = 4;

/// Ports that are named at most when datagrams do not arrive.
const NAMED: usize = 4;

/// What a firewall before this machine does is seen only from before it.
const FROM_HERE: &str = "from this machine; from outside: the connection test";

/// The lines about media.
pub(crate) async fn check(doctor: &Doctor) -> Vec<Finding> {
    let config = &doctor.config;
    let own = interface_addresses().unwrap_or_default();
    let by_default = announced_by_default(config.media.bind).unwrap_or_default();
    let announced = if config.media.announced_addresses.is_empty() {
        by_default.clone()
    } else {
        config.media.announced_addresses.clone()
    };
    let ports = ports(config);
    let mut findings = Vec::new();
    if ports.is_empty() {
        let advice = "set media.first_port, such as 7882, and open that port in the firewall";
        findings.push(Finding::warning("media udp", "media.first_port is 0: another port at each start", advice));
    }
    let udp = Ports::bind(&ports, |port| bind_media_udp(SocketAddr::new(config.media.bind, port)));
    let sockets: Vec<(u16, UdpSocket)> =
        udp.free.into_iter().filter_map(|(port, socket)| Some((port, UdpSocket::from_std(socket).ok()?))).collect();
    let state = State { doctor, ports: &ports, taken: &udp.taken, denied: &udp.denied, failed: udp.failed.as_ref() };
    if !ports.is_empty() {
        let reach = Reach { doctor, own: &own, announced: &announced };
        let found = match state.verdict("media udp", "UDP") {
            Ok(found) => reach.udp(found, &sockets, &ports).await,
            Err(finding) => finding,
        };
        findings.push(found);
        let tcp = Ports::bind(&ports, |port| bind_media_tcp(SocketAddr::new(config.media.bind, port)));
        let state =
            State { doctor, ports: &ports, taken: &tcp.taken, denied: &tcp.denied, failed: tcp.failed.as_ref() };
        findings.push(match state.verdict("media tcp", "TCP") {
            Ok(found) if !tcp.free.is_empty() => Finding::ok("media tcp", found),
            Ok(found) => connect(found, local(config.media.bind), &ports).await,
            Err(finding) => finding,
        });
    }
    let first = sockets.first().map(|(_, socket)| socket);
    let answers = ask_stun(doctor, first).await;
    findings.extend(stun::finding(&answers));
    let known = Known {
        configured: config.media.announced_addresses.clone(),
        by_default,
        own: own.clone(),
        seen: answers.iter().flat_map(|answer| answer.seen.iter().copied()).collect(),
        asked_from: sockets.first().map(|(port, _)| *port),
        finds_itself: !config.media.stun_servers.is_empty(),
        for_others: !config.http.bind.ip().is_loopback(),
    };
    findings.push(addresses::judge(&known));
    let seen = known.seen.iter().map(|seen| seen.ip().to_canonical());
    let here: Vec<IpAddr> = known.own.iter().copied().chain(announced).chain(seen).collect();
    findings.extend(names::check(doctor, &here).await);
    findings
}

/// The media port of each worker; none when any port will do.
fn ports(config: &Config) -> Vec<u16> {
    let first = config.media.first_port;
    let count = u16::try_from(config.media_workers()).unwrap_or(u16::MAX);
    if first == 0 { Vec::new() } else { (first..first.saturating_add(count)).collect() }
}

/// An address by which this machine reaches a socket bound to `bind`.
fn local(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        // Such a socket takes IPv4 too, and there may be no IPv6.
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        bind => bind,
    }
}

/// Which ports can be had.
struct Ports<S> {
    free: Vec<(u16, S)>,
    taken: Vec<u16>,
    /// Below 1024, where this user may not listen: it is not told whether somebody else does.
    denied: Vec<u16>,
    failed: Option<(u16, std::io::Error)>,
}

impl<S> Ports<S> {
    fn bind(ports: &[u16], bind: impl Fn(u16) -> std::io::Result<S>) -> Self {
        let mut found = Self { free: Vec::new(), taken: Vec::new(), denied: Vec::new(), failed: None };
        for &port in ports {
            match bind(port) {
                Ok(socket) => found.free.push((port, socket)),
                Err(error) if error.kind() == ErrorKind::AddrInUse => found.taken.push(port),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => found.denied.push(port),
                Err(error) => found.failed = Some((port, error)),
            }
        }
        found
    }
}

struct State<'a> {
    doctor: &'a Doctor,
    ports: &'a [u16],
    taken: &'a [u16],
    denied: &'a [u16],
    failed: Option<&'a (u16, std::io::Error)>,
}

impl State<'_> {
    /// What is to be said about the ports when they are as they should be, else the whole finding.
    fn verdict(&self, name: &'static str, protocol: &str) -> Result<String, Finding> {
        let bind = self.doctor.config.media.bind;
        if let Some((port, error)) = self.failed {
            let found = format!("{protocol} port {port} cannot be had on {bind}: {error}");
            return Err(Finding::fails(name, found, "set media.bind to an address of this machine, or to \"::\""));
        }
        let all = range(self.ports);
        match (self.doctor.server_runs, self.taken.len()) {
            (false, 0) if !self.denied.is_empty() => {
                let first = SocketAddr::new(bind, self.denied[0]);
                Err(http::may_not_bind(name, "media.first_port", first))
            }
            (false, 0) => Ok(format!("{protocol} {all} free")),
            (false, _) => {
                let found = format!("another program has {protocol} {}", range(self.taken));
                Err(Finding::fails(name, found, "end what uses it, or set media.first_port otherwise"))
            }
            (true, taken) if taken + self.denied.len() == self.ports.len() => {
                Ok(format!("{protocol} {all} held by the running server"))
            }
            (true, _) => {
                let found = format!("the server runs, but does not hold all of {protocol} {all}");
                Err(Finding::warning(
                    name,
                    found,
                    "was it started with another configuration? Start it again with this one",
                ))
            }
        }
    }
}

fn range(ports: &[u16]) -> String {
    match ports {
        [one] => format!("port {one} is"),
        [first, .., last] => format!("ports {first} to {last} are"),
        [] => "no port is".to_owned(),
    }
}

async fn connect(found: String, ip: IpAddr, ports: &[u16]) -> Finding {
    let takes = async |port: u16| {
        let connected = timeout(ARRIVAL, TcpStream::connect((ip, port))).await;
        (port, connected.is_ok_and(|connected| connected.is_ok()))
    };
    let tried = join_all(ports.iter().map(|&port| takes(port))).await;
    let lost: Vec<String> = tried.iter().filter(|(_, takes)| !takes).map(|(port, _)| port.to_string()).collect();
    if lost.is_empty() {
        return Finding::ok("media tcp", format!("{found}, and takes connections {FROM_HERE}"));
    }
    Finding::fails(
        "media tcp",
        format!("{found}, but a connection from this machine to port {} does not get through", lost.join(", ")),
        "a firewall on this machine blocks it: open the ports for TCP",
    )
}

struct Reach<'a> {
    doctor: &'a Doctor,
    own: &'a [IpAddr],
    announced: &'a [IpAddr],
}

impl Reach<'_> {
    /// Sends datagrams to every port by every address of this machine that clients are told of, and sees whether they
    /// arrive: at `sockets`, or at the running server, which counts them as strangers'.
    async fn udp(&self, found: String, sockets: &[(u16, UdpSocket)], ports: &[u16]) -> Finding {
        let name = "media udp";
        let here = |ip: &&IpAddr| self.own.contains(ip) || ip.is_loopback();
        let mut targets: Vec<IpAddr> = self.announced.iter().filter(here).copied().take(TRIED).collect();
        if targets.is_empty() {
            targets.push(local(self.doctor.config.media.bind));
        }
        let mut lost = Vec::new();
        for ip in targets {
            let not_there = if sockets.is_empty() {
                lost_on_the_way_to_server(&self.doctor.config, ip, ports).await
            } else {
                Some(lost_on_the_way_here(sockets, ip).await)
            };
            match not_there {
                Some(not_there) => lost.extend(not_there),
                None => {
                    let found = format!("{found} (with metrics.bind it could be seen that datagrams arrive)");
                    return Finding::ok(name, found);
                }
            }
        }
        if lost.is_empty() {
            return Finding::ok(name, format!("{found}, and datagrams arrive {FROM_HERE}"));
        }
        let shown: Vec<String> = lost.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if lost.len() > NAMED { " and others" } else { "" };
        let found = format!("{found}, but datagrams to {}{more} do not arrive: UDP is blocked", shown.join(", "));
        Finding::fails(name, found, "a firewall on this machine drops them: open the ports for UDP")
    }
}

/// Those of the sockets at which nothing arrives that is sent to this address.
async fn lost_on_the_way_here(sockets: &[(u16, UdpSocket)], ip: IpAddr) -> Vec<SocketAddr> {
    let tried = join_all(sockets.iter().map(async |(port, socket)| {
        let target = SocketAddr::new(ip, *port);
        (target, arrives(socket, target).await)
    }));
    tried.await.into_iter().filter(|(_, arrives)| !arrives).map(|(target, _)| target).collect()
}

async fn arrives(socket: &UdpSocket, target: SocketAddr) -> bool {
    // Who cannot even send has found nothing out about the port.
    let Some(sender) = sender(target).await else { return true };
    let request = BindingRequest::new();
    let mut buffer = [0; 1500];
    for _ in 0..3 {
        let _ = sender.send_to(request.bytes(), target).await;
        let until = Instant::now() + ARRIVAL / 3;
        while let Ok(received) = tokio::time::timeout_at(until, socket.recv_from(&mut buffer)).await {
            if received.is_ok_and(|(length, _)| &buffer[..length] == request.bytes()) {
                return true;
            }
        }
    }
    false
}

/// Those of the running server's ports at which nothing arrives; `None` when it does not serve metrics. All are tried at once, and
/// one by one only when less arrives than was sent. No more are named than [`NAMED`] and one.
async fn lost_on_the_way_to_server(config: &Config, ip: IpAddr, ports: &[u16]) -> Option<Vec<SocketAddr>> {
    if arrive_at_server(config, ip, ports).await? {
        return Some(Vec::new());
    }
    let mut lost = Vec::new();
    for port in ports {
        if !arrive_at_server(config, ip, &[*port]).await? {
            lost.push(SocketAddr::new(ip, *port));
        }
        if lost.len() > NAMED {
            break;
        }
    }
    Some(lost)
}

/// Whether at least as many datagrams arrive as there are ports.
async fn arrive_at_server(config: &Config, ip: IpAddr, ports: &[u16]) -> Option<bool> {
    let before = strangers(&http::scrape(config).await?)?;
    let sender = sender(SocketAddr::new(ip, 0)).await?;
    let check = check_of_nobody();
    let mut most = before;
    // A datagram may be lost in a full buffer: each time counts by itself.
    for _ in 0..3 {
        let from = most;
        for port in ports {
            let _ = sender.send_to(&check, (ip, *port)).await;
        }
        let until = Instant::now() + ARRIVAL / 3;
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
            most = strangers(&http::scrape(config).await?)?;
            if most >= from + ports.len() as u64 {
                return Some(true);
            }
        }
    }
    Some(false)
}

async fn sender(target: SocketAddr) -> Option<UdpSocket> {
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).await.ok()
}

/// How many checks the server has dropped because they were for nobody.
fn strangers(metrics: &str) -> Option<u64> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#') && line.contains("\"stun_unknown_ufrag\""));
    lines.map(|line| line.rsplit(' ').next()?.parse::<f64>().ok().map(|n| n as u64)).sum()
}

/// A Binding request for a user name fragment that nobody has, which a media worker counts and does not answer.
fn check_of_nobody() -> Vec<u8> {
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId::new();
    message.write_header();
    message.add(ATTR_USERNAME, b"AAdoctor:doctor");
    message.raw
}

/// What STUN servers say: those of the command line and the server's own, else those clients are told of.
async fn ask_stun(doctor: &Doctor, socket: Option<&UdpSocket>) -> Vec<stun::Answer> {
    let config = &doctor.config;
    let mut servers = config.media_stun_servers().unwrap_or_default();
    for url in doctor.arguments.stun.iter().chain(&config.ice.stun_urls) {
        servers.extend(stun_url(url, &["stun"]));
    }
    servers.sort();
    servers.dedup();
    if servers.is_empty() || doctor.arguments.offline {
        return Vec::new();
    }
    if let Some(socket) = socket {
        return stun::ask(socket, &servers).await;
    }
    let other = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
    match other {
        Ok(socket) => stun::ask(&socket, &servers).await,
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_read_from_the_metrics() {
        let text = "# HELP x stun_unknown_ufrag\nhubbub_dropped{reason=\"stun_unknown_ufrag\",worker=\"0\"} 3\n\
                    hubbub_dropped{reason=\"stun_unknown_ufrag\",worker=\"1\"} 4\nhubbub_dropped{reason=\"other\"} 9\n";
        assert_eq!(strangers(text), Some(7));
    }

    #[test]
    fn a_check_of_nobody_is_a_check() {
        let mut message = Message::new();
        message.unmarshal_binary(&check_of_nobody()).unwrap();
        assert!(message.contains(ATTR_USERNAME));
    }
}

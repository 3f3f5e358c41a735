//! Asking STUN servers how they see a worker's socket: all of them at once, a few times each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::transport::{BindingRequest, Outbox, Path};

/// Pauses after each time of asking (RFC 8489, section 6.2.1, which would go on for 39.5 s): after the last one a server that has
/// not answered counts as silent.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(2000), Duration::from_millis(2000)];

/// What a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The server.
    pub(crate) server: SocketAddr,
    /// The address from which it saw us come; `None` when it did not answer.
    pub(crate) mapped: Option<SocketAddr>,
}

/// One round of asking.
#[derive(Debug)]
pub(crate) struct Discovery {
    asked: Vec<(BindingRequest, Path, Seen)>,
    /// The next time to ask, and how often that was done.
    due: Instant,
    times: usize,
}

impl Discovery {
    /// Servers to ask from `now` on. With `mapped`, IPv4 servers are written as a socket on `[::]` has them.
    pub(crate) fn new(now: Instant, servers: &[SocketAddr], mapped: bool) -> Self {
        let ask = |server: &SocketAddr| {
            let target = match server {
                SocketAddr::V4(v4) if mapped => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
                other => *other,
            };
            (BindingRequest::new(), Path::udp(target), Seen { server: *server, mapped: None })
        };
        Self { asked: servers.iter().map(ask).collect(), due: now, times: 0 }
    }

    /// Whether nothing more is to come, and what there is.
    pub(crate) fn result(&self, now: Instant) -> Option<Vec<Seen>> {
        let over = self.times == PAUSES.len() && now >= self.due;
        let complete = self.asked.iter().all(|(.., seen)| seen.mapped.is_some());
        (over || complete).then(|| self.asked.iter().map(|(.., seen)| *seen).collect())
    }

    /// When [`Self::handle_timeout`] or [`Self::result`] is wanted next.
    pub(crate) const fn next_timeout(&self) -> Instant {
        self.due
    }

    /// Asks those who have not answered.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        let Some(pause) = PAUSES.get(self.times).filter(|_| now >= self.due) else { return };
        for (request, path, _) in self.asked.iter().filter(|(.., seen)| seen.mapped.is_none()) {
            out.push(*path, request.bytes());
        }
        self.due = now + *pause;
        self.times += 1;
    }

    /// Takes an answer; `false` when it is none to us.
    pub(crate) fn handle_answer(&mut self, path: Path, datagram: &[u8]) -> bool {
        for (request, _, seen) in self.asked.iter_mut().filter(|(_, server, _)| *server == path.at(None)) {
            if let Some(mapped) = request.mapped(datagram) {
                seen.mapped = Some(mapped);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use rtc_stun::message::{BINDING_SUCCESS, Message, Setter};
    use rtc_stun::xoraddr::XorMappedAddress;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    fn answer(request: &[u8], mapped: SocketAddr) -> Vec<u8> {
        let (mut asked, mut message) = (Message::new(), Message::new());
        asked.unmarshal_binary(request).expect("STUN");
        (message.typ, message.transaction_id) = (BINDING_SUCCESS, asked.transaction_id);
        message.write_header();
        XorMappedAddress { ip: mapped.ip(), port: mapped.port() }.add_to(&mut message).expect("room");
        message.raw
    }

    /// Lets a round run; `reply` says what each server answers to the n-th request.
    fn run(
        servers: &[SocketAddr],
        mapped: bool,
        mut reply: impl FnMut(SocketAddr, usize) -> Option<(SocketAddr, SocketAddr)>,
    ) -> (Vec<Seen>, Duration, usize) {
        let start = Instant::now();
        let mut now = start;
        let mut discovery = Discovery::new(now, servers, mapped);
        let (mut out, mut sent) = (Outbox::new(), 0);
        loop {
            discovery.handle_timeout(now, &mut out);
            let requests: Vec<_> = out.datagrams().map(|(path, bytes)| (path, bytes.to_vec())).collect();
            out.clear();
            for (path, bytes) in requests {
                sent += 1;
                if let Some((from, mapped)) = reply(path.remote, sent) {
                    discovery.handle_answer(Path::udp(from), &answer(&bytes, mapped));
                }
            }
            if let Some(seen) = discovery.result(now) {
                return (seen, now - start, sent);
            }
            now = discovery.next_timeout();
        }
    }

    #[test]
    fn every_server_is_asked_until_it_answers() {
        let (slow, fast) = (address("192.0.2.1:3478"), address("192.0.2.2:3478"));
        let public = address("203.0.113.9:7882");
        let (seen, took, sent) = run(&[slow, fast], false, |to, n| (to == fast || n > 3).then_some((to, public)));
        assert_eq!(seen, [Seen { server: slow, mapped: Some(public) }, Seen { server: fast, mapped: Some(public) }]);
        assert_eq!((took, sent), (Duration::from_millis(1500), 4));
    }

    #[test]
    fn silence_ends_after_a_few_seconds() {
        let server = address("192.0.2.1:3478");
        let (seen, took, sent) = run(&[server], false, |_, _| None);
        assert_eq!(seen, [Seen { server, mapped: None }]);
        assert_eq!((took, sent), (PAUSES.iter().sum(), 4));
    }

    #[test]
    fn an_answer_from_elsewhere_does_not_count() {
        let (server, forger) = (address("192.0.2.1:3478"), address("192.0.2.66:3478"));
        let (seen, ..) = run(&[server], false, |_, _| Some((forger, address("198.51.100.66:1"))));
        assert_eq!(seen, [Seen { server, mapped: None }]);
    }

    #[test]
    fn a_socket_for_both_families_writes_ipv4_as_ipv6() {
        let server = address("192.0.2.1:3478");
        let public = address("203.0.113.9:7882");
        let (seen, ..) = run(&[server], true, |to, _| {
            assert_eq!(to, address("[::ffff:192.0.2.1]:3478"));
            Some((to, public))
        });
        assert_eq!(seen, [Seen { server, mapped: Some(public) }]);
    }
}

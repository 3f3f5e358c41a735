//! The open sockets of this node: by user to bound them, by login to end them, all of them to shut down.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use hubbub_auth::Identity;
use hubbub_domain::{SessionId, UserId};
use hubbub_protocol::{CloseCode, ServerMessage};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::metrics::Queues;
use crate::outbox::{Link, encode};

/// Every open socket.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, (Identity, Link)>,
    /// Sockets of each user, those in their handshake included.
    of_user: HashMap<UserId, usize>,
    /// When sockets will be closed because the server ends.
    deadline: Option<Instant>,
    /// Sockets of each network, likewise.
    of_network: HashMap<IpAddr, usize>,
    shut: bool,
}

/// How many sockets there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of one user.
    pub(crate) user: usize,
    /// From one network.
    pub(crate) network: usize,
}

/// Who has all the sockets they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// The user; how many those are.
    User(usize),
    /// The network; how many those are.
    Network(usize),
}

/// The right to one socket; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    user: UserId,
    network: Option<IpAddr>,
}

/// An open socket's entry; taken out when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    connections: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// Takes a place for a socket of `user` that comes from `network`, where that is known.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        user: UserId,
        network: Option<IpAddr>,
        bounds: Bounds,
    ) -> Result<Place, TooMany> {
        let table = &mut *self.0.lock();
        if table.of_user.get(&user).is_some_and(|open| *open >= bounds.user) {
            return Err(TooMany::User(bounds.user));
        }
        let of_network = network.and_then(|network| table.of_network.get(&network));
        if of_network.is_some_and(|open| *open >= bounds.network) {
            return Err(TooMany::Network(bounds.network));
        }
        *table.of_user.entry(user).or_default() += 1;
        if let Some(network) = network {
            *table.of_network.entry(network).or_default() += 1;
        }
        Ok(Place { connections: self.clone(), user, network })
    }

    /// Enters an open socket, which has been sent `welcome`. One that comes after [`Self::drain`] hears of it, one after
    /// [`Self::close_all`] is told to close at once.
    pub(crate) fn insert(self: &Arc<Self>, identity: &Identity, link: &Link) -> Entry {
        let mut table = self.0.lock();
        let number = table.next;
        table.next += 1;
        table.open.insert(number, (*identity, link.clone()));
        if let Some(deadline) = table.deadline {
            link.send(draining(deadline));
        }
        if table.shut {
            link.close(CloseCode::GoingAway, GOING_AWAY);
        }
        Entry { connections: self.clone(), number }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().open.len()
    }

    /// What waits for the clients.
    pub(crate) fn queues(&self) -> Queues {
        let mut queues = Queues::default();
        for (_, link) in self.0.lock().open.values() {
            let waiting = u64::try_from(link.waiting()).unwrap_or(u64::MAX);
            queues.sockets += 1;
            queues.messages += waiting;
            queues.longest = queues.longest.max(waiting);
        }
        queues
    }

    /// Closes the sockets of a login that ended.
    pub(crate) fn close_session(&self, session: SessionId) {
        for (_, link) in self.0.lock().open.values().filter(|(identity, _)| identity.session == session) {
            link.close(CloseCode::Unauthorized, LOGIN_ENDED);
        }
    }

    /// Closes all sockets of a user.
    pub(crate) fn close_user(&self, user: UserId, code: CloseCode, reason: &'static str) {
        for (_, link) in self.0.lock().open.values().filter(|(identity, _)| identity.user == user) {
            link.close(code, reason);
        }
    }

    /// Tells every socket, and those to come, that they will be closed at `deadline`. To how many it was told.
    pub(crate) fn drain(&self, deadline: Instant) -> u64 {
        let mut table = self.0.lock();
        table.deadline = Some(deadline);
        let text = [encode(&draining(deadline))].into();
        for (_, link) in table.open.values() {
            link.send_shared(&text);
        }
        u64::try_from(table.open.len()).unwrap_or(u64::MAX)
    }

    /// Closes every socket, and those to come.
    pub(crate) fn close_all(&self) {
        let mut table = self.0.lock();
        table.shut = true;
        for (_, link) in table.open.values() {
            link.close(CloseCode::GoingAway, GOING_AWAY);
        }
    }
}

/// The message that says how long seats are kept, rounded up.
pub(crate) fn draining(deadline: Instant) -> ServerMessage {
    let left = deadline.saturating_duration_since(Instant::now());
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    ServerMessage::ServerDraining { seconds_left: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

/// The close frame's text when a login ended.
pub(crate) const LOGIN_ENDED: &str = "the login ended";
/// The close frame's text when an account was blocked.
pub(crate) const BLOCKED: &str = "the account was blocked";
const GOING_AWAY: &str = "the server shuts down";

impl Drop for Place {
    fn drop(&mut self) {
        let table = &mut *self.connections.0.lock();
        give_back(&mut table.of_user, &self.user);
        if let Some(network) = &self.network {
            give_back(&mut table.of_network, network);
        }
    }
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    let Some(count) = counts.get_mut(key) else { return };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.0.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_user_and_given_back() {
        let connections = Arc::new(Connections::default());
        let (ada, bob) = (UserId::new(), UserId::new());
        let reserve = |user| connections.reserve(user, None, Bounds { user: 2, network: 1 });
        let first = reserve(ada).unwrap();
        let _second = reserve(ada).unwrap();
        assert_eq!(reserve(ada).unwrap_err(), TooMany::User(2));
        assert!(reserve(bob).is_ok());
        drop(first);
        assert!(reserve(ada).is_ok());
    }

    #[test]
    fn places_are_bounded_by_network_and_given_back() {
        let connections = Arc::new(Connections::default());
        let [home, school] = ["192.0.2.1", "198.51.100.0"].map(|text| text.parse().ok());
        let reserve = |network| connections.reserve(UserId::new(), network, Bounds { user: 1, network: 2 });
        let first = reserve(home).unwrap();
        let _second = reserve(home).unwrap();
        assert_eq!(reserve(home).unwrap_err(), TooMany::Network(2));
        let (_another, _unknown) = (reserve(school).unwrap(), reserve(None).unwrap());
        drop(first);
        drop(reserve(home).unwrap());
        assert_eq!(connections.0.lock().of_network.len(), 2, "nothing is remembered of who has left");
    }
}

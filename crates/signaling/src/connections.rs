//! The open sockets of this node: by user to bound them, by login to end them, all of them to shut down.

use std::collections::HashMap;
use std::sync::Arc;

use hubbub_auth::Identity;
use hubbub_domain::{SessionId, UserId};
use hubbub_protocol::{CloseCode, ServerMessage};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::outbox::{Link, encode};

/// Every open socket.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, (SessionId, Link)>,
    /// Sockets of each user, those in their handshake included.
    of_user: HashMap<UserId, usize>,
    /// When sockets will be closed because the server ends.
    deadline: Option<Instant>,
    shut: bool,
}

/// The right to one socket; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    user: UserId,
}

/// An open socket's entry; taken out when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    connections: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// Takes a place for a socket of `user`; `None` when the user has `limit` of them.
    pub(crate) fn reserve(self: &Arc<Self>, user: UserId, limit: usize) -> Option<Place> {
        let mut table = self.0.lock();
        let count = table.of_user.entry(user).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { connections: self.clone(), user })
    }

    /// Enters an open socket, which has been sent `welcome`. One that comes after [`Self::drain`] hears of it, one after
    /// [`Self::close_all`] is told to close at once.
    pub(crate) fn insert(self: &Arc<Self>, identity: &Identity, link: &Link) -> Entry {
        let mut table = self.0.lock();
        let number = table.next;
        table.next += 1;
        table.open.insert(number, (identity.session, link.clone()));
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

    /// Closes the sockets of a login that ended.
    pub(crate) fn close_session(&self, session: SessionId) {
        for (_, link) in self.0.lock().open.values().filter(|(s, _)| *s == session) {
            link.close(CloseCode::Unauthorized, LOGIN_ENDED);
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
const GOING_AWAY: &str = "the server shuts down";

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.0.lock();
        if let Some(count) = table.of_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                table.of_user.remove(&self.user);
            }
        }
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
        let first = connections.reserve(ada, 2).unwrap();
        let _second = connections.reserve(ada, 2).unwrap();
        assert!(connections.reserve(ada, 2).is_none());
        assert!(connections.reserve(bob, 2).is_some());
        drop(first);
        assert!(connections.reserve(ada, 2).is_some());
    }
}

//! What happened to stored state, carried out on the sockets and rooms it concerns.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::{Action, DomainEvent, LoginsEnd, RoomId, SessionId, StorageError, UserId, may};
use hubbub_protocol::CloseCode;
use tracing::{info, warn};
use uuid::Uuid;

use crate::connections::{BLOCKED, LOGIN_ENDED};
use crate::live::LiveRoom;
use crate::service::Inner;

/// How long to wait before asking storage again that did not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

impl Inner {
    /// Carries one event out; what needs storage goes on in the background.
    pub(crate) fn domain_event(self: &Arc<Self>, event: &DomainEvent) {
        match *event {
            DomainEvent::RoomDeleted(id) => {
                if let Some(room) = self.registry.find(id) {
                    room.delete();
                }
            }
            DomainEvent::RoomUpdated(id) => self.room_updated(id),
            DomainEvent::SessionEnded(session) => self.session_ended(session),
            DomainEvent::LoginsEnded { user, why } => self.logins_ended(user, why),
            DomainEvent::ProfileChanged(user) => self.profile_changed(user),
        }
    }

    fn session_ended(&self, session: SessionId) {
        self.connections.close_session(session);
        let seats = self.around.seats.of_session(session);
        info!(session.id = %session, session.seats = seats.len(), "login ended");
        for (seat, room) in seats {
            if let Some(room) = self.registry.find(room) {
                room.end_session(seat, session);
            }
        }
    }

    fn logins_ended(self: &Arc<Self>, user: UserId, why: LoginsEnd) {
        let (code, reason) = match why {
            LoginsEnd::Blocked => (CloseCode::Blocked, BLOCKED),
            LoginsEnd::Ended | LoginsEnd::Deleted => (CloseCode::Unauthorized, LOGIN_ENDED),
        };
        self.connections.close_user(user, code, reason);
        let seats = self.around.seats.of_user(user);
        info!(user.id = %user, user.seats = seats.len(), why = ?why, "all logins of a user ended");
        for (seat, room) in seats {
            if let Some(room) = self.registry.find(room) {
                room.end_logins(seat);
            }
        }
        if why == LoginsEnd::Deleted {
            // The rooms that the account owned went with it.
            for room in self.registry.all() {
                if room.look(|people| people.settings().owner) == Some(user) {
                    self.room_updated(room.id);
                }
            }
        }
    }

    fn profile_changed(self: &Arc<Self>, id: UserId) {
        if self.around.seats.of_user(id).is_empty() {
            return;
        }
        let inner = self.clone();
        self.tasks.spawn(async move {
            let user = match inner.storage.user(id).await {
                Ok(Some(user)) => user,
                Ok(None) => return,
                Err(error) => {
                    warn!(user.id = %id, error = %error, "a new name or picture is not told to those in the room");
                    return;
                }
            };
            for (seat, room) in inner.around.seats.of_user(id) {
                if let Some(room) = inner.registry.find(room) {
                    room.update_profile(seat, &user);
                }
            }
        });
    }

    fn room_updated(self: &Arc<Self>, id: RoomId) {
        // Marked before storage is asked: whoever joins by an older reading must read again.
        let Some(room) = self.registry.find(id) else { return };
        room.outdate();
        let inner = self.clone();
        self.tasks.spawn(async move {
            let refreshed = async {
                while let Err(error) = inner.refresh(&room).await {
                    warn!(room.id = %id, error = %error, "a room's change could not be read; trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            };
            tokio::select! {
                () = refreshed => {}
                () = inner.ending.cancelled() => {}
            }
        });
    }

    /// Reads the room again, tells those inside, and sends those out who may no longer be there.
    async fn refresh(&self, room: &LiveRoom) -> Result<(), StorageError> {
        let nobody = UserId(Uuid::nil());
        let Some(mut access) = self.storage.room(room.id, nobody).await? else {
            room.delete();
            return Ok(());
        };
        if access.room.is_private {
            let members: HashSet<UserId> = self.storage.room_members(room.id).await?.into_iter().collect();
            for (seat, user) in room.users() {
                access.is_member = members.contains(&user);
                if may(user, Action::Join, &access).is_err() {
                    room.expel(seat);
                }
            }
        }
        room.update(&access.room);
        Ok(())
    }
}

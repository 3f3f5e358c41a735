//! Rooms and invitations to them.

use std::cmp::Reverse;

use async_trait::async_trait;
use hubbub_domain::storage::{AcceptInvite, Invites, RoomCursor, Rooms, StorageResult};
use hubbub_domain::{Invite, NewRoom, Room, RoomAccess, RoomId, RoomPatch, Timestamp, UserId};

use super::{MemoryStorage, has_words};

#[async_trait]
impl Rooms for MemoryStorage {
    async fn create_room(
        &self,
        owner: UserId,
        room: NewRoom,
        limit: u64,
        now: Timestamp,
    ) -> StorageResult<Option<Room>> {
        let mut tables = self.write()?;
        if tables.rooms.values().filter(|room| room.owner == owner).count() as u64 >= limit {
            return Ok(None);
        }
        let room = room.made(owner, now);
        tables.rooms.insert(room.id, room.clone());
        Ok(Some(room))
    }

    async fn room_count(&self) -> StorageResult<u64> {
        Ok(self.read()?.rooms.len() as u64)
    }

    async fn room(&self, id: RoomId, user: UserId) -> StorageResult<Option<RoomAccess>> {
        let tables = self.read()?;
        let is_member = tables.members.contains(&(id, user));
        Ok(tables.rooms.get(&id).map(|room| RoomAccess { room: room.clone(), is_member }))
    }

    async fn rooms(
        &self,
        user: UserId,
        search: Option<&str>,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> StorageResult<Vec<Room>> {
        let tables = self.read()?;
        let visible = |room: &Room| !room.is_private || room.owner == user || tables.members.contains(&(room.id, user));
        Ok(listed(tables.rooms.values().filter(|room| visible(room)), search, after, limit))
    }

    async fn all_rooms(&self, search: Option<&str>, after: Option<RoomCursor>, limit: u32) -> StorageResult<Vec<Room>> {
        Ok(listed(self.read()?.rooms.values(), search, after, limit))
    }

    async fn update_room(&self, id: RoomId, patch: RoomPatch, now: Timestamp) -> StorageResult<Option<Room>> {
        let mut tables = self.write()?;
        let Some(room) = tables.rooms.get_mut(&id) else { return Ok(None) };
        if let Some(name) = patch.name {
            room.name = name;
        }
        if let Some(description) = patch.description {
            room.description = description;
        }
        if let Some(is_private) = patch.is_private {
            room.is_private = is_private;
        }
        if let Some(max_participants) = patch.max_participants {
            room.max_participants = max_participants;
        }
        room.max_forwarded_speakers = patch.max_forwarded_speakers.or(room.max_forwarded_speakers);
        room.updated_at = now;
        Ok(Some(room.clone()))
    }

    async fn room_members(&self, id: RoomId) -> StorageResult<Vec<UserId>> {
        Ok(self.read()?.members.iter().filter(|(room, _)| *room == id).map(|(_, user)| *user).collect())
    }

    async fn room_mutes(&self, id: RoomId) -> StorageResult<Vec<UserId>> {
        Ok(self.read()?.mutes.iter().filter(|(room, _)| *room == id).map(|(_, user)| *user).collect())
    }

    async fn set_room_mute(&self, id: RoomId, user: UserId, muted: bool) -> StorageResult<()> {
        let mut tables = self.write()?;
        if !muted {
            tables.mutes.remove(&(id, user));
        } else if tables.rooms.contains_key(&id) && tables.users.contains_key(&user) {
            tables.mutes.insert((id, user));
        }
        Ok(())
    }

    async fn delete_room(&self, id: RoomId) -> StorageResult<bool> {
        let mut tables = self.write()?;
        tables.members.retain(|(room, _)| *room != id);
        tables.mutes.retain(|(room, _)| *room != id);
        tables.invites.retain(|_, invite| invite.room != id);
        Ok(tables.rooms.remove(&id).is_some())
    }
}

#[async_trait]
impl Invites for MemoryStorage {
    async fn create_invite(&self, invite: Invite) -> StorageResult<()> {
        self.write()?.invites.insert(invite.id, invite);
        Ok(())
    }

    async fn accept_invite(&self, token_hash: [u8; 32], user: UserId, now: Timestamp) -> StorageResult<AcceptInvite> {
        let mut guard = self.write()?;
        let tables = &mut *guard;
        let Some(invite) = tables.invites.values_mut().find(|invite| invite.token_hash == token_hash) else {
            return Ok(AcceptInvite::Invalid);
        };
        let Some(room) = tables.rooms.get(&invite.room) else { return Ok(AcceptInvite::Invalid) };
        // Whoever is inside already may follow an old link again.
        if room.owner != user && !tables.members.contains(&(room.id, user)) {
            if invite.expires_at <= now || invite.uses_left == Some(0) {
                return Ok(AcceptInvite::Invalid);
            }
            invite.uses_left = invite.uses_left.map(|left| left - 1);
            tables.members.insert((room.id, user));
        }
        Ok(AcceptInvite::Accepted(Box::new(room.clone())))
    }
}

fn listed<'a>(
    rooms: impl Iterator<Item = &'a Room>,
    search: Option<&str>,
    after: Option<RoomCursor>,
    limit: u32,
) -> Vec<Room> {
    let found = |room: &&Room| has_words(search, &format!("{} {}", room.name, room.description));
    let behind = |room: &&Room| after.is_none_or(|c| (room.created_at, room.id) < (c.created_at, c.id));
    let mut rooms: Vec<Room> = rooms.filter(found).filter(behind).cloned().collect();
    rooms.sort_by_key(|room| Reverse((room.created_at, room.id)));
    rooms.truncate(limit as usize);
    rooms
}

//! `hubbub admin rooms`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use clap::Subcommand;
use hubbub_domain::room::{MaxForwardedSpeakers, MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::storage::RoomCursor;
use hubbub_domain::{AuditAction, AuditRoom, AuditUser, DomainEvent, NewRoom, Room, RoomId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::accounts::rfc3339;
use super::{Admin, Failure, pages};
use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a room and prints its id, the last part of its address. `limits.rooms_per_user` does not count here.
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Who owns and moderates it: a username or an e-mail address
        #[arg(long)]
        owner: String,
        /// What it is about
        #[arg(long, default_value = "")]
        description: String,
        /// Only the owner and those invited may see and enter it
        #[arg(long)]
        private: bool,
        /// How many people may be in it at once: 2 to 10000
        #[arg(long, default_value_t = MaxParticipants::DEFAULT.get())]
        max_participants: u32,
        /// How many speakers are forwarded at the same time: 1 to media.slots, which is the default
        #[arg(long)]
        max_forwarded_speakers: Option<u32>,
    },
    /// Lists rooms, private ones too, the newest first: id, owner, public or private, name.
    List {
        /// Words that must be in name or description
        #[arg(long)]
        search: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 1000)]
        limit: u32,
        /// As JSON, one room a line
        #[arg(long)]
        json: bool,
    },
    /// Deletes a room, whoever owns it. Everybody in it is sent out.
    Delete {
        /// Its id
        room: RoomId,
        /// Do it; without this it only says which room that is
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(admin: &Admin<'_>, command: Command) -> Result<(), Failure> {
    let (name, owner, description, private, max_participants, max_forwarded_speakers) = match command {
        Command::Create { name, owner, description, private, max_participants, max_forwarded_speakers } => {
            (name, owner, description, private, max_participants, max_forwarded_speakers)
        }
        Command::List { search, limit, json } => return list(admin, search.as_deref(), limit, json).await,
        Command::Delete { room, yes } => return delete(admin, room, yes).await,
    };
    let most = admin.config.for_api().max_forwarded_speakers;
    let room = NewRoom {
        name: RoomName::parse(&name).map_err(|e| Failure::Input(format!("--name {e}")))?,
        description: RoomDescription::parse(&description).map_err(|e| Failure::Input(format!("--description {e}")))?,
        is_private: private,
        max_participants: MaxParticipants::new(i64::from(max_participants))
            .map_err(|e| Failure::Input(format!("--max-participants {e}")))?,
        max_forwarded_speakers: max_forwarded_speakers
            .map(|wanted| MaxForwardedSpeakers::new(i64::from(wanted), most))
            .transpose()
            .map_err(|e| Failure::Input(format!("--max-forwarded-speakers {e}")))?,
    };
    let owner = admin.user(&owner).await?;
    let made = admin.storage.create_room(owner.id, room, u64::MAX, admin.clock.now()).await?;
    let room = made.ok_or_else(|| Failure::Input("the owner has too many rooms".to_owned()))?;
    let named = AuditRoom::from(&room);
    admin.write_down(|entry| entry.on(AuditUser::from(&owner)).in_room(named), AuditAction::RoomCreated).await?;
    say(&room.id.to_string());
    Ok(())
}

async fn list(admin: &Admin<'_>, search: Option<&str>, limit: u32, as_json: bool) -> Result<(), Failure> {
    let mut owners: HashMap<UserId, String> = HashMap::new();
    pages::each(
        limit,
        async |after, most| admin.storage.all_rooms(search, after, most).await,
        |room| RoomCursor { created_at: room.created_at, id: room.id },
        async |room| {
            let owner = match owners.entry(room.owner) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let owner = admin.storage.user(room.owner).await?;
                    unknown.insert(owner.map_or_else(|| "-".to_owned(), |owner| owner.username.to_string()))
                }
            };
            show(room, owner, as_json);
            Ok(())
        },
    )
    .await
}

fn show(room: &Room, owner: &str, as_json: bool) {
    if as_json {
        let line = json!({
            "id": room.id, "name": room.name.as_str(), "description": room.description.as_str(), "owner": owner,
            "isPrivate": room.is_private, "maxParticipants": room.max_participants.get(),
            "createdAt": rfc3339(room.created_at),
        });
        return say(&line.to_string());
    }
    let seen = if room.is_private { "private" } else { "public" };
    say(&format!("{}\t{owner}\t{seen}\t{}", room.id, room.name));
}

async fn delete(admin: &Admin<'_>, id: RoomId, yes: bool) -> Result<(), Failure> {
    let unknown = || Failure::Input(format!("there is no room {id}"));
    let room = admin.storage.room(id, UserId(Uuid::nil())).await?.ok_or_else(unknown)?.room;
    if !yes {
        return Err(Failure::Input(format!("the room {:?} would be deleted; add --yes to do it", room.name.as_str())));
    }
    if !admin.storage.delete_room(id).await? {
        return Err(unknown());
    }
    admin.events.publish(DomainEvent::RoomDeleted(id));
    admin.write_down(|entry| entry.in_room(AuditRoom::from(&room)), AuditAction::RoomDeleted).await?;
    say(&format!("deleted {:?}", room.name.as_str()));
    Ok(())
}

//! `hubbub admin live`: everything here is asked of the running server.

use clap::Subcommand;
use hubbub_domain::{ParticipantId, RoomId};
use serde_json::{Value, json};

use super::{Admin, Failure};
use crate::operator::{self, AskError};
use crate::say;

/// People asked for at once.
const PAGE: u32 = 200;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the rooms that somebody is in.
    Rooms {
        /// As JSON, one room a line
        #[arg(long)]
        json: bool,
    },
    /// Lists who is in a room, with what browser and how their audio gets through.
    Peers {
        /// The room's id
        room: RoomId,
        /// As JSON, one person a line
        #[arg(long)]
        json: bool,
    },
    /// Sends somebody out of a room. They may come back; `users block` keeps them out.
    Kick {
        /// The id of the seat, as `peers` lists it
        participant: ParticipantId,
    },
    /// Mutes somebody, as the room's owner does it.
    Mute {
        /// The id of the seat, as `peers` lists it
        participant: ParticipantId,
    },
    /// Lifts a mute by the room's owner or an admin.
    Unmute {
        /// The id of the seat, as `peers` lists it
        participant: ParticipantId,
    },
    /// Sends everybody out of a room. The room stays, and people may come back.
    Close {
        /// The room's id
        room: RoomId,
    },
}

pub(super) async fn run(admin: &Admin<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Rooms { json } => rooms(admin, json).await,
        Command::Peers { room, json } => peers(admin, room, json).await,
        Command::Kick { participant } => {
            ask(admin, "DELETE", &format!("/api/admin/participants/{participant}"), None).await?;
            say("sent out");
            Ok(())
        }
        Command::Mute { participant } => mute(admin, participant, true).await,
        Command::Unmute { participant } => mute(admin, participant, false).await,
        Command::Close { room } => {
            let done = ask(admin, "POST", &format!("/api/admin/rooms/{room}/close"), None).await?;
            say(&format!("sent out {} people", done["sentOut"]));
            Ok(())
        }
    }
}

async fn mute(admin: &Admin<'_>, participant: ParticipantId, muted: bool) -> Result<(), Failure> {
    let path = format!("/api/admin/participants/{participant}");
    ask(admin, "PATCH", &path, Some(json!({ "muted": muted }))).await?;
    say(if muted { "muted" } else { "may speak again" });
    Ok(())
}

async fn rooms(admin: &Admin<'_>, as_json: bool) -> Result<(), Failure> {
    let answer = ask(admin, "GET", "/api/admin/rooms", None).await?;
    for room in answer["rooms"].as_array().into_iter().flatten() {
        if as_json {
            say(&room.to_string());
            continue;
        }
        let kind = if room["isPrivate"] == true { "private" } else { "public" };
        let columns = [text(&room["id"]), room["participantCount"].to_string(), kind.to_owned(), text(&room["name"])];
        say(&columns.join("\t"));
    }
    Ok(())
}

async fn peers(admin: &Admin<'_>, room: RoomId, as_json: bool) -> Result<(), Failure> {
    let mut cursor = String::new();
    loop {
        let page = ask(admin, "GET", &format!("/api/admin/rooms/{room}?limit={PAGE}{cursor}"), None).await?;
        for peer in page["participants"].as_array().into_iter().flatten() {
            say(&if as_json { peer.to_string() } else { line(peer) });
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    }
}

/// Seat, name, mute, browser, path, round trip, loss and jitter of the way up, bit rate.
fn line(peer: &Value) -> String {
    let media = &peer["media"];
    let mute = match (peer["mutedByModerator"] == true, peer["muted"] == true) {
        (true, _) => "muted-by-moderator",
        (false, true) => "muted",
        (false, false) => "-",
    };
    let with = [text(&peer["browser"]), text(&peer["system"])];
    let with: Vec<&str> = with.iter().map(String::as_str).filter(|part| *part != "-").collect();
    let route = &media["route"];
    let path = if route.is_null() {
        "-".to_owned()
    } else {
        let relayed = if route["relayed"] == true { " relayed" } else { "" };
        format!("{} {}{relayed}", text(&route["protocol"]), text(&route["family"]))
    };
    let number = |value: &Value, unit: &str| if value.is_null() { "-".to_owned() } else { format!("{value} {unit}") };
    let up = &media["uplink"];
    let columns = [
        text(&peer["id"]),
        text(&peer["username"]),
        mute.to_owned(),
        if with.is_empty() { "-".to_owned() } else { with.join(", ") },
        path,
        number(&media["roundTripMs"], "ms"),
        number(&up["lossPercent"], "% lost"),
        number(&up["jitterMs"], "ms jitter"),
        number(&up["bitrate"], "bit/s"),
    ];
    columns.join("\t")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

async fn ask(admin: &Admin<'_>, method: &str, path: &str, body: Option<Value>) -> Result<Value, Failure> {
    operator::ask(admin.config.data_dir(), method, path, body).await.map_err(|error| match error {
        AskError::Refused { detail, .. } => Failure::Input(detail),
        error => error.into(),
    })
}

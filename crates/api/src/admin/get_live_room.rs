//! `GET /api/admin/rooms/{id}`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use hubbub_domain::{AdminAction, LivePeer, MediaLink, ParticipantId, PeerMedia, RoomId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list_live_rooms::LiveRoomRow;
use super::page_size;
use crate::error::{Check, Problem};
use crate::extract::{AdminUser, Path, Query};
use crate::page;
use crate::rooms::get::Participant;
use crate::state::App;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveRoomQuery {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many people, 1 to 200; 50 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
}

/// One direction of somebody's audio.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LivePeerLink {
    /// Bits of audio a second over the last seconds.
    #[schema(example = 32_000)]
    bitrate: u64,
    /// Percent of the packets that was lost of late; `null` until that was measured.
    #[schema(example = 0.4, required = true)]
    loss_percent: Option<f32>,
    /// Jitter in milliseconds; `null` until that was measured.
    #[schema(example = 3.5, required = true)]
    jitter_ms: Option<f64>,
}

impl From<&MediaLink> for LivePeerLink {
    fn from(link: &MediaLink) -> Self {
        Self {
            bitrate: link.bitrate,
            loss_percent: link.loss.map(|share| share * 100.0),
            jitter_ms: link.jitter.map(milliseconds),
        }
    }
}

/// How packets come and go.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LivePeerRoute {
    /// `udp` or `tcp`.
    #[schema(example = "udp")]
    protocol: &'static str,
    /// `ipv4` or `ipv6`.
    #[schema(example = "ipv4")]
    family: &'static str,
    /// Whether they come through a TURN server, as far as the client told.
    relayed: bool,
}

/// How somebody's audio gets through.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LivePeerMedia {
    /// Whether audio can flow.
    connected: bool,
    /// How packets come and go; `null` before the first valid check.
    #[schema(required = true)]
    route: Option<LivePeerRoute>,
    /// From the server to the client and back, in milliseconds; `null` until that was measured.
    #[schema(example = 23.0, required = true)]
    round_trip_ms: Option<f64>,
    /// Whether they speak right now.
    speaks: bool,
    /// From the client to the server.
    uplink: LivePeerLink,
    /// From the server to the client.
    downlink: LivePeerLink,
}

impl From<&PeerMedia> for LivePeerMedia {
    fn from(media: &PeerMedia) -> Self {
        Self {
            connected: media.connected,
            route: media.route.map(|route| LivePeerRoute {
                protocol: if route.tcp { "tcp" } else { "udp" },
                family: if route.ipv6 { "ipv6" } else { "ipv4" },
                relayed: route.relayed,
            }),
            round_trip_ms: media.round_trip.map(milliseconds),
            speaks: media.speaks,
            uplink: LivePeerLink::from(&media.uplink),
            downlink: LivePeerLink::from(&media.downlink),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Somebody who is in a room.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LivePeerRow {
    /// Who they are.
    #[serde(flatten)]
    who: Participant,
    /// Whether their socket is there; without it the seat waits for them for a while.
    online: bool,
    /// The browser's family and major version; `null` for one that is not known.
    #[schema(example = "Firefox 143", required = true)]
    browser: Option<String>,
    /// The operating system; `null` for one that is not known.
    #[schema(example = "Android", required = true)]
    system: Option<String>,
    /// How their audio gets through; `null` without a media connection.
    #[schema(required = true)]
    media: Option<LivePeerMedia>,
}

impl From<&LivePeer> for LivePeerRow {
    fn from(peer: &LivePeer) -> Self {
        Self {
            who: Participant::from(&peer.participant),
            online: peer.online,
            browser: peer.client.browser.clone(),
            system: peer.client.system.clone(),
            media: peer.media.as_ref().map(LivePeerMedia::from),
        }
    }
}

/// A live room and one page of who is in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LiveRoomDetails {
    /// The room.
    room: LiveRoomRow,
    /// In order of joining.
    participants: Vec<LivePeerRow>,
    /// Gets the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Look into a live room
///
/// Who is in it, with what, and how their audio gets through.
#[utoipa::path(
    get, path = "/api/admin/rooms/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "Which."), LiveRoomQuery),
    responses(
        (status = 200, description = "The room and one page of people.", body = LiveRoomDetails),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`room-not-found`: nobody is in a room of this id"),
    )
)]
pub(crate) async fn admin_get_live_room(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<RoomId>,
    Query(query): Query<LiveRoomQuery>,
) -> Result<Json<LiveRoomDetails>, Problem> {
    admin.may(AdminAction::ViewLive)?;
    let mut check = Check::default();
    let size = page_size(&mut check, query.limit.as_deref());
    let after = page::after(&mut check, query.cursor.as_deref(), |text| text.parse::<ParticipantId>().ok());
    check.finish()?;
    let room = app.supervision.room(id).await.ok_or_else(Problem::room_not_found)?;
    let mut peers = app.supervision.peers(id, after, size.to_read() as usize).await;
    let next_cursor = size.cut(&mut peers, |last| last.participant.id.to_string());
    Ok(Json(LiveRoomDetails {
        room: LiveRoomRow::from(&room),
        participants: peers.iter().map(LivePeerRow::from).collect(),
        next_cursor,
    }))
}

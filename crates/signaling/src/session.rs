//! What one socket's messages do: the seat it has or has not, and the answers it gets.

use std::collections::HashSet;
use std::sync::Arc;

use hubbub_auth::Identity;
use hubbub_domain::user::User;
use hubbub_domain::{Action, Actor, AuditAction, AuditEntry, Client, ParticipantId, RoomId, StorageError, may};
use hubbub_protocol::{
    ClientMessage, CloseCode, ErrorCode, IceCandidateInit, Request, SdpType, ServerMessage, SessionDescription, decode,
};
use hubbub_sfu::{Command, Offer, check_candidate, relayed_address};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, info, info_span, warn};
use uuid::Uuid;

use crate::connections::LOGIN_ENDED;
use crate::convert;
use crate::live::{JoinRefused, LiveRoom, Welcome};
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::registry::InUse;
use crate::room::{Joiner, PendingOffer};
use crate::service::Inner;
use crate::token::{self, TokenHash};
use crate::trace::Trace;

/// How many candidates may follow an offer.
const MAX_CANDIDATES: u32 = 64;

/// How many offers of one seat may wait for the media plane. Each is answered within moments.
const MAX_PENDING_OFFERS: usize = 8;

/// How often a room is read again when it changed while somebody joined.
const JOIN_ATTEMPTS: usize = 5;

/// What ties a socket's log lines to each other and to the request that opened it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The socket's own id.
    pub(crate) socket: Uuid,
    /// `x-request-id` of the handshake, where whoever serves us sets one.
    pub(crate) request: Option<String>,
    /// What the socket was opened with.
    pub(crate) client: Client,
    /// The trace of the handshake, where somebody collects it.
    pub(crate) trace: Option<Trace>,
}

/// One socket's state. Dropping it gives its seat into the hands of time: the resume window runs.
pub(crate) struct Session {
    pub(crate) inner: Arc<Inner>,
    pub(crate) identity: Identity,
    pub(crate) link: Link,
    pub(crate) origin: Box<Origin>,
    /// The last seat taken. The room knows whether it still is this socket's.
    seat: Option<(RoomId, ParticipantId)>,
    /// Candidates since the last offer.
    candidates: u32,
}

impl Session {
    pub(crate) fn new(inner: Arc<Inner>, identity: Identity, link: Link, origin: Box<Origin>) -> Self {
        Self { inner, identity, link, origin, seat: None, candidates: 0 }
    }

    /// Whether the login this socket was opened with still lives.
    pub(crate) async fn login_lives(&self) -> Result<bool, StorageError> {
        self.inner.auth.session_active(self.identity.session).await
    }

    /// Handles one text frame; `allowed` is false when the client sends too many.
    ///
    /// May be dropped at any await without leaving anything half done.
    pub(crate) async fn handle_text(&mut self, text: &str, allowed: bool) {
        let (id, outcome) = match decode(text) {
            Ok(Request { id, message }) => {
                self.inner.metrics().received(&message);
                if allowed { (id, self.handle(id, message).await) } else { (id, Err(too_fast())) }
            }
            Err((id, _)) if !allowed => (id, Err(too_fast())),
            Err((id, error)) => (id, Err(Refusal::new(error.code(), error.to_string()))),
        };
        if let Err(refusal) = outcome {
            let unauthorized = refusal.code == ErrorCode::Unauthorized;
            self.link.send(refusal.into_message(id));
            if unauthorized {
                self.link.close(CloseCode::Unauthorized, LOGIN_ENDED);
            }
        }
    }

    async fn handle(&mut self, id: Option<u32>, message: ClientMessage) -> Result<(), Refusal> {
        match message {
            ClientMessage::Join { room_id, resume_token, muted } => {
                let joined = self.join(id, RoomId(room_id), resume_token.as_deref(), muted).await;
                if let Err(refusal) = &joined {
                    info!(room.id = %room_id, error.code = refusal.code.as_str(), "join refused");
                }
                joined
            }
            ClientMessage::Leave {} => self.leave(id),
            ClientMessage::SessionDescription { description } => self.offer(id, &description),
            ClientMessage::IceCandidate { candidate } => self.candidate(candidate),
            ClientMessage::Mute { participant_id } => self.mute(id, participant_id, true).await,
            ClientMessage::Unmute { participant_id } => self.mute(id, participant_id, false).await,
            ClientMessage::ConnectionTest {} => self.connection_test(id).await,
            ClientMessage::MediaProblem { step } => self.media_problem(step),
            ClientMessage::Ping {} => {
                self.link.send(ServerMessage::Pong { reply_to: id });
                Ok(())
            }
        }
    }

    /// Whether this socket may take a seat now, and whose it would be.
    pub(crate) async fn may_take_seat(&self) -> Result<User, Refusal> {
        if let Ok((room, me)) = self.seated()
            && room.sits(me, &self.link)
        {
            let text = "this socket has a seat already; send leave first, or open another socket";
            return Err(Refusal::new(ErrorCode::AlreadyJoined, text));
        }
        let user = self.identity.user;
        self.inner.joins.take(user).map_err(|seconds| too_often("joined", seconds))?;
        let profile = self.inner.storage.user(user).await.map_err(|e| Refusal::storage(&e))?.ok_or_else(login_ended)?;
        if self.login_lives().await.map_err(|e| Refusal::storage(&e))? { Ok(profile) } else { Err(login_ended()) }
    }

    /// From now on the socket has this seat.
    pub(crate) fn seated_at(&mut self, room: RoomId, me: ParticipantId) {
        self.seat = Some((room, me));
        self.candidates = 0;
    }

    async fn join(
        &mut self,
        reply_to: Option<u32>,
        room_id: RoomId,
        resume_token: Option<&str>,
        muted: bool,
    ) -> Result<(), Refusal> {
        let started = Instant::now();
        let profile = self.may_take_seat().await?;
        let (user, storage) = (self.identity.user, &self.inner.storage);
        let room = self.inner.registry.enter(room_id);
        let span = self.join_span(room_id);
        for _ in 0..JOIN_ATTEMPTS {
            let revision = room.revision();
            let access = storage.room(room_id, user).await.map_err(|e| Refusal::storage(&e))?.ok_or_else(no_room)?;
            may(user, Action::Join, &access)
                .map_err(|denied| Refusal::new(ErrorCode::Forbidden, denied.to_string()))?;
            let mutes = if room.remembers_mutes() {
                HashSet::new()
            } else {
                storage.room_mutes(room_id).await.map_err(|e| Refusal::storage(&e))?.into_iter().collect()
            };
            // From here on nothing waits: the seat is taken and told of, or nothing happened.
            let (resume_token, next_resume) = (resume_token.map(TokenHash::of), token::generate());
            let joiner = Joiner { muted, resume: resume_token, ..self.joiner(&profile, next_resume.1, span.clone()) };
            let welcome = Welcome { reply_to, resume_token: next_resume.0 };
            match room.join((&access.room, mutes), revision, joiner, welcome, self.inner.clock.now()) {
                Ok(me) => {
                    self.seated_at(room_id, me);
                    self.inner.metrics().join_time.observe(started.elapsed());
                    return Ok(());
                }
                Err(JoinRefused::Outdated) => {}
                Err(JoinRefused::Deleted) => return Err(no_room()),
                Err(JoinRefused::Draining) => {
                    let text = "the server is about to restart and takes in nobody new; try again in a moment";
                    return Err(Refusal::new(ErrorCode::ServerDraining, text));
                }
                Err(JoinRefused::Full(limit)) => {
                    let text = format!("all {limit} seats are taken; try again when somebody has left");
                    return Err(Refusal::new(ErrorCode::RoomFull, text));
                }
                Err(JoinRefused::TooManyRooms(limit)) => {
                    let text = format!(
                        "people are in {limit} rooms, as many as this server takes; try again when one is empty"
                    );
                    return Err(Refusal::new(ErrorCode::ServerBusy, text));
                }
                Err(JoinRefused::Busy(error)) => return Err(Refusal::new(ErrorCode::ServerBusy, error.to_string())),
            }
        }
        Err(Refusal::new(ErrorCode::Unavailable, "the room keeps changing; try again in a moment"))
    }

    /// Whoever is behind this socket, as somebody who wants a new seat with the microphone on.
    pub(crate) fn joiner(&self, profile: &User, next_resume: TokenHash, span: Span) -> Joiner<Link> {
        Joiner {
            user: self.identity.user,
            session: self.identity.session,
            client: self.origin.client.clone(),
            username: profile.username.as_str().to_owned(),
            display_name: profile.display_name.as_str().to_owned(),
            avatar_version: profile.avatar_version,
            muted: false,
            resume: None,
            next_resume,
            link: self.link.clone(),
            span,
        }
    }

    /// What is told of a join, from here to the first packet, has the ids that tie it to the request it began with.
    pub(crate) fn join_span(&self, room: RoomId) -> Span {
        let span = info_span!(
            "join",
            request.id = self.origin.request,
            socket.id = %self.origin.socket,
            user.id = %self.identity.user,
            room.id = %room,
            participant.id = Empty,
        );
        if let Some(trace) = &self.origin.trace {
            trace.adopt(&span);
        }
        span
    }

    fn leave(&mut self, reply_to: Option<u32>) -> Result<(), Refusal> {
        let (room, me) = self.seated()?;
        if room.leave(me, &self.link, reply_to) { Ok(()) } else { Err(Refusal::not_joined()) }
    }

    fn offer(&mut self, reply_to: Option<u32>, description: &SessionDescription) -> Result<(), Refusal> {
        let (room, me) = self.seated()?;
        if description.kind != SdpType::Offer {
            let text = "a client sends descriptions of type offer; the server answers them";
            return Err(Refusal::new(ErrorCode::BadSdp, text));
        }
        Offer::check_length(&description.sdp).map_err(|error| Refusal::new(ErrorCode::BadSdp, error.to_string()))?;
        if room.pending_offers(me, &self.link)? >= MAX_PENDING_OFFERS {
            let text = "several offers wait for their answers; wait for one before the next";
            return Err(Refusal::new(ErrorCode::ServerBusy, text));
        }
        self.inner.offers.take(self.identity.user).map_err(|seconds| too_often("offered", seconds))?;
        // Read here, and not in the media plane, where packets would wait for it, nor in the room, where everybody would.
        let offer = Offer::parse(&description.sdp);
        let request = self.inner.next_request();
        room.order(me, &self.link, |seat| {
            seat.offers.push_back(PendingOffer { request, reply_to });
            Ok(Command::Offer { peer: convert::peer(me), request, offer })
        })?;
        self.candidates = 0;
        Ok(())
    }

    /// Reads a candidate for its errors. Nothing is ever sent to an address because a candidate names it.
    fn candidate(&mut self, candidate: Option<IceCandidateInit>) -> Result<(), Refusal> {
        let (room, me) = self.seated()?;
        if !room.sits(me, &self.link) {
            return Err(Refusal::not_joined());
        }
        let Some(candidate) = candidate.filter(|candidate| !candidate.candidate.is_empty()) else { return Ok(()) };
        self.candidates += 1;
        if self.candidates > MAX_CANDIDATES {
            let text = format!("at most {MAX_CANDIDATES} candidates may follow an offer");
            return Err(Refusal::new(ErrorCode::BadCandidate, text));
        }
        check_candidate(&candidate.candidate).map_err(|text| Refusal::new(ErrorCode::BadCandidate, text))?;
        if let Some(address) = relayed_address(&candidate.candidate) {
            room.order(me, &self.link, |_| Ok(Command::Relayed { peer: convert::peer(me), address }))?;
        }
        Ok(())
    }

    async fn mute(&self, reply_to: Option<u32>, target: Option<Uuid>, muted: bool) -> Result<(), Refusal> {
        let (room, me) = self.seated()?;
        let Some(done) = room.mute(me, &self.link, target.map(ParticipantId), muted, reply_to)? else { return Ok(()) };
        let (storage, now) = (self.inner.storage.clone(), self.inner.clock.now());
        // A task, so that it is remembered although the moderator's socket goes meanwhile.
        let remembered = tokio::spawn(async move {
            let (room, user) = (done.room.id, done.user.id);
            if let Err(error) = storage.set_room_mute(room, user, muted).await {
                warn!(room.id = %room, user.id = %user, error = %error, "a moderator's mute counts until the next start only");
            }
            let action = if muted { AuditAction::ParticipantMuted } else { AuditAction::ParticipantUnmuted };
            let entry = AuditEntry::new(Actor::User(done.moderator), action, now).on(done.user).in_room(done.room);
            if let Err(error) = storage.write_audit(&[entry]).await {
                warn!(room.id = %room, user.id = %user, error = %error, "a moderator's mute is missing in the audit log");
            }
        });
        let _ = remembered.await;
        Ok(())
    }

    /// The room of the last seat. The room itself checks whether the seat is still this socket's.
    pub(crate) fn seated(&self) -> Result<(InUse, ParticipantId), Refusal> {
        let (room, me) = self.seat.ok_or_else(Refusal::not_joined)?;
        let room = self.inner.registry.find(room).ok_or_else(Refusal::not_joined)?;
        Ok((room, me))
    }
}

impl Drop for Session {
    /// The seat waits for its socket to come back, unless the login ended: then there is nobody to come back.
    fn drop(&mut self) {
        let Ok((room, me)) = self.seated() else { return };
        let ended = [CloseCode::Unauthorized, CloseCode::Blocked].map(CloseCode::number);
        if self.link.closing().is_some_and(|closing| ended.contains(&closing.code)) {
            room.end_session(me, self.identity.session);
            return;
        }
        let Some(loss) = room.detach(me, &self.link) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (ending, window) = (self.inner.ending.clone(), self.inner.config.resume_window);
        runtime.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(window) => LiveRoom::expire(&room, me, loss),
                () = ending.cancelled() => {}
            }
        });
    }
}

/// What a user's bucket says when it is empty ([`UserRate`](crate::user_rate::UserRate)).
fn too_often(did: &str, seconds: u64) -> Refusal {
    Refusal::new(ErrorCode::RateLimited, format!("you {did} too often of late; try again in {seconds} s"))
}

fn too_fast() -> Refusal {
    Refusal::new(ErrorCode::RateLimited, "too many messages; slow down, or the socket is closed")
}

fn no_room() -> Refusal {
    Refusal::new(ErrorCode::RoomNotFound, "no room has this id; it may have been deleted")
}

fn login_ended() -> Refusal {
    Refusal::new(ErrorCode::Unauthorized, "the login has ended; log in again")
}

//! Everybody who takes part: who is in, who is coming, who is going.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::LOOK;
use super::churn::Churn;
use super::progress::Progress;
use super::room_list::{RoomList, Seating};
use super::sampler::Sampler;
use super::watch::Stop;
use crate::accounts::Account;
use crate::engine::{Engine, PeerId, PeerResult, PeerSpec, Role};
use crate::error::LoadTestError;
use crate::scenario::{Ramp, Scenario};
use crate::session::{RestClient, Session};

/// Logins and leaves under way at the same time.
const AT_ONCE: usize = 16;
/// How long joins that are under way may take to end once the test has ended.
const LAST_JOINS: Duration = Duration::from_secs(5);

/// Everybody who takes part, by number of seat.
pub(super) struct Crowd {
    engine: Arc<Engine>,
    client: RestClient,
    accounts: Vec<Account>,
    sessions: Vec<Session>,
    rooms: RoomList,
    seating: Seating,
    ramp: Ramp,
    members: Vec<Member>,
    moves: JoinSet<Moved>,
    results: Vec<PeerResult>,
    /// Joins begun.
    pub(super) joins: usize,
    /// Joins that failed.
    pub(super) failed_joins: usize,
    /// Peers that left to come back.
    pub(super) churned: usize,
    /// What went wrong, and how often.
    pub(super) failures: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Out,
    Moving,
    In(PeerId),
}

/// Somebody has come, or gone, or both.
struct Moved {
    number: usize,
    left: Option<PeerResult>,
    joined: Option<Result<PeerId, LoadTestError>>,
}

impl Crowd {
    pub(super) fn new(engine: Arc<Engine>, client: RestClient, accounts: Vec<Account>, scenario: &Scenario) -> Self {
        Self {
            engine,
            client,
            accounts,
            sessions: Vec::new(),
            rooms: RoomList::of(scenario),
            seating: Seating::of(scenario),
            ramp: scenario.ramp,
            members: Vec::new(),
            moves: JoinSet::new(),
            results: Vec::new(),
            joins: 0,
            failed_joins: 0,
            churned: 0,
            failures: BTreeMap::new(),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Peers that are in.
    pub(super) fn size(&self) -> usize {
        self.members.iter().filter(|member| matches!(member, Member::In(_))).count()
    }

    /// How many there can be.
    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// What those heard who have left.
    pub(super) fn take_results(&mut self) -> Vec<PeerResult> {
        std::mem::take(&mut self.results)
    }

    /// Logs in and makes rooms for so many peers, unless the test is stopped.
    pub(super) async fn prepare(&mut self, peers: usize, stop: &mut Stop) -> Result<(), LoadTestError> {
        let peers = peers.min(self.accounts.len());
        let client = &self.client;
        let known = self.sessions.len();
        let logins = stream::iter(&self.accounts[known..peers.max(known)])
            .map(|account| account.session(client))
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>();
        tokio::select! {
            sessions = logins => self.sessions.extend(sessions?),
            () = stop.wait() => return Ok(()),
        }
        for number in 0..peers {
            let (room, _) = self.seating.seat(number);
            while self.rooms.count() <= room && !stop.asked() {
                self.rooms.make(&self.sessions[number]).await?;
            }
        }
        Ok(())
    }

    /// Lets peers join along the ramp until there are `peers`, unless the test is stopped. Their logins and rooms have been
    /// prepared.
    ///
    /// # Errors
    /// What keeps more peers from joining: the server refuses or is gone, or this machine has no more sockets. Other
    /// failures are counted, unless nobody at all could join.
    pub(super) async fn grow(
        &mut self,
        peers: usize,
        sampler: &mut Sampler,
        progress: &mut Progress,
        stop: &mut Stop,
    ) -> Result<(), LoadTestError> {
        let peers = peers.min(self.sessions.len());
        self.members.resize(peers.max(self.members.len()), Member::Out);
        let absent: Vec<usize> = (0..peers).filter(|&number| self.members[number] == Member::Out).collect();
        let begin = Instant::now();
        let mut next_look = begin + LOOK;
        let mut began = 0;
        let mut failure = None;
        while (began < absent.len() || !self.moves.is_empty()) && !stop.asked() {
            let next_join = (began < absent.len()).then(|| begin + self.ramp.starts_after(began, absent.len()));
            tokio::select! {
                () = sleep_until(next_join.unwrap_or(next_look).min(next_look)) => {}
                Some(moved) = self.moves.join_next() => {
                    let Some(error) = moved.ok().and_then(|moved| self.settle(moved)) else { continue };
                    if stops_everything(&error) {
                        self.until_nobody_moves().await;
                        return Err(error);
                    }
                    failure = Some(error);
                }
                () = stop.wait() => break,
            }
            let now = Instant::now();
            if next_join.is_some_and(|at| now >= at) {
                self.begin_join(absent[began]);
                began += 1;
            }
            if now >= next_look {
                let moment = sampler.look(&self.engine).await;
                progress.show("joining", Duration::ZERO, &moment);
                next_look = (next_look + LOOK).max(now);
            }
        }
        if stop.asked() {
            self.until_nobody_moves().await;
        }
        match failure {
            Some(error) if self.size() == 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Lets the last ones leave until there are `peers`.
    pub(super) async fn shrink(&mut self, peers: usize) {
        let leaving = self.members.split_off(peers.min(self.members.len()));
        let left = self.leave(leaving).await;
        self.results.extend(left);
    }

    /// Lets one leave, a listener if there is one, and come back at once.
    pub(super) fn replace_one(&mut self, churn: &mut Churn) {
        let here = |listeners: bool| -> Vec<(usize, PeerId)> {
            let members = self.members.iter().enumerate();
            members
                .filter_map(|(number, member)| match member {
                    Member::In(id) => Some((number, *id)),
                    _ => None,
                })
                .filter(|(number, _)| !listeners || self.seating.seat(*number).1 == Role::Listener)
                .collect()
        };
        let mut candidates = here(true);
        if candidates.is_empty() {
            candidates = here(false);
        }
        let Some((number, id)) = churn.pick(candidates.len()).and_then(|picked| candidates.get(picked).copied()) else {
            return;
        };
        let Some(joining) = self.joining(number) else { return };
        let engine = Arc::clone(&self.engine);
        self.members[number] = Member::Moving;
        self.churned += 1;
        self.joins += 1;
        self.moves.spawn(async move {
            let left = engine.leave(id).await.ok();
            Moved { number, left, joined: Some(joining.await) }
        });
    }

    /// Done when somebody's move has ended and was taken note of; never when nobody moves.
    pub(super) async fn one_is_done(&mut self) {
        match self.moves.join_next().await {
            Some(Ok(moved)) => {
                self.settle(moved);
            }
            Some(Err(e)) => self.fail(&e.to_string()),
            None => std::future::pending().await,
        }
    }

    /// Waits for joins that are under way, but not for long.
    pub(super) async fn until_nobody_moves(&mut self) {
        let deadline = Instant::now() + LAST_JOINS;
        while !self.moves.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout(left, self.one_is_done()).await.is_err() {
                self.moves.shutdown().await;
            }
        }
    }

    /// Everybody leaves, and rooms that were made are deleted.
    pub(super) async fn disperse(&mut self) {
        self.until_nobody_moves().await;
        let leaving = std::mem::take(&mut self.members);
        self.leave(leaving).await;
        let remaining = self.rooms.delete().await;
        if remaining > 0 {
            self.fail(&format!("{remaining} rooms of the test could not be deleted"));
        }
    }

    async fn leave(&self, leaving: Vec<Member>) -> Vec<PeerResult> {
        stream::iter(leaving)
            .filter_map(|member| async move {
                match member {
                    Member::In(id) => Some(id),
                    _ => None,
                }
            })
            .map(|id| self.engine.leave(id))
            .buffer_unordered(AT_ONCE)
            .filter_map(|left| async move { left.ok() })
            .collect()
            .await
    }

    fn begin_join(&mut self, number: usize) {
        let Some(joining) = self.joining(number) else { return };
        self.members[number] = Member::Moving;
        self.joins += 1;
        self.moves.spawn(async move { Moved { number, left: None, joined: Some(joining.await) } });
    }

    /// The join of the peer with this seat; `None` when it has no room or no login.
    fn joining(&self, number: usize) -> Option<impl Future<Output = Result<PeerId, LoadTestError>> + use<>> {
        let (room, role) = self.seating.seat(number);
        let mut spec = PeerSpec { session: self.sessions.get(number)?.clone(), room: self.rooms.id(room)?, role };
        let (engine, client) = (Arc::clone(&self.engine), self.client.clone());
        let account = self.accounts.get(number)?.clone();
        Some(async move {
            match (engine.join(spec.clone()).await, &account.password) {
                // The login has run out in a long test.
                (Err(LoadTestError::Refused { code, .. }), Some(password)) if code == "unauthorized" => {
                    spec.session = Session::login(&client, &account.email, password).await?;
                    engine.join(spec).await
                }
                (joined, _) => joined,
            }
        })
    }

    /// Takes note of a move; what went wrong.
    fn settle(&mut self, moved: Moved) -> Option<LoadTestError> {
        self.results.extend(moved.left);
        let joined = moved.joined?;
        if let Some(member) = self.members.get_mut(moved.number) {
            *member = joined.as_ref().map_or(Member::Out, |id| Member::In(*id));
        }
        let error = joined.err()?;
        self.failed_joins += 1;
        self.fail(&error.to_string());
        Some(error)
    }

    fn fail(&mut self, what: &str) {
        let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
        *self.failures.entry(what).or_insert(0) += 1;
    }
}

/// Whether nobody else need try either.
fn stops_everything(error: &LoadTestError) -> bool {
    matches!(
        error,
        LoadTestError::Refused { .. }
            | LoadTestError::Unreachable { .. }
            | LoadTestError::NotHubbub { .. }
            | LoadTestError::Engine { .. }
    )
}

//! What is the same for every server under test.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use hubbub_loadtest::Engine;
use hubbub_loadtest::engine::{PeerId, Role, TalkPattern};

use crate::Failure;
use crate::process::Server;

/// Joins under way at the same time, at most: what is slow is the server then, not the queue before it.
const JOINS_AT_ONCE: usize = 64;

/// Which seat in which room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Different for every peer of a run.
    pub(crate) peer: usize,
    /// The room's number.
    pub(crate) room: usize,
}

/// A server under test with peers in it.
pub(crate) trait Sfu {
    /// Its process.
    fn server(&self) -> &Server;

    /// Where everybody's audio arrives; `None` when each peer has a port of its own.
    fn media_address(&self) -> Option<SocketAddr>;

    /// Opens what a join needs before it begins: a WebSocket, a handle. Who was not prepared does it in the join.
    fn prepare<'a>(&'a self, place: Place) -> BoxFuture<'a, Result<(), Failure>>;

    /// Puts somebody into a room: a speaker speaks, a listener hears all who speak there already.
    fn join<'a>(&'a self, engine: &'a Engine, place: Place, role: Role) -> BoxFuture<'a, Result<PeerId, Failure>>;

    /// Lets all speakers hear each other, where that needs a connection of its own. Called once, after they joined.
    fn connect_speakers<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Waits for all joins, as many under way at the same time as may be.
pub(crate) async fn all_of(
    joins: impl Iterator<Item = impl Future<Output = Result<PeerId, Failure>>>,
) -> Result<(), Failure> {
    stream::iter(joins).buffer_unordered(JOINS_AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await
}

/// The role of a speaker with this number.
pub(crate) fn speaker(stream: usize) -> Role {
    Role::Speaker { stream: u32::try_from(stream).unwrap_or(u32::MAX), talk: TalkPattern::Continuous }
}

/// Puts many into their rooms, in their order, so many a second, and says which peers they became.
pub(crate) async fn join_all(
    sfu: &dyn Sfu,
    engine: &Engine,
    places: &[(Place, Role)],
    a_second: f64,
) -> Result<Vec<PeerId>, Failure> {
    let pause = Duration::from_secs_f64(1.0 / a_second);
    let begin = tokio::time::Instant::now();
    let joins = stream::iter((0_u32..).zip(places)).map(|(number, (place, role))| async move {
        tokio::time::sleep_until(begin + pause * number).await;
        sfu.join(engine, *place, *role).await
    });
    let mut all = Vec::new();
    let mut joins = joins.buffered(JOINS_AT_ONCE);
    while let Some(peer) = joins.next().await {
        all.push(peer?);
    }
    Ok(all)
}

//! Many peers in one room for some time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use crate::accounts::Account;
use crate::error::LoadTestError;
use crate::peer::Peer;
use crate::report::Report;
use crate::session::RestClient;

/// Peers that join at the same time.
const JOINS_AT_ONCE: usize = 8;
/// How long packets may be under way after the last one was sent.
const LAST_PACKETS: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// In which room.
    pub room: Uuid,
    /// How many peers speak, all the time.
    pub speakers: usize,
    /// How many only listen.
    pub listeners: usize,
    /// For how long they speak, once everybody is there.
    pub duration: Duration,
}

impl Scenario {
    /// Logs in, joins, speaks, listens, leaves, and says how it went.
    ///
    /// # Errors
    /// The first thing that went wrong before everybody was in the room. Afterwards nothing is an error: it shows in the
    /// report.
    pub async fn run(&self, client: &RestClient, accounts: &[Account]) -> Result<Report, LoadTestError> {
        let needed = self.speakers + self.listeners;
        if accounts.len() < needed {
            return Err(LoadTestError::TooFewAccounts { needed, available: accounts.len() });
        }
        let peers: Vec<Peer> = stream::iter(accounts[..needed].iter().enumerate())
            .map(|(i, account)| async move {
                let session = account.session(client).await?;
                Peer::join(&session, self.room, i >= self.speakers).await
            })
            .buffered(JOINS_AT_ONCE)
            .try_collect()
            .await?;
        let peers = Arc::new(peers);
        tracing::info!(peers = peers.len(), "everybody is in the room");

        let speech: Vec<_> = (0..self.speakers).map(|i| tokio::spawn(speak(peers.clone(), i, self.duration))).collect();
        let mut failures = Vec::new();
        for task in speech {
            if let Err(e) = task.await.expect("speaking does not panic") {
                failures.push(e.to_string());
            }
        }
        sleep(LAST_PACKETS).await;

        let report = Report::of(&peers, self.speakers, self.duration, failures);
        let peers = Arc::into_inner(peers).expect("the speakers have ended");
        for left in stream::iter(peers).map(Peer::leave).buffer_unordered(JOINS_AT_ONCE).collect::<Vec<_>>().await {
            if let Err(e) = left {
                tracing::debug!(error = %e, "leaving");
            }
        }
        Ok(report)
    }
}

/// A packet every 20 ms. The peer's index is the number of its stream.
async fn speak(peers: Arc<Vec<Peer>>, index: usize, duration: Duration) -> Result<(), LoadTestError> {
    let stream = u32::try_from(index).expect("fewer than 2^32 speakers");
    let mut tick = interval(Duration::from_millis(20));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + duration;
    while Instant::now() < end {
        tick.tick().await;
        peers[index].speak(stream).await?;
    }
    Ok(())
}

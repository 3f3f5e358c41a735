//! A server with `config/small.toml` on SQLite, and fifty people who all talk at once: it stays within the memory that
//! docs/CAPACITY.md promises for a machine with 1 GB.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail the test, and numbers are worth seeing"
)]
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use hubbub_loadtest::Peer;
use support::{PATIENCE, Server};

const PEERS: usize = 50;
/// Packets each of them sends: 4 s of speech.
const PACKETS: u32 = 200;
/// What is promised, also for a build without optimisation, which needs more.
const PROMISED: u64 = 150_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_people_talking_fit_into_150_megabytes() {
    let file = concat!("HUBBUB_CONFIG=", env!("CARGO_MANIFEST_DIR"), "/../../config/small.toml");
    let wrapper = ["env", file];
    let server = Server::start_within(&wrapper, &[("MEDIA__WORKERS", "1")]).await;
    let idle = server.memory("VmRSS");
    let emails = server.register(PEERS).await;
    let sessions: Vec<_> =
        stream::iter(&emails).map(|email| server.login(email)).buffered(4).try_collect().await.unwrap();
    let room = sessions[0].create_room("Fifty", 50).await.unwrap();
    let peers: Vec<Peer> = stream::iter(&sessions)
        .map(|session| Peer::join(session, room, false))
        .buffered(8)
        .try_collect()
        .await
        .unwrap();
    for _ in 0..PACKETS {
        for (stream, peer) in (0..).zip(&peers) {
            peer.speak(stream).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whom a peer hears is the server's choice, of the fifty; that everybody hears somebody is enough here.
    let begin = Instant::now();
    while let Some(deaf) = peers.iter().position(|peer| peer.reception().heard().is_empty()) {
        assert!(begin.elapsed() < PATIENCE, "peer {deaf} hears nobody");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (now, most) = (server.memory("VmRSS"), server.memory("VmHWM"));
    eprintln!("resident: {idle} bytes idle, {now} with {PEERS} people talking, {most} at most");
    assert!(most < PROMISED, "{most} bytes were resident; {PROMISED} are promised");
    assert!(now >= idle / 2, "the numbers are those of a server that runs");
    for peer in peers {
        peer.leave().await.unwrap();
    }
}

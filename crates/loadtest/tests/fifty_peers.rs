//! Fifty people in one room, three of whom speak: everybody hears every packet of the others, once and in order.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use hubbub_loadtest::Peer;
use support::{PATIENCE, Server};

const PEERS: usize = 50;
const SPEAKERS: usize = 3;
/// Packets a speaker sends: 4 s of speech.
const PACKETS: u32 = 200;
/// How far a speaker may be ahead of the slowest listener. Speaking waits for listening, so that a machine that is slow
/// or busy makes the test slow and not wrong; a packet that is really lost stops it.
const WINDOW: u32 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_listener_hears_every_packet_once_and_in_order() {
    let server = Server::start().await;
    let emails = server.register(PEERS).await;
    let sessions: Vec<_> =
        stream::iter(&emails).map(|email| server.login(email)).buffered(4).try_collect().await.unwrap();
    let room = sessions[0].create_room("Fifty", 50).await.unwrap();
    let peers: Vec<Peer> = stream::iter(sessions.iter().enumerate())
        .map(|(i, session)| Peer::join(session, room, i >= SPEAKERS))
        .buffered(8)
        .try_collect()
        .await
        .unwrap();
    for peer in &peers {
        let mut view = peer.signaling().view();
        let all_there = view.wait_for(|view| view.participants == PEERS);
        tokio::time::timeout(PATIENCE, all_there).await.expect("everybody sees everybody").unwrap();
    }

    for number in 0..PACKETS {
        for (stream, speaker) in (0..).zip(&peers[..SPEAKERS]) {
            speaker.speak(stream).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        until_heard(&peers, (number + 1).saturating_sub(WINDOW)).await;
    }
    until_heard(&peers, PACKETS).await;
    // Whatever comes twice may come late.
    tokio::time::sleep(Duration::from_millis(500)).await;

    for (listener, peer) in peers.iter().enumerate() {
        let heard = peer.reception().heard();
        let expected: Vec<u32> = (0_u32..).take(SPEAKERS).filter(|&speaker| speaker as usize != listener).collect();
        assert_eq!(heard.keys().copied().collect::<Vec<_>>(), expected, "whom peer {listener} hears");
        for (speaker, heard) in heard {
            let what = format!("peer {listener} of speaker {speaker}");
            assert_eq!(heard.range, Some((0, PACKETS - 1)), "{what}");
            assert_eq!((heard.distinct, heard.duplicates, heard.reordered), (PACKETS.into(), 0, 0), "{what}");
            assert_eq!(heard.lost(PACKETS), 0, "{what}");
        }
        assert_eq!(peer.reception().foreign(), 0, "peer {listener}");
    }
    for peer in peers {
        peer.leave().await.unwrap();
    }
}

/// Waits until everybody has `count` packets of every other speaker.
async fn until_heard(peers: &[Peer], count: u32) {
    let begin = Instant::now();
    loop {
        let missing = peers.iter().enumerate().find_map(|(listener, peer)| {
            (0_u32..).take(SPEAKERS).filter(|&speaker| speaker as usize != listener).find_map(|speaker| {
                let distinct = peer.reception().distinct(speaker);
                (distinct < u64::from(count)).then_some((listener, speaker, distinct))
            })
        });
        let Some((listener, speaker, distinct)) = missing else { return };
        assert!(
            begin.elapsed() < PATIENCE,
            "peer {listener} has {distinct} of {count} packets of speaker {speaker}, and no more come"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

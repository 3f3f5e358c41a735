//! What hostile peers with a validated address can do: nothing to others, little to us.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{Link, PERFECT};
use crate::test_client::ClientOptions;
use crate::test_client::handshake::{fragment, hello, next_message};
use crate::transport::{Dropped, TransportEvent};

/// A link whose client has passed its check and not yet begun with DTLS.
fn validated() -> Link {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    link.run(Duration::from_millis(6));
    assert!(link.server.is_validated(link.path()));
    link
}

#[test]
fn of_two_hundred_thousand_fragments_of_one_byte_few_are_looked_at() {
    let whole = hello(false);
    // Of the real message, again and again; and of one that claims to be as large as the length field can say.
    let mut endless = whole.clone();
    endless[14..17].copy_from_slice(&[0, 0x3F, 0xFF]);
    for source in [whole, endless] {
        let mut link = validated();
        let mut parts = fragment(&source, 1);
        parts.pop();
        let (mut taken, mut sent) = (0, 0);
        for n in 0..200_000 {
            let (result, out) = link.inject(link.path(), &parts[n % parts.len()]);
            taken += usize::from(result != Err(Dropped::HandshakeFlood));
            sent += out.len();
        }
        assert!(taken <= 512, "{taken} datagrams were looked at");
        assert_eq!(sent, 0);
    }
}

#[test]
fn nor_are_fragments_behind_a_whole_hello() {
    for dtls12 in [false, true] {
        let mut link = validated();
        let whole = hello(dtls12);
        let (result, out) = link.inject(link.path(), &whole);
        assert_eq!(result, Ok(()));
        assert!(!out.is_empty(), "the server's flight");
        // Fragments of the message that comes next.
        let parts = fragment(&next_message(&whole), 1);
        let mut taken = 0;
        for n in 0..200_000 {
            let (result, _) = link.inject(link.path(), &parts[n % parts.len()]);
            taken += usize::from(result.is_ok());
        }
        assert!(taken <= 512, "{taken} datagrams were looked at");
    }
}

#[test]
fn garbage_at_every_stage_of_a_handshake_does_no_harm() {
    let mut rng = SmallRng::seed_from_u64(7);
    for dtls12 in [false, true] {
        for stage in 0..8 {
            for _ in 0..20 {
                let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, PERFECT, rng.random());
                link.run(Duration::from_millis(4 * stage + 6));
                let path = link.path();
                for _ in 0..40 {
                    let mut bytes = match link.underway.iter().find(|d| d.to_server) {
                        Some(datagram) => datagram.bytes.clone(),
                        None => (0..rng.random_range(13..300)).map(|_| rng.random()).collect(),
                    };
                    for _ in 0..rng.random_range(1..6) {
                        let at = rng.random_range(0..bytes.len());
                        bytes[at] = rng.random();
                    }
                    bytes.truncate(rng.random_range(1..=bytes.len()));
                    if bytes[0] > 3 {
                        bytes[0] = [20, 21, 22, 23, 26, 47, 0x80][rng.random_range(0..7)];
                    }
                    let _ = link.inject(path, &bytes);
                }
            }
        }
    }
}

#[test]
fn garbage_on_a_live_connection_does_not_end_it() {
    let mut rng = SmallRng::seed_from_u64(8);
    for dtls12 in [false, true] {
        let mut link = Link::connected(ClientOptions { dtls12, ..Default::default() });
        let path = link.path();
        for n in 0..5_000 {
            if n % 10 == 0 {
                link.run(Duration::from_millis(100));
            }
            let mut bytes: Vec<u8> = (0..rng.random_range(1..200)).map(|_| rng.random()).collect();
            bytes[0] = rng.random_range(20..192);
            let _ = link.inject(path, &bytes);
        }
        link.run(Duration::from_secs(1));
        link.client.send_audio(10, b"still here");
        link.run(Duration::from_secs(1));
        assert!(link.server.is_connected(), "{:?}", link.events);
        assert!(link.rtp.last().is_some_and(|packet| packet.ends_with(b"still here")));
    }
}

#[test]
fn a_live_peer_cannot_keep_dtls_busy() {
    let mut link = Link::connected(ClientOptions::default());
    let mut record = vec![23, 254, 253, 0, 1];
    record.extend_from_slice(&[0; 60]);
    let mut taken = 0;
    for _ in 0..100 {
        link.run(Duration::from_millis(100));
        for _ in 0..1_000 {
            taken += usize::from(link.inject(link.path(), &record).0 != Err(Dropped::HandshakeFlood));
        }
    }
    assert!(taken <= 512 + 10 * 10, "{taken} of 100 000 were looked at");
    assert!(link.server.is_connected());
    assert!(!link.events.iter().any(|event| matches!(event, TransportEvent::Lost(_))));
}

//! The DTLS a test client speaks, and handshake datagrams as an attacker would send them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::NamedGroup;
use dimpl::{Config, Dtls, DtlsCertificate, Output};

/// The record header of DTLS 1.2, which a ClientHello has in every version (RFC 6347, section 4.1).
const RECORD_HEADER: usize = 13;
/// RFC 6347, section 4.2.2.
const HANDSHAKE_HEADER: usize = 12;

/// An active association.
pub(super) fn begin(now: Instant, certificate: DtlsCertificate, dtls12: bool) -> Box<Dtls> {
    let config = Config::builder()
        // What browsers send a key share of, besides post-quantum ones.
        .kx_groups(&[NamedGroup::X25519, NamedGroup::Secp256r1])
        .flight_start_rto(Duration::from_millis(100))
        .flight_retries(100)
        .max_queue_tx(60)
        .handshake_timeout(Duration::from_secs(60))
        .build();
    let config = Arc::new(config.expect("a configuration"));
    let mut dtls = Box::new(if dtls12 {
        Dtls::new_12(config, certificate, now)
    } else {
        Dtls::new_auto(config, certificate, now)
    });
    dtls.set_active(true);
    dtls
}

/// A ClientHello: one datagram with one record.
pub(crate) fn hello(dtls12: bool) -> Vec<u8> {
    let now = Instant::now();
    let certificate = dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
    let mut dtls = begin(now, certificate, dtls12);
    dtls.handle_timeout(now).expect("a beginning");
    match dtls.poll_output(&mut [0; 4096]) {
        Output::Packet(datagram) => datagram.to_vec(),
        _ => panic!("a client begins with its hello"),
    }
}

/// The same message as if it were the one after it, of another type.
pub(crate) fn next_message(hello: &[u8]) -> Vec<u8> {
    const CERTIFICATE: u8 = 11;
    let mut next = hello.to_vec();
    next[RECORD_HEADER] = CERTIFICATE;
    next[RECORD_HEADER + 4..RECORD_HEADER + 6].copy_from_slice(&[0, 1]);
    next
}

/// Cuts a datagram with one handshake record of one message into records with fragments of `size` bytes.
pub(crate) fn fragment(datagram: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (record, rest) = datagram.split_at(RECORD_HEADER);
    let (header, body) = rest.split_at(HANDSHAKE_HEADER);
    let u16 = |number: usize| u16::try_from(number).expect("small").to_be_bytes();
    let fragments = body.chunks(size).enumerate().map(|(index, chunk)| {
        let mut fragment = record[..RECORD_HEADER - 4].to_vec();
        fragment.extend(u16(index));
        fragment.extend(u16(HANDSHAKE_HEADER + chunk.len()));
        fragment.extend_from_slice(&header[..6]);
        fragment.push(0);
        fragment.extend(u16(index * size));
        fragment.push(0);
        fragment.extend(u16(chunk.len()));
        fragment.extend_from_slice(chunk);
        fragment
    });
    fragments.collect()
}

//! A client on another DTLS library, which speaks DTLS 1.2 alone and lets cipher suites and the order of SRTP profiles
//! be chosen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::cipher_suite::CipherSuiteId as Suite;
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile as Profile;
use rtc_shared::TransportProtocol;
use rtc_srtp::crypto::default_provider;

use super::ice::{request, user_name};
use super::{Credentials, Identity, Outbox, Path, Transport, client_address, header, server_address};
use crate::transport::srtp::{Role, SrtpKeys, SrtpProfile, SrtpSession};
use crate::transport::{Fingerprint, TransportEvent};

/// Joins with these profiles offered; the events, the negotiated profile, and the client's keys' length exported.
fn join(profiles: Vec<Profile>) -> (Transport, Option<SrtpSession>, Vec<TransportEvent>) {
    // None named are the library's usual ones.
    join_by(vec![], profiles)
}

/// The same with these cipher suites alone.
fn join_by(suites: Vec<Suite>, profiles: Vec<Profile>) -> (Transport, Option<SrtpSession>, Vec<TransportEvent>) {
    let now = Instant::now();
    let crypto = default_provider().unwrap();
    let certificate = Certificate::generate_self_signed(vec!["client".to_owned()], crypto.crypto()).unwrap();
    let fingerprint = Fingerprint::of_certificate(&certificate.certificate[0]);
    let identity = Identity::generate().unwrap();
    let local = Credentials::generate();
    let mut server = Transport::new(now, &identity, local.clone(), vec![fingerprint]);
    let path = Path::udp(client_address());
    let mut out = Outbox::new();
    let check = request(&user_name(&local), &local.password, &[], &[]);
    server.handle_stun(now, path, &check, &mut out).unwrap();
    out.clear();

    let config = ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(&crypto))
        .with_certificates(vec![certificate])
        .with_cipher_suites(suites)
        .with_srtp_protection_profiles(profiles)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_insecure_skip_verify(true)
        .build(true, None)
        .unwrap();
    let mut client = Endpoint::new(client_address(), TransportProtocol::UDP, None);
    client.connect(now, server_address(), Arc::new(config), None).unwrap();

    let (mut events, mut complete) = (Vec::new(), false);
    for _ in 0..20 {
        while let Some(transmit) = client.poll_transmit() {
            let _ = server.handle_dtls(now, path, &transmit.message, &mut out);
        }
        for (to, datagram) in out.datagrams() {
            assert_eq!(to, path);
            // The client refuses what it does not like; whether it got on is seen below.
            let read = client.read(now, server_address(), None, BytesMut::from(datagram)).unwrap_or_default();
            complete |= read.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
        }
        out.clear();
        events.extend(std::iter::from_fn(|| server.poll_event()));
    }
    server.handle_timeout(now + Duration::from_secs(1), &mut out);
    let session = complete.then_some(()).and_then(|()| {
        let state = client.get_connection_state(server_address()).unwrap();
        let (profile, length) = match state.srtp_protection_profile() {
            Profile::Srtp_Aead_Aes_128_Gcm => (SrtpProfile::AeadAes128Gcm, 56),
            Profile::Srtp_Aead_Aes_256_Gcm => (SrtpProfile::AeadAes256Gcm, 88),
            Profile::Srtp_Aes128_Cm_Hmac_Sha1_80 => (SrtpProfile::Aes128CmSha1_80, 60),
            _ => return None,
        };
        let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], length).unwrap();
        SrtpSession::new(&SrtpKeys::new(profile, material.as_ref()), Role::Client).ok()
    });
    (server, session, events)
}

#[test]
fn aead_is_taken_whatever_the_clients_order() {
    use Profile::{
        Srtp_Aead_Aes_128_Gcm as Gcm128, Srtp_Aead_Aes_256_Gcm as Gcm256, Srtp_Aes128_Cm_Hmac_Sha1_80 as Sha1,
    };
    for (profiles, expected) in [
        (vec![Sha1, Gcm128], SrtpProfile::AeadAes128Gcm),
        (vec![Sha1, Gcm128, Gcm256], SrtpProfile::AeadAes256Gcm),
        (vec![Gcm128, Sha1], SrtpProfile::AeadAes128Gcm),
        (vec![Sha1], SrtpProfile::Aes128CmSha1_80),
    ] {
        let (mut server, client, events) = join(profiles);
        assert_eq!(events, [TransportEvent::PathAdded(Path::udp(client_address())), TransportEvent::Connected]);
        assert_eq!(server.srtp_profile(), Some(expected));
        let mut client = client.expect("the client is done, too");
        assert_eq!(client.profile(), expected);
        let packet = [&[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7][..], b"opus"].concat();
        let mut wire = packet.clone();
        client.protect_rtp(0, &mut wire, 0).unwrap();
        let plain = server.unprotect_rtp(Path::udp(client_address()), &mut wire, |ssrc| ssrc == 7).unwrap();
        assert_eq!(plain, packet);
        let mut wire = Vec::new();
        server.protect_rtp(header(7, 1), b"opus", &mut wire).unwrap();
        let plain = client.unprotect_rtp(&mut wire, |_| true).unwrap();
        assert_eq!(plain, packet, "both directions have their own keys");
    }
}

#[test]
fn a_client_without_srtp_gets_no_connection() {
    let (server, _, events) = join(vec![]);
    assert!(!server.is_connected());
    assert!(events.contains(&TransportEvent::Lost(crate::event::LostReason::DtlsFailed)), "{events:?}");
}

#[test]
fn a_client_with_nothing_but_weak_ciphers_gets_no_connection() {
    const GCM: Profile = Profile::Srtp_Aead_Aes_128_Gcm;
    let (server, client, events) = join_by(vec![Suite::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256], vec![GCM]);
    assert!(server.is_connected() && client.is_some(), "a strong suite by itself is enough: {events:?}");
    for (suite, profile) in [
        // CBC with HMAC-SHA1, and tags of 64 bits.
        (Suite::Tls_Ecdhe_Ecdsa_With_Aes_256_Cbc_Sha, GCM),
        (Suite::Tls_Ecdhe_Ecdsa_With_Aes_128_Ccm_8, GCM),
        // SRTP with tags of 32 bits.
        (Suite::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256, Profile::Srtp_Aes128_Cm_Hmac_Sha1_32),
    ] {
        let (server, client, events) = join_by(vec![suite], vec![profile]);
        assert!(!server.is_connected() && server.srtp_profile().is_none(), "{suite:?}, {profile:?}: {events:?}");
        assert!(client.is_none() && !events.contains(&TransportEvent::Connected), "{suite:?}, {profile:?}: {events:?}");
    }
}

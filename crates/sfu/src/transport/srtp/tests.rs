//! The RFCs' test vectors, and rtc-srtp on the other side.

use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::default_provider;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};

use super::cipher::{Cipher, Place};
use super::keys::{Master, Purpose};
use super::*;

const PROFILES: [SrtpProfile; 3] =
    [SrtpProfile::AeadAes256Gcm, SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmSha1_80];

/// Hexadecimal, with spaces wherever they help to read it.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn counting(len: u8) -> Vec<u8> {
    (0..len).collect()
}

#[test]
fn keys_are_derived_as_in_rfc_3711_appendix_b_3() {
    let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let master = Master { key: &key, salt: &salt };
    assert_eq!(master.derive::<16>(Purpose::RtpEncryption).unwrap(), *hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(master.derive::<14>(Purpose::RtpSalt).unwrap(), *hex("30CBBC08863D8C85D49DB34A9AE1"));
    let authentication = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    assert_eq!(master.derive::<20>(Purpose::RtpAuthentication).unwrap(), *authentication);
}

#[test]
fn keys_of_256_bits_are_derived_as_in_rfc_6188_section_7_1() {
    let key = hex("f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6");
    let salt = hex("3b04803de51ee7c96423ab5b78d2");
    let master = Master { key: &key, salt: &salt };
    let wanted = hex("5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4");
    assert_eq!(master.derive::<32>(Purpose::RtpEncryption).unwrap(), *wanted);
    assert_eq!(master.derive::<14>(Purpose::RtpSalt).unwrap(), *hex("fa31791685ca444a9e07c6c64e93"));
}

#[test]
fn master_keys_of_other_lengths_are_refused() {
    for (key, salt) in [(15, 14), (17, 14), (0, 0), (16, 15), (32, 17)] {
        let (key, salt) = (counting(key), counting(salt));
        let refused = Master { key: &key, salt: &salt }.derive::<16>(Purpose::RtpEncryption);
        assert!(refused.unwrap_err().contains(&format!("key of {} bytes and a salt of {}", key.len(), salt.len())));
    }
    assert!(SrtpSession::new(&SrtpKeys::new(SrtpProfile::AeadAes128Gcm, &[0; 55]), Role::Server).is_err());
}

/// The cipher of RFC 7714, sections 16 and 17, with a key of 16 or 32 bytes.
fn gcm(key: u8) -> Cipher {
    let (key, salt) = (counting(key), *b"Quid pro quo");
    let keys = match key.len() {
        16 => SessionKeys::Gcm128 { key: key.try_into().unwrap(), salt },
        _ => SessionKeys::Gcm256 { key: key.try_into().unwrap(), salt },
    };
    keys.cipher().unwrap()
}

/// The packet of RFC 7714, section 16.
fn rfc_7714_packet() -> Vec<u8> {
    [&hex("8040f17b 8041f8d3 5501a0b2")[..], b"Gallia est omnis divisa in partes tres"].concat()
}

#[test]
fn rtp_is_encrypted_as_in_rfc_7714_section_16() {
    let place = Place { ssrc: 0x5501_a0b2, index: 0xf17b };
    for (key, encrypted) in [
        (
            16,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
             899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            32,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let cipher = gcm(key);
        let mut packet = [&[9, 9][..], &rfc_7714_packet()].concat();
        cipher.seal_rtp(place, 12, &mut packet, 2).unwrap();
        let wanted = [&hex("0909 8040f17b 8041f8d3 5501a0b2")[..], &hex(encrypted)].concat();
        assert_eq!(packet, wanted);
        let plain = cipher.open_rtp(place, 12, &mut packet[2..]).unwrap();
        assert_eq!(packet[2..2 + plain], rfc_7714_packet());
    }
}

#[test]
fn rtcp_is_encrypted_as_in_rfc_7714_section_17() {
    let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef");
    let place = Place { ssrc: 0x4d61_7273, index: 0x5d4 };
    let cipher = gcm(16);
    let mut packet = plain.clone();
    cipher.seal_rtcp(place, &mut packet, 0).unwrap();
    let wanted = hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
         730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    assert_eq!(packet, wanted);
    assert_eq!(cipher.rtcp_index(&packet), Ok(0x5d4));
    let len = cipher.open_rtcp(place, &mut packet).unwrap();
    assert_eq!(packet[..len], plain);
}

#[test]
fn the_key_stream_is_the_one_of_rfc_3711_appendix_b_2() {
    let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let cipher = Cipher::counter_mode(&key, salt, &[0; 20]).unwrap();
    let mut packet = vec![0; 12 + 48];
    cipher.seal_rtp(Place { ssrc: 0, index: 0 }, 12, &mut packet, 0).unwrap();
    let stream =
        hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0");
    assert_eq!(packet[12..60], stream);
    assert_eq!(packet.len(), 12 + 48 + 10);
}

/// Both ends with the same keys: ours, and rtc-srtp's for each direction.
struct Ends {
    ours: SrtpSession,
    sender: Context,
    receiver: Context,
}

impl Ends {
    fn new(profile: SrtpProfile) -> Self {
        let (key, salt) = (profile.library().key_len(), profile.library().salt_len());
        let material: Vec<u8> = (0..2 * (key + salt)).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
        let mut config = Config { profile: profile.library(), ..Config::default() };
        config.set_session_keys_from_keying_material(&material, true).unwrap();
        let keys = config.keys;
        let crypto = default_provider().unwrap();
        let context = |key: &[u8], salt: &[u8]| {
            let replay = (srtp_replay_protection(128), srtcp_replay_protection(128));
            Context::new(key, salt, profile.library(), Some(replay.0), Some(replay.1), crypto.crypto()).unwrap()
        };
        Self {
            ours: SrtpSession::new(&SrtpKeys::new(profile, &material), Role::Server).unwrap(),
            sender: context(&keys.local_master_key, &keys.local_master_salt),
            receiver: context(&keys.remote_master_key, &keys.remote_master_salt),
        }
    }
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8], extended: bool) -> Vec<u8> {
    let mut packet = vec![if extended { 0x91 } else { 0x80 }, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend([1, 2, 3, 4]);
    packet.extend(ssrc.to_be_bytes());
    if extended {
        packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
    }
    packet.extend(payload);
    packet
}

#[test]
fn a_packet_that_does_not_authenticate_leaves_no_trace() {
    for profile in PROFILES {
        let Ends { mut ours, mut sender, .. } = Ends::new(profile);
        let good = sender.encrypt_rtp(&rtp(7, 1, b"opus", false)).unwrap();
        let far = sender.encrypt_rtp(&rtp(7, 30_000, b"opus", false)).unwrap();
        for at in 2..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 0x10;
            assert!(ours.unprotect_rtp(&mut bad, |_| true).is_err(), "byte {at}");
        }
        let mut bad = far.to_vec();
        bad[20] ^= 1;
        assert_eq!(ours.unprotect_rtp(&mut bad, |_| true), Err(Dropped::BadTag));
        assert_eq!(ours.streams(), (0, 0));
        assert!(ours.unprotect_rtp(&mut good.to_vec(), |_| true).is_ok(), "the window did not move");
        assert_eq!(ours.unprotect_rtp(&mut good.to_vec(), |_| true), Err(Dropped::Replayed));
    }
}

#[test]
fn who_sends_no_rtp_has_no_cipher_for_it() {
    for profile in PROFILES {
        let Ends { mut ours, mut sender, .. } = Ends::new(profile);
        let rtcp = sender.encrypt_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 7]).unwrap();
        assert!(ours.unprotect_rtcp(&mut rtcp.to_vec()).is_ok());
        assert!(matches!(ours.rtp_in, Inbound::Unused(_)));
        let packet = sender.encrypt_rtp(&rtp(7, 1, b"opus", false)).unwrap();
        assert_eq!(ours.unprotect_rtp(&mut packet.to_vec(), |_| false), Err(Dropped::UnknownSsrc));
        assert!(matches!(ours.rtp_in, Inbound::Unused(_)), "not admitted");
        assert!(ours.unprotect_rtp(&mut packet.to_vec(), |_| true).is_ok());
        assert!(matches!(ours.rtp_in, Inbound::Used(_)));
    }
}

#[test]
fn rtcp_that_is_not_encrypted_or_too_short_is_dropped() {
    for profile in PROFILES {
        let Ends { mut ours, mut sender, .. } = Ends::new(profile);
        let good = sender.encrypt_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 7]).unwrap();
        let mut plain = good.to_vec();
        let flag = if profile == SrtpProfile::Aes128CmSha1_80 { plain.len() - 14 } else { plain.len() - 4 };
        plain[flag] &= 0x7f;
        assert_eq!(ours.unprotect_rtcp(&mut plain), Err(Dropped::Malformed));
        for len in 0..good.len() {
            assert!(ours.unprotect_rtcp(&mut good[..len].to_vec()).is_err());
        }
        assert!(ours.unprotect_rtcp(&mut good.to_vec()).is_ok());
        assert_eq!(ours.unprotect_rtcp(&mut good.to_vec()), Err(Dropped::Replayed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// rtc-srtp encrypts, we decrypt: through roll-overs, in any order within the window, everything once.
    #[test]
    fn what_rtc_srtp_sends_is_read(
        profile in 0usize..3,
        first in 0u16..0x8000,
        // Eight times the largest step is less than half of the numbers.
        steps in proptest::collection::vec((prop_oneof![1u16..9, 1u16..4000], any::<bool>()), 1..150),
        disorder in 1usize..=8,
        payload in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        let Ends { mut ours, mut sender, .. } = Ends::new(PROFILES[profile]);
        let mut sequence = first;
        let mut packets = Vec::new();
        for (step, extended) in steps {
            let plain = rtp(7, sequence, &payload, extended);
            let encrypted = sender.encrypt_rtp(&plain).unwrap();
            packets.push((plain, encrypted));
            sequence = sequence.wrapping_add(step);
        }
        // The first one has to come first: it tells how often the number has rolled over.
        for chunk in packets[1..].chunks_mut(disorder) {
            chunk.reverse();
        }
        let mut received = 0;
        for (plain, encrypted) in &packets {
            match ours.unprotect_rtp(&mut encrypted.to_vec(), |_| true) {
                Ok(decrypted) => {
                    prop_assert_eq!(&*decrypted, &plain[..]);
                    received += 1;
                }
                // Overtaken by a leap that is larger than the window.
                Err(dropped) => prop_assert_eq!(dropped, Dropped::Replayed),
            }
        }
        prop_assert!(received > 0);
        for (_, encrypted) in &packets {
            prop_assert!(ours.unprotect_rtp(&mut encrypted.to_vec(), |_| true).is_err(), "everything is known");
        }
    }

    /// We encrypt, rtc-srtp decrypts.
    #[test]
    fn what_we_send_is_read_by_rtc_srtp(
        profile in 0usize..3,
        first in 0u64..0x8000,
        steps in proptest::collection::vec(1u64..9000, 1..80),
        payload in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        let Ends { mut ours, mut receiver, .. } = Ends::new(PROFILES[profile]);
        let mut index = first;
        for step in steps {
            let sequence = u16::try_from(index & 0xffff).unwrap();
            let plain = rtp(7, sequence, &payload, step % 2 == 0);
            let mut packet = [&[1, 2, 3][..], &plain].concat();
            ours.protect_rtp(u32::try_from(index >> 16).unwrap(), &mut packet, 3).unwrap();
            prop_assert_eq!(packet.len(), 3 + plain.len() + ours.rtp_overhead());
            prop_assert_eq!(&receiver.decrypt_rtp(&packet[3..]).unwrap()[..], &plain[..]);
            index += step;
        }
    }

    #[test]
    fn rtcp_is_read_both_ways(profile in 0usize..3, count in 1u32..50, body in proptest::collection::vec(any::<u32>(), 0..40)) {
        let Ends { mut ours, mut sender, mut receiver } = Ends::new(PROFILES[profile]);
        for ssrc in 0..count {
            let mut plain = vec![0x80, 201, 0, u8::try_from(body.len() + 1).unwrap()];
            plain.extend((ssrc % 3).to_be_bytes());
            plain.extend(body.iter().flat_map(|word| word.to_be_bytes()));
            let mut packet = [&[1, 2, 3][..], &plain].concat();
            ours.protect_rtcp(&mut packet, 3).unwrap();
            prop_assert_eq!(&receiver.decrypt_rtcp(&packet[3..]).unwrap()[..], &plain[..]);
            let mut packet = sender.encrypt_rtcp(&plain).unwrap().to_vec();
            prop_assert_eq!(&*ours.unprotect_rtcp(&mut packet).unwrap(), &plain[..]);
        }
    }

    /// Whatever arrives is dropped without a panic.
    #[test]
    fn garbage_is_dropped(profile in 0usize..3, mut packet in proptest::collection::vec(any::<u8>(), 0..200), first in 128u8..192) {
        let Ends { mut ours, .. } = Ends::new(PROFILES[profile]);
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        prop_assert!(ours.unprotect_rtp(&mut packet.clone(), |_| true).is_err());
        prop_assert!(ours.unprotect_rtcp(&mut packet).is_err());
        prop_assert_eq!(ours.streams(), (0, 0));
    }
}

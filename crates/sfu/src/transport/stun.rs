//! STUN as ICE uses it (RFC 8489, RFC 8445 section 7): reading Binding requests, writing their answers, on rtc-stun.
//!
//! Only what MESSAGE-INTEGRITY covers is believed: attributes behind it are ignored, except FINGERPRINT.

use rtc_srtp::crypto::{RTCCrypto, constant_time_eq};
use rtc_stun::attributes::{
    ATTR_ERROR_CODE, ATTR_FINGERPRINT, ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_MESSAGE_INTEGRITY_SHA256,
    ATTR_NONCE, ATTR_PASSWORD_ALGORITHM, ATTR_PRIORITY, ATTR_REALM, ATTR_UNKNOWN_ATTRIBUTES, ATTR_USE_CANDIDATE,
    ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::error_code::{CODE_ROLE_CONFLICT, CODE_UNKNOWN_ATTRIBUTE, ErrorCode, ErrorCodeAttribute};
use rtc_stun::fingerprint::{FINGERPRINT, fingerprint_value};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, MAGIC_COOKIE, MESSAGE_HEADER_SIZE, Message, Setter, TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;

use std::net::SocketAddr;

use super::Dropped;

/// A larger STUN datagram is no check: real ones have 80 to 200 bytes (more with DTLS carried inside, which is ignored).
const CHECK_MAX: usize = 1500;
/// Attributes in a check; real ones have at most ten.
const ATTRIBUTES_MAX: usize = 32;
/// Unknown attributes named in a 420 answer.
const UNKNOWN_NAMED_MAX: usize = 8;

/// Bytes of a STUN header.
pub(super) const HEADER: usize = MESSAGE_HEADER_SIZE;

/// Whether these first bytes of a datagram, however few, are those of a Binding request (RFC 8489, section 5).
pub(super) fn may_be_request(head: &[u8]) -> bool {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let wanted = [Some(0), Some(1), None, None].into_iter().chain(cookie.map(Some));
    head.iter().zip(wanted).all(|(byte, wanted)| wanted.is_none_or(|wanted| wanted == *byte))
}

/// The local user name fragment a datagram asks for, in a Binding request: the part of USERNAME before the colon
/// (RFC 8445, section 7.2.2). Nothing is verified yet. Does not allocate.
pub(crate) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut rest) = datagram.split_at_checked(MESSAGE_HEADER_SIZE)?;
    if header[..2] != [0, 1] || header[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return None;
    }
    loop {
        let (head, tail) = rest.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if u16::from_be_bytes([head[0], head[1]]) == ATTR_USERNAME.0 {
            let name = std::str::from_utf8(tail.get(..length)?).ok()?;
            return name.split_once(':').map(|(local, _)| local);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
}

/// A Binding request with the right FINGERPRINT and MESSAGE-INTEGRITY.
#[derive(Debug)]
pub(super) struct Check {
    transaction: TransactionId,
    length: usize,
    /// The sender thinks that we are controlling.
    pub(super) claims_controlled: bool,
    /// USE-CANDIDATE: send here.
    pub(super) nominates: bool,
    /// Attributes that have to be understood and are not.
    pub(super) unknown: Vec<AttrType>,
}

impl Check {
    /// Reads and verifies a check for the local user name fragment and password.
    ///
    /// # Errors
    /// Why it must be dropped without an answer.
    pub(super) fn verify(
        datagram: &[u8],
        ufrag: &str,
        password: &str,
        crypto: &dyn RTCCrypto,
    ) -> Result<Self, Dropped> {
        if datagram.len() > CHECK_MAX {
            return Err(Dropped::Malformed);
        }
        let mut message = Message::new();
        message.unmarshal_binary(datagram).map_err(|_| Dropped::Malformed)?;
        let attributes = &message.attributes.0;
        if message.typ != BINDING_REQUEST
            || datagram.len() != MESSAGE_HEADER_SIZE + message.length as usize
            || attributes.len() > ATTRIBUTES_MAX
        {
            return Err(Dropped::Malformed);
        }
        if local_ufrag(datagram) != Some(ufrag) {
            return Err(Dropped::UnknownUfrag);
        }
        check_fingerprint(datagram, attributes)?;
        let covered = attributes
            .iter()
            .position(|attribute| attribute.typ == ATTR_MESSAGE_INTEGRITY)
            .ok_or(Dropped::BadIntegrity)?;
        MessageIntegrity::check(&mut message, password.as_bytes(), crypto).map_err(|_| Dropped::BadIntegrity)?;

        let attributes = &message.attributes.0[..covered];
        let has = |kind: AttrType| attributes.iter().any(|attribute| attribute.typ == kind);
        if !has(ATTR_USERNAME) {
            return Err(Dropped::BadIntegrity);
        }
        Ok(Self {
            transaction: message.transaction_id,
            length: datagram.len(),
            claims_controlled: has(ATTR_ICE_CONTROLLED),
            nominates: has(ATTR_USE_CANDIDATE),
            unknown: attributes
                .iter()
                .map(|attribute| attribute.typ)
                .filter(|kind| kind.required() && !UNDERSTOOD.contains(kind))
                .take(UNKNOWN_NAMED_MAX)
                .collect(),
        })
    }

    /// Bytes of the request.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// The success response, which tells the sender its address.
    pub(super) fn success(&self, remote: SocketAddr, password: &str, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let address = XorMappedAddress { ip: remote.ip().to_canonical(), port: remote.port() };
        self.respond(BINDING_SUCCESS, &[&address], password, crypto)
    }

    /// The answer to a sender that claims our role: 487 (RFC 8445, section 7.3.1.1).
    pub(super) fn role_conflict(&self, password: &str, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let error = error_attribute(CODE_ROLE_CONFLICT, "Role Conflict");
        self.respond(BINDING_ERROR, &[&error], password, crypto)
    }

    /// The answer to unknown comprehension-required attributes: 420 (RFC 8489, section 6.3.1).
    pub(super) fn unknown_attributes(&self, password: &str, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let error = error_attribute(CODE_UNKNOWN_ATTRIBUTE, "");
        let value: Vec<u8> = self.unknown.iter().flat_map(|kind| kind.value().to_be_bytes()).collect();
        let unknown = RawAttribute { typ: ATTR_UNKNOWN_ATTRIBUTES, length: 0, value };
        self.respond(BINDING_ERROR, &[&error, &unknown], password, crypto)
    }

    fn respond(
        &self,
        kind: rtc_stun::message::MessageType,
        attributes: &[&dyn Setter],
        password: &str,
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        let mut message = Message::new();
        message.typ = kind;
        message.transaction_id = self.transaction;
        message.write_header();
        for attribute in attributes {
            attribute.add_to(&mut message).ok()?;
        }
        MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto)
            .add_to(&mut message)
            .ok()?;
        FINGERPRINT.add_to(&mut message).ok()?;
        Some(message.raw)
    }
}

const UNDERSTOOD: [AttrType; 8] = [
    ATTR_USERNAME,
    ATTR_PRIORITY,
    ATTR_USE_CANDIDATE,
    ATTR_REALM,
    ATTR_NONCE,
    ATTR_MESSAGE_INTEGRITY_SHA256,
    ATTR_PASSWORD_ALGORITHM,
    ATTR_ERROR_CODE,
];

fn error_attribute(code: ErrorCode, reason: &str) -> ErrorCodeAttribute {
    ErrorCodeAttribute { code, reason: reason.as_bytes().to_vec() }
}

/// FINGERPRINT must be there and be the last attribute (RFC 8489, section 14.7).
fn check_fingerprint(datagram: &[u8], attributes: &[RawAttribute]) -> Result<(), Dropped> {
    let last = attributes.last().filter(|a| a.typ == ATTR_FINGERPRINT && a.value.len() == 4);
    let covered = datagram.len().checked_sub(8).map(|end| &datagram[..end]);
    match (last, covered) {
        (Some(last), Some(covered)) if constant_time_eq(&last.value, &fingerprint_value(covered).to_be_bytes()) => {
            Ok(())
        }
        _ => Err(Dropped::BadIntegrity),
    }
}

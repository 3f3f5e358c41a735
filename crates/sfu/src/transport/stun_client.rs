//! Asking a STUN server for our own address (RFC 8489, section 12), on rtc-stun.

use std::net::SocketAddr;

use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

/// A question to a server, and the number by which its answer is known.
#[derive(Debug)]
pub struct BindingRequest {
    transaction: TransactionId,
    bytes: Vec<u8>,
}

impl Default for BindingRequest {
    fn default() -> Self {
        Self::new()
    }
}

impl BindingRequest {
    /// A request with a new random transaction id of 96 bits.
    #[must_use]
    pub fn new() -> Self {
        let mut message = Message::new();
        message.typ = BINDING_REQUEST;
        message.transaction_id = TransactionId::new();
        message.write_header();
        // Without it the request is as valid; servers that share a port with other protocols tell it apart by it.
        let _ = FINGERPRINT.add_to(&mut message);
        Self { transaction: message.transaction_id, bytes: message.raw }
    }

    /// What to send.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The address from which the server saw the request come, when this is its answer.
    #[must_use]
    pub fn mapped(&self, datagram: &[u8]) -> Option<SocketAddr> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram).ok()?;
        if message.typ != BINDING_SUCCESS || message.transaction_id != self.transaction {
            return None;
        }
        let mut address = XorMappedAddress::default();
        address.get_from(&message).ok()?;
        Some(SocketAddr::new(address.ip.to_canonical(), address.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(request: &[u8], address: &str, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut asked = Message::new();
        asked.unmarshal_binary(request).expect("STUN");
        assert_eq!(asked.typ, BINDING_REQUEST);
        let mut message = Message::new();
        message.typ = BINDING_SUCCESS;
        message.transaction_id = asked.transaction_id;
        change(&mut message);
        message.write_header();
        let address: SocketAddr = address.parse().expect("address");
        XorMappedAddress { ip: address.ip(), port: address.port() }.add_to(&mut message).expect("room");
        message.raw
    }

    #[test]
    fn only_the_answer_to_this_very_request_counts() {
        let request = BindingRequest::new();
        for address in ["203.0.113.9:7882", "[2001:db8::9]:7882"] {
            let answer = answer(request.bytes(), address, |_| {});
            assert_eq!(request.mapped(&answer), Some(address.parse().expect("address")));
            assert_eq!(BindingRequest::new().mapped(&answer), None, "another transaction");
            assert_eq!(request.mapped(&answer[..answer.len() - 1]), None, "cut off");
        }
        let echo = request.bytes().to_vec();
        assert_eq!(request.mapped(&echo), None, "a request is no answer");
        let error = answer(request.bytes(), "203.0.113.9:1", |message| message.typ = rtc_stun::message::BINDING_ERROR);
        assert_eq!(request.mapped(&error), None);
    }
}

//! RTP and RTCP (RFC 3550) as values and byte slices: no sockets, no keys, no clock, and on the packet path no
//! allocation.

pub(crate) mod cache;
pub(crate) mod extension;
pub(crate) mod history;
pub(crate) mod nack;
pub(crate) mod packet;
pub(crate) mod payload;
pub(crate) mod red;
pub(crate) mod rtcp;
pub(crate) mod slot;
pub(crate) mod source;
pub(crate) mod stats;

/// The RTP clock of Opus (RFC 7587, section 4.1), in Hz.
pub(crate) const CLOCK_RATE: u32 = 48_000;

/// A duration in RTP clock units; what does not fit wraps as timestamps do.
#[expect(clippy::cast_possible_truncation, reason = "timestamps count modulo 2^32")]
pub(crate) const fn clock_units(duration: std::time::Duration) -> u32 {
    (duration.as_micros() * CLOCK_RATE as u128 / 1_000_000) as u32
}

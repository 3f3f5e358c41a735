//! Session descriptions (RFC 8866, RFC 8829): reads an offer into types that cannot be wrong, writes its answer.
//!
//! What an offer must have is in docs/PROTOCOL.md, section 6. The client is the only offerer, so that nothing is
//! negotiated twice: an answer is a function of the offer and of what the sfu has chosen for it.

mod answer;
mod candidate;
mod media;
mod offer;
#[cfg(test)]
mod tests;

pub(crate) use answer::{Answer, Slot};
pub use candidate::{check as check_candidate, relayed as relayed_address};
pub(crate) use media::{Direction, Extensions, Media};
pub use offer::Offer;
pub(crate) use offer::Section;

/// Most m-lines in an offer.
pub(crate) const MEDIA_MAX: usize = 64;
/// Most fingerprints of certificates in an offer: one certificate with each hash function, or some to choose from.
pub(crate) const FINGERPRINTS_MAX: usize = 8;
/// Most candidates in an offer.
pub(crate) const CANDIDATES_MAX: usize = 64;

//! The last flight sent, repeated when nothing comes of it.
//!
//! dimpl doubles its retransmission interval without a limit, and so do clients: after a few losses in a row the next
//! attempt comes too late for the setup. Repeating the same bytes every second keeps trying. A record the peer has had
//! is dropped by its replay window, so a repetition too many does no harm.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// From the last datagram sent to the repetition of its flight.
const EVERY: Duration = Duration::from_secs(1);
/// The same when the peer repeats itself, which means that it has not had our flight.
const AT_LEAST: Duration = Duration::from_millis(200);
/// Repetitions of one association; with the setup's 30 s there is room for each.
const REPETITIONS_MAX: u32 = 40;

/// The datagrams of a flight.
#[derive(Debug, Default)]
pub(super) struct Flight {
    datagrams: Vec<Vec<u8>>,
    repeat: VecDeque<usize>,
    sent: Option<Instant>,
    complete: bool,
    repetitions: u32,
    confirmed: bool,
}

impl Flight {
    /// What is sent from here on is a flight of its own.
    pub(super) const fn begin(&mut self) {
        self.complete = true;
    }

    /// Remembers a datagram that is being sent.
    pub(super) fn sent(&mut self, now: Instant, datagram: &[u8]) {
        if self.confirmed {
            return;
        }
        if self.complete {
            self.datagrams.clear();
            self.repeat.clear();
            self.complete = false;
        }
        self.datagrams.push(datagram.to_vec());
        self.sent = Some(now);
    }

    /// The peer has shown that it had the last flight: there is nothing to repeat any more.
    pub(super) fn confirm(&mut self) {
        if !self.confirmed {
            *self = Self { confirmed: true, ..Self::default() };
        }
    }

    /// Repeats the flight when it is time.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.due().is_some_and(|due| now >= due) {
            self.again(now);
        }
    }

    /// Repeats the flight when the peer sent something to which there was no answer.
    pub(super) fn unanswered(&mut self, now: Instant) {
        let quiet = self.sent.is_some_and(|sent| now >= sent + AT_LEAST);
        if quiet && self.repetitions < REPETITIONS_MAX {
            self.again(now);
        }
    }

    /// When [`Self::handle_timeout`] is wanted.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sent.filter(|_| self.repetitions < REPETITIONS_MAX).map(|sent| sent + EVERY)
    }

    /// The next datagram to repeat.
    pub(super) fn poll(&mut self) -> Option<&[u8]> {
        let index = self.repeat.pop_front()?;
        self.datagrams.get(index).map(Vec::as_slice)
    }

    fn again(&mut self, now: Instant) {
        self.repetitions += 1;
        self.sent = Some(now);
        self.repeat = (0..self.datagrams.len()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polled(flight: &mut Flight) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| flight.poll().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn the_last_flight_is_repeated_every_second_until_it_is_confirmed() {
        let now = Instant::now();
        let mut flight = Flight::default();
        assert_eq!(flight.due(), None);
        flight.sent(now, &[1]);
        flight.begin();
        flight.sent(now, &[2]);
        flight.sent(now, &[3]);
        flight.handle_timeout(now + EVERY / 2);
        assert_eq!(polled(&mut flight), Vec::<Vec<u8>>::new());
        flight.handle_timeout(now + EVERY);
        assert_eq!(polled(&mut flight), [[2], [3]]);
        assert_eq!(flight.due(), Some(now + 2 * EVERY));
        flight.confirm();
        flight.sent(now, &[4]);
        assert_eq!(flight.due(), None);
        flight.unanswered(now + 10 * EVERY);
        assert_eq!(polled(&mut flight), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_peer_that_repeats_itself_gets_the_flight_sooner_but_not_without_end() {
        let now = Instant::now();
        let mut flight = Flight::default();
        flight.sent(now, &[1]);
        flight.unanswered(now + AT_LEAST / 2);
        assert_eq!(polled(&mut flight), Vec::<Vec<u8>>::new());
        let repeated: usize = (1..100)
            .map(|n| {
                flight.unanswered(now + n * AT_LEAST);
                polled(&mut flight).len()
            })
            .sum();
        assert_eq!(repeated, 40);
        assert_eq!(flight.due(), None);
    }
}

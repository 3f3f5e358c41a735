//! Says what is going on while it is: one line that is written over on a terminal, a line every few seconds elsewhere.
//! All of it goes to standard error, so that standard output has the report and nothing else.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::report::Moment;

/// How often a line is written where it cannot be written over.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Where progress goes.
pub struct Progress {
    kind: Kind,
    last: Option<Instant>,
    written: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Terminal,
    Plain,
}

impl Progress {
    /// To standard error; nowhere when `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let kind = match (quiet, stderr().is_terminal()) {
            (true, _) => Kind::None,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Plain,
        };
        Self { kind, last: None, written: false }
    }

    /// What is being done.
    pub fn say(&mut self, what: &str) {
        self.write(what);
    }

    /// What is being done, for how long still, and how it goes.
    pub fn show(&mut self, what: &str, left: Duration, moment: &Moment) {
        self.write(&line(what, left, moment));
    }

    /// Cleans up: whatever is written next begins on an empty line.
    pub fn end(&mut self) {
        if self.kind == Kind::Terminal && self.written {
            write("\r\x1b[K");
            self.written = false;
        }
    }

    fn write(&mut self, text: &str) {
        let now = Instant::now();
        match self.kind {
            Kind::None => {}
            Kind::Terminal => {
                write(&format!("\r\x1b[K{text}"));
                self.written = true;
            }
            Kind::Plain => {
                // The first line comes after that time too: what ends at once needs none.
                let last = *self.last.get_or_insert(now);
                if now.duration_since(last) >= PLAIN_EVERY {
                    write(&format!("{text}\n"));
                    self.last = Some(now);
                }
            }
        }
    }
}

/// A terminal that is gone is no reason to stop.
fn write(text: &str) {
    let mut stderr = stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn line(what: &str, left: Duration, moment: &Moment) -> String {
    let left = if left.is_zero() { String::new() } else { format!(", {} s left", left.as_secs_f64().ceil()) };
    let latency = match (moment.latency_p50, moment.latency_p99) {
        (Some(p50), Some(p99)) => format!("latency p50 {p50:.1} p99 {p99:.1} ms"),
        _ => "nothing heard yet".to_owned(),
    };
    format!(
        "{what}{left}: {} peers, {:.0} packets/s in, {:.2} % lost, {latency}",
        moment.connected, moment.received_per_second, moment.loss_percent
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_goes() {
        let moment = Moment {
            connected: 23,
            received_per_second: 3299.6,
            loss_percent: 0.123,
            latency_p50: Some(0.82),
            latency_p99: Some(4.06),
            ..Moment::default()
        };
        assert_eq!(
            line("measuring", Duration::from_millis(11_200), &moment),
            "measuring, 12 s left: 23 peers, 3300 packets/s in, 0.12 % lost, latency p50 0.8 p99 4.1 ms"
        );
        assert_eq!(
            line("joining", Duration::ZERO, &Moment::default()),
            "joining: 0 peers, 0 packets/s in, 0.00 % lost, nothing heard yet"
        );
    }
}

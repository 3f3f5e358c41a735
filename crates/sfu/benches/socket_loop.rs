//! What a forwarded packet costs a worker's thread on loopback sockets, the system's part with it. Not by criterion: it is the time of
//! another thread that counts. Compare only what was measured in one sitting.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::Duration;

use hubbub_sfu::bench::SocketLoop;

const TIME: Duration = Duration::from_secs(3);

fn main() {
    println!(
        "{:>9} {:>8} {:>9} {:>9} {:>9} {:>7} {:>9}",
        "", "", "packets", "segments", "µs/packet", "user", "received"
    );
    for (speakers, peers) in [(3, 10), (3, 300)] {
        let mut sockets = SocketLoop::new(speakers, peers);
        println!("{peers} joins: {:.0} µs each", sockets.join.as_secs_f64() * 1e6);
        for (name, at_once) in [("apart", false), ("at once", true), ("apart", false), ("at once", true)] {
            let cost = sockets.run(TIME, at_once);
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let micros = cost.cpu.as_secs_f64() * 1e6 / cost.packets as f64;
            let call = format!("{speakers}×{peers}");
            let (packets, segments, received) = (cost.packets, cost.segments, cost.received);
            let user = cost.user_share * 100.0;
            println!("{call:>9} {name:>8} {packets:>9} {segments:>9} {micros:>9.2} {user:>6.0}% {received:>9}");
        }
    }
}

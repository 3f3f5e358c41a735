//! Floods of strangers' packets on the port of a running call, on real sockets. Nothing here depends on how fast the machine is: what
//! the kernel delivered must be accounted for packet by packet, and what the call sent must be heard.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hubbub_sfu::bench::strangers_datagrams;
use hubbub_sfu::{Config, DropReason, Sfu, WorkerMetrics};

use crate::support::{Client, Network, PATIENCE, spread};

/// Strangers' packets, as fast as one thread can send them.
const FLOOD: u64 = 100_000;
const SPOKEN: u16 = 100;

/// Why strangers' packets are dropped.
const STRANGERS: [DropReason; 5] = [
    DropReason::StunUnknownUfrag,
    DropReason::StunMalformed,
    DropReason::DtlsUnvalidated,
    DropReason::MediaUnvalidated,
    DropReason::Unrecognised,
];

/// Sends the flood from eight addresses, then goes on with 48 packets a millisecond until told to stop. The number sent.
fn flood(target: SocketAddr, stop: &AtomicBool, at_least: u64) -> u64 {
    let sockets: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
    let kinds = strangers_datagrams();
    let mut sent = 0;
    while sent < at_least || !stop.load(Ordering::Relaxed) {
        for socket in &sockets {
            for (_, datagram, _) in &kinds {
                sent += u64::from(socket.send_to(datagram, target).is_ok());
            }
        }
        if sent >= at_least {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    sent
}

fn dropped(metrics: &WorkerMetrics, reasons: &[DropReason]) -> u64 {
    reasons.iter().map(|reason| metrics.dropped(*reason)).sum()
}

/// The numbers once they hold still: they are published a few times a second.
async fn settled(sfu: &Sfu) -> WorkerMetrics {
    let mut before = sfu.metrics().workers[0].clone();
    let settle = async {
        loop {
            tokio::time::sleep(Duration::from_millis(600)).await;
            let now = sfu.metrics().workers[0].clone();
            if now.packets_in == before.packets_in {
                return now;
            }
            before = now;
        }
    };
    tokio::time::timeout(PATIENCE, settle).await.expect("the flood ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_strangers_costs_a_call_nothing_and_keeps_nobody_out() {
    let config = Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..Config::default() };
    let (sfu, events) = Sfu::start(config).expect("started");
    let events = spread(events);
    let mut a = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
    let mut b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;

    let target = SocketAddr::from(([127, 0, 0, 1], sfu.local_ports()[0]));
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || flood(target, &stop, FLOOD))
    };
    for number in 0..SPOKEN {
        a.speak(number).await;
        b.speak(number).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Somebody else joins while the flood goes on.
    let late = Client::join(&sfu, &events, 1, 3, Network::Udp).await;
    stop.store(true, Ordering::Relaxed);
    let sent = tokio::task::spawn_blocking(move || flooding.join().expect("sent")).await.expect("sent");
    let metrics = settled(&sfu).await;

    // Everything that arrived was counted, and nothing of the call was among what was dropped.
    let strangers = dropped(&metrics, &STRANGERS);
    let lost_in_kernel = metrics.receive_drops;
    assert!(
        strangers <= sent && strangers + lost_in_kernel >= sent,
        "{strangers} dropped, {lost_in_kernel} never seen, of {sent}"
    );
    let all: u64 = DropReason::ALL.iter().map(|reason| metrics.dropped(*reason)).sum();
    assert_eq!(all, strangers, "none of a peer's: {:?}", metrics.drops);
    assert_eq!(metrics.losts.iter().sum::<u64>(), 0, "nobody lost the connection");
    assert_eq!(metrics.connected, 3);
    assert_eq!(metrics.rtp_in, metrics.rtp_out, "each of the call's packets has one other listener");
    // Of the call's packets none was lost but in the kernel, whose buffer the flood may fill on a machine with few processors.
    let spoken = 2 * u64::from(SPOKEN);
    assert!(metrics.rtp_in <= spoken && metrics.rtp_in + lost_in_kernel >= spoken, "{} of {spoken}", metrics.rtp_in);
    let heard = async |client: &mut Client| {
        let mut numbers = Vec::new();
        while let Ok(packet) = client.heard.try_recv() {
            numbers.push(u16::from_be_bytes([packet.payload[1], packet.payload[2]]));
        }
        numbers
    };
    let both = [heard(&mut a).await, heard(&mut b).await];
    assert_eq!(both.iter().map(Vec::len).sum::<usize>() as u64, metrics.rtp_out, "all that was forwarded arrived");
    assert!(both.iter().all(|numbers| numbers.is_sorted()), "in order, none twice: {both:?}");
    if lost_in_kernel == 0 {
        let all: Vec<u16> = (0..SPOKEN).collect();
        assert_eq!(both, [all.clone(), all]);
    }
    println!("{strangers} strangers' packets dropped, {lost_in_kernel} lost in the kernel, of {sent}");
    drop(late);
    sfu.shutdown().await;
}

//! The media plane on real sockets, with clients that share no code with it.

mod flood;
mod support;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hubbub_sfu::{
    AddressFamily, CallId, Command, Config, DropReason, Event, Grants, Greeting, LostReason, PeerId, Protocol, Route,
    Sfu, SharedTcp, StartError,
};
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter};
use rtc_stun::xoraddr::XorMappedAddress;
use support::{Client, Network, PATIENCE, spread, wait_for};

fn config() -> Config {
    Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..Config::default() }
}

/// Both speak 50 packets; each hears all of the other's, once and in order.
async fn exchange(a: &mut Client, b: &mut Client) {
    for number in 0..50 {
        a.speak(number).await;
        b.speak(number).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all: Vec<u16> = (0..50).collect();
    assert_eq!(a.hear(b.id, 50).await, all);
    assert_eq!(b.hear(a.id, 50).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_peers_hear_each_other_over_udp() {
    let (sfu, events) = Sfu::start(config()).expect("started");
    let events = spread(events);
    let mut news = events.subscribe();
    let mut a = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
    let mut b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
    exchange(&mut a, &mut b).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let metrics = &sfu.metrics().workers[0];
    assert_eq!((metrics.peers, metrics.connected, metrics.calls, metrics.rtp_in, metrics.rtp_out), (2, 2, 1, 100, 100));
    assert!(metrics.busy > Duration::ZERO && metrics.packets_out >= 100 && metrics.bytes_in > 0);

    let stats = sfu.peer_stats(CallId(1)).await;
    let route = Route { protocol: Protocol::Udp, family: AddressFamily::V4, relayed: false };
    for (stats, peer) in stats.iter().zip([a.id, b.id]) {
        assert_eq!((stats.peer, stats.connected, stats.publishes, stats.route), (peer, true, true, Some(route)));
        assert_eq!((stats.uplink.packets, stats.downlink.packets), (50, 50));
    }
    assert_eq!((sfu.calls(), stats.len()), (vec![(CallId(1), 2)], 2));
    assert_eq!(sfu.some_peer_stats(CallId(1), 1).await.len(), 1);
    assert_eq!(sfu.peer_stats(CallId(2)).await, []);

    a.close().await;
    let lost = |event: &Event| match event {
        Event::Lost { peer, reason } => Some((*peer, *reason)),
        _ => None,
    };
    assert_eq!(wait_for(&mut news, lost).await, (a.id, LostReason::Closed));
    sfu.shutdown().await;
    sfu.send(Command::RemovePeer { peer: b.id });
    assert_eq!(sfu.peer_stats(CallId(1)).await, [], "nobody is left to ask");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_behind_a_udp_firewall_is_heard_over_tcp() {
    let (sfu, events) = Sfu::start(config()).expect("started");
    let events = spread(events);
    let mut a = Client::join(&sfu, &events, 1, 1, Network::Tcp).await;
    let mut b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
    exchange(&mut a, &mut b).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(sfu.metrics().workers[0].tcp_connections, 1);
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_and_ipv4_meet_on_one_port() {
    let everywhere = IpAddr::from([0_u16; 8]);
    let announced = vec![IpAddr::from(std::net::Ipv6Addr::LOCALHOST), IpAddr::from([127, 0, 0, 1])];
    let (sfu, events) = Sfu::start(Config { bind: everywhere, announced, ..config() }).expect("started");
    let events = spread(events);
    let mut a = Client::join(&sfu, &events, 1, 1, Network::Udp6).await;
    let mut b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
    let mut c = Client::join(&sfu, &events, 2, 3, Network::Udp6).await;
    let mut d = Client::join(&sfu, &events, 2, 4, Network::Tcp).await;
    tokio::join!(exchange(&mut a, &mut b), exchange(&mut c, &mut d));
    sfu.shutdown().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_addresses_can_be_used() {
    for bind in [IpAddr::from([0; 4]), IpAddr::from([0_u16; 8])] {
        // Answers would leave from 127.0.0.1 if the routes chose, and the client would not take them.
        let announced = vec![IpAddr::from([127, 0, 0, 7])];
        let (sfu, events) = Sfu::start(Config { bind, announced, ..config() }).expect("started");
        let events = spread(events);
        let mut a = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
        let mut b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
        exchange(&mut a, &mut b).await;
        sfu.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reaches_another_listener_only_is_handed_over_and_heard() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let shared_tcp = Some(SharedTcp { bind: IpAddr::from([127, 0, 0, 1]), port });
    let (sfu, events) = Sfu::start(Config { workers: 2, shared_tcp, ..config() }).expect("started");
    let events = spread(events);
    let media = sfu.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut first = [0; 600];
            let ufrag = loop {
                let len = stream.peek(&mut first).await.expect("a greeting");
                match Greeting::of(&first[..len]) {
                    Greeting::IceCheck(ufrag) => break ufrag.to_owned(),
                    greeting => assert_eq!(greeting, Greeting::Unclear),
                }
            };
            media.adopt(stream.into_std().expect("a stream"), &ufrag);
        }
    });
    // Each on a worker of its own: the user name says which.
    for (call, id) in [(1, 1), (2, 3)] {
        let mut a = Client::join(&sfu, &events, call, id, Network::TcpTo(port)).await;
        let mut b = Client::join(&sfu, &events, call, id + 1, Network::Udp).await;
        exchange(&mut a, &mut b).await;
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    let connections: u64 = sfu.metrics().workers.iter().map(|worker| worker.tcp_connections).sum();
    assert_eq!(connections, 2);
    sfu.adopt(std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected"), "//nobody");
    sfu.shutdown().await;
}

/// A STUN server that says of everybody: this address, and the port you came from.
fn stun_server(public: IpAddr) -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = socket.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((len, source)) = socket.recv_from(&mut buffer) {
            let (mut request, mut answer) = (Message::new(), Message::new());
            request.unmarshal_binary(&buffer[..len]).expect("STUN");
            assert_eq!(request.typ, BINDING_REQUEST);
            (answer.typ, answer.transaction_id) = (BINDING_SUCCESS, request.transaction_id);
            answer.write_header();
            XorMappedAddress { ip: public, port: source.port() }.add_to(&mut answer).expect("room");
            socket.send_to(&answer.raw, source).expect("sent");
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_a_stun_server_sees_is_announced_too() {
    let public = IpAddr::from([127, 0, 0, 9]);
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let silent = silent.local_addr().expect("an address").port();
    let server = |port| ("127.0.0.1".to_owned(), port);
    let stun_servers = vec![server(stun_server(public)), server(silent), ("no name at all".to_owned(), 3478)];
    let (sfu, events) = Sfu::start(Config { workers: 2, stun_servers, ..config() }).expect("started");
    let events = spread(events);
    let until = std::time::Instant::now() + PATIENCE;
    let mut id = 0;
    let mut told = [false; 2];
    while told != [true; 2] {
        assert!(std::time::Instant::now() < until, "both workers announce it in time: {told:?}");
        for (worker, port) in sfu.local_ports().into_iter().enumerate() {
            id += 1;
            let client = Client::join(&sfu, &events, u128::try_from(worker).expect("a number"), id, Network::Udp).await;
            let line = |ip: &str, protocol: &str| {
                let wanted = format!(" {ip} {port} typ host");
                client.answer.lines().position(|l| l.contains(&format!(" {protocol} ")) && l.contains(&wanted))
            };
            let ours = line("127.0.0.1", "udp").expect("its own address");
            told[worker] =
                line("127.0.0.9", "udp").is_some_and(|found| found > ours) && line("127.0.0.9", "tcp").is_some();
            client.close().await;
        }
    }
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_spread_over_workers_with_a_port_each() {
    let (sfu, events) = Sfu::start(Config { workers: 2, ..config() }).expect("started");
    let events = spread(events);
    let ports = sfu.local_ports();
    assert_eq!(ports.len(), 2);
    assert_ne!(ports[0], ports[1]);
    let mut first = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
    let mut second = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
    let mut third = Client::join(&sfu, &events, 2, 3, Network::Udp).await;
    let mut fourth = Client::join(&sfu, &events, 2, 4, Network::Udp).await;
    for (client, port) in [(&first, ports[0]), (&second, ports[0]), (&third, ports[1]), (&fourth, ports[1])] {
        assert!(client.answer.contains(&format!(" 127.0.0.1 {port} ")), "{port} in {}", client.answer);
    }
    tokio::join!(exchange(&mut first, &mut second), exchange(&mut third, &mut fourth));
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_spread_over_two_workers_is_one_call() {
    let (sfu, events) = Sfu::start(Config { workers: 2, ..config() }).expect("started");
    let events = spread(events);
    let mut news = events.subscribe();
    let ports = sfu.local_ports();
    let mut first = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
    // Peers without media make the call a large one, whose further peers go to the other worker.
    let grants = Grants { speak: true, hear: true, hear_own: false };
    for idle in 100..163 {
        sfu.send(Command::AddPeer { call: CallId(1), peer: PeerId(idle), grants, max_speakers: 8 });
    }
    let mut second = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
    for (client, port) in [(&first, ports[0]), (&second, ports[1])] {
        assert!(client.answer.contains(&format!(" 127.0.0.1 {port} ")), "{port} in {}", client.answer);
    }
    exchange(&mut first, &mut second).await;
    let both = |event: &Event| match event {
        Event::Speakers { call: CallId(1), speakers } => (speakers.len() == 2).then_some(()),
        _ => None,
    };
    wait_for(&mut news, both).await;
    let relayed = || sfu.metrics().workers.iter().map(|w| (w.rtp_in, w.relayed_out, w.relayed_in)).collect::<Vec<_>>();
    let counted = async {
        while relayed() != [(50, 50, 50), (50, 50, 50)] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, counted).await;
    assert!(in_time.is_ok(), "each packet crosses once: {:?}", relayed());
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_on_both_ports_are_dropped_and_counted() {
    let (sfu, _events) = Sfu::start(config()).expect("started");
    let target = SocketAddr::from(([127, 0, 0, 1], sfu.local_ports()[0]));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for datagram in [&[22; 100][..], &[0x80; 100], &[0; 19], &[0; 3000]] {
        socket.send_to(datagram, target).expect("sent");
    }
    let mut tcp = tokio::net::TcpStream::connect(target).await.expect("connected");
    tokio::io::AsyncWriteExt::write_all(&mut tcp, b"GET / HTTP/1.1\r\n\r\n").await.expect("written");
    let mut answer = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut tcp, &mut answer);
    let closed = tokio::time::timeout(PATIENCE, closed).await.expect("closed at once, not kept");
    assert!(closed.is_err() || answer.is_empty(), "without a byte");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let metrics = &sfu.metrics().workers[0];
    assert_eq!(metrics.dropped(DropReason::DtlsUnvalidated), 1);
    assert_eq!(metrics.dropped(DropReason::MediaUnvalidated), 1);
    assert_eq!(metrics.dropped(DropReason::Unrecognised), 2);
    assert_eq!((metrics.tcp_connections, metrics.packets_out), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tcp_connection_that_proves_nothing_is_closed_after_ten_seconds() {
    let (sfu, _events) = Sfu::start(config()).expect("started");
    let target = SocketAddr::from(([127, 0, 0, 1], sfu.local_ports()[0]));
    let mut idle = tokio::net::TcpStream::connect(target).await.expect("connected");
    let started = std::time::Instant::now();
    let mut buffer = [0];
    let read = tokio::io::AsyncReadExt::read(&mut idle, &mut buffer);
    let read = tokio::time::timeout(PATIENCE, read).await.expect("closed in time");
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!((9..13).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(sfu.metrics().workers[0].dropped(DropReason::TcpUnvalidated), 1);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("an address");
    let refused = Sfu::start(Config { first_port: address.port(), ..config() });
    let Err(error) = refused else { panic!("started on a taken port") };
    assert!(matches!(&error, StartError::Bind { address: named, .. } if *named == address));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn somebody_who_is_added_is_there_though_nothing_else_is_ordered() {
    let (sfu, _events) = Sfu::start(config()).expect("started");
    let grants = Grants { speak: true, hear: true, hear_own: false };
    sfu.send(Command::AddPeer { call: CallId(1), peer: PeerId(1), grants, max_speakers: 8 });
    let there = async {
        while sfu.metrics().workers[0].peers != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, there).await.is_ok(), "{:?}", sfu.metrics().workers[0].peers);
    sfu.shutdown().await;
}

#[tokio::test]
async fn the_ports_are_free_again_after_shutdown() {
    let (sfu, _events) = Sfu::start(config()).expect("started");
    let port = sfu.local_ports()[0];
    sfu.shutdown().await;
    let again = Sfu::start(Config { first_port: port, ..config() });
    assert!(again.is_ok());
}

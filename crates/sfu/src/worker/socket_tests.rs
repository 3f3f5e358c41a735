//! Real sockets on loopback.

use super::*;

fn pair() -> (UdpSocket, UdpSocket, SocketAddr) {
    let bind = || UdpSocket::bind("127.0.0.1:0".parse().expect("address")).expect("socket");
    let (a, b) = (bind(), bind());
    let to_b = b.local_addr().expect("address");
    (a, b, to_b)
}

fn receive(receiver: &mut Receiver, socket: &UdpSocket) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut all = Vec::new();
    while receiver.receive(socket).is_ok() {
        all.extend(receiver.datagrams_mut().map(|(path, bytes)| (path.remote, bytes.to_vec())));
    }
    all
}

#[test]
fn more_than_one_batch_arrives_in_order_with_its_source() {
    let (a, b, to_b) = pair();
    let datagrams: Vec<Vec<u8>> = (0..200u16).map(|n| vec![n.to_be_bytes()[1]; usize::from(n) % 50 + 1]).collect();
    for datagram in &datagrams {
        a.send_to(datagram, to_b).expect("sent");
    }
    let received = receive(&mut Receiver::new(), &b);
    let from_a = a.local_addr().expect("address");
    assert!(received.iter().all(|(source, _)| *source == from_a));
    assert_eq!(received.len(), datagrams.len());
    assert!(received.into_iter().zip(datagrams).all(|((_, bytes), sent)| bytes == sent), "in order");
}

#[test]
fn a_datagram_that_is_too_large_is_empty() {
    let (a, b, to_b) = pair();
    a.send_to(&[7; DATAGRAM_MAX + 1], to_b).expect("sent");
    a.send_to(&[8; DATAGRAM_MAX], to_b).expect("sent");
    let received = receive(&mut Receiver::new(), &b);
    assert_eq!(received.iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(), [0, DATAGRAM_MAX]);
}

#[cfg(target_os = "linux")]
#[test]
fn answers_leave_from_the_address_that_was_asked() {
    // Any of 127.0.0.0/8 is this machine; left to the routes, answers come from 127.0.0.1.
    for (bind, ours, client) in [
        ("0.0.0.0:0", "127.0.0.2", "127.0.0.1:0"),
        ("[::]:0", "127.0.0.2", "127.0.0.1:0"),
        ("[::]:0", "::1", "[::1]:0"),
    ] {
        let server = UdpSocket::bind(bind.parse().expect("address")).expect("socket");
        report_destinations(&server).expect("set");
        let to = SocketAddr::new(ours.parse().expect("address"), server.local_addr().expect("address").port());
        let client = std::net::UdpSocket::bind(client).expect("socket");
        client.send_to(&[1], to).expect("sent");
        let mut receiver = Receiver::new();
        receiver.receive(&server).expect("received");
        let (path, _) = receiver.datagrams_mut().next().expect("a datagram");
        assert_eq!(path.local.map(|local| local.to_canonical()), Some(to.ip()));
        for segment in [3, 6] {
            let answer = Datagrams { path, bytes: &[1, 2, 3, 4, 5, 6], segment };
            assert_eq!(send_batch(&server, &mut std::iter::once(answer)).1.expect("sent"), 1);
            for _ in 0..answer.count() {
                let (len, from) = client.recv_from(&mut [0; 100]).expect("an answer");
                assert_eq!((len, from), (segment, to));
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_finds_no_room_is_counted() {
    let (a, b, to_b) = pair();
    socket2::SockRef::from(&b).set_recv_buffer_size(4096).expect("set");
    for _ in 0..1000 {
        a.send_to(&[7; 1000], to_b).expect("sent");
    }
    let received = receive(&mut Receiver::new(), &b).len();
    assert_eq!(dropped(&b).expect("told") as usize, 1000 - received);
    assert!(received < 1000);
}

//! Out of file descriptors. Alone in its file: the limit is that of the whole process.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hubbub_sfu::{Config, DropReason, Sfu};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn whoever_waits_while_file_descriptors_are_used_up_is_accepted_when_there_are_some_again() {
    let config = Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..Config::default() };
    let (sfu, _events) = Sfu::start(config).expect("started");
    let target = SocketAddr::from(([127, 0, 0, 1], sfu.local_ports()[0]));
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");

    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(1), ..before }).expect("a lower limit");
    client.connect(&target.into()).expect("the system connects by itself");
    let until = Instant::now() + Duration::from_secs(20);
    while sfu.metrics().workers[0].dropped(DropReason::TcpAcceptFailed) == 0 {
        assert!(Instant::now() < until, "the worker has tried in time");
        std::thread::sleep(Duration::from_millis(20));
    }
    setrlimit(Resource::Nofile, before).expect("the limit of before");

    // Nobody else connects, so nothing but the worker's own timer has it try again. What is no frame closes the connection.
    let mut client = std::net::TcpStream::from(client);
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("written");
    let closed = client.read(&mut [0]);
    assert!(!matches!(&closed, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "accepted, then closed");
}

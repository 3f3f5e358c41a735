//! A real coturn with the configuration that is shipped for it, and credentials from `GET /api/ice-servers`.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rtc_srtp::crypto::default_provider;
use rtc_stun::attributes::{
    ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_USERNAME,
    ATTR_XOR_PEER_ADDRESS, AttrType,
};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_REQUEST, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter, METHOD_ALLOCATE, METHOD_CREATE_PERMISSION, Message,
    MessageType, Method, Setter, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use tempfile::TempDir;

use crate::certificates::{Authority, client_config};
use crate::harness::{PATIENCE, Setup, free_port};

const OLD: &str = "the secret of last year";
pub(crate) const NEW: &str = "d1f0a7b1c5e94d6f8a3b";

/// A coturn on loopback; killed when the test ends.
pub(crate) struct Coturn {
    child: Child,
    pub(crate) port: u16,
    tls_port: u16,
    authority: Authority,
    _folder: TempDir,
}

impl Coturn {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, tls_port, authority) = (free_port(), free_port(), Authority::new());
        let (chain, key) = authority.issue(&["turn.example.org"], time::Duration::days(1)).write(folder.path());
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/coturn/turnserver.conf");
        let mut command = Command::new("turnserver");
        command.args(["-c", config, "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--relay-ip", "::1"]);
        command.args(["--static-auth-secret", OLD, "--static-auth-secret", NEW, "--listening-port", &port.to_string()]);
        command.arg("--cert").arg(chain).arg("--pkey").arg(key).args(["--tls-listening-port", &tls_port.to_string()]);
        for (option, file) in [("--pidfile", "pid"), ("--userdb", "db")] {
            command.arg(option).arg(folder.path().join(file));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("coturn is installed: scripts/prepare-tests.sh does that");
        let coturn = Self { child, port, tls_port, authority, _folder: folder };
        let until = Instant::now() + PATIENCE;
        while coturn.client().ask_once(&request(BINDING_REQUEST)).is_none() {
            assert!(Instant::now() < until, "coturn has not started");
        }
        while TcpStream::connect(("127.0.0.1", tls_port)).is_err() {
            assert!(Instant::now() < until, "coturn has not started with TLS");
        }
        coturn
    }

    fn client(&self) -> Client {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        Client { way: Way::Udp(socket), login: None }
    }

    /// By `turns:`, which is TURN over TLS over TCP (RFC 7065, section 3.1).
    fn secure_client(&self) -> Client {
        let tcp = TcpStream::connect(("127.0.0.1", self.tls_port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("turn.example.org").unwrap();
        let config = Arc::new(client_config(&self.authority.root(), &[]));
        let stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp);
        Client { way: Way::Tls(Box::new(stream)), login: None }
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn request(kind: MessageType) -> Message {
    let mut message = Message::new();
    message.typ = kind;
    message.transaction_id = TransactionId::new();
    message.write_header();
    message
}

/// How a client reaches coturn.
enum Way {
    Udp(UdpSocket),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Way {
    /// Sends a message and receives one. Over streams they follow each other as they are (RFC 8489, section 6.2.2).
    fn exchange(&mut self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = [0; 2048];
                socket.send(message)?;
                let len = socket.recv(&mut buffer)?;
                Ok(buffer[..len].to_vec())
            }
            Self::Tls(stream) => {
                stream.write_all(message)?;
                stream.flush()?;
                let mut answer = vec![0; 20];
                stream.read_exact(&mut answer)?;
                answer.resize(20 + usize::from(u16::from_be_bytes([answer[2], answer[3]])), 0);
                stream.read_exact(&mut answer[20..])?;
                Ok(answer)
            }
        }
    }
}

/// A TURN client (RFC 8656) with a 5-tuple of its own.
struct Client {
    way: Way,
    /// User name, realm, password, nonce.
    login: Option<[String; 4]>,
}

impl Client {
    fn ask_once(&mut self, message: &Message) -> Option<Message> {
        // An error: nobody listens there yet.
        let bytes = self.way.exchange(&message.raw).ok()?;
        let mut answer = Message::new();
        answer.unmarshal_binary(&bytes).unwrap();
        (answer.transaction_id == message.transaction_id).then_some(answer)
    }

    /// Sends until there is an answer; an error is its code.
    fn ask(&mut self, method: Method, attributes: &[(AttrType, &[u8])], peer: Option<IpAddr>) -> Result<Message, u16> {
        let mut message = request(MessageType::new(method, CLASS_REQUEST));
        for (kind, value) in attributes {
            message.add(*kind, value);
        }
        if let Some(ip) = peer {
            XorMappedAddress { ip, port: 0 }.add_to_as(&mut message, ATTR_XOR_PEER_ADDRESS).unwrap();
        }
        if let Some([user, realm, password, nonce]) = self.login.clone() {
            for (kind, text) in [(ATTR_USERNAME, &user), (ATTR_REALM, &realm), (ATTR_NONCE, &nonce)] {
                message.add(kind, text.as_bytes());
            }
            let crypto = default_provider().unwrap();
            let key = MessageIntegrity::new_long_term_integrity_with_provider(user, realm, password, crypto.crypto());
            key.unwrap().add_to(&mut message).unwrap();
        }
        let until = Instant::now() + PATIENCE;
        let answer = loop {
            assert!(Instant::now() < until, "coturn has not answered");
            if let Some(answer) = self.ask_once(&message) {
                break answer;
            }
        };
        if answer.typ.class == CLASS_SUCCESS_RESPONSE {
            return Ok(answer);
        }
        let mut error = ErrorCodeAttribute::default();
        error.get_from(&answer).unwrap();
        if error.code.0 == 401 && self.login.is_none() {
            return Ok(answer);
        }
        Err(error.code.0)
    }

    /// Asks for a relayed address.
    fn allocate(&mut self, user: &str, password: &str, family: u8) -> Result<(), u16> {
        let udp: [(AttrType, &[u8]); 2] =
            [(ATTR_REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (ATTR_REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0])];
        let challenge = self.ask(METHOD_ALLOCATE, &udp, None)?;
        let text = |kind| TextAttribute::get_from_as(&challenge, kind).unwrap().text;
        self.login = Some([user.to_owned(), text(ATTR_REALM), password.to_owned(), text(ATTR_NONCE)]);
        self.ask(METHOD_ALLOCATE, &udp, None).map(drop)
    }

    fn permit(&mut self, peer: &str) -> Result<(), u16> {
        self.ask(METHOD_CREATE_PERMISSION, &[], Some(peer.parse().unwrap())).map(drop)
    }
}

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// What Hubbub would compute at another time or with another secret.
fn credentials(secret: &str, seconds_from_now: i64) -> (String, String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let user = format!("{}:ada", now.checked_add_signed(seconds_from_now).unwrap());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let password = BASE64_STANDARD.encode(hmac::sign(&key, user.as_bytes()));
    (user, password)
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_credentials_open_the_relay_until_they_expire() {
    let coturn = Coturn::start();
    let (plain, tls) = (coturn.port, coturn.tls_port);
    let urls = format!("turn:127.0.0.1:{plain}, turns:turn.example.org:{tls}?transport=tcp");
    let setup = Setup::new().with("HUBBUB__ICE__TURN_URLS", &urls).with("HUBBUB__ICE__TURN_SECRET", NEW);
    let server = setup.start().await;
    assert_eq!(server.get("/api/ice-servers", None).await.0, 401, "not for strangers");
    let ada = server.user("ada").await;
    let (status, answer) = server.get("/api/ice-servers", Some(&ada)).await;
    assert_eq!((status, &answer["ttlSeconds"]), (200, &3600.into()));
    let turn = &answer["iceServers"][0];
    assert_eq!(turn["urls"].as_array().unwrap().len(), 2);
    let (user, password) = (turn["username"].as_str().unwrap(), turn["credential"].as_str().unwrap());

    assert_eq!(coturn.client().allocate(user, password, IPV4), Ok(()));
    assert_eq!(coturn.secure_client().allocate(user, password, IPV4), Ok(()), "by TLS");
    assert_eq!(coturn.secure_client().allocate(user, "another password", IPV4), Err(401), "by TLS");
    assert_eq!(coturn.client().allocate(user, &password.to_lowercase(), IPV4), Err(401), "another password");
    let (expiry, name) = user.split_once(':').unwrap();
    let later = format!("{}:{name}", expiry.parse::<u64>().unwrap() + 1);
    assert_eq!(coturn.client().allocate(&later, password, IPV4), Err(401), "a later expiry");

    let (user, password) = credentials(NEW, -60);
    assert_eq!(coturn.client().allocate(&user, &password, IPV4), Err(401), "expired");
    let (user, password) = credentials(OLD, 3600);
    assert_eq!(
        coturn.client().allocate(&user, &password, IPV4),
        Ok(()),
        "the secret before, while both are configured"
    );
    let (user, password) = credentials("some other secret", 3600);
    assert_eq!(coturn.client().allocate(&user, &password, IPV4), Err(401), "nobody's secret");
}

#[test]
fn m10_the_relay_opens_nothing_inside_and_has_a_quota() {
    let coturn = Coturn::start();
    let (user, password) = credentials(NEW, 3600);
    let mut v4 = coturn.client();
    assert_eq!(v4.allocate(&user, &password, IPV4), Ok(()));
    for inside in [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        assert_eq!(v4.permit(inside), Err(403), "{inside}");
    }
    for outside in ["9.9.9.9", "172.32.0.1", "192.167.255.255", "100.128.0.1"] {
        assert_eq!(v4.permit(outside), Ok(()), "{outside}");
    }

    let mut v6 = coturn.client();
    assert_eq!(v6.allocate(&user, &password, IPV6), Ok(()));
    for inside in [
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:9.9.9.9",
        "64:ff9b::a00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "ff02::1",
    ] {
        assert_eq!(v6.permit(inside), Err(403), "{inside}");
    }
    assert_eq!(v6.permit("2620:fe::fe"), Ok(()));

    // Twenty-four in all, as the configuration says, whatever their expiry.
    let (later, password) = credentials(NEW, 7200);
    let mut kept: Vec<Client> = Vec::new();
    let refused = (3..=40).find(|_| {
        kept.push(coturn.client());
        kept.last_mut().unwrap().allocate(&later, &password, IPV4) == Err(486)
    });
    assert_eq!(refused, Some(25));
}

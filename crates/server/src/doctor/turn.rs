//! The TURN servers that clients are told of (RFC 8656): a relayed address is asked for with credentials as clients get them,
//! and given back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hubbub_api::IceServers as _;
use hubbub_domain::{Clock as _, SystemClock, UserId};
use rtc_srtp::crypto::default_provider;
use rtc_stun::attributes::{ATTR_LIFETIME, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT, ATTR_USERNAME};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter as _, METHOD_ALLOCATE, METHOD_REFRESH, Message, MessageType, Method,
    Setter as _, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Doctor;
use super::finding::Finding;
use super::tls::{self, Fault, Stream};
use crate::config::{Transport, TurnServer, turn_url};
use crate::ice::IceServerList;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// REQUESTED-TRANSPORT: UDP (RFC 8656, section 18.7).
const RELAY_UDP: [u8; 4] = [17, 0, 0, 0];

/// Why there is no relay.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Unreachable(String),
    Certificate(String),
    /// The server answers with this code and text.
    Code(u16, String),
    /// It relays without asking who we are.
    Open,
}

/// The line of each server.
pub(crate) async fn check(doctor: &Doctor) -> Vec<Finding> {
    let ice = &doctor.config.ice;
    if ice.turn_urls.is_empty() {
        let found = "no TURN server is configured: people in networks that let out nothing but TLS cannot talk";
        return vec![Finding::ok("turn", found)];
    }
    let servers = IceServerList::new(ice).for_user(UserId::new(), SystemClock.now());
    let credentials = servers.into_iter().find_map(|server| Some((server.username?, server.credential?)));
    let Some((user, password)) = credentials else { return Vec::new() };
    let mut tasks = Vec::new();
    for url in ice.turn_urls.clone() {
        let (user, password) = (user.clone(), password.clone());
        tasks.push(tokio::spawn(async move {
            let outcome = match turn_url(&url) {
                Ok(server) => allocate(&server, &user, &password).await,
                Err(error) => Err(Refused::Unreachable(error)),
            };
            finding(&url, outcome)
        }));
    }
    let mut findings = Vec::new();
    for task in tasks {
        findings.extend(task.await.ok());
    }
    findings
}

fn finding(url: &str, outcome: Result<(), Refused>) -> Finding {
    let name = "turn";
    match outcome {
        Ok(()) => Finding::ok(name, format!("{url} gives a relayed address to clients of this server")),
        Err(Refused::Unreachable(reason)) => Finding::fails(
            name,
            format!("{url} cannot be reached: {reason}"),
            "start it, check host and port, and open them in its firewall",
        ),
        Err(Refused::Certificate(reason)) => Finding::fails(
            name,
            format!("{url}: {reason}"),
            "have its certificate be for this name, valid today and complete with its intermediates",
        ),
        Err(Refused::Code(401, _)) => Finding::fails(
            name,
            format!("{url} refuses the credentials: the secret is another one there, or its clock is wrong"),
            "set ice.turn_secret to its static-auth-secret, and use-auth-secret there; then compare the clocks",
        ),
        Err(Refused::Code(code @ (486 | 508), text)) => Finding::warning(
            name,
            format!("{url} accepts the credentials, but has no room: {code} {text}"),
            "raise its user-quota, total-quota or its range of ports",
        ),
        Err(Refused::Code(code, text)) => {
            Finding::fails(name, format!("{url} refuses: {code} {text}"), "look at its configuration and its log")
        }
        Err(Refused::Open) => Finding::fails(
            name,
            format!("{url} relays for everybody, without credentials"),
            "set use-auth-secret and static-auth-secret there: an open relay is used for attacks",
        ),
    }
}

/// Allocates a relayed address and gives it back.
async fn allocate(server: &TurnServer, user: &str, password: &str) -> Result<(), Refused> {
    let mut link = Link::open(server).await?;
    let challenge = match link.ask(&request(METHOD_ALLOCATE, &RELAY_UDP, None)?).await? {
        Ok(_) => return Err(Refused::Open),
        Err((401, _, challenge)) => challenge,
        Err((code, text, _)) => return Err(Refused::Code(code, text)),
    };
    let text = |kind| {
        let found = TextAttribute::get_from_as(&challenge, kind);
        found
            .map(|found| found.text)
            .map_err(|_| Refused::Unreachable("what answers there is no TURN server".to_owned()))
    };
    let login = [user.to_owned(), text(ATTR_REALM)?, password.to_owned(), text(ATTR_NONCE)?];
    if let Err((code, text, _)) = link.ask(&request(METHOD_ALLOCATE, &RELAY_UDP, Some(&login))?).await? {
        return Err(Refused::Code(code, text));
    }
    // Whatever is said to this: without it the relay ends by itself after ten minutes.
    let _ = link.ask(&request(METHOD_REFRESH, &[0; 4], Some(&login))?).await;
    Ok(())
}

/// A request with the one attribute that its method has, and with the long-term credentials (RFC 8489, section 9.2).
fn request(method: Method, attribute: &[u8; 4], login: Option<&[String; 4]>) -> Result<Message, Refused> {
    let mut message = Message::new();
    message.typ = MessageType::new(method, CLASS_REQUEST);
    message.transaction_id = TransactionId::new();
    message.write_header();
    message.add(if method == METHOD_ALLOCATE { ATTR_REQUESTED_TRANSPORT } else { ATTR_LIFETIME }, attribute);
    if let Some([user, realm, password, nonce]) = login {
        for (kind, text) in [(ATTR_USERNAME, user), (ATTR_REALM, realm), (ATTR_NONCE, nonce)] {
            message.add(kind, text.as_bytes());
        }
        let internal = |what: &str| Refused::Unreachable(format!("the request could not be signed: {what}"));
        let crypto = default_provider().map_err(|error| internal(&error.to_string()))?;
        MessageIntegrity::new_long_term_integrity_with_provider(
            user.clone(),
            realm.clone(),
            password.clone(),
            crypto.crypto(),
        )
        .and_then(|key| key.add_to(&mut message))
        .map_err(|error| internal(&error.to_string()))?;
    }
    Ok(message)
}

/// A way to the server.
enum Link {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>),
}

/// The answer, or the code and text of a refusal with the whole of it.
type Answer = Result<Message, (u16, String, Message)>;

impl Link {
    async fn open(server: &TurnServer) -> Result<Self, Refused> {
        let TurnServer { host, port, transport } = server;
        if *transport != Transport::Udp {
            return match tls::connect(host, *port, (*transport == Transport::Tls).then_some(host)).await {
                Ok((stream, _)) => Ok(Self::Stream(stream)),
                Err(Fault::Unreachable(reason)) => Err(Refused::Unreachable(reason)),
                Err(Fault::Certificate(reason)) => Err(Refused::Certificate(reason)),
            };
        }
        let unreachable = |error: std::io::Error| Refused::Unreachable(error.to_string());
        let found = timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), *port))).await;
        let mut found = found
            .map_err(|_| Refused::Unreachable("its name was not resolved in time".to_owned()))?
            .map_err(unreachable)?;
        let target: SocketAddr =
            found.next().ok_or_else(|| Refused::Unreachable("its name has no address".to_owned()))?;
        let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
        socket.connect(target).await.map_err(unreachable)?;
        Ok(Self::Udp(socket))
    }

    async fn ask(&mut self, message: &Message) -> Result<Answer, Refused> {
        let answer = match self {
            Self::Udp(socket) => by_udp(socket, message).await?,
            Self::Stream(stream) => timeout(PATIENCE, by_stream(stream, message))
                .await
                .map_err(|_| Refused::Unreachable("no answer in time".to_owned()))?
                .map_err(|error| Refused::Unreachable(error.to_string()))?,
        };
        if answer.typ.class == CLASS_SUCCESS_RESPONSE {
            return Ok(Ok(answer));
        }
        let mut error = ErrorCodeAttribute::default();
        let _ = error.get_from(&answer);
        Ok(Err((error.code.0, String::from_utf8_lossy(&error.reason).into_owned(), answer)))
    }
}

/// The answer to this request, when these bytes are one.
fn answer_to(message: &Message, bytes: &[u8]) -> Option<Message> {
    let mut answer = Message::new();
    answer.unmarshal_binary(bytes).ok()?;
    (answer.transaction_id == message.transaction_id).then_some(answer)
}

async fn by_udp(socket: &UdpSocket, message: &Message) -> Result<Message, Refused> {
    let mut buffer = [0; 2048];
    let mut reason = format!("no answer by UDP in {} s", PATIENCE.as_secs());
    for _ in 0..3 {
        let sent = socket.send(&message.raw).await;
        let received = timeout(PATIENCE / 3, socket.recv(&mut buffer)).await;
        match (sent, received) {
            (_, Ok(Ok(length))) => {
                if let Some(answer) = answer_to(message, &buffer[..length]) {
                    return Ok(answer);
                }
            }
            (Err(error), _) | (_, Ok(Err(error))) => {
                reason = error.to_string();
                tokio::time::sleep(PATIENCE / 30).await;
            }
            (_, Err(_)) => {}
        }
    }
    Err(Refused::Unreachable(reason))
}

async fn by_stream(stream: &mut Box<dyn Stream>, message: &Message) -> std::io::Result<Message> {
    stream.write_all(&message.raw).await?;
    stream.flush().await?;
    let mut bytes = vec![0; 20];
    stream.read_exact(&mut bytes).await?;
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    bytes.resize(20 + length, 0);
    stream.read_exact(&mut bytes[20..]).await?;
    answer_to(message, &bytes).ok_or_else(|| std::io::Error::other("what answers there is no TURN server"))
}

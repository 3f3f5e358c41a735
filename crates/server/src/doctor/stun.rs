//! Asking STUN servers how they see this machine (RFC 8489).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hubbub_sfu::BindingRequest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::finding::Finding;
use super::tls;

/// How long to wait after each time of asking.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(1500)];

/// What one server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its name and port.
    pub(crate) server: String,
    /// How it sees the socket, for each of its addresses that answered.
    pub(crate) seen: Vec<SocketAddr>,
    /// Why it could not even be asked, or that it is silent.
    pub(crate) silence: Option<Silence>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The name is not known.
    Name(String),
    /// Neither by UDP nor by TCP.
    Everywhere,
    /// By TCP it takes connections, so that it is UDP that is blocked on the way.
    Udp,
}

struct Question {
    server: usize,
    target: SocketAddr,
    request: BindingRequest,
    seen: Option<SocketAddr>,
}

/// Asks all `servers` from `socket`.
pub(crate) async fn ask(socket: &UdpSocket, servers: &[(String, u16)]) -> Vec<Answer> {
    let v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
    let mut answers = Vec::new();
    let mut questions = Vec::new();
    for (index, (host, port)) in servers.iter().enumerate() {
        let (targets, silence) = match tokio::net::lookup_host((host.as_str(), *port)).await {
            Ok(found) => (found.filter_map(|address| reachable_from(v6, address)).collect(), None),
            Err(error) => (Vec::new(), Some(Silence::Name(error.to_string()))),
        };
        let targets: Vec<SocketAddr> = targets;
        questions.extend(targets.iter().take(4).map(|&target| Question {
            server: index,
            target,
            request: BindingRequest::new(),
            seen: None,
        }));
        answers.push(Answer { server: format!("{host}:{port}"), seen: Vec::new(), silence });
    }
    converse(socket, &mut questions).await;
    for question in questions {
        answers[question.server].seen.extend(question.seen);
    }
    for (answer, (host, port)) in answers.iter_mut().zip(servers) {
        if answer.seen.is_empty() && answer.silence.is_none() {
            let by_tcp = tls::tcp(host, *port).await.is_ok();
            answer.silence = Some(if by_tcp { Silence::Udp } else { Silence::Everywhere });
        }
    }
    answers
}

/// The address as a socket of this family sends to it.
fn reachable_from(v6: bool, address: SocketAddr) -> Option<SocketAddr> {
    match (v6, address.ip()) {
        (true, IpAddr::V4(ip)) => Some(SocketAddr::new(ip.to_ipv6_mapped().into(), address.port())),
        (false, IpAddr::V6(_)) => None,
        _ => Some(address),
    }
}

async fn converse(socket: &UdpSocket, questions: &mut [Question]) {
    let mut buffer = [0; 1500];
    for pause in PAUSES {
        for question in questions.iter().filter(|question| question.seen.is_none()) {
            // A refusal is no answer either.
            let _ = socket.send_to(question.request.bytes(), question.target).await;
        }
        let until = Instant::now() + pause;
        while questions.iter().any(|question| question.seen.is_none()) {
            match timeout_at(until, socket.recv_from(&mut buffer)).await {
                Err(_) => break,
                Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Ok(Ok((length, from))) => {
                    for question in questions.iter_mut().filter(|question| question.target == from) {
                        question.seen = question.seen.or_else(|| question.request.mapped(&buffer[..length]));
                    }
                }
            }
        }
    }
}

/// The line about the servers themselves; nothing when none was asked.
pub(crate) fn finding(answers: &[Answer]) -> Option<Finding> {
    let name = "stun";
    let silent: Vec<&Answer> = answers.iter().filter(|answer| answer.silence.is_some()).collect();
    let list = |answers: &[&Answer]| answers.iter().map(|answer| answer.server.clone()).collect::<Vec<_>>().join(", ");
    if answers.is_empty() {
        return None;
    }
    if silent.is_empty() {
        let seen: Vec<String> = answers.iter().flat_map(|answer| &answer.seen).map(ToString::to_string).collect();
        let found = format!("{} see this machine as {}", list(&answers.iter().collect::<Vec<_>>()), seen.join(", "));
        return Some(Finding::ok(name, found));
    }
    let blocked = silent.iter().any(|answer| answer.silence == Some(Silence::Udp));
    let found = match &silent[0].silence {
        _ if blocked => {
            format!("{}: UDP is blocked: it takes connections by TCP, but does not answer by UDP", list(&silent))
        }
        Some(Silence::Name(error)) => format!("{}: {error}", list(&silent)),
        _ => format!("{} did not answer", list(&silent)),
    };
    let advice = if blocked {
        "let UDP out and its answers in, here and in the provider's firewall; audio goes by UDP"
    } else {
        "check the name and port, and that UDP goes out and its answers come in"
    };
    let all = silent.len() == answers.len();
    Some(if all || blocked { Finding::fails(name, found, advice) } else { Finding::warning(name, found, advice) })
}

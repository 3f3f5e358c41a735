//! The HTTP listener, that of the metrics, and the address people type.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Host;

use super::Doctor;
use super::finding::Finding;
use super::tls::{self, Fault};
use crate::config::Config;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest answer read: metrics of a large server.
const ANSWER_MAX: u64 = 16 << 20;

/// Days before its end from which a certificate should have been renewed.
pub(crate) const DAYS_LEFT: i64 = 14;

/// Whether `http.bind` is free or this very server's, and whether a server runs.
pub(crate) async fn listener(config: &Config) -> (Finding, bool) {
    let bind = config.http.bind;
    let name = "http port";
    match TcpListener::bind(bind).await {
        Ok(_) => (Finding::ok(name, format!("{bind} is free; no server runs here")), false),
        Err(error) if error.kind() == ErrorKind::AddrInUse => held(config).await,
        // Who may not listen there is not told whether somebody else does.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            if accepts(config.local_address()).await {
                held(config).await
            } else {
                (may_not_bind(name, "http.bind", bind), false)
            }
        }
        Err(error) => (cannot_bind(name, "http.bind", bind, &error), false),
    }
}

/// Whether somebody takes connections there.
pub(crate) async fn accepts(address: SocketAddr) -> bool {
    tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await.is_ok_and(|connected| connected.is_ok())
}

/// Who has `http.bind`.
async fn held(config: &Config) -> (Finding, bool) {
    let (name, bind, local, url) = ("http port", config.http.bind, config.local_address(), config.public_url());
    let host = local.ip().to_string();
    let tls = url.host_str().filter(|_| config.has_tls());
    match get(&host, local.port(), tls, &host, "/api/server").await.map(|(body, _)| version(&body)) {
        Ok(Some(version)) => {
            let ready = get(&host, local.port(), tls, &host, "/readyz").await;
            let found = format!("Hubbub {version} answers at {bind}");
            if ready.is_ok_and(|(body, _)| body.contains("\"ready\"")) {
                return (Finding::ok(name, found), true);
            }
            let found = format!("{found}, but is not ready");
            (Finding::fails(name, found, "look at the line of the database, and at its log"), true)
        }
        // What is wrong with it stands in the lines of the certificate.
        Err(Fault::Certificate(_)) if config.has_tls() => (Finding::ok(name, format!("{bind} speaks TLS")), true),
        _ => {
            let found = format!("another program has {bind}");
            (Finding::fails(name, found, "end what uses it, or set http.bind to another address"), false)
        }
    }
}

pub(crate) fn cannot_bind(name: &'static str, key: &str, bind: SocketAddr, error: &std::io::Error) -> Finding {
    let advice = match error.kind() {
        ErrorKind::AddrNotAvailable => format!("set {key} to an address of this machine, or to 0.0.0.0 or [::]"),
        _ => format!("set {key} to another address"),
    };
    Finding::fails(name, format!("{bind} cannot be listened on: {error}"), advice)
}

/// Nobody is there, and whoever runs the doctor may not be: the service mostly may.
pub(crate) fn may_not_bind(name: &'static str, key: &str, bind: SocketAddr) -> Finding {
    let found = format!("nobody listens at {bind}, and this user may not; the service may where it is allowed to");
    let advice = format!(
        "see that the service has CAP_NET_BIND_SERVICE (AmbientCapabilities= in config/systemd/hubbub.service), or set {key} to a port from 1024 on"
    );
    Finding::warning(name, found, advice)
}

/// Whether `metrics.bind` is free or serves metrics.
pub(crate) async fn metrics(doctor: &Doctor) -> Vec<Finding> {
    let name = "metrics port";
    let Some(bind) = doctor.config.metrics.bind else {
        return vec![Finding::ok(name, "metrics.bind is empty: no metrics are served")];
    };
    let finding = match TcpListener::bind(bind).await {
        Ok(_) if doctor.server_runs => Finding::warning(
            name,
            format!("the server runs, but nothing listens at {bind}"),
            "was it started with another configuration? Start it again with this one",
        ),
        Ok(_) => Finding::ok(name, format!("{bind} is free")),
        Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
            match scrape(&doctor.config).await {
                None if error.kind() == ErrorKind::PermissionDenied
                    && !accepts(doctor.config.health_address()).await =>
                {
                    may_not_bind(name, "metrics.bind", bind)
                }
                Some(_) => Finding::ok(name, format!("metrics are served at http://{bind}/metrics")),
                None => Finding::fails(
                    name,
                    format!("another program has {bind}"),
                    "end what uses it, or set metrics.bind to another address",
                ),
            }
        }
        Err(error) => cannot_bind(name, "metrics.bind", bind, &error),
    };
    vec![finding]
}

/// The metrics of the server that runs, if it serves them.
pub(crate) async fn scrape(config: &Config) -> Option<String> {
    let mut bind = config.metrics.bind?;
    if bind.ip().is_unspecified() {
        bind.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let host = bind.ip().to_string();
    let (text, _) = get(&host, bind.port(), None, &host, "/metrics").await.ok()?;
    text.contains("hubbub_").then_some(text)
}

/// Whether the address people type leads here, through a certificate that browsers take.
pub(crate) async fn public_url(doctor: &Doctor) -> Vec<Finding> {
    let name = "public url";
    let url = doctor.config.public_url();
    let secure = url.scheme() == "https";
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Vec::new() };
    let (shown, local) = match host {
        Host::Domain(name) => (name.to_owned(), name == "localhost" || name.ends_with(".localhost")),
        Host::Ipv4(ip) => (ip.to_string(), ip.is_loopback()),
        Host::Ipv6(ip) => (ip.to_string(), ip.is_loopback()),
    };
    let mut findings = Vec::new();
    if !secure && !local {
        let advice =
            "browsers give the microphone to https pages and to localhost alone: set up TLS and an https public_url";
        findings.push(Finding::warning(name, format!("{url} is not https"), advice));
    }
    if !doctor.server_runs {
        let found = format!("{url}, not asked while no server runs");
        findings.push(Finding::ok(name, found));
        return findings;
    }
    findings.push(match get(&shown, port, secure.then_some(shown.as_str()), &authority(&shown, &url), "/api/server").await {
        Err(Fault::Unreachable(text)) => Finding::warning(
            name,
            format!("{url} cannot be reached from this machine: {text}"),
            "check its DNS entry, the firewall and the reverse proxy; some routers do not let a machine reach its own public address",
        ),
        Err(Fault::Certificate(text)) => Finding::fails(
            name,
            format!("{url}: {text}"),
            "have the certificate be for this name, valid today and complete with its intermediates",
        ),
        Ok((body, days)) => match (version(&body), days) {
            (None, _) => Finding::fails(
                name,
                format!("{url} is answered by something else than Hubbub"),
                "point the name or the reverse proxy to http.bind",
            ),
            (Some(_), Some(days)) if days < DAYS_LEFT => Finding::warning(
                name,
                format!("{url} leads here, but its certificate ends in {days} days"),
                "renew it, and see that this happens by itself",
            ),
            (Some(_), Some(days)) => {
                Finding::ok(name, format!("{url} leads here; its certificate is valid for {days} more days"))
            }
            (Some(_), None) => Finding::ok(name, format!("{url} leads here")),
        },
    });
    findings
}

fn authority(host: &str, url: &url::Url) -> String {
    match url.port() {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The version in the answer of `GET /api/server`, which nobody but Hubbub gives.
fn version(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    value.get("registrationOpen")?.as_bool()?;
    Some(value.get("version")?.as_str()?.to_owned())
}

/// The body of the answer, and days until the certificate ends.
async fn get(
    host: &str,
    port: u16,
    name: Option<&str>,
    authority: &str,
    path: &str,
) -> Result<(String, Option<i64>), Fault> {
    let (answer, days) = ask(host, port, name, authority, path).await?;
    Ok((answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default(), days))
}

/// The whole answer, and days until the certificate ends.
pub(crate) async fn ask(
    host: &str,
    port: u16,
    name: Option<&str>,
    authority: &str,
    path: &str,
) -> Result<(String, Option<i64>), Fault> {
    let (mut stream, days) = tls::connect(host, port, name).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    let asking = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        let read = (&mut stream).take(ANSWER_MAX).read_to_end(&mut answer).await;
        // Some peers end TLS without saying so.
        match read {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(answer),
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Err(_) => Err(Fault::Unreachable("no answer in time".to_owned())),
        Ok(Err(error)) => Err(Fault::Unreachable(error.to_string())),
        Ok(Ok(answer)) => Ok((String::from_utf8_lossy(&answer).into_owned(), days)),
    }
}

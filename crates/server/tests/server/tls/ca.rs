//! An ACME server (RFC 8555) for tests: it checks signatures and nonces, looks at challenges as the real ones do, and signs what
//! it is asked to.

mod challenge;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::serve::Listener;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use rcgen::CertificateSigningRequestParams;
use rustls::crypto::aws_lc_rs as provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Authority;

/// The server and what tests do to it.
#[derive(Clone)]
pub(super) struct Ca {
    pub(super) directory: String,
    authority: Arc<Authority>,
    state: Arc<Mutex<Books>>,
}

/// What it knows, and how it behaves.
struct Books {
    /// Where it looks at challenges instead of ports 443 and 80.
    tls_port: u16,
    http_port: u16,
    /// Lives of the certificates it signs: begin and end, from now. The last one is for all that follow.
    lives: Vec<(Duration, Duration)>,
    /// Everything is answered with 500.
    is_broken: bool,
    nonces: HashSet<String>,
    /// Of each kind of thing, counted.
    number: usize,
    /// A nonce was refused though it was right; clients have to try again (RFC 8555, section 6.5).
    has_refused_a_nonce: bool,
    accounts: HashMap<String, Value>,
    orders: HashMap<String, Order>,
    contacts: Vec<Value>,
    problems: Vec<String>,
}

#[derive(Clone)]
struct Order {
    domains: Vec<String>,
    /// Of each domain: the token, and the outcome.
    proofs: Vec<(String, Option<Result<(), String>>)>,
    certificate: Option<String>,
    thumbprint: String,
}

type Answer = Result<Response, (StatusCode, &'static str, String)>;

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(value: &Value) -> Result<Vec<u8>, (StatusCode, &'static str, String)> {
    let text = value.as_str().unwrap_or("?");
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| (StatusCode::BAD_REQUEST, "malformed", error.to_string()))
}

impl Ca {
    /// Starts it on a free port; `tls_port` and `http_port` are where those listen who want certificates.
    pub(super) async fn start(tls_port: u16, http_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = Authority::new();
        let own = authority.issue(&["127.0.0.1"], Duration::days(1));
        let chain = CertificateDer::pem_slice_iter(own.chain.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let books = Books {
            tls_port,
            http_port,
            lives: vec![(Duration::days(-1), Duration::days(89))],
            is_broken: false,
            nonces: HashSet::new(),
            number: 0,
            has_refused_a_nonce: false,
            accounts: HashMap::new(),
            orders: HashMap::new(),
            contacts: Vec::new(),
            problems: Vec::new(),
        };
        let base = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let directory = format!("{base}/directory");
        let ca = Self { directory, authority: Arc::new(authority), state: Arc::new(Mutex::new(books)) };
        let router = Router::new().fallback(answer).with_state((ca.clone(), base));
        tokio::spawn(async move { axum::serve(TlsListener { tcp: listener, tls }, router).await });
        ca
    }

    pub(super) fn root(&self) -> String {
        self.authority.root()
    }

    /// The next certificates live so long, from now.
    pub(super) fn lives(&self, lives: &[(Duration, Duration)]) {
        self.state.lock().lives = lives.iter().rev().copied().collect();
    }

    pub(super) fn breaks(&self, is_broken: bool) {
        self.state.lock().is_broken = is_broken;
    }

    /// Looks for challenges somewhere else.
    pub(super) fn looks_at(&self, tls_port: u16) {
        self.state.lock().tls_port = tls_port;
    }

    pub(super) fn forgets_accounts(&self) {
        self.state.lock().accounts.clear();
    }

    pub(super) fn orders(&self) -> usize {
        self.state.lock().orders.len()
    }

    pub(super) fn contacts(&self) -> Vec<Value> {
        self.state.lock().contacts.clone()
    }

    /// What clients did wrong.
    pub(super) fn problems(&self) -> Vec<String> {
        self.state.lock().problems.clone()
    }

    fn number(&self) -> usize {
        let mut state = self.state.lock();
        state.number += 1;
        state.number
    }

    fn nonce(&self) -> HeaderValue {
        let nonce = format!("nonce-{}", self.number());
        self.state.lock().nonces.insert(nonce.clone());
        nonce.parse().unwrap()
    }

    /// Looks at a challenge, as `https://` or `http://` under a name would be.
    async fn look(&self, kind: &str, domain: &str, token: &str, thumbprint: &str) -> Result<(), String> {
        let authorization = format!("{token}.{thumbprint}");
        let (tls_port, http_port) = {
            let state = self.state.lock();
            (state.tls_port, state.http_port)
        };
        match kind {
            "tls-alpn-01" => challenge::look_by_tls(domain, tls_port, &authorization).await,
            _ => challenge::look_by_http(domain, http_port, token, &authorization).await,
        }
    }

    fn sign(&self, order: &Order, csr: &[u8]) -> Result<String, String> {
        let csr = CertificateSigningRequestDer::from(csr.to_vec());
        let mut csr = CertificateSigningRequestParams::from_der(&csr).map_err(|error| error.to_string())?;
        let mut names: Vec<String> = Vec::new();
        for name in &csr.params.subject_alt_names {
            match name {
                rcgen::SanType::DnsName(name) => names.push(name.as_str().to_owned()),
                other => return Err(format!("{other:?} was not ordered")),
            }
        }
        if names != order.domains {
            return Err(format!("{names:?} is not what was ordered"));
        }
        let (begins, ends) = {
            let mut state = self.state.lock();
            if state.lives.len() > 1 { state.lives.pop().unwrap() } else { state.lives[0] }
        };
        let now = OffsetDateTime::now_utc();
        (csr.params.not_before, csr.params.not_after) = (now + begins, now + ends);
        let certificate = csr.signed_by(self.authority.issuer()).map_err(|error| error.to_string())?;
        Ok(format!("{}{}", certificate.pem(), self.root()))
    }
}

async fn answer(
    State((ca, base)): State<(Ca, String)>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    body: Bytes,
) -> Response {
    if ca.state.lock().is_broken {
        return Response::builder().status(500).body(Body::from("broken")).unwrap();
    }
    let answered = if method == Method::POST { post(&ca, &base, &uri, &body).await } else { get(&base, &uri) };
    let mut response = answered.unwrap_or_else(|(status, kind, detail)| {
        if kind != "badNonce" && kind != "accountDoesNotExist" {
            ca.state.lock().problems.push(format!("{uri}: {kind}: {detail}"));
        }
        let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
        Response::builder().status(status).body(Body::from(problem.to_string())).unwrap()
    });
    response.headers_mut().insert("replay-nonce", ca.nonce());
    response
}

fn get(base: &str, uri: &Uri) -> Answer {
    let body = match uri.path() {
        "/directory" => json!({
            "newNonce": format!("{base}/nonce"),
            "newAccount": format!("{base}/account"),
            "newOrder": format!("{base}/order"),
            "revokeCert": format!("{base}/revoke"),
            "keyChange": format!("{base}/key"),
        })
        .to_string(),
        "/nonce" => String::new(),
        path => return Err((StatusCode::NOT_FOUND, "malformed", path.to_owned())),
    };
    Ok(Response::new(Body::from(body)))
}

/// What a signed request says, and who says so: the thumbprint of the key (RFC 7638).
struct Signed {
    payload: Value,
    thumbprint: String,
    key: Value,
}

fn check(ca: &Ca, base: &str, uri: &Uri, body: &[u8]) -> Result<Signed, (StatusCode, &'static str, String)> {
    let malformed = |detail: &str| (StatusCode::BAD_REQUEST, "malformed", detail.to_owned());
    let jws: Value = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    let head: Value =
        serde_json::from_slice(&decode(&jws["protected"])?).map_err(|error| malformed(&error.to_string()))?;
    if head["url"] != format!("{base}{uri}") || head["alg"] != "ES256" {
        return Err(malformed("signed for something else"));
    }
    let nonce = head["nonce"].as_str().unwrap_or_default().to_owned();
    let key = {
        let mut state = ca.state.lock();
        if !state.nonces.remove(&nonce) {
            return Err((StatusCode::BAD_REQUEST, "malformed", format!("{nonce} was not given, or used before")));
        }
        if !std::mem::replace(&mut state.has_refused_a_nonce, true) {
            return Err((StatusCode::BAD_REQUEST, "badNonce", "too old".to_owned()));
        }
        match head["kid"].as_str() {
            Some(account) => state.accounts.get(account).cloned(),
            None if uri.path() == "/account" => Some(head["jwk"].clone()),
            None => None,
        }
    };
    let key = key.ok_or((StatusCode::BAD_REQUEST, "accountDoesNotExist", "nobody I know".to_owned()))?;
    let mut point = vec![4];
    point.extend(decode(&key["x"])?);
    point.extend(decode(&key["y"])?);
    let message = format!("{}.{}", jws["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    verified.verify(message.as_bytes(), &decode(&jws["signature"])?).map_err(|_| malformed("a wrong signature"))?;
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key["x"], key["y"]);
    let thumbprint = encode(digest(&SHA256, canonical.as_bytes()).as_ref());
    let payload = decode(&jws["payload"])?;
    let payload = if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).unwrap() };
    Ok(Signed { payload, thumbprint, key })
}

async fn post(ca: &Ca, base: &str, uri: &Uri, body: &[u8]) -> Answer {
    let Signed { payload, thumbprint, key } = check(ca, base, uri, body)?;
    let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let json = |status: u16, location: String, body: &Value| {
        Ok(Response::builder().status(status).header("location", location).body(Body::from(body.to_string())).unwrap())
    };
    let order = |id: &str| {
        let found = ca.state.lock().orders.get(id).cloned();
        found.ok_or((StatusCode::NOT_FOUND, "malformed", format!("no order {id}")))
    };
    match parts[..] {
        ["account"] => {
            if payload["termsOfServiceAgreed"] != true {
                return Err((StatusCode::FORBIDDEN, "userActionRequired", "terms".to_owned()));
            }
            let url = format!("{base}/account/{}", ca.number());
            let mut state = ca.state.lock();
            state.accounts.insert(url.clone(), key);
            state.contacts.push(payload["contact"].clone());
            json(201, url, &json!({ "status": "valid" }))
        }
        ["order"] => {
            let identifiers = payload["identifiers"].as_array().unwrap();
            let domains: Vec<String> = identifiers.iter().map(|i| i["value"].as_str().unwrap().to_owned()).collect();
            let proofs = domains.iter().map(|_| (encode(format!("token {}", ca.number()).as_bytes()), None)).collect();
            let id = ca.number().to_string();
            let order = Order { domains, proofs, certificate: None, thumbprint };
            let body = show(base, &id, &order);
            ca.state.lock().orders.insert(id.clone(), order);
            json(201, format!("{base}/order/{id}"), &body)
        }
        ["order", id] => json(200, String::new(), &show(base, id, &order(id)?)),
        ["authorization", id, index] => {
            json(200, String::new(), &authorization(base, id, index.parse().unwrap(), &order(id)?))
        }
        ["challenge", id, index, kind] => {
            let (found, index) = (order(id)?, index.parse::<usize>().unwrap());
            let (token, _) = &found.proofs[index];
            let outcome = ca.look(kind, &found.domains[index], token, &found.thumbprint).await;
            ca.state.lock().orders.get_mut(id).unwrap().proofs[index].1 = Some(outcome);
            // As real servers do, nothing is said about it here; the client has to ask for the order.
            let url = format!("{base}{}", uri.path());
            json(200, String::new(), &json!({ "type": kind, "url": url, "token": token, "status": "processing" }))
        }
        ["finalize", id] => {
            let found = order(id)?;
            let certificate = ca.sign(&found, &decode(&payload["csr"])?);
            let certificate = certificate.map_err(|error| (StatusCode::FORBIDDEN, "badCSR", error))?;
            ca.state.lock().orders.get_mut(id).unwrap().certificate = Some(certificate);
            json(200, format!("{base}/order/{id}"), &show(base, id, &order(id)?))
        }
        ["certificate", id] => {
            let chain = order(id)?.certificate.unwrap_or_default();
            Ok(Response::builder()
                .header("content-type", "application/pem-certificate-chain")
                .body(Body::from(chain))
                .unwrap())
        }
        _ => Err((StatusCode::NOT_FOUND, "malformed", uri.path().to_owned())),
    }
}

/// RFC 8555, section 7.1.3.
fn show(base: &str, id: &str, order: &Order) -> Value {
    let status = if order.certificate.is_some() {
        "valid"
    } else if order.proofs.iter().any(|(_, outcome)| matches!(outcome, Some(Err(_)))) {
        "invalid"
    } else if order.proofs.iter().all(|(_, outcome)| matches!(outcome, Some(Ok(())))) {
        "ready"
    } else {
        "pending"
    };
    let identifiers: Vec<Value> = order.domains.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
    let urls = (0..order.domains.len()).map(|index| format!("{base}/authorization/{id}/{index}"));
    let mut body = json!({
        "status": status,
        "identifiers": identifiers,
        "authorizations": urls.collect::<Vec<_>>(),
        "finalize": format!("{base}/finalize/{id}"),
    });
    if order.certificate.is_some() {
        body["certificate"] = format!("{base}/certificate/{id}").into();
    }
    body
}

/// RFC 8555, section 7.1.4.
fn authorization(base: &str, id: &str, index: usize, order: &Order) -> Value {
    let (token, outcome) = &order.proofs[index];
    let status = match outcome {
        None => "pending",
        Some(Ok(())) => "valid",
        Some(Err(_)) => "invalid",
    };
    let challenges = ["http-01", "tls-alpn-01", "dns-01"].map(|kind| {
        let url = format!("{base}/challenge/{id}/{index}/{kind}");
        let mut challenge = json!({ "type": kind, "url": url, "token": token, "status": status });
        if let Some(Err(problem)) = outcome {
            let kind = "urn:ietf:params:acme:error:connection";
            challenge["error"] = json!({ "type": kind, "detail": problem, "status": 400 });
        }
        challenge
    });
    json!({ "identifier": { "type": "dns", "value": order.domains[index] }, "status": status, "challenges": challenges })
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = tokio_rustls::server::TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else { continue };
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

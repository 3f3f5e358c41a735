//! Everything put together, in the order in which it starts and, backwards, ends.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hubbub_auth::{Auth, Mailer, OutboxMailer, ServerSecret, SmtpMailer};
use hubbub_domain::{Clock, DomainEvent, EventBus, Storage, SystemClock};
use hubbub_sfu::{Sfu, StartError};
use hubbub_signaling::Signaling;
use hubbub_storage::Database;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::events::LocalBus;
use crate::http::listener::Front;
use crate::http::places::{Places, Shares};
use crate::http::{assets, client_network, health, layers, listener, redirect};
use crate::lifecycle::{self, StopSignals};
use crate::telemetry::exposition::{self, Sources};
use crate::telemetry::logging::Filter;
use crate::telemetry::metrics::HttpMetrics;
use crate::telemetry::metrics_listener;
use crate::telemetry::node::Node;
use crate::telemetry::tls::TlsMetrics;
use crate::telemetry::traces::Traces;
use crate::tls::Tls;
use crate::{cleaning, data_lock, notify, operator, secrets};

/// How long requests that are under way at the end may still take.
const FINISH: Duration = Duration::from_secs(10);

/// How long anything else may take to end, so that a service manager never has to kill us.
const LET_GO: Duration = Duration::from_secs(5);

/// Starts everything, serves until SIGTERM or SIGINT, and ends everything.
///
/// # Errors
/// One line that names what could not be had: a folder, a port, the database.
pub(crate) async fn run(config: Config, filter: Filter, traces: Option<Traces>) -> anyhow::Result<()> {
    let mut signals = StopSignals::new().context("signals cannot be handled")?;
    let (draining, stop) = (CancellationToken::new(), CancellationToken::new());

    // Ports first: a second server on the same data must fail before it touches them.
    let public = bind(config.http.bind, "http.bind").await?;
    let for_metrics = bind_if_set(config.metrics.bind, "metrics.bind").await?;
    let for_redirect = bind_if_set(config.http.redirect_bind, "http.redirect_bind").await?;

    secrets::prepare_folder(config.data_dir())?;
    let _alone = data_lock::take(config.data_dir())?;
    let secret = ServerSecret::from_bytes(&secrets::load_or_create(config.data_dir())?)?;
    let registry = Registry::new();
    let tls = tls(&config, &registry)?;

    let database = Database::connect(&config.for_storage()).await?;
    let storage: Arc<dyn Storage> = Arc::new(database.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (bus, domain_events) = LocalBus::new();
    let bus: Arc<dyn EventBus> = Arc::new(bus);

    let mailer = mailer(&config, &storage, &clock)?;
    let auth = Auth::new(config.for_auth(secret), storage.clone(), clock.clone(), mailer, bus.clone())?;

    let files = Shares::of(lifecycle::file_limit());
    let (sfu, media_events) = Sfu::start(config.for_sfu(public.local_addr()?, files.audio)).map_err(media_advice)?;
    let signaling =
        Signaling::new(config.for_signaling(), storage.clone(), auth.clone(), clock.clone(), Arc::new(sfu.clone()));
    tokio::spawn(signaling.clone().run(media_events));
    let receiver = signaling.clone();
    tokio::spawn(forward(domain_events, move |event| receiver.handle_event(event)));

    let api_metrics = hubbub_api::Metrics::default();
    let sources = Sources {
        sfu: sfu.clone(),
        signaling: signaling.clone(),
        api: api_metrics.clone(),
        auth: auth.clone(),
        database: database.clone(),
        node: Node::new(config.data_dir()),
    };
    exposition::register(&registry, sources)?;
    if let Some(traces) = &traces {
        traces.register(&registry)?;
    }
    let requests = HttpMetrics::register(&registry)?;
    let api = hubbub_api::State {
        storage: storage.clone(),
        auth: auth.clone(),
        clock: clock.clone(),
        live: Arc::new(signaling.clone()),
        supervision: Arc::new(signaling.clone()),
        events: bus.clone(),
        config: Arc::new(config.for_api()),
        metrics: api_metrics,
    };
    match operator::Socket::open(config.data_dir()) {
        Ok(socket) => {
            let router = operator::router(hubbub_api::router(api.clone()), bus, filter);
            tokio::spawn(socket.serve(router, stop.clone()));
        }
        Err(error) => tracing::warn!(%error, "`hubbub admin` cannot reach this server while it runs"),
    }
    let health = health::router(storage.clone(), draining.clone());
    let router = Router::new()
        .merge(hubbub_api::router(api))
        .merge(client_network::tell(signaling.router(), config.trusted_proxies()))
        .merge(health.clone())
        .fallback(assets::fallback);
    let router = layers::wrap(router, &config.public_url(), config.http.hsts_seconds, requests);

    let connections = TaskTracker::new();
    announce(&config, &public, &sfu);
    let places = Places::new(files.http, &registry)?;
    let mut front = Front::new(router).within(places.clone());
    if config.media.tcp_on_http_port {
        front = front.with_audio(sfu.clone());
    }
    if let Some(tls) = tls {
        let redirect = redirect::router(&config.public_url(), tls.challenges());
        if let Some(listener) = for_redirect {
            let front = Front::new(redirect.clone()).within(places);
            tokio::spawn(listener::serve(listener, front, stop.clone(), connections.clone()));
        }
        front = front.with_tls(tls.acceptor(), redirect);
        tls.keep_fresh(stop.clone());
    }
    tokio::spawn(listener::serve(public, front, stop.clone(), connections.clone()));
    if let Some(listener) = for_metrics {
        let metrics = metrics_listener::router(registry, health, sfu.clone(), config.for_rooms());
        tokio::spawn(listener::serve(listener, Front::new(metrics), stop.clone(), TaskTracker::new()));
    }
    tokio::spawn(cleaning::run(storage, clock, config.audit_kept(), stop.clone()));

    notify::ready();
    let signal = signals.next().await;
    let patience = config.drain_patience() + FINISH + 6 * LET_GO;
    draining.cancel();
    let end = async {
        drain(&signaling, signal, config.drain_patience()).await;
        stop.cancel();
        let _ = tokio::time::timeout(LET_GO, signaling.shutdown()).await;
        connections.close();
        if tokio::time::timeout(FINISH, connections.wait()).await.is_err() {
            tracing::warn!(requests = connections.len(), "some requests did not finish in time");
        }
        let _ = tokio::time::timeout(LET_GO, auth.flush()).await;
        let _ = tokio::time::timeout(LET_GO, sfu.shutdown()).await;
        let _ = tokio::time::timeout(LET_GO, database.close()).await;
        if let Some(traces) = traces {
            traces.shutdown(LET_GO).await;
        }
    };
    tokio::select! {
        () = end => {
            tracing::info!("hubbub has ended");
            Ok(())
        }
        never = notify::stopping(patience) => match never {},
        signal = signals.next() => anyhow::bail!("ended at once by a second signal ({signal})"),
    }
}

/// Lets people in rooms finish, for `patience` at most.
async fn drain(signaling: &Signaling, signal: &str, patience: Duration) {
    let numbers = signaling.metrics();
    tracing::info!(
        signal,
        signaling.participants = numbers.participants,
        signaling.rooms = numbers.rooms,
        patience.seconds = patience.as_secs(),
        "hubbub ends: nobody new gets into a room; a second signal ends it at once"
    );
    let left = signaling.drain(patience).await;
    tracing::info!(
        signaling.participants = signaling.metrics().participants,
        "{}: finishing what is under way",
        if left { "nobody is in a room" } else { "the time is over for those in rooms" }
    );
}

async fn bind_if_set(address: Option<SocketAddr>, key: &str) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Some(address) => bind(address, key).await.map(Some),
        None => Ok(None),
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let failed = || format!("cannot listen on {address}; end what uses it, or set {key} to another address");
    TcpListener::bind(address).await.with_context(failed)
}

fn mailer(config: &Config, storage: &Arc<dyn Storage>, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Mailer>> {
    Ok(match config.for_smtp() {
        Some(smtp) => Arc::new(SmtpMailer::new(&smtp).context("[mail]")?),
        None => Arc::new(OutboxMailer::new(storage.clone(), clock.clone())),
    })
}

/// TLS for the public listener, if it is configured.
fn tls(config: &Config, registry: &Registry) -> anyhow::Result<Option<Tls>> {
    let Some(source) = config.for_tls() else { return Ok(None) };
    Tls::new(source, &config.public_url(), TlsMetrics::register(registry)?).map(Some)
}

/// Only a port that cannot be had is cured by other ports.
fn media_advice(error: StartError) -> anyhow::Error {
    let ports = matches!(error, StartError::Bind { .. });
    let error = anyhow::Error::new(error);
    if ports { error.context("set media.first_port, media.workers or media.bind otherwise") } else { error }
}

/// Tells signaling what changed in storage. An event whose handling panics is lost; those after it are not.
async fn forward(mut events: UnboundedReceiver<DomainEvent>, handle: impl Fn(DomainEvent)) {
    while let Some(event) = events.recv().await {
        if catch_unwind(AssertUnwindSafe(|| handle(event))).is_err() {
            tracing::error!("an event was lost to a panic");
        }
    }
}

fn announce(config: &Config, public: &TcpListener, sfu: &Sfu) {
    let address = public.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
    let url = config.public_url();
    tracing::info!(http.bind = address, media.ports = ?sfu.local_ports(), "hubbub is at {url}");
    if config.lacks_public_url() {
        tracing::warn!(
            "http.bind lets others in; set http.public_url to the address they type, so that links lead here"
        );
    }
    if config.mail.smtp_host.is_empty() {
        tracing::info!("no mail.smtp_host is set: read mail at {url}dev/outbox, from this machine only");
    }
    if let Some(to) = config.for_traces() {
        // Without path and query, which may hold a key.
        let collector = to.endpoint.authority().map_or("", |authority| authority.as_str());
        tracing::info!(traces.collector = collector, "traces go to a collector");
    }
    if let Some(metrics) = config.metrics.bind {
        tracing::info!("metrics are at http://{metrics}/metrics");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ports_are_advised_only_where_they_help() {
        let source = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let taken = media_advice(StartError::Bind { address: "127.0.0.1:7882".parse().unwrap(), source });
        assert!(format!("{taken:#}").starts_with("set media.first_port"), "{taken:#}");
        let other = media_advice(StartError::Config("media slots: 40 given".to_owned()));
        assert_eq!(format!("{other:#}"), "media slots: 40 given");
    }

    #[tokio::test]
    async fn an_event_whose_handling_panics_does_not_end_the_others() {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let rooms = [hubbub_domain::RoomId::new(), hubbub_domain::RoomId::new()];
        for room in rooms {
            sender.send(DomainEvent::RoomDeleted(room)).unwrap();
        }
        drop(sender);
        let handled = std::cell::RefCell::new(Vec::new());
        forward(receiver, |event| {
            handled.borrow_mut().push(event.clone());
            assert_ne!(event, DomainEvent::RoomDeleted(rooms[0]), "handled badly");
        })
        .await;
        assert_eq!(handled.into_inner(), rooms.map(DomainEvent::RoomDeleted));
    }
}

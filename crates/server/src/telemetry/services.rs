//! Signaling, accounts, the API and the database as metrics.

use hubbub_domain::measure::Histogram;
use hubbub_signaling::MetricsSnapshot;
use prometheus::proto::MetricFamily;

use super::families::{Distribution, Sample, by, counter, gauge, histogram, one};

/// Sockets, seats and messages.
pub(crate) fn signaling(now: &MetricsSnapshot) -> Vec<MetricFamily> {
    let prefix = |name: &str| format!("hubbub_signaling_{name}");
    let queued = "Messages that wait for clients to take them, all together.";
    vec![
        gauge(&prefix("sockets"), "Open WebSockets.", one(now.sockets)),
        gauge(&prefix("queued_messages"), queued, one(now.queued)),
        gauge(&prefix("longest_queue"), "Messages that wait for the slowest client.", one(now.longest_queue)),
        gauge(
            &prefix("participants"),
            "Taken seats in rooms, those waiting for their socket included.",
            one(now.participants),
        ),
        gauge(&prefix("rooms"), "Rooms with somebody in them.", one(now.rooms)),
        gauge(
            &prefix("connection_tests"),
            "Connection tests under way, which are neither participants nor rooms.",
            one(now.connection_tests),
        ),
        counter(&prefix("messages_received_total"), "Messages received, by type.", by("type", &now.messages_in)),
        counter(
            &prefix("messages_sent_total"),
            "Messages queued for clients, by type; those that news hold are counted as well.",
            by("type", &now.messages_out),
        ),
        counter(&prefix("errors_total"), "Errors sent, by code.", by("code", &now.errors)),
        counter(
            &prefix("media_problems_total"),
            "Media connections that did not come about, as clients tell, by the step that failed.",
            by("step", &now.media_problems),
        ),
        counter(&prefix("handshakes_refused_total"), "WebSocket handshakes refused.", one(now.handshakes_refused)),
        counter(&prefix("resumes_total"), "Seats that got their socket back.", one(now.resumes)),
        counter(&prefix("resumes_failed_total"), "Resume tokens that found no seat.", one(now.resumes_failed)),
        counter(&prefix("seats_timed_out_total"), "Seats whose socket did not come back.", one(now.seats_timed_out)),
        counter(&prefix("slow_readers_total"), "Sockets closed for reading too slowly.", one(now.slow_readers)),
        counter(&prefix("floods_total"), "Sockets closed for ignoring the rate limit.", one(now.floods)),
        times(&prefix("join_seconds"), "From join to joined.", &now.join_time),
        times(&prefix("media_setup_seconds"), "From an offer to audio flowing.", &now.media_setup_time),
    ]
}

/// Logins and mail.
pub(crate) fn accounts(now: &hubbub_auth::MetricsSnapshot) -> Vec<MetricFamily> {
    let passwords = "Time to check or hash a password, with waiting for a thread.";
    let mails =
        "Mails, by how they ended: taken by the mail server or the built-in outbox, given up, or not taken at all.";
    let retries = "Tries to send a mail that failed and are followed by another one.";
    vec![
        counter("hubbub_auth_logins_total", "Logins, by outcome.", by("outcome", &now.logins)),
        times("hubbub_auth_password_seconds", passwords, &now.passwords),
        counter("hubbub_mails_total", mails, by("outcome", &now.mail.outcomes)),
        counter("hubbub_mail_retries_total", retries, one(now.mail.retries)),
        gauge("hubbub_mails_waiting", "Mails that wait to be sent.", one(now.mail.waiting)),
    ]
}

/// Requests that rate limits refused.
pub(crate) fn api(rate_limited: &[(&'static str, u64)]) -> MetricFamily {
    let help = "Requests refused by a rate limit, by its key in [limits].";
    counter("hubbub_api_rate_limited_total", help, by("limit", rate_limited))
}

/// The database.
pub(crate) fn storage(now: &hubbub_storage::MetricsSnapshot) -> Vec<MetricFamily> {
    let connections = now.pools.iter().flat_map(|pool| {
        [("used", pool.used), ("idle", pool.idle)]
            .map(|(state, count)| (vec![("pool", pool.name.to_owned()), ("state", state.to_owned())], count))
    });
    let most: Vec<_> = now.pools.iter().map(|pool| (pool.name, pool.max)).collect();
    let queries: Vec<Sample<Distribution>> =
        now.queries.iter().map(|(kind, times)| (vec![("kind", (*kind).to_owned())], times.into())).collect();
    let under_way = "Queries that wait for a connection or an answer.";
    vec![
        gauge("hubbub_storage_connections", "Open connections to the database.", connections.collect()),
        gauge("hubbub_storage_connections_max", "Connections there may be.", by("pool", &most)),
        gauge("hubbub_storage_queries_under_way", under_way, one(now.under_way)),
        histogram("hubbub_storage_query_seconds", "Time for a query, with waiting for a connection.", queries),
        counter("hubbub_storage_errors_total", "Queries that failed, by kind of failure.", by("kind", &now.errors)),
    ]
}

fn times(name: &str, help: &str, times: &Histogram) -> MetricFamily {
    histogram(name, help, one(times.into()))
}

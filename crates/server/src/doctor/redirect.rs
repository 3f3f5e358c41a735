//! `http.redirect_bind`: free, or the way to `http.public_url`.

use std::io::ErrorKind;

use tokio::net::TcpListener;

use super::Doctor;
use super::finding::Finding;
use super::http::{accepts, ask, cannot_bind, may_not_bind};

const NAME: &str = "redirect port";
const KEY: &str = "http.redirect_bind";

/// Nothing without that key.
pub(crate) async fn check(doctor: &Doctor) -> Vec<Finding> {
    let config = &doctor.config;
    let Some(bind) = config.http.redirect_bind else { return Vec::new() };
    let here = config.redirect_address().unwrap_or(bind);
    vec![match TcpListener::bind(bind).await {
        Ok(_) if doctor.server_runs => Finding::warning(
            NAME,
            format!("the server runs, but nothing listens at {bind}"),
            "was it started with another configuration? Start it again with this one",
        ),
        Ok(_) => Finding::ok(NAME, format!("{bind} is free")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !accepts(here).await => {
            may_not_bind(NAME, KEY, bind)
        }
        Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
            let host = here.ip().to_string();
            let answer = ask(&host, here.port(), None, &host, "/").await;
            let origin = config.public_url().origin().ascii_serialization();
            if answer.is_ok_and(|(answer, _)| leads_to(&answer, &origin)) {
                Finding::ok(NAME, format!("{bind} leads to {origin}"))
            } else {
                let advice = format!("end what uses it, or set {KEY} to another address");
                Finding::fails(NAME, format!("another program has {bind}"), advice)
            }
        }
        Err(error) => cannot_bind(NAME, KEY, bind, &error),
    }]
}

/// Whether an answer leads there as the server's does (308, RFC 9110, section 15.4.9).
fn leads_to(answer: &str, origin: &str) -> bool {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines();
    let is_308 = lines.next().is_some_and(|line| line.split(' ').nth(1) == Some("308"));
    is_308
        && lines.any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("location") && value.trim() == format!("{origin}/")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_way_to_the_public_url_counts() {
        let answer = "HTTP/1.0 308 Permanent Redirect\r\nLocation: https://talk.example.org/\r\n\r\n";
        assert!(leads_to(answer, "https://talk.example.org"));
        assert!(!leads_to(answer, "https://other.example.org"));
        assert!(!leads_to("HTTP/1.0 200 OK\r\n\r\nlocation: https://talk.example.org/", "https://talk.example.org"));
        assert!(!leads_to("", "https://talk.example.org"));
    }
}

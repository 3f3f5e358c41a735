//! The certificate of `[tls]` as it lies on the disk.

use std::io::ErrorKind;

use super::Doctor;
use super::finding::Finding;
use super::http::DAYS_LEFT;
use crate::tls::{AcmeConfig, Held, Source};

const NAME: &str = "certificate";

/// Whether it is there, for the host people type, and valid for a while; nothing without `[tls]`.
pub(crate) fn check(doctor: &Doctor) -> Option<Finding> {
    let url = doctor.config.public_url();
    let host = url.host_str().unwrap_or_default();
    Some(match doctor.config.for_tls()? {
        Source::Files(files) => match files.examine(host) {
            Ok(held) => judge(&held, host, "renew it, and see that this happens by itself"),
            Err(error) => Finding::fails(NAME, format!("{error:#}"), "correct tls.certificate and tls.key"),
        },
        Source::Acme(acme) => by_acme(&acme, host, doctor.server_runs),
    })
}

fn by_acme(acme: &AcmeConfig, host: &str, server_runs: bool) -> Finding {
    let names = acme.domains.join(", ");
    let advice =
        "the server renews it by itself while it runs: its log says what the ACME server answered (docs/TLS.md)";
    match acme.examine(host) {
        Ok(Some(held)) => judge(&held, host, advice),
        Ok(None) if server_runs => Finding::warning(NAME, format!("ACME has got none for {names} yet"), advice),
        Ok(None) => Finding::ok(NAME, format!("ACME gets one for {names} when the server starts")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let found = format!("ACME gets it for {names}; this user may not look at it in {}", acme.folder.display());
            Finding::ok(NAME, found)
        }
        Err(error) => Finding::fails(
            NAME,
            format!("{}: {error}", acme.folder.display()),
            "let the user that runs the server read and write there",
        ),
    }
}

fn judge(held: &Held, host: &str, renew: &str) -> Finding {
    if held.days_left < 0 {
        return Finding::fails(NAME, "the certificate has expired", renew);
    }
    if !held.has_begun {
        let advice = "wait, or get one that is; the clock may be wrong too";
        return Finding::fails(NAME, "the certificate is not valid yet", advice);
    }
    if !held.is_for_host {
        return Finding::fails(
            NAME,
            format!("the certificate is for {}, not for {host}", held.names.join(", ")),
            "get one for the host of http.public_url, or correct that",
        );
    }
    if held.days_left < DAYS_LEFT {
        return Finding::warning(NAME, format!("the certificate ends in {} days", held.days_left), renew);
    }
    Finding::ok(NAME, format!("for {host}, valid for {} more days", held.days_left))
}

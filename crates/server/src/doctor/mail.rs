//! The mail server, up to the point where a mail would be sent.

use std::time::Duration;

use hubbub_auth::{SmtpFault, SmtpTrial};

use super::Doctor;
use super::finding::Finding;

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// The line about it.
pub(crate) async fn check(doctor: &Doctor) -> Finding {
    let name = "mail";
    let Some(mut smtp) = doctor.config.for_smtp() else {
        return if doctor.config.http.bind.ip().is_loopback() {
            Finding::ok(name, "no mail server is set: mail goes into the built-in outbox")
        } else {
            let found = "no mail server is set: nobody outside this machine can read the codes that prove an address";
            Finding::warning(
                name,
                found,
                "set mail.smtp_host, or close registration and make accounts with `hubbub admin`",
            )
        };
    };
    smtp.timeout = PATIENCE;
    let server = format!("{}:{}", smtp.host, doctor.config.mail.smtp_port);
    let trial = match smtp.try_out().await {
        Ok(trial) => trial,
        Err(fault) => return failed(&server, &fault),
    };
    let SmtpTrial { encrypted, logged_in } = trial;
    let how = match (encrypted, logged_in) {
        (true, true) => "by TLS, with login",
        (true, false) => "by TLS, without login",
        (false, _) => "unencrypted, without login",
    };
    let Some(to) = &doctor.arguments.send_test_mail else {
        return Finding::ok(name, format!("{server} would take mail from {} ({how})", doctor.config.mail.from));
    };
    let subject = format!("A test mail of {}", doctor.config.server.name);
    let text = format!("`hubbub doctor` at {} sent this, so mail works.\n", doctor.config.public_url());
    match smtp.send_now(to, &subject, &text).await {
        Ok(()) => Finding::ok(name, format!("{server} took a test mail to {to} ({how}); see whether it arrives")),
        Err(fault) => failed(&server, &fault),
    }
}

fn failed(server: &str, fault: &SmtpFault) -> Finding {
    let advice = match fault {
        SmtpFault::Config(_) => "correct [mail]",
        SmtpFault::Unreachable(_) => {
            "check mail.smtp_host and mail.smtp_port; many providers block port 25, and some all mail, until asked"
        }
        SmtpFault::NoStartTls => {
            "set mail.encryption to \"tls\" with port 465, or to \"none\" for a server on this machine"
        }
        SmtpFault::Tls(_) => {
            "set mail.smtp_host to the name in the server's certificate; port 465 wants \"tls\", port 587 \"starttls\""
        }
        SmtpFault::NoLogin => "empty mail.username and mail.password, or use the port that offers login (587 or 465)",
        SmtpFault::Login(_) => {
            "set mail.username and mail.password to what this server knows; some want an app password"
        }
        SmtpFault::Sender(_) => "set mail.from to an address that this login may send from",
        SmtpFault::Recipient { .. } => "log in (mail.username), or have the server relay mail of this machine",
        SmtpFault::Mail(_) => "look at the server's words",
    };
    let found = format!("{server}: {fault}");
    if let SmtpFault::Recipient { unknown_mailbox: true, .. } = fault {
        let advice = "fine for an address that nobody reads; `--send-test-mail ADDRESS` tells more";
        return Finding::warning("mail", found, advice);
    }
    Finding::fails("mail", found, advice)
}

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::smtp::{Sink, flush, mail};
use super::{email, other_than, registration};
use crate::testing::{self, PASSWORD};
use crate::{Mailer as _, Secret, SmtpConfig, SmtpMailer};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Catches everything logged by this thread, at the most talkative level.
fn catch() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

/// Walks through everything there is at the most talkative log level and looks for secrets in what was logged and in what
/// `Debug` prints.
#[tokio::test]
async fn no_secret_is_logged_or_printed() {
    let (lines, _guard) = catch();
    let h = testing::auth();
    let mut secrets = vec![PASSWORD.to_owned(), "ada@example.org".to_owned()];
    let ada = email("ada@example.org");
    let token = h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    let code = h.last_code("ada@example.org").await;
    secrets.extend([code.clone(), other_than(&code), token.expose().to_owned()]);
    h.auth.verify_email(&ada, &other_than(&code), Some(token.expose())).await.unwrap_err();
    h.auth.verify_email(&ada, &code, Some(token.expose())).await.unwrap();
    h.auth.login(&ada, "not the password", "").await.unwrap_err();
    secrets.push("not the password".to_owned());
    let first = h.auth.login(&ada, PASSWORD, "").await.unwrap();
    let second = h.auth.refresh(first.tokens.refresh.expose()).await.unwrap();
    let identity = h.auth.authenticate(second.tokens.access.expose()).unwrap();
    let ticket = h.auth.issue_ws_ticket(&identity);
    h.auth.redeem_ws_ticket(ticket.ticket.expose()).await.unwrap();
    h.clock.advance(Duration::from_secs(60));
    h.auth.refresh(first.tokens.refresh.expose()).await.unwrap_err();
    h.auth.logout(Some(second.tokens.access.expose()), None).await.unwrap();
    h.storage.set_unavailable(true);
    h.auth.resend_verification(&ada).await.unwrap_err();
    for secret in
        [&first.tokens.access, &first.tokens.refresh, &second.tokens.access, &second.tokens.refresh, &ticket.ticket]
    {
        secrets.push(secret.expose().to_owned());
    }

    let mut printed = lines.text();
    for event in ["registered", "address proved", "logged in", "a refresh token was used twice"] {
        assert!(printed.contains(event), "{event:?} is missing, so this test sees no log: {printed}");
    }
    assert!(printed.lines().all(|line| line.contains("hubbub_auth")), "one line an event: {printed}");
    let tokens = first.tokens;
    printed.push_str(&format!("{tokens:?} {ticket:?} {:?} {:?}", h.auth, h.mails().await));
    printed.push_str(&format!("{:?}", registration("ada@example.org", "ada")));
    for secret in secrets {
        assert!(!printed.contains(&secret), "{secret:?} is in {printed}");
    }
}

#[tokio::test]
async fn sending_mail_logs_neither_recipient_nor_text_nor_credentials() {
    let (lines, _guard) = catch();
    let sink = Sink::start(&["451 not now, ada@example.org", "550 never, ada@example.org"]).await;
    let config = SmtpConfig {
        username: Some("hubbub".to_owned()),
        password: Some(Secret::new("smtp password")),
        ..sink.config()
    };
    let mailer = SmtpMailer::new(&config).unwrap();
    for _ in 0..2 {
        mailer.send(mail(email("ada@example.org"))).await.unwrap();
        flush(&mailer).await;
    }
    let logged = lines.text();
    for event in ["a mail was not sent yet", "the server answered 451", "it is dropped", "mail sent"] {
        assert!(logged.contains(event), "{event:?} is missing in {logged}");
    }
    for secret in ["ada@example.org", "123456", "smtp password", "AGh1YmJ1YgBzbXRwIHBhc3N3b3Jk"] {
        assert!(!logged.contains(secret), "{secret:?} is in {logged}");
    }
}

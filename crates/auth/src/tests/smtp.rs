//! Against a mail server of a few lines that speaks enough SMTP to receive a message, and writes down what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hubbub_domain::user::Email;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::email;
use crate::{Encryption, Mail, Mailer, Secret, SmtpConfig, SmtpConfigError, SmtpMailer};

#[derive(Default)]
struct Log {
    /// Every command line, in order.
    commands: Vec<String>,
    /// Every message, without the final dot.
    messages: Vec<String>,
    /// What the next `MAIL FROM`s are answered in place of `250`.
    refusals: VecDeque<&'static str>,
}

pub(super) struct Sink {
    port: u16,
    log: Arc<Mutex<Log>>,
}

impl Sink {
    pub(super) async fn start(refusals: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log { refusals: refusals.iter().copied().collect(), ..Log::default() }));
        let shared = log.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, shared.clone()));
            }
        });
        Self { port, log }
    }

    pub(super) fn config(&self) -> SmtpConfig {
        SmtpConfig {
            port: Some(self.port),
            encryption: Encryption::None,
            timeout: Duration::from_secs(5),
            retry_pauses: vec![Duration::from_millis(10); 3],
            ..SmtpConfig::new("127.0.0.1", "Hubbub <hubbub@example.org>")
        }
    }

    fn commands(&self, verb: &str) -> Vec<String> {
        self.log.lock().unwrap().commands.iter().filter(|line| line.starts_with(verb)).cloned().collect()
    }

    fn messages(&self) -> Vec<String> {
        self.log.lock().unwrap().messages.clone()
    }
}

async fn serve(socket: TcpStream, log: Arc<Mutex<Log>>) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    if write.write_all(b"220 sink.example ESMTP\r\n").await.is_err() {
        return;
    }
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        log.lock().unwrap().commands.push(line);
        let answer = match verb.as_str() {
            "EHLO" => "250-sink.example\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => "235 welcome",
            "MAIL" => log.lock().unwrap().refusals.pop_front().unwrap_or("250 OK"),
            "DATA" => {
                if write.write_all(b"354 go on\r\n").await.is_err() {
                    return;
                }
                let mut message = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    message.push_str(&line);
                    message.push('\n');
                }
                log.lock().unwrap().messages.push(message);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 OK",
        };
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

pub(super) fn mail(to: Email) -> Mail {
    Mail {
        to,
        subject: "Your code for Hubbub",
        text: "Hello\n\n    123456\n".to_owned(),
        html: "<p>123456</p>".to_owned(),
    }
}

pub(super) async fn flush(mailer: &SmtpMailer) {
    timeout(Duration::from_secs(10), mailer.flush()).await.expect("everything is delivered or given up in time");
}

#[tokio::test]
async fn a_mail_arrives_once_at_exactly_one_recipient() {
    let sink = Sink::start(&[]).await;
    let mailer = SmtpMailer::new(&sink.config()).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;

    assert_eq!(sink.commands("RCPT"), ["RCPT TO:<ada@example.org>"]);
    assert_eq!(sink.commands("MAIL").len(), 1);
    assert!(sink.commands("MAIL")[0].starts_with("MAIL FROM:<hubbub@example.org>"));
    let messages = sink.messages();
    assert_eq!(messages.len(), 1);
    let (head, body) = messages[0].split_once("\n\n").unwrap();
    for line in ["From: Hubbub <hubbub@example.org>", "To: ada@example.org", "Subject: Your code for Hubbub"] {
        assert!(head.lines().any(|l| l == line), "{line} is missing in {head}");
    }
    assert!(head.contains("multipart/alternative") && head.contains("Message-ID:") && head.contains("Date:"), "{head}");
    assert!(body.contains("text/plain") && body.contains("text/html"), "{body}");
    assert_eq!(body.matches("123456").count(), 2, "{body}");
}

#[tokio::test]
async fn a_line_break_in_an_address_reaches_neither_envelope_nor_header() {
    let sink = Sink::start(&[]).await;
    let mailer = SmtpMailer::new(&sink.config()).unwrap();
    // `Email::parse` refuses all of these; even an address that got around it must do no harm.
    for evil in [
        "ada@example.org\r\nRCPT TO:<eve@example.org>",
        "ada@example.org\nBcc: eve@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org>\r\nRCPT TO:<eve@example.org",
        "Eve <eve@example.org>",
    ] {
        assert!(Email::parse(evil).is_err(), "{evil:?}");
        mailer.send(mail(Email::from_stored(evil.to_owned()))).await.unwrap();
    }
    mailer.send(mail(email("bob@example.org"))).await.unwrap();
    flush(&mailer).await;
    assert_eq!(sink.commands("RCPT"), ["RCPT TO:<bob@example.org>"]);
    assert!(sink.messages().iter().all(|message| !message.contains("eve@example.org")));
}

/// Mails sent, dropped and refused, further tries, and mails that wait.
fn counted(mailer: &SmtpMailer) -> ([u64; 3], u64, u64) {
    let metrics = mailer.metrics();
    let outcomes = ["sent", "dropped", "refused"]
        .map(|outcome| metrics.outcomes.iter().find(|(name, _)| *name == outcome).map_or(0, |(_, count)| *count));
    (outcomes, metrics.retries, metrics.waiting)
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again_and_a_final_one_is_not() {
    let sink = Sink::start(&["451 come back", "421 too busy"]).await;
    let mailer = SmtpMailer::new(&sink.config()).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;
    assert_eq!((sink.commands("MAIL").len(), sink.messages().len()), (3, 1));
    assert_eq!(counted(&mailer), ([1, 0, 0], 2, 0));

    let sink = Sink::start(&["550 never"]).await;
    let mailer = SmtpMailer::new(&sink.config()).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;
    assert_eq!((sink.commands("MAIL").len(), sink.messages().len()), (1, 0));
    assert_eq!(counted(&mailer), ([0, 1, 0], 0, 0));

    let sink = Sink::start(&["451 no"; 9]).await;
    let mailer = SmtpMailer::new(&sink.config()).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;
    assert_eq!((sink.commands("MAIL").len(), sink.messages().len()), (4, 0), "one try and three more");
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_in_the_clear() {
    let sink = Sink::start(&[]).await;
    let config = SmtpConfig {
        encryption: Encryption::StartTls,
        username: Some("hubbub".to_owned()),
        password: Some(Secret::new("smtp password")),
        retry_pauses: vec![],
        ..sink.config()
    };
    let mailer = SmtpMailer::new(&config).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;
    assert!(sink.messages().is_empty());
    let log = sink.log.lock().unwrap();
    assert!(log.commands.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{:?}", log.commands);
}

#[tokio::test]
async fn credentials_are_presented_when_set() {
    let sink = Sink::start(&[]).await;
    let config = SmtpConfig {
        username: Some("hubbub".to_owned()),
        password: Some(Secret::new("smtp password")),
        ..sink.config()
    };
    let mailer = SmtpMailer::new(&config).unwrap();
    mailer.send(mail(email("ada@example.org"))).await.unwrap();
    flush(&mailer).await;
    // base64 of NUL hubbub NUL smtp password (RFC 4616).
    assert_eq!(sink.commands("AUTH"), ["AUTH PLAIN AGh1YmJ1YgBzbXRwIHBhc3N3b3Jk"]);
    assert_eq!(sink.messages().len(), 1);
    assert!(!format!("{config:?}").contains("smtp password"));
}

#[tokio::test]
async fn a_dead_server_holds_up_no_request_and_the_queue_is_bounded() {
    // Accepts connections and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = SmtpConfig {
        port: Some(port),
        encryption: Encryption::None,
        ..SmtpConfig::new("127.0.0.1", "hubbub@example.org")
    };
    let mailer = SmtpMailer::new(&config).unwrap();
    let started = std::time::Instant::now();
    let mut taken = 0;
    while mailer.send(mail(email("ada@example.org"))).await.is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 1_000);
    assert_eq!(counted(&mailer), ([0, 0, 1], 0, 1_000));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(listener);
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let good =
        || SmtpConfig { encryption: Encryption::None, ..SmtpConfig::new("mail.example.org", "hubbub@example.org") };
    assert!(SmtpMailer::new(&good()).is_ok());
    let error = |config: SmtpConfig| SmtpMailer::new(&config).map(drop).unwrap_err();
    assert!(matches!(error(SmtpConfig { host: " ".to_owned(), ..good() }), SmtpConfigError::Host));
    assert!(matches!(error(SmtpConfig { from: "nobody".to_owned(), ..good() }), SmtpConfigError::From(_)));
    assert!(matches!(error(SmtpConfig { username: Some("x".to_owned()), ..good() }), SmtpConfigError::Credentials));
    let evil = SmtpConfig { from: "a@example.org\r\nBcc: eve@example.org".to_owned(), ..good() };
    assert!(matches!(error(evil), SmtpConfigError::From(_)));
}

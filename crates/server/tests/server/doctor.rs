//! `hubbub doctor` on set-ups that are broken on purpose: the right line names what is wrong, and nothing is changed.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use rtc_stun::message::{BINDING_SUCCESS, Message, Setter};
use rtc_stun::xoraddr::XorMappedAddress;
use serde_json::Value;

use crate::certificates::Authority;
use crate::harness::{Reach, Setup, free_port};
use crate::namespace;
use crate::turn::{Coturn, NEW};

/// What the doctor says, as JSON, and its exit code.
struct Said {
    report: Value,
    code: Option<i32>,
    text: String,
}

/// Runs it; nobody outside is asked for the time.
fn doctor(setup: &Setup, arguments: &[&str]) -> Said {
    let mut command = setup.command();
    command.args(["doctor", "--json", "--time-server", "127.0.0.1:1"]).args(arguments);
    said(&command.output().unwrap())
}

fn said(output: &Output) -> Said {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    Said { report, code: output.status.code(), text }
}

impl Said {
    /// The lines of a check as "status found advice".
    fn lines(&self, check: &str) -> Vec<String> {
        let checks = self.report["checks"].as_array().unwrap();
        let of = checks.iter().filter(|line| line["check"] == check);
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        of.map(|line| format!("{} {} {}", text(line, "status"), text(line, "found"), text(line, "advice"))).collect()
    }

    #[track_caller]
    fn says(&self, check: &str, status: &str, parts: &[&str]) {
        let lines = self.lines(check);
        let found = lines.iter().any(|line| line.starts_with(status) && parts.iter().all(|part| line.contains(part)));
        assert!(found, "{check} should be {status} with {parts:?}, is {lines:?}");
        let code = if self.report["fails"] == 0 { 0 } else { 1 };
        assert_eq!(self.code, Some(code), "{}", self.text);
        assert!(status != "fails" || code == 1);
    }
}

/// A STUN server that answers everybody with this address.
fn stun_server(seen: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("stun:127.0.0.1:{}", socket.local_addr().unwrap().port());
    let seen: SocketAddr = seen.parse().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let (mut asked, mut answer) = (Message::new(), Message::new());
            if asked.unmarshal_binary(&buffer[..length]).is_err() {
                continue;
            }
            (answer.typ, answer.transaction_id) = (BINDING_SUCCESS, asked.transaction_id);
            answer.write_header();
            XorMappedAddress { ip: seen.ip(), port: seen.port() }.add_to(&mut answer).unwrap();
            let _ = socket.send_to(&answer.raw, from);
        }
    });
    url
}

/// A mail server that answers these commands with these words and everything else kindly; its port and what it was told.
fn mail_server(answers: &'static [(&'static str, &'static str)]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Arc::new(Mutex::new(Vec::new()));
    let told = log.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut writer = stream.try_clone().unwrap();
            let mut lines = BufReader::new(stream).lines();
            let _ = writer.write_all(b"220 sink.example ESMTP\r\n");
            while let Some(Ok(line)) = lines.next() {
                told.lock().unwrap().push(line.clone());
                let answer = match answers.iter().find(|(command, _)| line.starts_with(command)) {
                    Some((_, answer)) => (*answer).to_owned(),
                    None if line.starts_with("EHLO") => "250-sink.example\r\n250 8BITMIME".to_owned(),
                    None if line == "DATA" => {
                        let _ = writer.write_all(b"354 go on\r\n");
                        while lines.next().is_some_and(|line| line.is_ok_and(|line| line != ".")) {}
                        "250 taken".to_owned()
                    }
                    None => "250 OK".to_owned(),
                };
                if writer.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (port, log)
}

fn with_mail(port: u16) -> Setup {
    Setup::new()
        .with("HUBBUB__MAIL__SMTP_HOST", "127.0.0.1")
        .with("HUBBUB__MAIL__SMTP_PORT", &port.to_string())
        .with("HUBBUB__MAIL__ENCRYPTION", "none")
        .with("HUBBUB__MAIL__FROM", "Hubbub <hubbub@example.org>")
}

#[test]
fn a_set_up_that_works_is_well_and_stays_untouched() {
    let setup = Setup::new();
    let said = doctor(&setup, &[]);
    assert_eq!(said.report["fails"], 0, "{}", said.text);
    said.says("http port", "ok", &["free"]);
    said.says("media udp", "ok", &["free", "datagrams arrive"]);
    said.says("media tcp", "ok", &["free"]);
    said.says("database", "ok", &["not there yet"]);
    said.says("mail", "ok", &["outbox"]);
    for check in ["open files", "socket buffers", "segmentation", "disk", "memory", "clock"] {
        assert_eq!(said.lines(check).len(), 1, "{check}: {}", said.text);
    }
    assert!(!setup.data().exists(), "looking makes nothing");
    let output = setup.command().args(["doctor", "--offline"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().any(|line| line.starts_with("ok       http port")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_server_its_ports_are_known_as_its() {
    let setup = Arc::new(Setup::new());
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let said = tokio::task::spawn_blocking({
        let setup = setup.clone();
        move || doctor(&setup, &[])
    })
    .await
    .unwrap();
    assert_eq!(said.report["fails"], 0, "{}", said.text);
    said.says("http port", "ok", &["Hubbub", env!("CARGO_PKG_VERSION")]);
    said.says("metrics port", "ok", &["served"]);
    said.says("public url", "ok", &["leads here"]);
    said.says("media udp", "ok", &["held by the running server", "datagrams arrive"]);
    said.says("media tcp", "ok", &["held by the running server", "takes connections"]);
    said.says("database", "ok", &["takes writes", "schema"]);
    assert_eq!(server.get("/api/users/me", Some(&ada)).await.0, 200, "the write was taken back");
}

#[test]
fn a_wrong_announced_address_is_named() {
    let setup = Setup::new().with("HUBBUB__MEDIA__ANNOUNCED_ADDRESSES", "198.51.100.7");
    let said = doctor(&setup, &["--stun", &stun_server("203.0.113.9:7882")]);
    said.says("announced addresses", "fails", &["198.51.100.7", "203.0.113.9", "media.announced_addresses"]);
    said.says("stun", "ok", &["203.0.113.9"]);
    doctor(&setup, &[]).says("announced addresses", "warning", &["198.51.100.7", "--stun"]);
}

#[test]
fn blocked_udp_is_named() {
    // The server's port takes connections; its datagrams never come through.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _silent = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let said = doctor(&Setup::new(), &["--stun", &format!("stun:127.0.0.1:{port}")]);
    said.says("stun", "fails", &["UDP is blocked", "let UDP out"]);
}

#[test]
fn ports_that_others_have_are_named() {
    let setup = Setup::new();
    let _http = TcpListener::bind(("127.0.0.1", setup.http)).unwrap();
    let _media = UdpSocket::bind(("127.0.0.1", setup.media)).unwrap();
    let said = doctor(&setup, &[]);
    said.says("http port", "fails", &["another program", "http.bind"]);
    said.says("media udp", "fails", &["another program", &setup.media.to_string(), "media.first_port"]);
    said.says("media tcp", "ok", &["free"]);
}

/// As `config/systemd/hubbub.service` has it: the server may listen on ports below 1024, whoever runs the doctor may not.
#[test]
fn who_may_not_listen_on_443_is_told_who_does() {
    let doctor = "setpriv --bounding-set=-net_bind_service $HUBBUB doctor --json --offline";
    let setup = || {
        Setup::new()
            .with("HUBBUB__HTTP__BIND", "[::]:443")
            .with("HUBBUB__HTTP__PUBLIC_URL", "http://127.0.0.1:443")
            .with("HUBBUB__METRICS__BIND", "127.0.0.1:946")
            .with("HUBBUB__MEDIA__BIND", "::")
            .with("HUBBUB__MEDIA__FIRST_PORT", "782")
    };
    let Some(free) = namespace::within(&setup(), "setpriv", doctor) else { return };
    let free = said(&free);
    for check in ["http port", "metrics port", "media udp", "media tcp"] {
        free.says(check, "warning", &["nobody listens", "this user may not", "AmbientCapabilities"]);
    }

    let beside = said(&namespace::within(&setup(), "setpriv", &format!("{}{doctor}", namespace::SERVER)).unwrap());
    beside.says("http port", "ok", &["Hubbub", "answers at [::]:443"]);
    beside.says("metrics port", "ok", &["served"]);
    beside.says("public url", "ok", &["leads here"]);
    beside.says("media udp", "ok", &["held by the running server", "datagrams arrive"]);
    beside.says("media tcp", "ok", &["held by the running server", "takes connections"]);

    let other = format!(
        "{}export HUBBUB__METRICS__BIND=[::]:443 HUBBUB__HTTP__BIND=127.0.0.1:946; {doctor}",
        namespace::SERVER
    );
    let other = said(&namespace::within(&setup(), "setpriv", &other).unwrap());
    other.says("http port", "fails", &["another program has 127.0.0.1:946"]);
    other.says("metrics port", "fails", &["another program has [::]:443"]);
}

#[test]
fn media_ports_that_a_firewall_closes_are_named() {
    let setup = Setup::new().with("HUBBUB__MEDIA__WORKERS", "3");
    let (open, closed) = (setup.media, setup.media + 1);
    let firewall = format!(
        "nft 'add table inet t; add chain inet t i {{ type filter hook input priority 0; }}; \
         add rule inet t i udp dport {closed} drop; add rule inet t i tcp dport {closed} drop'; "
    );
    let doctor = "$HUBBUB doctor --json --offline";
    let Some(free) = namespace::within(&setup, "nft", &format!("{firewall}{doctor}")) else { return };
    let named = |said: &Said, protocol: &str| {
        let check = format!("media {protocol}");
        assert!(!said.lines(&check)[0].contains(&format!("to 127.0.0.1:{open}")), "{}", said.text);
        said.says(&check, "fails", &[&closed.to_string(), "firewall on this machine"]);
    };
    named(&said(&free), "udp");
    let held = said(&namespace::within(&setup, "nft", &format!("{firewall}{}{doctor}", namespace::SERVER)).unwrap());
    named(&held, "udp");
    named(&held, "tcp");
    held.says("http port", "ok", &[]);
    let all = said(&namespace::within(&setup, "nft", &format!("{}{doctor}", namespace::SERVER)).unwrap());
    all.says("media udp", "ok", &["datagrams arrive from this machine; from outside: the connection test"]);
    all.says("media tcp", "ok", &["takes connections from this machine; from outside: the connection test"]);
}

#[test]
fn turn_is_tried_with_credentials_as_clients_get_them() {
    let coturn = Coturn::start();
    let urls = format!("turn:127.0.0.1:{0}, turn:127.0.0.1:{0}?transport=tcp", coturn.port);
    let setup = Setup::new().with("HUBBUB__ICE__TURN_URLS", &urls).with("HUBBUB__ICE__TURN_SECRET", NEW);
    let said = doctor(&setup, &[]);
    assert_eq!(said.lines("turn").iter().filter(|line| line.starts_with("ok")).count(), 2, "{}", said.text);

    let secret = "another secret than coturn's".replace(' ', "-");
    let setup = setup.with("HUBBUB__ICE__TURN_SECRET", &secret);
    let said = doctor(&setup, &[]);
    said.says("turn", "fails", &["refuses the credentials", "ice.turn_secret", "static-auth-secret"]);
    assert!(!said.text.contains(&secret), "{}", said.text);

    let nobody = format!("turn:127.0.0.1:{}?transport=tcp", free_port());
    doctor(&setup.with("HUBBUB__ICE__TURN_URLS", &nobody), &[]).says("turn", "fails", &["cannot be reached"]);
}

#[test]
fn a_turn_server_without_a_certificate_is_named() {
    let (port, _) = mail_server(&[]);
    let url = format!("turns:127.0.0.1:{port}");
    let setup = Setup::new().with("HUBBUB__ICE__TURN_URLS", &url).with("HUBBUB__ICE__TURN_SECRET", NEW);
    doctor(&setup, &[]).says("turn", "fails", &["certificate"]);
}

#[test]
fn a_certificate_for_another_name_or_without_its_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (chain, key) = authority.issue(&["talk.example.org"], time::Duration::days(90)).write(folder.path());
    let with = |chain: &Path, url: &str| {
        Setup::new()
            .with("HUBBUB__TLS__CERTIFICATE", &chain.display().to_string())
            .with("HUBBUB__TLS__KEY", &key.display().to_string())
            .with("HUBBUB__HTTP__PUBLIC_URL", url)
    };
    let well = with(&chain, "https://talk.example.org");
    doctor(&well, &[]).says("certificate", "ok", &["talk.example.org", "89 more days"]);
    let other = with(&chain, "https://other.example.org");
    doctor(&other, &[]).says("certificate", "fails", &["talk.example.org, not for other.example.org"]);
    doctor(&with(&folder.path().join("none.pem"), "https://talk.example.org"), &[]).says(
        "certificate",
        "fails",
        &["tls.certificate", "none.pem"],
    );
}

#[test]
fn what_acme_has_got_and_whether_its_names_lead_here_is_looked_at() {
    const NAME: &str = "talk.hubbub.invalid";
    let redirect = free_port();
    let setup = Setup::new()
        .with("HUBBUB__TLS__ACME", "true")
        .with("HUBBUB__TLS__ACME_DIRECTORY", "https://ca.example/directory")
        .with("HUBBUB__TLS__ACME_DOMAINS", NAME)
        .with("HUBBUB__HTTP__REDIRECT_BIND", &format!("127.0.0.1:{redirect}"));
    let said = doctor(&setup, &["--offline"]);
    said.says("certificate", "ok", &[NAME, "when the server starts"]);
    said.says("acme names", "warning", &[NAME, "does not resolve", "DNS"]);
    said.says("redirect port", "ok", &["free"]);

    let folder = setup.data().join("acme");
    std::fs::create_dir_all(&folder).unwrap();
    let keep = |names: &[&str], days: i64| {
        let pair = Authority::new().issue(names, time::Duration::days(days));
        let text = format!("From https://ca.example/directory\n{}\n{}\n", pair.key, pair.chain);
        std::fs::write(folder.join("certificate.pem"), text).unwrap();
        doctor(&setup, &["--offline"])
    };
    keep(&[NAME], 60).says("certificate", "ok", &[NAME, "59 more days"]);
    keep(&[NAME], 5).says("certificate", "warning", &["ends in 4 days", "renews it"]);
    keep(&["other.hubbub.invalid"], 60).says("certificate", "fails", &["not for talk.hubbub.invalid"]);

    let other = TcpListener::bind(("127.0.0.1", redirect)).unwrap();
    std::thread::spawn(move || while other.accept().is_ok() {});
    doctor(&setup, &["--offline"]).says("redirect port", "fails", &["another program", "http.redirect_bind"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_https_and_the_open_files_are_those_of_the_running_server() {
    let (setup, authority, redirect) = (Setup::new(), Authority::new(), free_port());
    let (chain, key) = authority.issue(&["127.0.0.1"], time::Duration::days(90)).write(setup.folder.path());
    let reach = Reach::secure("127.0.0.1", setup.http, &authority.root());
    let setup = Arc::new(
        setup
            .with("HUBBUB__TLS__CERTIFICATE", &chain.display().to_string())
            .with("HUBBUB__TLS__KEY", &key.display().to_string())
            .with("HUBBUB__HTTP__REDIRECT_BIND", &format!("127.0.0.1:{redirect}"))
            .reached(reach),
    );
    let server = setup.start().await;
    let files = server.metric("process_max_fds").await.unwrap();
    let http = setup.http;
    let said = tokio::task::spawn_blocking(move || doctor(&setup, &["--offline"])).await.unwrap();
    said.says("redirect port", "ok", &[&format!("leads to https://127.0.0.1:{http}")]);
    said.says("open files", "", &[&format!("the running server may have {files} files open")]);
}

#[test]
fn refused_mail_is_named_with_the_step_and_none_is_sent() {
    let (port, log) = mail_server(&[("MAIL", "550 5.7.1 not from here")]);
    doctor(&with_mail(port), &[]).says("mail", "fails", &["sender was refused", "550", "mail.from"]);
    let (other, _) = mail_server(&[("RCPT", "554 5.7.1 Relay access denied")]);
    doctor(&with_mail(other), &[]).says("mail", "fails", &["mail to hubbub@example.org was refused", "554"]);
    let (other, _) = mail_server(&[("RCPT", "550 5.1.1 User unknown")]);
    doctor(&with_mail(other), &[]).says("mail", "warning", &["5.1.1", "--send-test-mail"]);
    let password = "correct-horse";
    let setup = with_mail(port).with("HUBBUB__MAIL__ENCRYPTION", "starttls");
    let setup = setup.with("HUBBUB__MAIL__USERNAME", "ada").with("HUBBUB__MAIL__PASSWORD", password);
    let said = doctor(&setup, &[]);
    said.says("mail", "fails", &["no STARTTLS", "mail.encryption"]);
    assert!(!said.text.contains(password) && !log.lock().unwrap().iter().any(|line| line.starts_with("AUTH")));
    doctor(&with_mail(free_port()), &[]).says("mail", "fails", &["cannot be reached", "mail.smtp_host"]);
}

#[test]
fn a_mail_is_sent_only_when_asked_for() {
    let (port, log) = mail_server(&[]);
    let sent = || log.lock().unwrap().iter().filter(|line| *line == "DATA").count();
    doctor(&with_mail(port), &[]).says("mail", "ok", &["would take mail"]);
    assert_eq!(sent(), 0);
    doctor(&with_mail(port), &["--send-test-mail", "ada@example.org"]).says("mail", "ok", &["took a test mail"]);
    assert_eq!(sent(), 1);
    assert!(log.lock().unwrap().iter().any(|line| line.starts_with("RCPT TO:<ada@example.org>")));
}

#[test]
fn a_database_that_is_down_is_named_without_its_password() {
    let setup = Setup::new().with("HUBBUB__STORAGE__URL", "postgres://ada:hunter2secret@127.0.0.1:1/hubbub");
    let said = doctor(&setup, &[]);
    said.says("database", "fails", &["127.0.0.1:1", "cannot be reached", "storage.url"]);
    assert!(!said.text.contains("hunter2secret"), "{}", said.text);
}

#[test]
fn a_wrong_configuration_is_the_one_line() {
    let said = doctor(&Setup::new().with("HUBBUB__MEDIA__SLOTS", "many"), &[]);
    said.says("configuration", "fails", &["media.slots"]);
    assert_eq!(said.report["checks"].as_array().unwrap().len(), 1);
}

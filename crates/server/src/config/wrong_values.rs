//! Every key with values that cannot be: the answer names the key, where it was set and what would be right, in one line.

use std::collections::BTreeSet;
use std::fs;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use figment::{Profile, Provider};

use super::{DEFAULTS, Origin, load};

/// A key, a value of the right type that is not allowed all the same, and what the answer says would be right.
const WRONG: &[(&str, &str, &str)] = &[
    ("server.name", "' '", "expected a name of 1 to 64 characters"),
    ("server.drain_seconds", "86401", "expected 0 to 86400"),
    ("http.bind", "'localhost'", "expected an address and a port such as 127.0.0.1:8080"),
    ("http.public_url", "'talk.example.org'", "expected an address such as https://talk.example.org"),
    ("http.redirect_bind", "'80'", "expected an address and a port such as 127.0.0.1:8080"),
    ("http.hsts_seconds", "63072001", "expected 0 to 63072000"),
    ("http.trusted_proxies", "['10.0.0.0/33']", "expected such as 10.0.0.7 or 10.0.0.0/8"),
    ("http.request_timeout_seconds", "0", "expected 1 to 3600"),
    ("tls.certificate", "'/etc/hubbub/fullchain.pem'", "set both or none"),
    ("tls.key", "'/etc/hubbub/privkey.pem'", "set both or none"),
    ("tls.reload_seconds", "0", "expected 1 to 86400"),
    ("tls.acme_domains", "['localhost']\nacme = true", "expected such as talk.example.org"),
    ("tls.acme_contact", "'nobody'\nacme = true\nacme_domains = ['a.example']", "expected a mail address such as"),
    (
        "tls.acme_directory",
        "'http://x'\nacme = true\nacme_domains = ['a.example']",
        "expected an https:// address such as",
    ),
    ("tls.acme_challenge", "'dns-01'", "expected one of tls-alpn-01, http-01"),
    ("tls.acme_retry_seconds", "0", "expected 1 to 43200"),
    ("data.dir", "''", "expected a folder such as"),
    ("storage.url", "'mysql://x'", "expected postgres://user:password@host:5432/database"),
    ("storage.max_connections", "0", "expected 1 to 1000"),
    ("media.workers", "257", "expected 0 to 256"),
    ("media.bind", "'eth0'", "expected an address such as 203.0.113.7"),
    ("media.first_port", "65536", "expected a whole number from 0 to 65535"),
    ("media.announced_addresses", "['0.0.0.0']", "expected addresses that clients reach"),
    ("media.stun_servers", "['stun.example.org']", "expected such as stun:"),
    ("media.announced_http_port", "65536", "expected a whole number from 0 to 65535"),
    ("media.slots", "33", "expected 1 to 32"),
    ("media.max_packets_per_second", "49", "expected 50 to 100000"),
    ("media.max_kilobits_per_second", "63", "expected 64 to 1000000"),
    ("media.max_peers_per_worker", "0", "expected 1 to 100000"),
    ("media.max_busy_percent", "101", "expected 10 to 100"),
    ("mail.smtp_host", "'smtp.example.org:25'", "expected a host name such as smtp.example.org, without port"),
    ("mail.smtp_port", "0", "expected 1 to 65535"),
    ("mail.encryption", "'ssl'", "expected one of starttls, tls, none"),
    ("mail.username", "'ada'", "set both or none"),
    ("mail.password", "'secret'", "set both or none"),
    ("mail.from", "'nobody'", "expected a sender such as"),
    ("auth.access_token_seconds", "59", "expected 60 to 86400"),
    ("auth.minted_token_seconds", "86401", "expected 60 to 86400"),
    ("auth.refresh_token_seconds", "3599", "expected 3600 to 31536000"),
    ("auth.refresh_grace_seconds", "11", "expected 0 to 10"),
    ("auth.email_code_seconds", "1", "expected 60 to 86400"),
    ("auth.password_threads", "257", "expected 0 to 256"),
    ("limits.requests", "'600'", "expected such as \"20/30s\""),
    ("limits.register", "'0/1s'", "expected such as \"20/30s\""),
    ("limits.login", "'30 a minute'", "expected such as \"20/30s\""),
    ("limits.login_account", "'10/20'", "expected such as \"20/30s\""),
    ("limits.verify", "'40/1d'", "expected such as \"20/30s\""),
    ("limits.verify_account", "''", "expected such as \"20/30s\""),
    ("limits.resend", "'-1/1s'", "expected such as \"20/30s\""),
    ("limits.resend_account", "'5/0m'", "expected such as \"20/30s\""),
    ("limits.avatars", "'many'", "expected such as \"20/30s\""),
    ("limits.search", "'60/0.2'", "expected such as \"20/30s\""),
    ("limits.rooms", "'30/5'", "expected such as \"20/30s\""),
    ("limits.invites", "'60'", "expected such as \"20/30s\""),
    ("limits.admin", "'120'", "expected such as \"20/30s\""),
    ("limits.rooms_per_user", "0", "expected 1 to 1000000"),
    ("limits.rooms_stored", "0", "expected 1 to 100000000"),
    ("limits.rooms_in_use", "0", "expected 1 to 1000000"),
    ("limits.people_per_room", "10001", "expected 2 to 10000"),
    ("limits.pictures_at_once", "0", "expected 1 to 64"),
    ("audit.keep_days", "0", "expected 1 to 36500"),
    ("signaling.resume_window_seconds", "0", "expected 1 to 3600"),
    ("signaling.ping_interval_seconds", "301", "expected 1 to 300"),
    ("signaling.sockets_per_user", "0", "expected 1 to 1000000"),
    ("signaling.sockets_per_address", "0", "expected 1 to 1000000"),
    ("signaling.handshakes", "'64'", "expected such as \"20/30s\""),
    ("signaling.joins", "'1s'", "expected such as \"20/30s\""),
    ("signaling.offers", "'2'", "expected such as \"20/30s\""),
    ("signaling.messages_per_second", "4", "expected 5 to 10000"),
    ("signaling.messages_at_once", "19", "expected 20 to 100000"),
    ("signaling.queued_messages", "63", "expected 64 to 65536"),
    ("ice.stun_urls", "['stun.example.org']", "expected such as stun:"),
    ("ice.turn_urls", "['turn.example.org']", "expected such as turn:"),
    ("ice.turn_secret", "'short'", "expected at least 16 letters"),
    ("ice.turn_credential_seconds", "299", "expected 300 to 86400"),
    ("metrics.bind", "'9464'", "expected an address and a port such as 127.0.0.1:8080"),
    ("metrics.rooms", "1001", "expected 0 to 1000"),
    ("metrics.peers_per_room", "0", "expected 1 to 1000"),
    ("traces.endpoint", "'collector:4318'", "expected an address such as http://127.0.0.1:4318"),
    ("traces.headers", "['authorization']", "expected a name and a value such as"),
    ("traces.service_name", "' '", "expected a name of 1 to 64 characters"),
    ("traces.sampled_percent", "0", "expected 1 to 100"),
    ("traces.timeout_seconds", "61", "expected 1 to 60"),
    ("log.format", "'xml'", "expected one of human, json"),
    ("log.filter", "'inof'", "expected \"info\", \"debug\" or module=level pairs"),
];

/// Paths, of which it is told at the start that they cannot be read.
const ANYTHING: &[&str] = &["tls.acme_directory_ca"];

fn defaults() -> Dict {
    Toml::string(DEFAULTS).data().unwrap().remove(&Profile::Default).unwrap()
}

/// Every key with its default.
fn keys() -> Vec<(String, Value)> {
    let keys = |(section, keys): (String, Value)| {
        let keys = keys.into_dict().unwrap().into_iter();
        keys.map(move |(key, value)| (format!("{section}.{key}"), value)).collect::<Vec<_>>()
    };
    defaults().into_iter().flat_map(keys).collect()
}

/// What is said of a file with one key.
fn complaint(key: &str, value: &str) -> String {
    let (section, key) = key.split_once('.').unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hubbub.toml"), format!("[{section}]\n{key} = {value}\n")).unwrap();
    let loaded = load(&Origin { file: None, variables: Vec::new(), places: vec![folder.path().join("hubbub.toml")] });
    let error = loaded.map(drop).expect_err(&format!("{key} = {value} is refused")).to_string();
    error.replace(&folder.path().display().to_string(), ".")
}

#[test]
fn a_value_out_of_range_is_answered_with_what_would_be_right() {
    for (key, value, right) in WRONG {
        let error = complaint(key, value);
        assert!(error.contains(key) && error.contains("./hubbub.toml"), "{key} = {value}: {error}");
        assert!(error.contains(right), "{key} = {value}: {error}");
        assert!(!error.contains('\n') && error.len() < 300, "{error}");
    }
}

#[test]
fn no_key_is_forgotten() {
    let tried: BTreeSet<&str> = WRONG.iter().map(|(key, ..)| *key).collect();
    let keys = keys();
    let forgotten: Vec<&str> = keys
        .iter()
        .filter(|(_, default)| default.to_bool().is_none())
        .map(|(key, _)| key.as_str())
        .filter(|key| !tried.contains(key) && !ANYTHING.contains(key))
        .collect();
    assert!(forgotten.is_empty(), "add what these refuse to WRONG: {forgotten:?}");
    let known: BTreeSet<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    assert!(tried.is_subset(&known), "{:?} are no keys", tried.difference(&known).collect::<Vec<_>>());
}

#[test]
fn a_value_of_another_type_is_answered_with_the_right_one() {
    for (key, default) in keys() {
        let (wrong, right): (&[&str], &str) = match &default {
            Value::Num(..) => (&["'many'", "1.5", "-1", "true", "[1]"], "expected a whole number"),
            Value::Bool(..) => (&["'yes'", "1", "[true]"], "expected true or false"),
            Value::Array(..) => (&["7", "'x'", "false"], "expected a list"),
            _ => (&["7", "true", "['x']"], "expected "),
        };
        for wrong in wrong {
            let error = complaint(&key, wrong);
            assert!(error.starts_with(&format!("{key} in ./hubbub.toml is not valid: ")), "{key} = {wrong}: {error}");
            assert!(error.contains(right) && error.contains("the default is"), "{key} = {wrong}: {error}");
        }
    }
}

#[test]
fn an_unknown_key_is_answered_with_those_that_there_are() {
    for (section, keys) in defaults() {
        let error = complaint(&format!("{section}.nonsense"), "1");
        let known: Vec<String> = keys.into_dict().unwrap().into_keys().collect();
        let right = format!("unknown key {section}.nonsense in ./hubbub.toml; [{section}] has {}", known.join(", "));
        assert_eq!(error, right);
    }
}

use std::fs;

use super::load::places_in;
use super::*;

fn origin(folder: &tempfile::TempDir, variables: &[(&str, &str)]) -> Origin {
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Origin { file: None, variables, places: places_in(folder.path()) }
}

fn with_file(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hubbub.toml"), text).unwrap();
    let loaded = load(&origin(&folder, &[])).map(|(config, _)| config);
    loaded.map_err(|e| e.to_string().replace(&folder.path().display().to_string(), "."))
}

fn with_variables(variables: &[(&str, &str)]) -> Result<Config, String> {
    load(&origin(&tempfile::tempdir().unwrap(), variables)).map(|(config, _)| config).map_err(|e| e.to_string())
}

#[test]
fn without_a_file_the_documented_defaults_apply() {
    let config = with_variables(&[]).unwrap();
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url().as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.metrics.bind.unwrap().to_string(), "127.0.0.1:9464");
    assert_eq!((config.metrics.rooms, config.metrics.peers_per_room), (20, 50));
    assert_eq!(config.media.first_port, 7882);
    assert_eq!(config.data.dir, PathBuf::from("./data"));
    assert!(config.media_workers() >= 1 && config.password_threads() >= 1);
}

#[test]
fn a_server_that_listens_everywhere_is_reached_at_loopback_until_a_public_url_is_set() {
    let everywhere = with_variables(&[("HUBBUB__HTTP__BIND", "0.0.0.0:80")]).unwrap();
    assert_eq!(everywhere.public_url().as_str(), "http://127.0.0.1/");
    assert!(everywhere.lacks_public_url());
    let url = ("HUBBUB__HTTP__PUBLIC_URL", "https://talk.example.org");
    let public = with_variables(&[("HUBBUB__HTTP__BIND", "[::]:80"), url]).unwrap();
    assert_eq!(public.public_url().as_str(), "https://talk.example.org/");
    assert!(!public.lacks_public_url() && !with_variables(&[]).unwrap().lacks_public_url());
}

#[test]
fn with_a_certificate_people_come_by_https() {
    let files = "certificate = '/c.pem'\nkey = '/k.pem'\n";
    let url = |text: &str| with_file(text).unwrap().public_url().to_string();
    assert_eq!(url(&format!("[tls]\n{files}[http]\nbind = '[::]:443'\n")), "https://[::1]/");
    assert_eq!(url(&format!("[tls]\n{files}")), "https://127.0.0.1:8080/");
    let acme =
        "[tls]\nacme = true\nacme_domains = ['talk.example.org', 'www.example.org']\n[http]\nbind = '[::]:443'\n";
    assert_eq!(url(acme), "https://talk.example.org/");
    let config = with_file(acme).unwrap();
    assert!(config.has_tls() && !config.lacks_public_url());
    assert!(!with_variables(&[]).unwrap().has_tls());
    assert!(with_variables(&[]).unwrap().for_tls().is_none());
}

#[test]
fn the_certificate_is_for_the_host_of_the_public_url_unless_names_are_given() {
    let domains = |text: &str| match with_file(text).unwrap().for_tls() {
        Some(crate::tls::Source::Acme(acme)) => acme.domains.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(domains("[http]\npublic_url = 'https://Talk.example.org'\n[tls]\nacme = true\n"), "talk.example.org");
    let both =
        "[http]\npublic_url = 'https://a.example'\n[tls]\nacme = true\nacme_domains = ['B.example', 'c.example']\n";
    assert_eq!(domains(both), "b.example c.example");
}

#[test]
fn clients_reach_the_http_port_for_audio_by_the_number_it_has_outside() {
    let shared = |variables: &[(&str, &str)]| {
        let config = with_variables(variables).unwrap();
        config.for_sfu(config.http.bind, 1000).shared_tcp.map(|shared| (shared.bind.to_string(), shared.port))
    };
    assert_eq!(shared(&[]), None);
    let on = ("HUBBUB__MEDIA__TCP_ON_HTTP_PORT", "true");
    assert_eq!(shared(&[on]), Some(("127.0.0.1".to_owned(), 8080)));
    let outside = ("HUBBUB__MEDIA__ANNOUNCED_HTTP_PORT", "443");
    assert_eq!(shared(&[on, outside, ("HUBBUB__HTTP__BIND", "[::]:80")]), Some(("::".to_owned(), 443)));
}

#[test]
fn every_key_of_the_defaults_is_explained_by_a_comment() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    let mut explained = false;
    for line in lines {
        match line.split_once(" = ") {
            Some((key, _)) if !line.starts_with('#') => assert!(explained, "{key} has no comment above it"),
            _ if line.starts_with('#') => explained = true,
            _ => explained = false,
        }
    }
}

#[test]
fn the_file_wins_over_the_defaults_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/hubbub.toml"), "[http]\nbind = '0.0.0.0:1'\n[media]\nslots = 5\n").unwrap();
    fs::write(folder.path().join("hubbub.toml"), "[media]\nslots = 6\n").unwrap();
    let (config, file) = load(&origin(&folder, &[("HUBBUB__HTTP__BIND", "[::1]:2"), ("HOME", "/")])).unwrap();
    assert_eq!(file, Some(folder.path().join("config/hubbub.toml")));
    assert_eq!((config.http.bind.to_string().as_str(), config.media.slots), ("[::1]:2", 5));
}

#[test]
fn the_first_file_of_the_places_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut origin = origin(&folder, &[]);
    origin.places.push(folder.path().join("etc/hubbub.toml"));
    assert_eq!(load(&origin).unwrap().1, None);
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/hubbub.toml"), "[media]\nslots = 5\n").unwrap();
    let (config, file) = load(&origin).unwrap();
    assert_eq!((config.media.slots, file), (5, origin.places.last().cloned()));
    fs::write(folder.path().join("hubbub.toml"), "").unwrap();
    let (config, file) = load(&origin).unwrap();
    assert_eq!((config.media.slots, file), (8, Some(folder.path().join("hubbub.toml"))));
}

#[test]
fn the_places_of_a_process_are_those_that_the_defaults_name() {
    let numbered = DEFAULTS.lines().filter_map(|line| line.strip_prefix("#   ")?.split_once(". "));
    let (_, named): (Vec<_>, Vec<_>) =
        numbered.map(|(_, text)| text.split([',', ' ']).next().unwrap()).partition(|text| *text == "the");
    let named: Vec<PathBuf> = named.into_iter().map(|text| text.trim_end_matches('.').into()).collect();
    assert_eq!(Origin::of_process(None).places, named);
}

#[test]
fn variables_are_read_as_the_kind_of_the_default() {
    let config = with_variables(&[
        ("HUBBUB__MAIL__PASSWORD", "0123"),
        ("HUBBUB__MAIL__USERNAME", "true"),
        ("HUBBUB__MEDIA__FIRST_PORT", "9000"),
        ("HUBBUB__MEDIA__ANNOUNCED_ADDRESSES", "192.0.2.1, 2001:db8::1"),
        ("HUBBUB__ICE__STUN_URLS", "stun:a.example:3478"),
        ("HUBBUB__METRICS__BIND", ""),
    ])
    .unwrap();
    assert_eq!((config.mail.password.as_str(), config.mail.username.as_str()), ("0123", "true"));
    assert_eq!((config.media.first_port, config.media.announced_addresses.len()), (9000, 2));
    assert_eq!((config.ice.stun_urls.len(), config.metrics.bind), (1, None));
}

#[test]
fn a_variable_may_name_a_file_that_holds_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "0123456789abcdef0123\n").unwrap();
    let path = file.display().to_string();
    let variables = [("HUBBUB__ICE__TURN_SECRET_FILE", path.as_str()), ("HUBBUB__MEDIA__SLOTS_FILE", path.as_str())];
    assert_eq!(with_variables(&variables[..1]).unwrap().ice.turn_secret, "0123456789abcdef0123");
    let error = with_variables(&variables[1..]).unwrap_err();
    assert!(error.starts_with("media.slots in the environment variable HUBBUB__MEDIA__SLOTS is not valid"), "{error}");
    let twice = [variables[0], ("HUBBUB__ICE__TURN_SECRET", "abcdefghijklmnopqrst")];
    let error = with_variables(&twice).unwrap_err();
    assert!(error.contains("HUBBUB__ICE__TURN_SECRET are both set"), "{error}");
    let error = with_variables(&[("HUBBUB__ICE__TURN_SECRET_FILE", "/none")]).unwrap_err();
    assert!(error.starts_with("cannot read the file \"/none\" that HUBBUB__ICE__TURN_SECRET_FILE names"), "{error}");
    let error = with_variables(&[("HUBBUB__ICE__NONE_FILE", path.as_str())]).unwrap_err();
    assert!(error.starts_with("unknown key ice.none_file"), "{error}");
}

#[test]
fn errors_name_key_source_and_what_would_be_right_in_one_line() {
    let cases = [
        (
            "[http]\nprot = 1\n",
            "unknown key http.prot in ./hubbub.toml; [http] has bind, hsts_seconds, public_url, redirect_bind, request_timeout",
        ),
        ("[htp]\nbind = ''\n", "unknown section [htp] in ./hubbub.toml; sections are audit, auth, data, http"),
        ("http = 1\n", "http in ./hubbub.toml is a section: write [http] above its keys"),
        (
            "[media]\nfirst_port = 70000\n",
            "media.first_port in ./hubbub.toml is not valid: found 70000, expected a whole number from 0 to 65535 (the default is 7882)",
        ),
        (
            "[media]\nfirst_port = 'a'\n",
            "media.first_port in ./hubbub.toml is not valid: found \"a\", expected a whole number",
        ),
        (
            "[http]\nbind = 'localhost'\n",
            "http.bind in ./hubbub.toml is not valid: invalid socket address syntax; expected an address and a port such as",
        ),
        (
            "[log]\nformat = 'xml'\n",
            "log.format in ./hubbub.toml is not valid: found \"xml\", expected one of human, json",
        ),
        ("[media]\nslots = 0\n", "media.slots in ./hubbub.toml is not valid: 0 is out of range; expected 1 to 32"),
        ("[media]\nslots = 33\n", "media.slots in ./hubbub.toml is not valid: 33 is out of range; expected 1 to 32"),
        (
            "[audit]\nkeep_days = 0\n",
            "audit.keep_days in ./hubbub.toml is not valid: 0 is out of range; expected 1 to 36500",
        ),
        ("[server]\nname = ' '\n", "server.name in ./hubbub.toml is not valid: expected a name of 1 to 64 characters"),
        (
            "[auth]\nregistration_open = 'maybe'\n",
            "auth.registration_open in ./hubbub.toml is not valid: found \"maybe\", expected",
        ),
        ("[http]\npublic_url = 'talk.example.org'\n", "http.public_url in ./hubbub.toml is not valid: relative URL"),
        (
            "[http]\npublic_url = 'ftp://x.org'\n",
            "http.public_url in ./hubbub.toml is not valid: expected an address such as https",
        ),
        (
            "[http]\ntrusted_proxies = ['10.0.0.0/33']\n",
            "http.trusted_proxies in ./hubbub.toml is not valid: \"10.0.0.0/33\" is no address",
        ),
        ("[storage]\nurl = 'mysql://x'\n", "storage.url in ./hubbub.toml is not valid: expected postgres://"),
        (
            "[mail]\nusername = 'x'\n",
            "mail.username in ./hubbub.toml is not valid: mail.username and mail.password belong together",
        ),
        ("[mail]\nfrom = 'nobody'\n", "mail.from in ./hubbub.toml is not valid: expected a sender"),
        ("[ice]\nturn_urls = ['turn:x:1']\n", "ice.turn_secret in the defaults is not valid: ice.turn_urls needs it"),
        ("[ice]\nstun_urls = ['x:1']\n", "ice.stun_urls in ./hubbub.toml is not valid: \"x:1\" is no STUN server"),
        (
            "[ice]\nturn_urls = ['turn:x', 'turns:y?transport=udp']\n",
            "ice.turn_urls in ./hubbub.toml is not valid: \"turns:y?transport=udp\": browsers speak TURN over TLS by TCP",
        ),
        (
            "[ice]\nturn_urls = ['turn:x']\nturn_secret = 'fifteen letters'\n",
            "ice.turn_secret in ./hubbub.toml is not valid: expected at least 16 letters",
        ),
        (
            "[ice]\nturn_credential_seconds = 299\n",
            "ice.turn_credential_seconds in ./hubbub.toml is not valid: 299 is out of range; expected 300 to 86400",
        ),
        (
            "[media]\nstun_servers = ['stun.example.org']\n",
            "media.stun_servers in ./hubbub.toml is not valid: \"stun.example.org\" is no STUN server; expected such as stun:",
        ),
        (
            "[media]\nannounced_addresses = ['192.0.2.1', 'fe80::1']\n",
            "media.announced_addresses in ./hubbub.toml is not valid: fe80::1 cannot be sent to; expected addresses that",
        ),
        (
            "[tls]\ncertificate = '/c.pem'\n",
            "tls.certificate in ./hubbub.toml is not valid: tls.certificate and tls.key belong together: set both or none",
        ),
        (
            "[tls]\nkey = '/k.pem'\n",
            "tls.key in ./hubbub.toml is not valid: tls.certificate and tls.key belong together",
        ),
        (
            "[tls]\ncertificate = '/c.pem'\nkey = '/k.pem'\nacme = true\n",
            "tls.acme in ./hubbub.toml is not valid: the certificate comes from tls.certificate already",
        ),
        (
            "[tls]\ncertificate = '/c.pem'\nkey = '/k.pem'\n[http]\npublic_url = 'http://talk.example.org'\n",
            "http.public_url in ./hubbub.toml is not valid: with a certificate in [tls], people come by https: expected",
        ),
        (
            "[tls]\nacme = true\n",
            "tls.acme in ./hubbub.toml is not valid: ACME needs a name to get a certificate for: set",
        ),
        (
            "[tls]\nacme = true\n[http]\npublic_url = 'https://192.0.2.1'\n",
            "tls.acme in ./hubbub.toml is not valid: ACME needs a name",
        ),
        (
            "[tls]\nacme = true\nacme_domains = ['a.example', '*.b.example']\n",
            "tls.acme_domains in ./hubbub.toml is not valid: \"*.b.example\" is no name to get a certificate for; expected such",
        ),
        (
            "[tls]\nacme = true\nacme_domains = ['localhost']\n",
            "tls.acme_domains in ./hubbub.toml is not valid: \"localhost\" is no name",
        ),
        (
            "[tls]\nacme = true\nacme_domains = ['a.example']\nacme_contact = 'nobody'\n",
            "tls.acme_contact in ./hubbub.toml is not valid: expected a mail address",
        ),
        (
            "[tls]\nacme = true\nacme_domains = ['a.example']\nacme_directory = 'http://ca.example'\n",
            "tls.acme_directory in ./hubbub.toml is not valid: expected an https:// address",
        ),
        (
            "[tls]\nacme = true\nacme_domains = ['a.example']\nacme_challenge = 'http-01'\n",
            "tls.acme_challenge in ./hubbub.toml is not valid: http-01 is answered on http.redirect_bind, which is not set",
        ),
        (
            "[tls]\nacme_challenge = 'dns-01'\n",
            "tls.acme_challenge in ./hubbub.toml is not valid: found \"dns-01\", expected one of tls-alpn-01, http-01",
        ),
        (
            "[tls]\nreload_seconds = 0\n",
            "tls.reload_seconds in ./hubbub.toml is not valid: 0 is out of range; expected 1 to 86400",
        ),
        (
            "[http]\nredirect_bind = '[::]:80'\n",
            "http.redirect_bind in ./hubbub.toml is not valid: it leads people to https, which there is not: set",
        ),
        (
            "[http]\nredirect_bind = '127.0.0.1:8080'\n[tls]\ncertificate = '/c.pem'\nkey = '/k.pem'\n",
            "http.redirect_bind in ./hubbub.toml is not valid: 127.0.0.1:8080 is http.bind already",
        ),
        (
            "[http]\nhsts_seconds = 63072001\n",
            "http.hsts_seconds in ./hubbub.toml is not valid: 63072001 is out of range; expected 0 to 63072000",
        ),
        (
            "[metrics]\nrooms = 1001\n",
            "metrics.rooms in ./hubbub.toml is not valid: 1001 is out of range; expected 0 to 1000",
        ),
        (
            "[metrics]\npeers_per_room = 0\n",
            "metrics.peers_per_room in ./hubbub.toml is not valid: 0 is out of range; expected 1 to 1000",
        ),
        ("[log]\nfilter = 'a=b=c'\n", "log.filter in ./hubbub.toml is not valid:"),
        ("[limits]\nlogin = 'often'\n", "limits.login in ./hubbub.toml is not valid: \"often\" is no rate; expected"),
        ("[http\n", "./hubbub.toml is not valid TOML:"),
    ];
    for (text, expected) in cases {
        let error = with_file(text).unwrap_err();
        assert!(error.starts_with(expected), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn errors_name_the_variable() {
    let cases = [
        ("HUBBUB__HTTP__PROT", "1", "unknown key http.prot in the environment variable HUBBUB__HTTP__PROT; [http] has"),
        ("HUBBUB__HTP__BIND", "1", "unknown section [htp] in the environment variable HUBBUB__HTP__BIND; sections are"),
        ("HUBBUB__HTTP", "1", "the environment variable HUBBUB__HTTP names no key"),
        (
            "HUBBUB__MEDIA__SLOTS",
            "many",
            "media.slots in the environment variable HUBBUB__MEDIA__SLOTS is not valid: found \"many\", expected a whole number",
        ),
        (
            "HUBBUB__MEDIA__BIND",
            "here",
            "media.bind in the environment variable HUBBUB__MEDIA__BIND is not valid: invalid IP",
        ),
    ];
    for (name, value, expected) in cases {
        let error = with_variables(&[(name, value)]).unwrap_err();
        assert!(error.starts_with(expected), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_asked_for_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin { file: Some(folder.path().join("none.toml")), variables: Vec::new(), places: Vec::new() };
    let error = load(&origin).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration file") && error.contains("none.toml"), "{error}");
}

//! What the log says, and what it must not.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::harness::{PASSWORD, Reach, Setup, client};

/// One microphone, nobody to hear.
pub(crate) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:clnt\r\na=ice-pwd:theclientsicepassword000\r\n\
    a=fingerprint:sha-256 0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0:0F:1E:2D:3C:4B:5A:69:78:87:96:A5:B4:C3:D2:E1:F0\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

#[tokio::test]
async fn the_log_is_one_object_a_line_and_holds_no_secret() {
    const TURN: &str = "a-secret-shared-with-the-relay";
    let setup = Setup::new().with("HUBBUB__LOG__FILTER", "trace");
    let setup = setup.with("HUBBUB__ICE__TURN_URLS", "turn:127.0.0.1:9").with("HUBBUB__ICE__TURN_SECRET", TURN);
    let server = setup.start().await;
    let ada = server.user("quokka").await;
    let code = server.code_for("quokka@example.org").await;
    let profile = json!({ "displayName": "Zephyrine Q.", "bio": "Collects old barometers." });
    let changed = server.reach.client().patch(format!("{}/api/users/me", server.base)).bearer_auth(&ada.access);
    assert_eq!(changed.json(&profile).send().await.unwrap().status(), 200);
    assert_eq!(server.get("/api/rooms?search=whispered-words", Some(&ada)).await.0, 200);
    assert_eq!(server.get("/api/rooms/a-path-that-nobody-has", Some(&ada)).await.0, 404);
    let (_, answer) = server.post("/api/auth/ws-ticket", Some(&ada), &json!({})).await;
    let ticket = answer["ticket"].as_str().expect("a ticket").to_owned();
    let room = server.room(&ada, "Secret plans").await;
    let (_, invite) = server.post(&format!("/api/rooms/{room}/invites"), Some(&ada), &json!({})).await;
    let invitation = invite["token"].as_str().expect("an invitation").to_owned();
    server.post(&format!("/api/invites/{invitation}/accept"), Some(&ada), &json!({})).await;
    client().get(format!("{}/invite/{invitation}", server.base)).send().await.unwrap();

    let url = format!("{}/ws?version=1&ticket={ticket}", server.base.replace("http:", "ws:"));
    let (stream, _) = tokio_tungstenite::connect_async(url).await.expect("the ticket opens a socket");
    drop(stream);
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    let joined = socket.wait_for("joined").await;
    let resume = joined["resumeToken"].as_str().unwrap().to_owned();
    let offer = |sdp: &str| json!({ "type": "session-description", "description": { "type": "offer", "sdp": sdp } });
    socket.send(offer("v=0\r\na=ice-pwd:averysecreticepassword\r\n")).await;
    socket.wait_for("error").await;
    socket.send(offer(OFFER)).await;
    let answer = socket.wait_for("session-description").await;
    let answer = answer["description"]["sdp"].as_str().expect("an answer");
    let ice = |name: &str| answer.lines().find_map(|l| l.strip_prefix(name)).expect("ICE credentials").to_owned();
    let (ufrag, ice_password) = (ice("a=ice-ufrag:"), ice("a=ice-pwd:"));
    drop(socket);
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room, "resumeToken": resume })).await;
    let resumed = socket.wait_for("joined").await;
    assert_eq!(resumed["resumed"], true, "{resumed}");
    let resumed = resumed["resumeToken"].as_str().unwrap();
    let (_, _) = server
        .post("/api/auth/login", None, &json!({ "email": "quokka@example.org", "password": "not the right 1" }))
        .await;
    let (_, refreshed) = server.post("/api/auth/refresh", None, &json!({ "refreshToken": ada.refresh })).await;

    let log = server.log();
    assert!(log.lines().count() > 10, "the log says something:\n{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    let installation = std::fs::read(setup.data().join("secret.key")).unwrap();
    let hex: String = installation.iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = format!("{installation:?}");
    let secrets = [
        ("password", PASSWORD),
        ("wrong password", "not the right 1"),
        ("access token", &ada.access),
        ("refresh token", &ada.refresh),
        ("rotated refresh token", refreshed["refreshToken"].as_str().unwrap()),
        ("ticket", &ticket),
        ("invitation", &invitation),
        ("resume token", &resume),
        ("new resume token", resumed),
        ("refused offer", "averysecreticepassword"),
        ("accepted offer", "theclientsicepassword000"),
        ("accepted offer's fingerprint", "0F:1E:2D:3C"),
        ("answer's ICE user", &format!("ice-ufrag:{ufrag}")),
        ("answer's ICE password", &ice_password),
        ("relay's secret", TURN),
        ("installation's secret", &hex),
        ("installation's secret in base64", &BASE64_STANDARD_NO_PAD.encode(&installation)),
        ("installation's secret as numbers", bytes.trim_matches(['[', ']'])),
        ("room's name", "Secret plans"),
        ("username, and with it the address,", "quokka"),
        ("display name", "Zephyrine"),
        ("text about oneself", "barometers"),
        ("query", "whispered-words"),
        ("path", "a-path-that-nobody-has"),
    ];
    for (name, secret) in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the {name} is in the log: {line:?}");
    }
    let is_code = |line: &&str| line.split(|c: char| !c.is_ascii_digit()).any(|digits| digits == code);
    assert!(!log.lines().any(|line| is_code(&line)), "the code is in the log");
}

#[tokio::test]
async fn a_private_key_is_in_no_log() {
    let (setup, authority) = (Setup::new(), Authority::new());
    let pair = authority.issue(&["127.0.0.1"], time::Duration::days(90));
    let (chain, key) = pair.write(setup.folder.path());
    let reach = Reach::secure("127.0.0.1", setup.http, &authority.root());
    let setup = setup
        .with("HUBBUB__LOG__FILTER", "trace")
        .with("HUBBUB__TLS__CERTIFICATE", &chain.display().to_string())
        .with("HUBBUB__TLS__KEY", &key.display().to_string())
        .reached(reach);
    let server = setup.start().await;
    let log = server.log();
    assert!(log.lines().count() > 3, "the log says something:\n{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    let lines: Vec<&str> = pair.key.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(!lines.is_empty() && !lines.iter().any(|line| log.contains(line)), "{log}");
}

#[tokio::test]
async fn the_log_says_where_mail_goes_and_where_the_server_is() {
    let setup = Setup::new();
    let server = setup.start().await;
    server.logged(&format!("hubbub is at http://127.0.0.1:{}/", setup.http)).await;
    server.logged(&format!("read mail at http://127.0.0.1:{}/dev/outbox", setup.http)).await;
}

#[tokio::test]
async fn requests_and_messages_are_counted_by_pattern_not_by_path() {
    let setup = Setup::new();
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    server.get(&format!("/api/rooms/{room}"), Some(&ada)).await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    let metrics = crate::harness::text(&format!("http://127.0.0.1:{}/metrics", setup.metrics)).await;
    for line in [
        r#"hubbub_http_requests_total{method="GET",route="/api/rooms/{id}",status="200"} 1"#,
        "hubbub_signaling_participants 1",
        "hubbub_signaling_rooms 1",
        r#"hubbub_signaling_messages_received_total{type="join"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
    }
    assert!(!metrics.contains(&room), "ids would make a time series each");
}

/// The value of a sample without labels but these.
fn sample(metrics: &str, name: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is missing:\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn what_the_media_port_drops_is_counted_by_reason() {
    let setup = Setup::new();
    let server = setup.start().await;
    let url = format!("http://127.0.0.1:{}/metrics", setup.metrics);
    let names =
        [r#"hubbub_sfu_packets_in_total{worker="0"}"#, r#"hubbub_sfu_dropped_total{reason="media_unvalidated"}"#];
    let before = crate::harness::text(&url).await;
    let before = names.map(|name| sample(&before, name));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // Looks like RTP, from an address that no peer has.
    let mut stranger = [0_u8; 40];
    stranger[0] = 0x80;
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        socket.send_to(&stranger, ("127.0.0.1", setup.media)).unwrap();
        let metrics = crate::harness::text(&url).await;
        if names.iter().zip(before).all(|(name, before)| sample(&metrics, name) > before) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nothing is counted:\n{metrics}\n{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn sighup_reads_log_filter_again_and_nothing_else() {
    let setup = Setup::new();
    let file = setup.folder.path().join("hubbub.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[log]\nfilter = 'warn'\n");
    let server = setup.start().await;
    assert_eq!(server.log(), "", "nothing to warn of");
    write("[log]\nfilter = 'debug'\n[server]\nname = 'Renamed'\n");
    server.signal("HUP");
    server.logged("this is logged from now on").await;
    server.get("/healthz", None).await;
    server.logged("/healthz").await;
    assert_eq!(server.get("/api/server", None).await.1["name"], "Hubbub");
    write("[log]\nfilter = 'debug'\nfiltre = 'x'\n");
    server.signal("HUP");
    server.logged("nothing changes").await;
    server.logged("unknown key log.filtre").await;
    assert_eq!(server.get("/healthz", None).await.0, 200);
}

/// A field of a log line, or of the span it was written in.
fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line[name].as_str().or_else(|| line["span"][name].as_str())
}

#[tokio::test]
async fn a_join_is_followed_from_the_request_to_the_answer() {
    let server = Setup::new().with("HUBBUB__LOG__FILTER", "info,hubbub_signaling=debug").start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let url = format!("{}/ws?version=1", server.base.replace("http:", "ws:"));
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(url).unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {}", ada.access).parse().unwrap());
    headers.insert("x-request-id", "of-the-clients-own-making".parse().unwrap());
    let (stream, response) = tokio_tungstenite::connect_async(request).await.expect("the socket opens");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut socket = crate::harness::Socket::from(stream);
    socket.send(json!({ "type": "join", "roomId": room })).await;
    let joined = socket.wait_for("joined").await;
    let participant = joined["participantId"].as_str().unwrap().to_owned();
    let user = joined["participants"][0]["userId"].as_str().unwrap().to_owned();
    socket.send(json!({ "type": "session-description", "description": { "type": "offer", "sdp": OFFER } })).await;
    socket.wait_for("session-description").await;
    socket.send(json!({ "type": "join", "roomId": uuid::Uuid::now_v7() })).await;
    socket.wait_for("error").await;

    server.logged("join refused").await;
    let log: Vec<Value> = server.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |message: &str| {
        let found = log.iter().find(|line| line["message"] == message && field(line, "request.id") == Some(&id));
        found.unwrap_or_else(|| panic!("{message:?} with the request's id is missing:\n{}", server.log()))
    };
    assert_eq!(line("request")["http.route"], "/ws");
    let opened = line("socket opened");
    let socket_id = field(opened, "socket.id").expect("the socket's id");
    for message in ["participant joined", "offer answered"] {
        let line = line(message);
        let ids = ["socket.id", "user.id", "room.id", "participant.id"].map(|name| field(line, name));
        assert_eq!(ids, [Some(socket_id), Some(&*user), Some(&*room), Some(&*participant)], "{line}");
    }
    let refused = line("join refused");
    assert_eq!((field(refused, "error.code"), field(refused, "socket.id")), (Some("already-joined"), Some(socket_id)));
    let created = log.iter().find(|line| line["http.route"] == "/api/rooms").expect("the request for the room");
    assert_eq!(field(created, "user.id"), Some(&*user), "whoever asks by REST is in the log too");
    assert!(!server.log().contains("of-the-clients-own-making"), "a client names no requests");
}

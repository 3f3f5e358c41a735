//! Logins and sockets together.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server, Setup, client};

#[tokio::test]
async fn logout_closes_the_socket_and_ends_the_access_token() {
    let server = Setup::new().start().await;
    let ada = server.user("ada").await;
    let mut socket = server.socket(&ada).await;
    let (status, answer) = server.post("/api/auth/logout", Some(&ada), &json!({ "refreshToken": ada.refresh })).await;
    assert_eq!(status, 204, "{answer}");
    let asked = Instant::now();
    assert_eq!(socket.close_code().await, 4401);
    assert!(asked.elapsed() < Duration::from_secs(5));
    let (status, body) = server.get("/api/auth/me", Some(&ada)).await;
    assert_eq!(status, 401, "{body}");
}

#[tokio::test]
async fn a_flood_of_logins_does_not_delay_signaling() {
    // One thread for everything asynchronous: a password checked there would hold up every socket.
    let setup = Setup::new().with("HUBBUB__AUTH__PASSWORD_THREADS", "1").with("TOKIO_WORKER_THREADS", "1");
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let mut socket = server.socket(&ada).await;
    let mut logins = tokio::task::JoinSet::new();
    for number in 0..100 {
        let url = format!("{}/api/auth/login", server.base);
        let body = json!({ "email": format!("nobody{number}@example.org"), "password": "wrong password" });
        logins.spawn(async move { client().post(url).json(&body).send().await.unwrap().status().as_u16() });
    }
    let mut pongs = Vec::new();
    while !logins.is_empty() {
        let asked = Instant::now();
        socket.send(json!({ "type": "ping", "id": pongs.len() })).await;
        assert_eq!(socket.wait_for("pong").await["replyTo"], pongs.len());
        pongs.push(asked.elapsed());
        assert!(asked.elapsed() < Duration::from_secs(2), "a pong took {:?}", asked.elapsed());
        while let Some(status) = logins.try_join_next() {
            assert!([401, 429, 503].contains(&status.unwrap()));
        }
        // Ten messages a second are allowed for as long as it takes.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(pongs.len() >= 4, "pongs come while logins wait: {pongs:?}");
}

/// The middle of what two requests took, asked for in turn, so that a busy machine slows both alike.
async fn medians(server: &Server, path: &str, rounds: usize, bodies: impl Fn(usize) -> [Value; 2]) -> [Duration; 2] {
    let mut took = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (body, took) in bodies(round).iter().zip(&mut took) {
            let asked = Instant::now();
            let (status, answer) = server.post(path, None, body).await;
            took.push(asked.elapsed());
            assert!([202, 204, 401].contains(&status), "{status} {answer}");
        }
    }
    took.map(|mut took| {
        took.sort();
        took[took.len() / 2]
    })
}

fn alike([known, unknown]: [Duration; 2]) -> bool {
    known < unknown * 2 && unknown < known * 2
}

#[tokio::test]
async fn how_long_an_answer_takes_does_not_tell_whether_an_address_has_an_account() {
    let server = Setup::new().start().await;
    for name in ["ada", "bob"] {
        let body = json!({ "email": format!("{name}@example.org"), "username": name, "password": PASSWORD });
        assert_eq!(server.post("/api/auth/register", None, &body).await.0, 202);
    }
    server.user("cleo").await;
    let login = |email: String| json!({ "email": email, "password": "not the right one" });
    let took = medians(&server, "/api/auth/login", 15, |round| {
        [login("cleo@example.org".to_owned()), login(format!("nobody{round}@example.org"))]
    })
    .await;
    assert!(alike(took), "login with a known and an unknown address: {took:?}");

    let took = medians(&server, "/api/auth/email/resend-verification", 31, |round| {
        let known = ["ada", "bob", "cleo"][round % 3];
        [format!("{known}@example.org"), format!("nobody{round}@example.org")].map(|email| json!({ "email": email }))
    })
    .await;
    assert!(alike(took), "a new code for a known and an unknown address: {took:?}");
}

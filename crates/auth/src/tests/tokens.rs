use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::keys::Keys;
use crate::testing::{self, Harness};
use crate::{Config, SessionError, TokenError};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn signed(header: &Header, claims: &Value, key: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
}

async fn harness() -> (Harness, Keys, String) {
    let config = testing::config();
    let keys = Keys::derive(&config.secret);
    let h = testing::auth_with(config);
    let token = h.logged_in("ada").await.tokens.access.expose().to_owned();
    (h, keys, token)
}

#[tokio::test]
async fn an_access_token_carries_exactly_the_claims_it_should() {
    let (h, _, token) = harness().await;
    let claims = claims_of(&token);
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]);
    assert_eq!(claims["iss"], "hubbub");
    assert_eq!(claims["aud"], "hubbub:access");
    assert_eq!(claims["iat"], h.now().unix_seconds());
    assert_eq!(claims["exp"], h.now().unix_seconds() + 900);
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().alg, Algorithm::HS256);
}

#[tokio::test]
async fn unsigned_and_otherwise_signed_tokens_are_refused() {
    let (h, keys, good) = harness().await;
    let claims = claims_of(&good);
    let signature = good.rsplit('.').next().unwrap();
    let mut forged: Vec<(String, String)> = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "RS256", "ES256", "EdDSA", "HS384", "HS1"] {
        let head = part(&json!({"alg": alg, "typ": "JWT"}));
        for signature in ["", signature] {
            forged.push((format!("alg {alg}"), format!("{head}.{}.{signature}", part(&claims))));
        }
    }
    // Other lengths of HMAC, even with the right key.
    for alg in [Algorithm::HS384, Algorithm::HS512] {
        forged.push((format!("{alg:?}"), signed(&Header::new(alg), &claims, &keys.access)));
    }
    // Keys that the token itself brings or points to.
    let attacker = [7_u8; 32];
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("../../../../dev/null".to_owned());
    forged.push(("kid".to_owned(), signed(&header, &claims, &attacker)));
    forged.push(("kid, empty key".to_owned(), signed(&header, &claims, b"")));
    let mut header = Header::new(Algorithm::HS256);
    header.jku = Some("https://attacker.example/keys".to_owned());
    header.x5u = Some("https://attacker.example/cert".to_owned());
    forged.push(("jku".to_owned(), signed(&header, &claims, &attacker)));
    let jwk = json!({"alg": "HS256", "typ": "JWT",
        "jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode(attacker), "alg": "HS256"}});
    let by_attacker = signed(&Header::new(Algorithm::HS256), &claims, &attacker);
    forged.push(("jwk".to_owned(), format!("{}.{}", part(&jwk), by_attacker.split_once('.').unwrap().1)));
    // Somebody else's claims under our signature.
    let mut other = claims.clone();
    other["sub"] = json!(uuid::Uuid::now_v7());
    let head = good.split('.').next().unwrap();
    forged.push(("claims".to_owned(), format!("{head}.{}.{signature}", part(&other))));
    // Not tokens at all.
    for noise in
        ["", ".", "..", "...", "a.b.c", "{}", "null", &good[1..], &good[..good.len() - 2], &format!("{good}.x")]
    {
        forged.push((format!("noise {noise:.10}"), noise.to_owned()));
    }
    for (what, token) in &forged {
        assert_eq!(h.auth.authenticate(token), Err(TokenError::Invalid), "{what}");
        h.auth.logout(Some(token), None).await.unwrap();
    }
    assert!(h.auth.authenticate_live(&good).await.is_ok(), "and none of them could end the login");
}

#[tokio::test]
async fn a_token_lacking_a_claim_or_for_something_else_is_refused() {
    let (h, keys, good) = harness().await;
    let claims = claims_of(&good);
    let header = Header::new(Algorithm::HS256);
    assert!(h.auth.authenticate(&signed(&header, &claims, &keys.access)).is_ok(), "the forge itself works");
    for name in ["iss", "aud", "sub", "sid", "iat", "exp", "jti"] {
        let mut lacking = claims.clone();
        lacking.as_object_mut().unwrap().remove(name);
        let result = h.auth.authenticate(&signed(&header, &lacking, &keys.access));
        assert_eq!(result, Err(TokenError::Invalid), "without {name}");
    }
    for (name, value) in [
        ("iss", json!("somebody else")),
        ("aud", json!("hubbub:ws")),
        ("aud", json!("")),
        ("sub", json!("admin")),
        ("exp", json!("tomorrow")),
        ("exp", json!(null)),
    ] {
        let mut changed = claims.clone();
        changed[name] = value.clone();
        let result = h.auth.authenticate(&signed(&header, &changed, &keys.access));
        assert_eq!(result, Err(TokenError::Invalid), "{name} = {value}");
    }
}

#[tokio::test]
async fn a_token_ends_to_the_second_by_the_injected_clock() {
    let (h, _, token) = harness().await;
    let expires_at = h.auth.authenticate(&token).unwrap().expires_at;
    h.clock.advance(expires_at.since(h.now()) - Duration::from_micros(1));
    assert!(h.auth.authenticate(&token).is_ok());
    h.clock.advance(Duration::from_micros(1));
    assert_eq!(h.auth.authenticate(&token), Err(TokenError::Expired));
    assert!(matches!(h.auth.authenticate_live(&token).await, Err(SessionError::Expired)));
}

#[tokio::test]
async fn each_kind_of_token_serves_only_its_purpose() {
    let h = testing::auth();
    let tokens = h.logged_in("ada").await.tokens;
    let identity = h.auth.authenticate(tokens.access.expose()).unwrap();
    let ticket = h.auth.issue_ws_ticket(&identity).ticket;
    assert_eq!(h.auth.authenticate(tokens.refresh.expose()), Err(TokenError::Invalid), "refresh as access");
    assert_eq!(h.auth.authenticate(ticket.expose()), Err(TokenError::Invalid), "ticket as access");
    assert!(matches!(h.auth.redeem_ws_ticket(tokens.access.expose()).await, Err(SessionError::Invalid)));
    assert!(matches!(h.auth.redeem_ws_ticket(tokens.refresh.expose()).await, Err(SessionError::Invalid)));
    assert!(h.auth.refresh(ticket.expose()).await.is_err(), "ticket as refresh");
}

#[tokio::test]
async fn tokens_of_another_server_are_refused() {
    let (h, _, token) = harness().await;
    let stranger = testing::auth();
    assert_eq!(stranger.auth.authenticate(&token), Err(TokenError::Invalid), "another secret");
    let config = testing::config();
    let one = testing::auth_with(Config { issuer: "one".to_owned(), ..config.clone() });
    let two = testing::auth_with(Config { issuer: "two".to_owned(), ..config });
    let token = one.logged_in("ada").await.tokens.access;
    assert!(one.auth.authenticate(token.expose()).is_ok());
    assert_eq!(two.auth.authenticate(token.expose()), Err(TokenError::Invalid), "another issuer");
    drop(h);
}

#[tokio::test]
async fn a_ticket_serves_once_within_thirty_seconds() {
    let h = testing::auth();
    let tokens = h.logged_in("ada").await.tokens;
    let identity = h.auth.authenticate(tokens.access.expose()).unwrap();
    let bought = h.auth.issue_ws_ticket(&identity);
    assert_eq!(bought.expires_in, Duration::from_secs(30));
    assert_eq!(h.auth.redeem_ws_ticket(bought.ticket.expose()).await.unwrap(), identity);
    assert!(matches!(h.auth.redeem_ws_ticket(bought.ticket.expose()).await, Err(SessionError::Invalid)), "twice");

    let late = h.auth.issue_ws_ticket(&identity).ticket;
    h.clock.advance(Duration::from_secs(30));
    assert!(matches!(h.auth.redeem_ws_ticket(late.expose()).await, Err(SessionError::Expired)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_redeem_a_ticket_at_once_one_gets_in() {
    let h = testing::auth();
    let tokens = h.logged_in("ada").await.tokens;
    let ticket = h.auth.issue_ws_ticket(&h.auth.authenticate(tokens.access.expose()).unwrap()).ticket;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (auth, ticket) = (h.auth.clone(), ticket.clone());
            tokio::spawn(async move { auth.redeem_ws_ticket(ticket.expose()).await.is_ok() })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap());
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn a_ticket_bought_before_logout_is_worthless_after_it() {
    let h = testing::auth();
    let tokens = h.logged_in("ada").await.tokens;
    let ticket = h.auth.issue_ws_ticket(&h.auth.authenticate(tokens.access.expose()).unwrap()).ticket;
    h.auth.logout(Some(tokens.access.expose()), None).await.unwrap();
    assert!(matches!(h.auth.redeem_ws_ticket(ticket.expose()).await, Err(SessionError::Invalid)));
}

#[test]
fn wrong_settings_are_named() {
    let base = testing::config;
    for (config, words) in [
        (Config { access_lifetime: Duration::ZERO, ..base() }, "access_lifetime must be 1 to 86400 seconds, is 0ns"),
        (Config { refresh_grace: Duration::from_secs(11), ..base() }, "refresh_grace must be 0 to 10 seconds, is 11s"),
        (Config { code_lifetime: Duration::from_secs(90_000), ..base() }, "code_lifetime must be 60 to 86400 seconds"),
        (Config { code_tries: 11, ..base() }, "code_tries must be 1 to 10, is 11"),
        (Config { issuer: String::new(), ..base() }, "issuer must not be empty"),
    ] {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    let impossible = crate::PasswordConfig { memory_kib: 1, ..crate::PasswordConfig::default() };
    assert!(crate::password::PasswordHasher::new(&impossible).is_err());
    assert_eq!(
        crate::ServerSecret::from_bytes(&[1; 31]).unwrap_err().to_string(),
        "the server's secret must have 32 bytes, has 31"
    );
}

//! Registering, proving an address, logging in.

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApi};

fn registration(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "username": name, "password": PASSWORD })
}

fn login(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn from_registering_to_the_own_profile() {
    let api = TestApi::new();
    let client = api.stranger();
    let pending = client.post("/api/auth/register", registration("ada")).await.expect(202);
    let (token, _) = pending.cookie("hubbub_registration").unwrap();
    assert_eq!(
        pending.json(),
        json!({
            "status": "verification-required", "email": "ada@example.org", "expiresInSeconds": 900,
            "registrationToken": token
        })
    );
    client.post("/api/auth/login", login("ada@example.org", PASSWORD)).await.expect_problem(403, "email-not-verified");

    let code = api.auth.last_code("ada@example.org").await;
    client.post("/api/auth/email/verify", json!({ "email": "ADA@example.org ", "code": code })).await.expect(204);
    let logged_in = client.post("/api/auth/login", login("ada@example.org", PASSWORD)).await.expect(200).json();
    assert_eq!(logged_in["expiresInSeconds"], 900);
    assert_eq!(logged_in["refreshExpiresInSeconds"], 30 * 24 * 3600);
    assert_eq!(logged_in["user"]["username"], "ada");

    let ada = client.bearer(logged_in["accessToken"].as_str().unwrap());
    let me = ada.get("/api/auth/me").await.expect(200).json();
    assert_eq!(me, logged_in["user"]);
    assert_eq!(me, ada.get("/api/users/me").await.json());
    assert_eq!(me["email"], "ada@example.org");
    assert_eq!(me["createdAt"].as_str().unwrap().len(), "2026-11-21T10:00:00.000000Z".len());
}

#[tokio::test]
async fn a1_a_known_and_an_unknown_address_get_the_same_answers() {
    let api = TestApi::new();
    api.auth.verified_user("ada").await;
    let client = api.stranger();
    let neutral = |mut answer: Answer, email: &str| {
        // The address is echoed and a registration has a token of its own; everything else must be equal.
        let mut text = answer.text().replace(email, "?");
        if let Some((token, attributes)) = answer.cookie("hubbub_registration") {
            assert_eq!(token.len(), 64);
            text = text.replace(&token, "token");
            answer.headers.insert("set-cookie", attributes.join("; ").parse().unwrap());
        }
        answer.body = text.into();
        answer.headers.remove("content-length");
        answer
    };
    let same = |a: Answer, b: Answer| assert_eq!(neutral(a, "ada@example.org"), neutral(b, "bob@example.org"));

    let as_if = |email: &str, name: &str| json!({ "email": email, "username": name, "password": PASSWORD });
    let known = client.post("/api/auth/register", as_if("ada@example.org", "newname")).await.expect(202);
    let unknown = client.post("/api/auth/register", as_if("bob@example.org", "othername")).await.expect(202);
    let (known_token, unknown_token) =
        (known.json()["registrationToken"].clone(), unknown.json()["registrationToken"].clone());
    same(known, unknown);
    let guess = |email: &str, token: &Value| json!({ "email": email, "code": "000000", "registrationToken": token });
    for (known_token, unknown_token) in [(&known_token, &unknown_token), (&unknown_token, &known_token)] {
        let known = client.post("/api/auth/email/verify", guess("ada@example.org", known_token)).await;
        same(known, client.post("/api/auth/email/verify", guess("bob@example.org", unknown_token)).await);
    }
    assert!(api.auth.mails().await.iter().any(|mail| mail.to.as_str() == "ada@example.org" && !mail.text.is_empty()));

    for (path, body) in [
        ("/api/auth/email/resend-verification", json!({})),
        ("/api/auth/login", json!({ "password": "something else entirely" })),
        ("/api/auth/email/verify", json!({ "code": "000000" })),
    ] {
        let with = |email: &str| {
            let mut body = body.clone();
            body["email"] = json!(email);
            body
        };
        same(client.post(path, with("ada@example.org")).await, client.post(path, with("bob@example.org")).await);
    }
}

#[tokio::test]
async fn a_code_proves_the_registration_of_the_browser_that_has_its_cookie_and_no_later_one() {
    let api = TestApi::with(|config| config.public_url = "https://talk.example.org/".parse().unwrap());
    let client = api.stranger();
    let answer = client.post("/api/auth/register", registration("ada")).await.expect(202);
    let (token, attributes) = answer.cookie("__Host-hubbub_registration").unwrap();
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
        assert!(attributes.iter().any(|a| a == attribute), "{attribute} is missing in {attributes:?}");
    }
    let browser = client.clone().header("cookie", format!("__Host-hubbub_registration={token}"));

    // Somebody else registers the address again; the newest code in its mailbox is for that password.
    let theft = json!({ "email": "ada@example.org", "username": "eve", "password": "the thief's own secret" });
    client.post("/api/auth/register", theft).await.expect(202);
    let code = api.auth.last_code("ada@example.org").await;
    let proof = json!({ "email": "ada@example.org", "code": code });
    let refused = browser.post("/api/auth/email/verify", proof.clone()).await.expect_problem(409, "registered-again");
    assert!(refused.text().contains("register once more"));
    let mut with_token = proof.clone();
    with_token["registrationToken"] = token.into();
    client.post("/api/auth/email/verify", with_token).await.expect_problem(409, "registered-again");
    client
        .post("/api/auth/login", login("ada@example.org", "the thief's own secret"))
        .await
        .expect_problem(403, "email-not-verified");

    // The cookie of one address is no hindrance for another one.
    api.auth.register("bob").await;
    let code = api.auth.last_code("bob@example.org").await;
    browser.post("/api/auth/email/verify", json!({ "email": "bob@example.org", "code": code })).await.expect(204);

    let again = client.post("/api/auth/register", registration("ada")).await.expect(202);
    let (token, _) = again.cookie("__Host-hubbub_registration").unwrap();
    let browser = client.clone().header("cookie", format!("__Host-hubbub_registration={token}"));
    let code = api.auth.last_code("ada@example.org").await;
    let proved =
        browser.post("/api/auth/email/verify", json!({ "email": "ada@example.org", "code": code })).await.expect(204);
    assert_eq!(proved.cookie("__Host-hubbub_registration").unwrap().0, "", "it has served");
    client.post("/api/auth/login", login("ada@example.org", PASSWORD)).await.expect(200);
}

#[tokio::test]
async fn a3_a_code_dies_after_five_wrong_tries_and_a_new_one_can_be_had() {
    let api = TestApi::new();
    api.auth.register("ada").await;
    let client = api.stranger();
    let code = api.auth.last_code("ada@example.org").await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let verify = |code: &str| json!({ "email": "ada@example.org", "code": code });
    for _ in 0..5 {
        client.post("/api/auth/email/verify", verify(wrong)).await.expect_problem(422, "invalid-code");
    }
    client.post("/api/auth/email/verify", verify(&code)).await.expect_problem(429, "too-many-attempts");

    api.auth.clock.advance(std::time::Duration::from_secs(31));
    client.post("/api/auth/email/resend-verification", json!({ "email": "ada@example.org" })).await.expect(202);
    let code = api.auth.last_code("ada@example.org").await;
    client.post("/api/auth/email/verify", verify(&code)).await.expect(204);
    client.post("/api/auth/email/verify", verify(&code)).await.expect_problem(422, "invalid-code");
}

#[tokio::test]
async fn a4_line_breaks_never_reach_a_header() {
    let api = TestApi::new();
    let client = api.stranger();
    for email in ["ada@example.org\r\nBcc: eve@example.org", "ada@example.org\n", "ada@example.org,eve@example.org"] {
        let body = json!({ "email": email, "username": "ada", "password": PASSWORD });
        client.post("/api/auth/register", body).await.expect_fields(&["email"]);
        client.post("/api/auth/login", login(email, PASSWORD)).await.expect_fields(&["email"]);
        client.post("/api/auth/email/resend-verification", json!({ "email": email })).await.expect_fields(&["email"]);
    }
    let body = json!({ "email": "ada@example.org", "username": "ada\r\nX", "password": PASSWORD });
    client.post("/api/auth/register", body).await.expect_fields(&["username"]);
    assert!(api.auth.mails().await.is_empty());
}

#[tokio::test]
async fn a6_usernames_that_deceive_are_refused() {
    let client = TestApi::new().stranger();
    for username in ["ad\u{202e}a", "ad\u{200b}a", "p\u{0430}ypal", "a", "-ada", "<script>"] {
        let body = json!({ "email": "ada@example.org", "username": username, "password": PASSWORD });
        client.post("/api/auth/register", body).await.expect_fields(&["username"]);
    }
}

#[tokio::test]
async fn a7_fields_that_nobody_asked_for_are_refused() {
    let api = TestApi::new();
    let client = api.stranger();
    for field in ["role", "id", "isVerified", "emailVerified"] {
        let mut body = registration("ada");
        body[field] = json!(true);
        client.post("/api/auth/register", body).await.expect_fields(&[field]);
    }
    assert!(api.auth.mails().await.is_empty(), "nothing was registered");
}

#[tokio::test]
async fn a9_passwords_that_are_guessed_first_are_refused() {
    let client = TestApi::new().stranger();
    for (password, code) in
        [("short", "length"), ("password1", "common"), ("aaaaaaaaaa", "repeated"), ("12345678", "sequence")]
    {
        let body = json!({ "email": "ada@example.org", "username": "ada", "password": password });
        let answer = client.post("/api/auth/register", body).await.expect_fields(&["password"]);
        assert_eq!(answer.json()["errors"][0]["code"], code);
        assert!(!answer.text().contains(password) || password == "12345678", "the password is not repeated");
    }
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let client = TestApi::new().stranger();
    let body = json!({ "email": "nobody", "username": "x", "password": "x" });
    client.post("/api/auth/register", body).await.expect_fields(&["email", "username"]);
}

#[tokio::test]
async fn a_taken_username_and_one_that_looks_like_it_are_conflicts() {
    let api = TestApi::new();
    api.auth.verified_user("scope").await;
    for username in ["scope", "SCOPE", "ѕсоре"] {
        let body = json!({ "email": "eve@example.org", "username": username, "password": PASSWORD });
        api.stranger().post("/api/auth/register", body).await.expect_problem(409, "username-taken");
    }
}

#[tokio::test]
async fn a_wrong_password_is_no_login() {
    let api = TestApi::new();
    api.auth.verified_user("ada").await;
    let answer = api.stranger().post("/api/auth/login", login("ada@example.org", "not the password")).await;
    let answer = answer.expect_problem(401, "invalid-credentials");
    assert!(answer.cookie("hubbub_access").is_none());
}

#[tokio::test]
async fn a_server_may_be_closed_to_new_accounts() {
    let api = TestApi::with(|config| config.registration_open = false);
    api.stranger().post("/api/auth/register", registration("ada")).await.expect_problem(403, "forbidden");
    assert_eq!(api.stranger().get("/api/server").await.json()["registrationOpen"], false);
    assert!(api.auth.mails().await.is_empty());
}

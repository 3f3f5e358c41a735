//! A login, and the REST requests made with it.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::LoadTestError;
use crate::http;
use crate::target::Target;

/// Longest wait that a `Retry-After` may ask for before the refusal counts.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// How often a request is made again after `429`.
const RETRIES: u32 = 10;

/// A logged-in user.
#[derive(Clone)]
pub struct Session {
    client: RestClient,
    access_token: String,
}

/// Makes REST requests, without a login.
#[derive(Clone)]
pub struct RestClient {
    target: Target,
    http: reqwest::Client,
}

impl RestClient {
    /// A client for one server. Connections are kept open and shared by clones.
    ///
    /// # Errors
    /// [`LoadTestError::Unreachable`] when the machine's TLS roots cannot be read.
    pub fn new(target: Target) -> Result<Self, LoadTestError> {
        let http = http::client()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| LoadTestError::Unreachable { url: target.to_string(), reason: innermost(&e) })?;
        Ok(Self { target, http })
    }

    /// The server.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Sends one request and returns the JSON body, or `null` for an empty one. Waits and tries again when the server
    /// asks for that with `429` and a `Retry-After` of at most a minute.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] with the code of the problem document, or why there was no proper answer.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, LoadTestError> {
        let mut retries = 0;
        loop {
            let mut request = self.http.request(method.clone(), self.target.rest(path));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(|e| self.unreachable(&e))?;
            let status = response.status();
            let retry_after = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs);
            if let (StatusCode::TOO_MANY_REQUESTS, Some(pause)) = (status, retry_after)
                && pause <= LONGEST_RETRY
                && retries < RETRIES
            {
                // Not said to everybody: whoever is refused in the end reads one line, which says why.
                tracing::debug!(http.path = path, pause.seconds = pause.as_secs(), "the server asks to slow down");
                tokio::time::sleep(pause.max(Duration::from_millis(100))).await;
                retries += 1;
                continue;
            }
            let text = response.text().await.map_err(|e| self.unreachable(&e))?;
            return self.read(&method, path, status, &text);
        }
    }

    fn read(&self, method: &Method, path: &str, status: StatusCode, text: &str) -> Result<Value, LoadTestError> {
        let not_hubbub = |reason: String| LoadTestError::NotHubbub { url: self.target.rest(path).to_string(), reason };
        let json = match text.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text)
                .map_err(|_| not_hubbub(format!("{} with a body that is not JSON", status.as_u16())))?,
        };
        if status.is_success() {
            return Ok(json);
        }
        let Some(code) = json["code"].as_str() else {
            return Err(not_hubbub(format!("{} without a problem code", status.as_u16())));
        };
        let detail = json["detail"].as_str().or(json["title"].as_str()).unwrap_or_default().to_owned();
        Err(LoadTestError::Refused { what: format!("{method} {path}"), code: code.to_owned(), detail })
    }

    fn unreachable(&self, error: &reqwest::Error) -> LoadTestError {
        LoadTestError::Unreachable { url: self.target.to_string(), reason: innermost(error) }
    }
}

impl Session {
    /// A login that somebody else made.
    #[must_use]
    pub fn with_token(client: &RestClient, access_token: &str) -> Self {
        Self { client: client.clone(), access_token: access_token.to_owned() }
    }

    /// Logs in.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] for a wrong password or an unverified address.
    pub async fn login(client: &RestClient, email: &str, password: &str) -> Result<Self, LoadTestError> {
        let body = json!({"email": email, "password": password});
        let answer = client.request(Method::POST, "/api/auth/login", None, Some(&body)).await.map_err(|e| match e {
            LoadTestError::Refused { code, detail, .. } => {
                LoadTestError::Refused { what: format!("the login of {email}"), code, detail }
            }
            other => other,
        })?;
        let access_token = client.field(&answer, "/api/auth/login", "accessToken")?;
        Ok(Self { client: client.clone(), access_token })
    }

    /// The server.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.client.target
    }

    /// Makes a public room and returns its id.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] with the server's reason.
    pub async fn create_room(&self, name: &str, max_participants: u32) -> Result<Uuid, LoadTestError> {
        let body = json!({"name": name, "maxParticipants": max_participants});
        let room = self.client.request(Method::POST, "/api/rooms", Some(&self.access_token), Some(&body)).await?;
        let id = self.client.field(&room, "/api/rooms", "id")?;
        id.parse().map_err(|_| LoadTestError::NotHubbub {
            url: self.client.target.rest("/api/rooms").to_string(),
            reason: "the room's id is not a UUID".to_owned(),
        })
    }

    /// Deletes a room that this user owns.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] with the server's reason.
    pub async fn delete_room(&self, id: Uuid) -> Result<(), LoadTestError> {
        let path = format!("/api/rooms/{id}");
        self.client.request(Method::DELETE, &path, Some(&self.access_token), None).await.map(|_| ())
    }

    /// A ticket for one WebSocket.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] when the login has ended.
    pub async fn ws_ticket(&self) -> Result<String, LoadTestError> {
        let path = "/api/auth/ws-ticket";
        let answer = self.client.request(Method::POST, path, Some(&self.access_token), None).await?;
        self.client.field(&answer, path, "ticket")
    }
}

impl RestClient {
    fn field(&self, json: &Value, path: &str, name: &str) -> Result<String, LoadTestError> {
        json[name].as_str().map(str::to_owned).ok_or_else(|| LoadTestError::NotHubbub {
            url: self.target.rest(path).to_string(),
            reason: format!("the answer has no {name:?}"),
        })
    }
}

/// The cause at the bottom: "connection refused" rather than "error sending request".
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

//! Access tokens: JWTs (RFC 7519) signed with HS256, good for minutes and checked without asking storage.

use hubbub_domain::{SessionId, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::secret::Secret;

const ACCESS_AUDIENCE: &str = "hubbub:access";

/// Who somebody proved to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub user: UserId,
    /// The login.
    pub session: SessionId,
    /// When the access token ends that proved it (for a ticket: the one it was bought with).
    pub expires_at: Timestamp,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not one of ours: malformed, forged, of another kind or another server.
    #[error("the token is not valid here; log in again")]
    Invalid,
    /// One of ours whose time is over.
    #[error("the token has expired; refresh it")]
    Expired,
}

/// Signs and checks the tokens of one audience with one key.
pub(crate) struct Jwt {
    issuer: String,
    audience: &'static str,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Jwt {
    pub(crate) fn new(issuer: &str, audience: &'static str, key: &[u8; 32]) -> Self {
        // The algorithm is ours alone to choose: `alg` of a token must be HS256, and `kid`, `jku`, `jwk` and `x5u` are
        // never followed. The library would compare `exp` with the machine's clock, so that is done by the caller.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        Self {
            issuer: issuer.to_owned(),
            audience,
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    pub(crate) fn issuer(&self) -> String {
        self.issuer.clone()
    }

    pub(crate) fn audience(&self) -> String {
        self.audience.to_owned()
    }

    pub(crate) fn sign(&self, claims: &impl Serialize) -> Secret {
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding);
        Secret::new(token.expect("claims of plain texts and numbers serialise, and HMAC takes any key"))
    }

    /// The claims of a token of this issuer and audience, whatever the time.
    pub(crate) fn open<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        jsonwebtoken::decode(token, &self.decoding, &self.validation)
            .map(|data| data.claims)
            .map_err(|_| TokenError::Invalid)
    }
}

/// The claims of an access token; each must be there.
#[derive(Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// Makes and checks access tokens.
pub(crate) struct AccessTokens(Jwt);

impl AccessTokens {
    pub(crate) fn new(issuer: &str, key: &[u8; 32]) -> Self {
        Self(Jwt::new(issuer, ACCESS_AUDIENCE, key))
    }

    pub(crate) fn issue(&self, user: UserId, session: SessionId, now: Timestamp, expires_at: Timestamp) -> Secret {
        self.0.sign(&AccessClaims {
            iss: self.0.issuer(),
            aud: self.0.audience(),
            sub: user.0,
            sid: session.0,
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            jti: Uuid::new_v4(),
        })
    }

    /// Who the token proves, expired or not: enough to end a login, too little for anything else.
    pub(crate) fn open(&self, token: &str) -> Result<Identity, TokenError> {
        let claims: AccessClaims = self.0.open(token)?;
        Ok(Identity { user: UserId(claims.sub), session: SessionId(claims.sid), expires_at: from_seconds(claims.exp) })
    }

    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        let identity = self.open(token)?;
        if now >= identity.expires_at { Err(TokenError::Expired) } else { Ok(identity) }
    }
}

pub(crate) fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000_000))
}

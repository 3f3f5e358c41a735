//! WebSocket tickets: what a client that cannot set headers or cookies puts into the URL. URLs end up in logs, so a
//! ticket is good for seconds and for one connection.

use std::time::Duration;

use hubbub_domain::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::Secret;
use crate::token::{Identity, Jwt, TokenError, from_seconds};

const TICKET_AUDIENCE: &str = "hubbub:ws";

/// A ticket, and how long it is good for.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Goes into `ticket=` of the WebSocket's URL.
    pub ticket: Secret,
    /// From now.
    pub expires_in: Duration,
}

#[derive(Serialize, Deserialize)]
struct TicketClaims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// When the access token ends with which the ticket was bought.
    access_exp: i64,
}

/// Makes and checks tickets; that each serves once is seen to by whoever redeems them.
pub(crate) struct Tickets(Jwt);

/// A ticket that is genuine and not too old.
pub(crate) struct OpenTicket {
    pub(crate) identity: Identity,
    pub(crate) number: Uuid,
    pub(crate) expires_at: Timestamp,
}

impl Tickets {
    pub(crate) fn new(issuer: &str, key: &[u8; 32]) -> Self {
        Self(Jwt::new(issuer, TICKET_AUDIENCE, key))
    }

    pub(crate) fn issue(&self, identity: &Identity, now: Timestamp, expires_at: Timestamp) -> Secret {
        self.0.sign(&TicketClaims {
            iss: self.0.issuer(),
            aud: self.0.audience(),
            sub: identity.user.0,
            sid: identity.session.0,
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            jti: Uuid::new_v4(),
            access_exp: identity.expires_at.unix_seconds(),
        })
    }

    pub(crate) fn check(&self, ticket: &str, now: Timestamp) -> Result<OpenTicket, TokenError> {
        let claims: TicketClaims = self.0.open(ticket)?;
        let expires_at = from_seconds(claims.exp);
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        Ok(OpenTicket {
            identity: Identity {
                user: UserId(claims.sub),
                session: SessionId(claims.sid),
                expires_at: from_seconds(claims.access_exp),
            },
            number: claims.jti,
            expires_at,
        })
    }
}

//! The STUN and TURN servers that clients are told of, with TURN credentials that expire.
//!
//! The scheme is that of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): the user name begins with the
//! time of expiry, the password is an HMAC of it.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hubbub_api::{IceServerConfig, IceServers};
use hubbub_domain::{Timestamp, UserId};

use crate::config::Ice;

/// What `[ice]` configures.
pub(crate) struct IceServerList {
    stun: Vec<String>,
    turn: Vec<String>,
    key: hmac::Key,
    lifetime: Duration,
}

impl IceServerList {
    /// The servers of the configuration.
    pub(crate) fn new(config: &Ice) -> Self {
        Self {
            stun: config.stun_urls.clone(),
            turn: config.turn_urls.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, config.turn_secret.as_bytes()),
            lifetime: Duration::from_secs(config.turn_credential_seconds),
        }
    }
}

/// Without the key.
impl fmt::Debug for IceServerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServerList").field("stun", &self.stun).field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl IceServers for IceServerList {
    fn for_user(&self, user: UserId, now: Timestamp) -> Vec<IceServerConfig> {
        let mut servers = Vec::new();
        if !self.stun.is_empty() {
            servers.push(IceServerConfig { urls: self.stun.clone(), username: None, credential: None });
        }
        if !self.turn.is_empty() {
            let username = format!("{}:{user}", now.plus(self.lifetime).unix_seconds());
            let credential = BASE64_STANDARD.encode(hmac::sign(&self.key, username.as_bytes()));
            let (username, credential) = (Some(username), Some(credential));
            servers.push(IceServerConfig { urls: self.turn.clone(), username, credential });
        }
        servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(turn: &[&str]) -> Ice {
        Ice {
            stun_urls: vec!["stun:stun.example.org".to_owned()],
            turn_urls: turn.iter().map(|&url| url.to_owned()).collect(),
            turn_secret: "north".to_owned(),
            turn_credential_seconds: 3600,
        }
    }

    #[test]
    fn turn_credentials_expire_and_are_what_coturn_computes() {
        let user: UserId = "0192f0c1-0000-7000-8000-000000000001".parse().unwrap();
        let now = Timestamp(1_795_255_200_000_000);
        let servers = IceServerList::new(&config(&["turn:turn.example.org"])).for_user(user, now);
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1].username.as_deref(), Some("1795258800:0192f0c1-0000-7000-8000-000000000001"));
        assert_eq!(servers[1].credential.as_deref(), Some("eMsPKXprNqIyVJsJ9vMXcRhpI70="));
    }

    #[test]
    fn without_turn_there_is_nothing_to_know() {
        let servers = IceServerList::new(&config(&[])).for_user(UserId::new(), Timestamp(0));
        assert_eq!(servers.len(), 1);
        assert!(servers[0].username.is_none() && servers[0].credential.is_none());
    }
}

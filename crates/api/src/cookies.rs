//! The two cookies of a login, and the one of a registration that waits for its code. `HttpOnly`, `SameSite=Lax`, for the
//! whole site; under https `Secure` and with the `__Host-` prefix (RFC 6265bis, section 4.1.3.2), which a subdomain or a
//! plain-text page cannot set.

use std::time::Duration;

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use crate::config::Config;

/// How long a registration's cookie is kept: by then the person has typed the code or registers again.
const REGISTRATION_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenCookie {
    Access,
    Refresh,
    Registration,
}

impl TokenCookie {
    /// The name it goes by.
    pub(crate) fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Access, false) => "hubbub_access",
            (Self::Access, true) => "__Host-hubbub_access",
            (Self::Refresh, false) => "hubbub_refresh",
            (Self::Refresh, true) => "__Host-hubbub_refresh",
            (Self::Registration, false) => "hubbub_registration",
            (Self::Registration, true) => "__Host-hubbub_registration",
        }
    }

    /// What the client sent.
    pub(crate) fn read(self, headers: &HeaderMap, config: &Config) -> Option<String> {
        let jar = CookieJar::from_headers(headers);
        jar.get(self.name(config.secure())).map(|cookie| cookie.value().to_owned())
    }

    fn build(self, value: String, max_age: Duration, config: &Config) -> Cookie<'static> {
        Cookie::build((self.name(config.secure()), value))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(config.secure())
            .path("/")
            .max_age(time::Duration::seconds(i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX)))
            .build()
    }
}

/// Both cookies of a fresh login.
pub(crate) fn set(access: (&str, Duration), refresh: (&str, Duration), config: &Config) -> CookieJar {
    CookieJar::new()
        .add(TokenCookie::Access.build(access.0.to_owned(), access.1, config))
        .add(TokenCookie::Refresh.build(refresh.0.to_owned(), refresh.1, config))
}

/// The cookie of a fresh registration.
pub(crate) fn set_registration(token: &str, config: &Config) -> CookieJar {
    CookieJar::new().add(TokenCookie::Registration.build(token.to_owned(), REGISTRATION_AGE, config))
}

/// Takes a registration's cookie away.
pub(crate) fn clear_registration(config: &Config) -> CookieJar {
    CookieJar::new().add(TokenCookie::Registration.build(String::new(), Duration::ZERO, config))
}

/// Takes both cookies of a login away.
pub(crate) fn clear(config: &Config) -> CookieJar {
    set(("", Duration::ZERO), ("", Duration::ZERO), config)
}

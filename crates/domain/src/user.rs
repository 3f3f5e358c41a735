//! Users, and the texts a user has, each parsed once at the edge into a type that cannot be wrong.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;

use crate::clock::Timestamp;
use crate::ids::UserId;
use crate::text::{self, TextError};

macro_rules! parsed_text {
    ($(#[$doc:meta])+ $name:ident) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text that was parsed before it was stored.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use parsed_text;

parsed_text! {
    /// An address to which mail can go: at most 254 characters, one `@`, no white space or control characters
    /// (RFC 5321, section 4.5.3.1). Lower-cased, so that it is unique however it is typed.
    Email
}
parsed_text! {
    /// A unique name: 3 to 32 letters, digits, `_`, `-` or `.`, beginning with a letter or digit, all of one script.
    Username
}
parsed_text! {
    /// The name others see: 1 to 64 characters, one line.
    DisplayName
}
parsed_text! {
    /// A few lines about oneself: up to 500 characters.
    Bio
}

impl Email {
    /// Parses an address.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim_matches(' ');
        if let Some(c) = text.chars().find(|&c| text::is_invisible(c)) {
            return Err(TextError::Invisible(u32::from(c)));
        }
        let actual = text.chars().count();
        if !(3..=254).contains(&actual) {
            return Err(TextError::Length { min: 3, max: 254, actual });
        }
        let (local, domain) = text.rsplit_once('@').ok_or(TextError::Email)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !local_ok || !domain.split('.').all(label_ok) {
            return Err(TextError::Email);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl Username {
    /// Parses a username.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text: String = text.trim_matches(' ').nfkc().collect();
        if let Some(c) = text.chars().find(|&c| text::is_invisible(c)) {
            return Err(TextError::Invisible(u32::from(c)));
        }
        if let Some(c) = text.chars().find(|&c| !(c.is_alphanumeric() || "_-.".contains(c))) {
            return Err(TextError::Character(c, "use letters, digits, '_', '-' and '.'"));
        }
        let actual = text.chars().count();
        if !(3..=32).contains(&actual) {
            return Err(TextError::Length { min: 3, max: 32, actual });
        }
        if let Some(c) = text.chars().next().filter(|c| !c.is_alphanumeric()) {
            return Err(TextError::Character(c, "begin with a letter or digit"));
        }
        if !text.is_single_script() {
            return Err(TextError::MixedScripts);
        }
        Ok(Self(text))
    }

    /// The form under which usernames are unique: lower case, and look-alikes folded together (UTS #39 skeleton).
    #[must_use]
    pub fn skeleton(&self) -> String {
        let lower: String = self.0.to_lowercase().nfkc().collect();
        unicode_security::skeleton(&lower).collect()
    }
}

impl DisplayName {
    /// Parses a display name.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::single_line(text, 1, 64).map(Self)
    }
}

impl From<&Username> for DisplayName {
    fn from(username: &Username) -> Self {
        Self(username.0.clone())
    }
}

impl Bio {
    /// Parses a bio; the empty text is one too.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::multi_line(text, 0, 500).map(Self)
    }
}

/// A registered account, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Where mail goes; shown to nobody but the user.
    pub email: Email,
    /// Whether the address was proved; a user who has not cannot log in.
    pub email_verified: bool,
    /// Unique name.
    pub username: Username,
    /// Name shown to others.
    pub display_name: DisplayName,
    /// A few lines about oneself.
    pub bio: Bio,
    /// Changes whenever the avatar does; `None` while the drawn default is used.
    pub avatar_version: Option<Timestamp>,
    /// What the user may do on the server as a whole.
    pub role: Role,
    /// Since when the user may not log in; `None` for almost everybody.
    pub blocked_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl User {
    /// Whether they are an admin who can log in.
    #[must_use]
    pub fn acts_as_admin(&self) -> bool {
        self.role == Role::Admin && self.blocked_at.is_none() && self.email_verified
    }
}

/// What somebody may do on the server as a whole, apart from what they may do in rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What everybody may.
    Member,
    /// Look after the server: see live calls, send people out, block users, read the audit log.
    Admin,
}

impl Role {
    /// Its name, in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// The role of this name; `None` when there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Member, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

/// What a user changes of the own profile; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    /// New unique name.
    pub username: Option<Username>,
    /// New name shown to others.
    pub display_name: Option<DisplayName>,
    /// New bio.
    pub bio: Option<Bio>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_lower_cased_and_injection_is_refused() {
        assert_eq!(Email::parse("Ada@Example.ORG").unwrap().as_str(), "ada@example.org");
        for bad in [
            "ada",
            "@example.org",
            "ada@",
            "a b@example.org",
            "ada@exa mple.org",
            "ada@example.org\r\nBcc: x@y.z",
            "ada@-example.org",
            "a..b@example.org",
            "ada@example..org",
            "\"<x>\"@example.org",
            "ada@example.org,eve@example.org",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse("ada@localhost").is_ok(), "a self-hosted domain may have one label");
    }

    #[test]
    fn usernames_refuse_invisible_and_mixed_scripts() {
        for bad in [
            "ab",
            "a\u{200B}da",
            "می\u{200C}خواهم",
            "\u{1F469}\u{200D}\u{1F4BB}",
            "ad\u{202E}a",
            "p\u{0430}ypal",
            "-ada",
            "ada lovelace",
            "ada<b>",
        ] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["ada", "Ada_Lovelace", "жанна", "花子さん", "a.b-c_9"] {
            assert!(Username::parse(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn look_alike_usernames_share_a_skeleton() {
        let latin = Username::parse("scope").unwrap();
        let cyrillic = Username::parse("ѕсоре").unwrap();
        assert_eq!(latin.skeleton(), cyrillic.skeleton());
        assert_eq!(Username::parse("ADA").unwrap().skeleton(), Username::parse("ada").unwrap().skeleton());
    }
}

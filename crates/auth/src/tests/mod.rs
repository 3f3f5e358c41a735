//! What a person, an attacker and an operator see of this crate, told through [`crate::testing`].

mod administration;
mod changes;
mod logging;
mod login;
mod refresh;
mod registration;
mod smtp;
mod tokens;
mod verification;

use hubbub_domain::user::{Email, Username};

use crate::Registration;
use crate::testing::PASSWORD;

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn registration(address: &str, username: &str) -> Registration {
    let username = Username::parse(username).unwrap();
    Registration { email: email(address), username, password: PASSWORD.to_owned() }
}

/// A code that is not `code`.
fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

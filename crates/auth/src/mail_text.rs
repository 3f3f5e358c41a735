//! What the mails say. The texts stand in `templates/`; HTML is escaped by the template engine.

use std::sync::LazyLock;

use hubbub_domain::user::{Email, Username};
use minijinja::{Environment, Value, context};

use crate::code::Code;
use crate::config::Config;
use crate::mailer::Mail;

macro_rules! templates {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),+]
    };
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    for (name, source) in
        templates!["verification.txt", "verification.html", "already_registered.txt", "already_registered.html"]
    {
        environment.add_template(name, source).expect("the templates are part of the program and tested");
    }
    environment
});

/// The code that proves an address. It names the account, so that whoever gets a code for somebody else's sees it.
pub(crate) fn verification(config: &Config, to: &Email, username: &Username, code: &Code) -> Mail {
    let link = config.public_url.as_deref().map(|url| format!("{url}/verify?email={}", query_value(to.as_str())));
    let values = context! {
        username => username.as_str(),
        code => code.as_str(),
        minutes => config.code_lifetime.as_secs() / 60,
        link => link,
    };
    render(to, "Your code for Hubbub", "verification", &values)
}

/// Somebody tried to register with the address of an account.
pub(crate) fn already_registered(config: &Config, to: &Email) -> Mail {
    let link = config.public_url.as_deref().map(|url| format!("{url}/login"));
    render(to, "You already have a Hubbub account", "already_registered", &context! { link => link })
}

fn render(to: &Email, subject: &'static str, name: &str, values: &Value) -> Mail {
    let text = |extension: &str| {
        let template = TEMPLATES.get_template(&format!("{name}.{extension}")).expect("the template is added above");
        template.render(values).expect("the templates are tested with and without every value")
    };
    Mail { to: to.clone(), subject, text: text("txt"), html: text("html") }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn query_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ServerSecret;

    fn config(public_url: Option<&str>) -> Config {
        let mut config = Config::new(ServerSecret::generate().unwrap());
        config.public_url = public_url.map(ToOwned::to_owned);
        config
    }

    #[test]
    fn the_code_is_in_the_text_and_not_in_the_subject() {
        let (to, name) = (Email::parse("ada+x@example.org").unwrap(), Username::parse("ada").unwrap());
        let mail = verification(&config(Some("https://talk.example.org")), &to, &name, &Code::parse("012345").unwrap());
        assert!(mail.text.contains("    012345\n"), "{}", mail.text);
        assert!(mail.html.contains(">012345<"), "{}", mail.html);
        assert!(mail.text.contains("https://talk.example.org/verify?email=ada%2Bx%40example.org\n"), "{}", mail.text);
        assert!(mail.text.contains("Hello ada,") && mail.text.contains("15 minutes"), "{}", mail.text);
        let short = Config { code_lifetime: std::time::Duration::from_secs(60), ..config(None) };
        let short = verification(&short, &to, &name, &Code::parse("012345").unwrap());
        assert!(short.text.contains("good for 1 minute and"), "{}", short.text);
        assert!(!mail.subject.contains("012345"));
        assert!(!format!("{mail:?}").contains("012345"));
    }

    #[test]
    fn without_a_public_url_there_is_no_link() {
        let to = Email::parse("ada@example.org").unwrap();
        let mail = verification(&config(None), &to, &Username::parse("ada").unwrap(), &Code::parse("012345").unwrap());
        assert!(!mail.text.contains("http") && !mail.html.contains("href"), "{}", mail.text);
        let notice = already_registered(&config(None), &to);
        assert!(!notice.text.contains("http") && !notice.html.contains("href"), "{}", notice.text);
        let notice = already_registered(&config(Some("http://localhost:8080")), &to);
        assert!(notice.text.contains("http://localhost:8080/login\n"), "{}", notice.text);
    }

    #[test]
    fn html_is_escaped() {
        let to = Email::parse("ada@example.org").unwrap();
        let mail = already_registered(&config(Some("https://x/\"><script>")), &to);
        assert!(!mail.html.contains("<script>"), "{}", mail.html);
    }
}

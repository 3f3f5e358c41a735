//! `GET /dev/outbox`: the same as a page that keeps itself fresh, with the code ready to be copied.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};
use hubbub_domain::storage::OutboxMail;

use super::code::find_code;
use super::{OutboxVisible, SHOWN};
use crate::error::Problem;
use crate::html::escape;
use crate::state::App;
use crate::wire;

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(crate) async fn page(_: OutboxVisible, State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let mails = app.storage.outbox_mails(SHOWN).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, CSP)], Html(render(&app.config.server_name, &mails))))
}

/// Its looks.
pub(crate) async fn style(_: OutboxVisible) -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("outbox.css"))
}

/// What refreshes it and copies codes.
pub(crate) async fn script(_: OutboxVisible) -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("outbox.js"))
}

fn asset(media_type: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, media_type)], text)
}

fn render(server_name: &str, mails: &[OutboxMail]) -> String {
    let mut list = String::new();
    for mail in mails {
        render_mail(&mut list, mail).expect("writing to a String cannot fail");
    }
    if mails.is_empty() {
        list.push_str(
            "<div class=\"empty\"><p><strong>No mail yet</strong></p>\
             <p>Register an account: the mail with its code appears here by itself.</p></div>",
        );
    }
    let name = escape(server_name);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Outbox · {name}</title>
<link rel="stylesheet" href="/dev/outbox.css">
<script src="/dev/outbox.js" defer></script>
<noscript><meta http-equiv="refresh" content="5"></noscript>
</head>
<body>
<header>
<h1>Outbox</h1>
<p>No SMTP server is configured, so {name} keeps its mail here. Only this machine can read it.</p>
</header>
<main>{list}</main>
<p id="said" role="status"></p>
</body>
</html>
"#
    )
}

fn render_mail(out: &mut String, mail: &OutboxMail) -> std::fmt::Result {
    let at = wire::rfc3339(mail.created_at);
    let shown = format!("{} {} UTC", &at[..10], &at[11..19]);
    let id = mail.id;
    let (subject, to) = (escape(&mail.subject), escape(&mail.to));
    write!(out, "<article aria-labelledby=\"s{id}\">")?;
    write!(out, "<h2 id=\"s{id}\">{subject}</h2>")?;
    write!(out, "<p class=\"meta\"><span>To <b>{to}</b></span> <time datetime=\"{at}\">{shown}</time></p>")?;
    if let Some(code) = find_code(&mail.text) {
        write!(
            out,
            "<p class=\"code\"><code>{code}</code> \
             <button type=\"button\" data-copy=\"{code}\" hidden>Copy<span class=\"only-read\"> the code {code} for {to}</span></button></p>"
        )?;
    }
    write!(out, "<pre>{}</pre></article>", escape(&mail.text))
}

#[cfg(test)]
mod tests {
    use hubbub_domain::{OutboxMailId, Timestamp};

    use super::*;

    #[test]
    fn nothing_in_a_mail_becomes_markup() {
        let mail = OutboxMail {
            id: OutboxMailId::new(),
            to: "<img src=x onerror=alert(1)>@example.org".into(),
            subject: "<script>alert(1)</script>".into(),
            text: "\"><script>alert(2)</script> 123456".into(),
            created_at: Timestamp(0),
        };
        let page = render("<b>Hub</b>", &[mail]);
        assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains("<b>Hub"), "{page}");
        assert!(page.contains("<code>123456</code>"));
    }

    #[test]
    fn an_empty_outbox_says_what_will_come() {
        assert!(render("Hubbub", &[]).contains("No mail yet"));
    }
}

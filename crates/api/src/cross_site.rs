//! Refuses what another site makes a browser send (OWASP: cross-site request forgery), beside `SameSite` cookies.
//!
//! A request that changes something must come from our own pages, as `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin`
//! (RFC 6454) tell, or from a client that is no browser and sends neither. And it must not have one of the three content
//! types that an HTML form can send without the browser asking us first (Fetch, section 2.2.2, CORS-safelisted).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::error::{Code, Problem};
use crate::state::App;

/// Whether a request with these headers was not sent by another site's page. Without `Origin` and `Sec-Fetch-Site` it
/// was not: browsers send at least one of them with everything that changes something.
#[must_use]
pub fn is_same_site(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    if origin == public_url.origin().ascii_serialization() {
        return true;
    }
    // Reached under another name than the public one, a page's origin still names the host that it asks.
    let host = text(header::HOST).unwrap_or_default();
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    !host.is_empty() && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Whether the content type is one that a form of another site can send.
fn is_form(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_TYPE).iter().any(|value| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
            .iter()
            .any(|form| essence.eq_ignore_ascii_case(form))
    })
}

/// What is wrong with a request that changes something, if anything is: 403 `cross-site-request`.
///
/// # Errors
/// A [`Problem`] to answer with.
pub fn refuse_cross_site(method: &Method, headers: &HeaderMap, public_url: &Url) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE) {
        return Ok(());
    }
    if is_form(headers) {
        let detail = "forms cannot be posted here; send JSON with 'Content-Type: application/json'";
        return Err(Problem::new(Code::CrossSiteRequest, detail));
    }
    if !is_same_site(headers, public_url) {
        let detail = "this request was made by a page of another site; use the server's own pages";
        return Err(Problem::new(Code::CrossSiteRequest, detail));
    }
    Ok(())
}

/// [`refuse_cross_site`] in front of every route.
pub(crate) async fn middleware(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // HTTP/2 has the host in the request's target (RFC 9113, section 8.3.1).
    if !request.headers().contains_key(header::HOST) {
        let authority = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        authority.map(|host| request.headers_mut().insert(header::HOST, host));
    }
    match refuse_cross_site(request.method(), request.headers(), &app.config.public_url) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&'static str, &str)]) -> bool {
        let map = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        refuse_cross_site(&Method::POST, &map, &"https://talk.example.org/".parse().unwrap()).is_ok()
    }

    #[test]
    fn own_pages_and_programs_pass() {
        assert!(verdict(&[("content-type", "application/json")]));
        assert!(verdict(&[("origin", "https://talk.example.org"), ("sec-fetch-site", "same-origin")]));
        assert!(verdict(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(verdict(&[("sec-fetch-site", "none")]));
    }

    #[test]
    fn other_sites_and_forms_do_not() {
        assert!(!verdict(&[("origin", "https://evil.example"), ("host", "talk.example.org")]));
        assert!(!verdict(&[("origin", "null"), ("host", "talk.example.org")]));
        assert!(!verdict(&[("origin", "https://talk.example.org.evil.example")]));
        assert!(!verdict(&[("sec-fetch-site", "cross-site")]));
        assert!(!verdict(&[("sec-fetch-site", "same-site"), ("origin", "https://talk.example.org")]));
        for form in [
            "text/plain",
            "TEXT/PLAIN; charset=utf-8",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            assert!(!verdict(&[("content-type", form)]), "{form}");
        }
    }
}

//! JSON bodies: 415 without `application/json`, 400 `bad-json` when it does not parse, 422 naming the field when it does
//! not fit.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::Body;
use crate::error::{Code, FieldError, Problem};
use crate::state::App;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body, or none at all.
pub(crate) struct JsonOrEmpty<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "this needs a JSON body with 'Content-Type: application/json'";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let Body(bytes) = Body::from_request(request, app).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<App> for JsonOrEmpty<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let Body(bytes) = Body::from_request(request, app).await?;
        match (bytes.is_empty(), json) {
            (true, _) => Ok(Self(T::default())),
            (false, true) => parse(&bytes).map(Self),
            (false, false) => Err(Problem::new(
                Code::UnsupportedMediaType,
                "send no body, or a JSON body with 'Content-Type: application/json'",
            )),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // First whether it is JSON at all, so that what is no JSON is 400 wherever the mistake stands.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| refuse(".", &error))?;
    // serde would take an array for an object, its values in the order of the fields.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        let (field, detail) = ("body".to_owned(), "must be a JSON object".to_owned());
        return Err(Problem::validation(vec![FieldError { field, code: "type", detail }]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        refuse(&path, error.inner())
    })
}

fn refuse(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    if error.classify() != Category::Data {
        let place = format!("line {}, column {}", error.line(), error.column());
        return Problem::new(Code::BadJson, format!("the body is not valid JSON: {message} at {place}"));
    }
    let (field, code, detail) = describe(path, message);
    Problem::validation(vec![FieldError { field, code, detail }])
}

/// serde's words for what did not fit, as field, code and detail.
fn describe(path: &str, message: &str) -> (String, &'static str, String) {
    let named = |intro: &str| message.strip_prefix(intro)?.split('`').next();
    if let Some(name) = named("unknown field `") {
        return (name.to_owned(), "unknown-field", "is not a field of this request".to_owned());
    }
    if let Some(name) = named("missing field `") {
        return (name.to_owned(), "missing", "is missing".to_owned());
    }
    if let Some(name) = named("duplicate field `") {
        return (name.to_owned(), "duplicate", "is there twice".to_owned());
    }
    let field = if path == "." { "body" } else { path };
    (field.to_owned(), "type", format!("does not fit: {message}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only its type matters")]
        is_private: bool,
    }

    fn refused(body: &str) -> (Code, String) {
        let problem = parse::<Example>(body.as_bytes()).unwrap_err();
        (problem.code, problem.errors.first().map_or(String::new(), |e| format!("{} {}", e.field, e.code)))
    }

    #[test]
    fn names_the_field_that_does_not_fit() {
        assert_eq!(refused(r#"{"isPrivate":1}"#), (Code::ValidationFailed, "isPrivate type".into()));
        assert_eq!(refused("{}"), (Code::ValidationFailed, "isPrivate missing".into()));
        assert_eq!(
            refused(r#"{"isPrivate":true,"role":"admin"}"#),
            (Code::ValidationFailed, "role unknown-field".into())
        );
        for no_object in ["[true]", "[1]", "null", "\"x\"", " [] ", "1"] {
            assert_eq!(refused(no_object), (Code::ValidationFailed, "body type".into()), "{no_object}");
        }
    }

    #[test]
    fn tells_what_is_not_json_from_what_does_not_fit() {
        for bad in ["", "{", "nope", r#"{"isPrivate":true} x"#, "{} {}", "\u{feff}{}"] {
            assert_eq!(refused(bad).0, Code::BadJson, "{bad:?}");
        }
    }
}

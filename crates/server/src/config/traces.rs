//! `[traces]`: what must fit together, and the same in the terms of `crate::telemetry`.

use std::fmt;
use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use url::Url;

use super::Config;
use super::check::{Problem, range};
use crate::telemetry::traces;

/// Where collectors take traces when nothing else is said (OTLP 1.x, "OTLP/HTTP Request").
const USUAL_PATH: &str = "/v1/traces";

/// Headers for the collector. Their values are marked as sensitive, so that `Debug` does not show them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(HeaderMap);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadHeaders)
    }
}

/// Reads a list of texts. No error repeats what was found: it may be a secret.
struct ReadHeaders;

impl<'de> Visitor<'de> for ReadHeaders {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Headers, E> {
        Err(E::custom("found a text, expected a list"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        let mut headers = HeaderMap::new();
        while let Some(Text(line)) = list.next_element()? {
            let (name, value) = header(&line).map_err(A::Error::custom)?;
            headers.append(name, value);
        }
        Ok(Headers(headers))
    }
}

/// A text in a list; what is none is not repeated.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| D::Error::custom(r#"expected texts such as "authorization: Bearer …""#))
    }
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let right = r#"expected a name and a value such as "authorization: Bearer …""#;
    let (name, value) = line.split_once(':').ok_or(right)?;
    let name: HeaderName = name.trim().to_ascii_lowercase().parse().map_err(|_| right)?;
    if [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING].contains(&name) {
        return Err(format!("{name} is set by Hubbub itself; {right}"));
    }
    let mut value =
        HeaderValue::from_str(value.trim()).map_err(|_| format!("{name} has no value of letters; {right}"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

impl Config {
    /// # Errors
    /// The first key whose value is not allowed, with what would be right.
    pub(super) fn check_traces(&self) -> Result<(), Problem> {
        let traces = &self.traces;
        range("traces.sampled_percent", traces.sampled_percent, 1..=100)?;
        range("traces.timeout_seconds", traces.timeout_seconds, 1..=60)?;
        let name = &traces.service_name;
        if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(("traces.service_name", "expected a name of 1 to 64 characters in one line".to_owned()));
        }
        if !traces.endpoint.is_empty() {
            endpoint(&traces.endpoint).map_err(|problem| ("traces.endpoint", problem))?;
        }
        Ok(())
    }

    /// For telemetry; `None` when traces go nowhere.
    pub(crate) fn for_traces(&self) -> Option<traces::Config> {
        let traces = &self.traces;
        Some(traces::Config {
            endpoint: endpoint(&traces.endpoint).ok()?,
            headers: traces.headers.0.clone(),
            service_name: traces.service_name.trim().to_owned(),
            ratio: f64::from(traces.sampled_percent) / 100.0,
            timeout: Duration::from_secs(traces.timeout_seconds),
        })
    }
}

/// Where to send to; what is wrong with it is said without repeating it, as addresses of collectors have keys in them at times.
fn endpoint(text: &str) -> Result<Uri, String> {
    let right = "expected an address such as http://127.0.0.1:4318 or https://collector.example.org/v1/traces";
    let mut url = Url::parse(text).map_err(|error| format!("{error}; {right}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.fragment().is_some() {
        return Err(right.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("a login belongs into traces.headers; {right}"));
    }
    if url.path() == "/" {
        url.set_path(USUAL_PATH);
    }
    url.as_str().parse().map_err(|_| right.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::config::{Origin, load};

    fn with(variables: &[(&str, &str)]) -> Result<crate::config::Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let origin = Origin { file: None, variables, places: Vec::new() };
        load(&origin).map(|(config, _)| config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_collector_has_a_usual_path() {
        let endpoint = |text| with(&[("HUBBUB__TRACES__ENDPOINT", text)]).unwrap().for_traces().unwrap().endpoint;
        assert_eq!(endpoint("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(endpoint("https://c.example/otlp?tenant=1"), "https://c.example/otlp?tenant=1");
        assert!(with(&[]).unwrap().for_traces().is_none(), "nothing is sent unless it is asked for");
    }

    #[test]
    fn headers_are_read_and_never_shown() {
        let config = with(&[("HUBBUB__TRACES__HEADERS", "Authorization: Bearer s3cret, x-tenant: choir")]).unwrap();
        let headers = &config.traces.headers.0;
        assert_eq!(
            (&headers["authorization"], &headers["x-tenant"]),
            (&"Bearer s3cret".parse().unwrap(), &"choir".parse().unwrap())
        );
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (key, value, right) in [
            ("headers", "'authorization: Bearer s3cret'", "found a text, expected a list"),
            ("headers", "['Bearer s3cret']", "expected a name and a value"),
            ("headers", "['content-type: s3cret']", "is set by Hubbub itself"),
            ("headers", "[[\"s3cret\"]]", "expected texts such as"),
            ("endpoint", "'https://ada:s3cret@c.example'", "a login belongs into traces.headers"),
            ("endpoint", "'ftp://c.example/s3cret'", "expected an address such as"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("hubbub.toml"), format!("[traces]\n{key} = {value}\n")).unwrap();
            let origin = Origin { file: None, variables: Vec::new(), places: vec![folder.path().join("hubbub.toml")] };
            let error = load(&origin).unwrap_err().to_string();
            assert!(error.starts_with(&format!("traces.{key} in ")) && error.contains(right), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}

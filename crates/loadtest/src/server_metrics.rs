//! What the server says of itself: its Prometheus metrics (text exposition format 0.0.4), before and after.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use crate::error::LoadTestError;
use crate::http;

/// Where a server with the default configuration has its metrics.
pub const DEFAULT_URL: &str = "http://127.0.0.1:9464/metrics";
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the metrics of a server.
#[derive(Clone)]
pub struct ServerMetrics {
    url: Url,
    http: reqwest::Client,
}

/// The sums of all samples of a name at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape(BTreeMap<String, f64>);

impl ServerMetrics {
    /// Metrics at an address such as `http://127.0.0.1:9464/metrics`.
    ///
    /// # Errors
    /// [`LoadTestError::Metrics`] when that is no URL.
    pub fn new(url: &str) -> Result<Self, LoadTestError> {
        let failed = |reason: String| LoadTestError::Metrics { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|e| failed(format!("{e}; expected {DEFAULT_URL} or the like")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(failed(format!("it begins with {:?}; expected {DEFAULT_URL} or the like", parsed.scheme())));
        }
        let http = http::client().timeout(TIMEOUT).build().map_err(|e| failed(e.to_string()))?;
        Ok(Self { url: parsed, http })
    }

    /// Where they are.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Reads them now.
    ///
    /// # Errors
    /// [`LoadTestError::Metrics`] when nobody answers, or somebody who is no Hubbub server.
    pub async fn scrape(&self) -> Result<Scrape, LoadTestError> {
        let failed = |reason: String| LoadTestError::Metrics { url: self.url.to_string(), reason };
        let response = self.http.get(self.url.clone()).send().await;
        let response = response.map_err(|e| failed(crate::session::innermost(&e)))?;
        if !response.status().is_success() {
            return Err(failed(format!("the answer is {}", response.status())));
        }
        let text = response.text().await.map_err(|e| failed(crate::session::innermost(&e)))?;
        let scrape = Scrape::parse(&text);
        if scrape.get("hubbub_sfu_rtp_out_total").is_none() {
            return Err(failed(
                "they have no hubbub_sfu_rtp_out_total, so they are not those of a Hubbub server".to_owned(),
            ));
        }
        Ok(scrape)
    }
}

impl Scrape {
    /// Reads samples and adds up those of the same name, whatever their labels. Lines that are none are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut sums = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            // Label values may hold spaces and escaped quotes, but what comes after the last brace has neither.
            let (name, rest) = match line.find('{') {
                Some(brace) => (&line[..brace], line.rfind('}').map_or("", |end| &line[end + 1..])),
                None => line.split_once(char::is_whitespace).unwrap_or((line, "")),
            };
            let value = rest.split_whitespace().next().and_then(|value| value.parse::<f64>().ok());
            if let Some(value) = value.filter(|value| value.is_finite()) {
                *sums.entry(name.to_owned()).or_insert(0.0) += value;
            }
        }
        Self(sums)
    }

    /// The sum of a name's samples; `None` when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// By how much a counter grew since `earlier`; `None` when it is missing or the server was started again.
    #[must_use]
    pub fn growth(&self, earlier: &Self, name: &str) -> Option<f64> {
        let growth = self.get(name)? - earlier.get(name)?;
        (growth >= 0.0).then_some(growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP hubbub_sfu_rtp_out_total RTP packets sent to listeners.
# TYPE hubbub_sfu_rtp_out_total counter
hubbub_sfu_rtp_out_total{worker="0"} 1200
hubbub_sfu_rtp_out_total{worker="1"} 34.5
process_resident_memory_bytes 5.1e+07
odd{label="a } \" b 7",other=""} 3 1700000000000
infinite +Inf
broken
alsobroken{x="1"
"#;

    #[test]
    fn samples_of_a_name_are_added_up() {
        let scrape = Scrape::parse(TEXT);
        assert_eq!(scrape.get("hubbub_sfu_rtp_out_total"), Some(1234.5));
        assert_eq!(scrape.get("process_resident_memory_bytes"), Some(51_000_000.0));
        assert_eq!(scrape.get("odd"), Some(3.0));
        for missing in ["infinite", "broken", "alsobroken", "#"] {
            assert_eq!(scrape.get(missing), None, "{missing}");
        }
    }

    #[test]
    fn a_counter_that_shrank_is_another_servers() {
        let (before, after) = (Scrape::parse("a 5\nb 5\n"), Scrape::parse("a 7\nb 1\n"));
        assert_eq!(after.growth(&before, "a"), Some(2.0));
        assert_eq!((after.growth(&before, "b"), after.growth(&before, "c")), (None, None));
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for bad in ["", "9464", "ftp://127.0.0.1/metrics"] {
            let error = ServerMetrics::new(bad).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("expected http://127.0.0.1:9464/metrics"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[{}\"# \n])*") {
            let _ = Scrape::parse(&text);
        }
    }
}

//! What a check found, and how all of it is told.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, or may work, but not for everybody or not for long.
    Warning,
    /// Something will not work.
    Fails,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fails => "fails",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at: a heading of docs/DOCTOR.md.
    pub(crate) check: &'static str,
    #[serde(rename = "status")]
    pub(crate) level: Level,
    /// What was found. Never a secret.
    pub(crate) found: String,
    /// What to do; nothing where all is well.
    pub(crate) advice: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: one_line(&found.into()), advice: None }
    }

    pub(crate) fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, found: one_line(&found.into()), advice: Some(advice.into()) }
    }

    pub(crate) fn fails(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Fails, found: one_line(&found.into()), advice: Some(advice.into()) }
    }
}

/// Whatever other machines say, a finding stays one line.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All of it, in order.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    fails: usize,
    warnings: usize,
    checks: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(checks: Vec<Finding>) -> Self {
        let count = |level| checks.iter().filter(|finding| finding.level == level).count();
        let (fails, warnings) = (count(Level::Fails), count(Level::Warning));
        Self { version: env!("CARGO_PKG_VERSION"), fails, warnings, checks }
    }

    /// Whether nothing fails.
    pub(crate) const fn is_well(&self) -> bool {
        self.fails == 0
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<String> = self.checks.iter().map(line).collect();
        lines.push(match (self.fails, self.warnings) {
            (0, 0) => "Everything is well.".to_owned(),
            (0, warnings) => format!("Nothing fails; {warnings} to look at. docs/DOCTOR.md explains each line."),
            (fails, warnings) => {
                format!("{fails} failing, {warnings} more to look at. docs/DOCTOR.md explains each line.")
            }
        });
        lines.join("\n")
    }
}

fn line(finding: &Finding) -> String {
    let advice = finding.advice.as_ref().map(|advice| format!(" → {advice}")).unwrap_or_default();
    format!("{:<8} {:<20} {}{advice}", finding.level.word(), finding.check, finding.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_whatever_a_server_says() {
        let report = Report::new(vec![
            Finding::ok("clock", "0.1 s off"),
            Finding::fails("mail", "the login was refused: 535 no\r\n\u{1b}[31mreally", "set mail.password"),
        ]);
        assert!(!report.is_well());
        assert_eq!(
            report.text().lines().collect::<Vec<_>>(),
            [
                "ok       clock                0.1 s off",
                "fails    mail                 the login was refused: 535 no [31mreally → set mail.password",
                "1 failing, 0 more to look at. docs/DOCTOR.md explains each line.",
            ]
        );
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&json["fails"], &json["checks"][1]["status"]), (&1.into(), &"fails".into()));
    }
}

//! The report as one HTML page that needs nothing else: style and plots are inside, scripts there are none.

mod figures;
mod plot;
mod scale;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

use super::Report;
use super::completeness::ENOUGH_PERCENT;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// The whole page.
///
/// # Panics
/// Never for any report: the template is part of the program and a test renders all of it.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    environment.add_filter("fixed", fixed);
    environment.add_filter("count", count);
    environment.add_filter("short", short);
    environment.add_filter("plain", scale::label);
    let figures = figures::of(report);
    let context = context! {
        report => Value::from(Serde(report)),
        style => Value::from_safe_string(STYLE.to_owned()),
        enough => ENOUGH_PERCENT,
        figures => Value::from(Serde(figures)),
    };
    environment.render_str(TEMPLATE, context).expect("the page's template fits every report")
}

/// So many decimals.
fn fixed(number: f64, decimals: usize) -> String {
    format!("{number:.decimals$}")
}

/// A whole number with its thousands apart.
fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Three digits that mean something.
fn short(number: f64) -> String {
    match number.abs() {
        n if n >= 99.95 => count(number),
        n if n >= 9.995 => fixed(number, 1),
        _ => fixed(number, 2),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

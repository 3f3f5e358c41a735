//! A table of a TOML file that is read key by key, so that every mistake can be told with its line and with what would be
//! right.

use std::ops::Range;
use std::path::PathBuf;

use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a scenario cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScenarioError {
    /// The file is not there, or may not be read.
    #[error("the scenario {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// There is a mistake in it.
    #[error("{}, {mistake}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Which.
        mistake: Box<Mistake>,
    },
}

/// A mistake in a scenario.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The key and what is wrong with it, and what would be right.
    pub what: String,
}

/// A table whose keys are taken one after the other.
pub(super) struct Section<'a> {
    source: &'a str,
    /// With a dot at its end, unless it is empty.
    prefix: String,
    line: usize,
    table: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) fn document(source: &'a str) -> Result<Self, Mistake> {
        let table = DeTable::parse(source).map_err(|e| Mistake {
            line: e.span().map_or(1, |span| line_of(source, &span)),
            what: format!("this is not TOML: {}", e.message().replace('\n', " ")),
        })?;
        Ok(Self { source, prefix: String::new(), line: 1, table: table.into_inner(), known: Vec::new() })
    }

    /// Takes a table; `None` when it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Option<Self>, Mistake> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        let line = line_of(self.source, &value.span());
        match value.into_inner() {
            DeValue::Table(table) => {
                let prefix = format!("{}{key}.", self.prefix);
                Ok(Some(Self { source: self.source, prefix, line, table, known: Vec::new() }))
            }
            _ => Err(Mistake { line, what: format!("{}{key}: expected a table: [{0}{key}]", self.prefix) }),
        }
    }

    /// Takes a value, which `read` understands or says what it expected; `None` when it is not there.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        read(value.get_ref()).map(Some).map_err(|expected| {
            let span = value.span();
            let written = self.source.get(span.clone()).unwrap_or_default();
            let shown: String = written.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
            let what = format!("{}{key} = {shown}: expected {expected}", self.prefix);
            Mistake { line: line_of(self.source, &span), what }
        })
    }

    /// A mistake of the section as a whole.
    pub(super) fn mistake(&self, what: &str) -> Mistake {
        let prefix = self.prefix.trim_end_matches('.');
        let what = if prefix.is_empty() { what.to_owned() } else { format!("[{prefix}]: {what}") };
        Mistake { line: self.line, what }
    }

    /// Whatever is left is not known.
    pub(super) fn end(self) -> Result<(), Mistake> {
        let first = self.table.iter().min_by_key(|(key, _)| key.span().start);
        match first {
            None => Ok(()),
            Some((key, _)) => {
                let line = line_of(self.source, &key.span());
                let name: String =
                    key.get_ref().chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
                let known = self.known.join(", ");
                Err(Mistake { line, what: format!("{}{name}: no such key; expected one of: {known}", self.prefix) })
            }
        }
    }

    fn remove(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.remove(key)
    }
}

fn line_of(source: &str, span: &Range<usize>) -> usize {
    source.as_bytes().iter().take(span.start).filter(|&&byte| byte == b'\n').count() + 1
}

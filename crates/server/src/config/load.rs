//! Reading the configuration, and errors of one line that name the key, where it was set and what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use figment::error::{Actual, Kind};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Deserializer};

use super::{Config, DEFAULTS};

/// Environment variables with this prefix are keys: `HUBBUB__HTTP__BIND` is `http.bind`.
const PREFIX: &str = "HUBBUB__";

/// A variable with this ending names a file that holds the value: `HUBBUB__STORAGE__URL_FILE`.
const FILE_SUFFIX: &str = "_file";

/// Where the file of an installed server is.
const INSTALLED: &str = "/etc/hubbub/hubbub.toml";

/// Where the configuration comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// `--config` or `HUBBUB_CONFIG`.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Where a file is looked for without the former: the first that is there counts.
    pub(crate) places: Vec<PathBuf>,
}

impl Origin {
    /// The environment of this process, and the places that `config/default.toml` names.
    pub(crate) fn of_process(file: Option<PathBuf>) -> Self {
        let here = Path::new(".");
        // `sudo -u hubbub` is typed in folders that this user may not look into.
        let closed = here.metadata().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        let mut places = if closed { Vec::new() } else { places_in(here) };
        places.push(PathBuf::from(INSTALLED));
        Self { file, variables: std::env::vars().collect(), places }
    }
}

/// The places in the folder that somebody works in.
pub(super) fn places_in(folder: &Path) -> Vec<PathBuf> {
    vec![folder.join("config").join("hubbub.toml"), folder.join("hubbub.toml")]
}

/// Why a configuration is refused: one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line: Vec<&str> = self.0.split_whitespace().collect();
        f.write_str(&one_line.join(" "))
    }
}

impl std::error::Error for ConfigError {}

/// Reads and checks the configuration; the path is that of the file used, if any.
///
/// # Errors
/// [`ConfigError`] for a file that cannot be read, an unknown key, or a value that is not allowed.
pub(crate) fn load(origin: &Origin) -> Result<(Config, Option<PathBuf>), ConfigError> {
    let defaults = parse_toml(DEFAULTS).map_err(|e| ConfigError(format!("config/default.toml: {e}")))?;
    let mut sources = Sources::default();
    let mut figment = Figment::from(Toml::string(DEFAULTS));

    let file = find_file(origin)?;
    if let Some(path) = &file {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?;
        let dict = parse_toml(&text).map_err(|e| ConfigError(format!("{shown} is not valid TOML: {e}")))?;
        sources.note(&dict, &defaults, |_| shown.clone())?;
        figment = figment.merge(Values(dict));
    }

    let dict = environment(&origin.variables, &defaults)?;
    sources.note(&dict, &defaults, variable_name)?;
    figment = figment.merge(Values(dict));

    let config: Config = figment.extract().map_err(|e| describe(&e, &sources, &defaults))?;
    config.check().map_err(|(key, problem)| sources.error(key, &problem))?;
    Ok((config, file))
}

fn find_file(origin: &Origin) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = &origin.file {
        return Ok(Some(path.clone()));
    }
    for place in &origin.places {
        match place.try_exists() {
            Ok(true) => return Ok(Some(place.clone())),
            Ok(false) => {}
            Err(e) => return Err(unreadable(place, &e)),
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => {
            "; run this as a user who may read it, such as the server's: sudo -u hubbub hubbub …"
        }
        _ => "",
    };
    ConfigError(format!("cannot read the configuration file {}: {error}{advice}", path.display()))
}

fn parse_toml(text: &str) -> Result<Dict, Kind> {
    let mut profiles = Toml::string(text).data().map_err(|e| e.kind)?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// Turns variables into values of the kind that the default of the same key has.
fn environment(variables: &[(String, String)], defaults: &Dict) -> Result<Dict, ConfigError> {
    let mut dict = Dict::new();
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.to_ascii_lowercase();
        let Some((section, key)) = key.split_once("__") else {
            let right = format!("variables are called {PREFIX}SECTION__KEY, such as {PREFIX}HTTP__BIND");
            return Err(ConfigError(format!("the environment variable {name} names no key: {right}")));
        };
        let default_of = |key: &str| defaults.get(section).and_then(Value::as_dict).and_then(|s| s.get(key));
        // A secret that lies in a file, as container engines and service managers hand them out.
        let in_file =
            key.strip_suffix(FILE_SUFFIX).filter(|plain| default_of(key).is_none() && default_of(plain).is_some());
        let (key, text) = match in_file {
            Some(plain) => {
                let direct = name.strip_suffix("_FILE").unwrap_or_default();
                if variables.iter().any(|(other, _)| other == direct) {
                    return Err(ConfigError(format!("{name} and {direct} are both set; expected one of them")));
                }
                let read = std::fs::read_to_string(text)
                    .map_err(|e| ConfigError(format!("cannot read the file {text:?} that {name} names: {e}")))?;
                (plain, read.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => (key, text.clone()),
        };
        let example = default_of(key);
        let value = match example {
            Some(Value::Num(..)) => match text.trim().parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(text.as_str()),
            },
            Some(Value::Bool(..)) => {
                text.trim().parse::<bool>().map_or_else(|_| Value::from(text.as_str()), Value::from)
            }
            Some(Value::Array(..)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(Tag::Default, items.map(Value::from).collect())
            }
            _ => Value::from(text.as_str()),
        };
        match dict.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new())) {
            Value::Dict(_, section) => section.insert(key.to_owned(), value),
            _ => None,
        };
    }
    Ok(dict)
}

fn variable_name(key: &str) -> String {
    format!("the environment variable {PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Who set which key last.
#[derive(Debug, Default)]
struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Remembers where the keys of `dict` were set, and refuses those that do not exist.
    fn note(&mut self, dict: &Dict, defaults: &Dict, source: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        for (section, keys) in dict {
            let Some(known) = defaults.get(section).and_then(Value::as_dict) else {
                let at =
                    keys.as_dict().and_then(|k| k.keys().next()).map_or(section.clone(), |k| format!("{section}.{k}"));
                let right = list(defaults.keys());
                return Err(ConfigError(format!(
                    "unknown section [{section}] in {}; sections are {right}",
                    source(&at)
                )));
            };
            let Some(keys) = keys.as_dict() else {
                let problem =
                    format!("{section} in {} is a section: write [{section}] above its keys", source(section));
                return Err(ConfigError(problem));
            };
            for key in keys.keys() {
                let path = format!("{section}.{key}");
                if !known.contains_key(key) {
                    let right = list(known.keys());
                    return Err(ConfigError(format!(
                        "unknown key {path} in {}; [{section}] has {right}",
                        source(&path)
                    )));
                }
                self.0.insert(path.clone(), source(&path));
            }
        }
        Ok(())
    }

    fn error(&self, key: &str, problem: &str) -> ConfigError {
        let source = self.0.get(key).map_or("the defaults", String::as_str);
        ConfigError(format!("{key} in {source} is not valid: {problem}"))
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A type error in the terms of an operator.
fn describe(error: &figment::Error, sources: &Sources, defaults: &Dict) -> ConfigError {
    let mut path = error.path.clone();
    path.truncate(2);
    let key = path.join(".");
    let default = match path.as_slice() {
        [section, key] => defaults.get(section).and_then(Value::as_dict).and_then(|s| s.get(key)).map(show),
        _ => None,
    };
    let problem = match &error.kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("found {}, expected {}", found(actual), wanted(expected))
        }
        Kind::UnknownVariant(found, known) => format!("found {found:?}, expected one of {}", known.join(", ")),
        Kind::Message(text) => explained(text),
        other => other.to_string(),
    };
    let example = default.map_or(String::new(), |d| format!(" (the default is {d})"));
    sources.error(&key, &format!("{problem}{example}"))
}

/// What the standard library says of addresses, with what would be right.
fn explained(text: &str) -> String {
    match text {
        "invalid socket address syntax" => {
            format!("{text}; expected an address and a port such as 127.0.0.1:8080 or [::]:8080")
        }
        "invalid IP address syntax" => format!("{text}; expected an address such as 203.0.113.7 or 2001:db8::7"),
        other => other.to_owned(),
    }
}

/// What was found, as an operator wrote it.
fn found(actual: &Actual) -> String {
    match actual {
        Actual::Signed(number) => number.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Bool(flag) => flag.to_string(),
        Actual::Str(text) => format!("{text:?}"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a section".to_owned(),
        other => other.to_string(),
    }
}

/// What a Rust type takes.
fn wanted(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a string" | "path string" => "text in quotes",
        other if other.starts_with("enum ") => "text in quotes",
        other => other,
    }
}

/// A value as it is written in TOML.
fn show(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Num(_, number) => number.to_i128().map_or_else(|| "a number".to_owned(), |n| n.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Array(_, items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        _ => "empty".to_owned(),
    }
}

/// Reads an optional value for which the empty text stands when there is none.
pub(super) fn empty_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

/// Values that were read already.
struct Values(Dict);

impl Provider for Values {
    fn metadata(&self) -> Metadata {
        Metadata::named("values")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.0.clone())]))
    }
}

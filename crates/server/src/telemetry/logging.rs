//! Log lines: to standard error, one line each.

use std::any::Any;
use std::io::IsTerminal;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::traces::Traces;
use crate::config::{Config, ConfigError, Log, LogFormat};

/// What is logged, while it is.
#[derive(Clone)]
pub(crate) struct Filter {
    handle: reload::Handle<EnvFilter, Registry>,
    /// As it was asked for.
    directives: Arc<Mutex<String>>,
}

impl Filter {
    /// Logs from now on by `directives`, as `log.filter` has them.
    ///
    /// # Errors
    /// What is wrong with them and what would be right; nothing changes then.
    pub(crate) fn set(&self, directives: &str) -> Result<(), String> {
        let filter = parse(directives)?;
        let mut current = self.directives.lock();
        self.handle.reload(filter).map_err(|error| error.to_string())?;
        directives.clone_into(&mut current);
        Ok(())
    }

    /// What is logged now.
    pub(crate) fn directives(&self) -> String {
        self.directives.lock().clone()
    }
}

/// Reads directives as `log.filter` has them. A word that is no level is a mistake, not the name of a module of which everything is
/// logged, as it would be otherwise.
///
/// # Errors
/// What is wrong and what would be right.
pub(crate) fn parse(directives: &str) -> Result<EnvFilter, String> {
    let right = r#"expected "info", "debug" or module=level pairs such as "info,hubbub_signaling=debug""#;
    if directives.trim().is_empty() {
        return Err(format!("nothing is said; {right}"));
    }
    let word = |part: &&str| !part.is_empty() && !part.contains(['=', '[', ']', '{', '}']);
    let mut words = directives.split(',').map(str::trim).filter(word);
    if let Some(unknown) = words.find(|word| word.parse::<LevelFilter>().is_err()) {
        return Err(format!("{unknown:?} is no level (error, warn, info, debug, trace or off); {right}"));
    }
    EnvFilter::try_new(directives).map_err(|error| format!("{error}; {right}"))
}

/// Starts logging, panics included, and collecting traces where they are wanted. The first call in a process wins.
pub(crate) fn start(config: &Log, traces: Option<&Traces>) -> Filter {
    let filter = parse(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
    };
    // The filter is that of the lines alone, so that less in the log is not less in the traces.
    let all = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces.map(Traces::layer))
        .with(filter_fn(may_be_logged));
    if all.try_init().is_ok() {
        // What libraries write by `log` is looked at for each line, several of them a WebSocket frame; below `info` it is never wanted.
        log::set_max_level(log::LevelFilter::Info);
        std::panic::set_hook(Box::new(log_panic));
    }
    Filter { handle, directives: Arc::new(Mutex::new(config.filter.clone())) }
}

/// Reads the configuration again and takes over `log.filter`, and nothing else of it.
pub(crate) fn reread(filter: &Filter, read: impl FnOnce() -> Result<Config, ConfigError>) {
    let directives = match read() {
        Ok(config) => config.log.filter,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP: the configuration was read again and is not valid; nothing changes");
            return;
        }
    };
    match filter.set(&directives) {
        Ok(()) => tracing::info!(log.filter = directives, "SIGHUP: this is logged from now on"),
        Err(error) => tracing::warn!(error, "SIGHUP: log.filter cannot be changed"),
    }
}

/// Below `info` only our own modules may speak, whatever the filter says: HTTP, WebSocket and database libraries write
/// frames, headers and rows there, with the secrets in them.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("hubbub")
}

/// A panic is one line too: its place, and its text only where that is part of the program. A text made at run time may
/// hold what somebody sent.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = constant_text(panic.payload());
    tracing::error!(panic.place = place, panic.message = message, "a task panicked; the server goes on");
}

fn constant_text(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn directives_are_levels_and_pairs() {
        for right in ["info", "OFF", "debug", "info,hubbub_signaling=debug", "info,[join]=debug", "hubbub_auth=off"] {
            assert!(parse(right).is_ok(), "{right}");
        }
        for wrong in ["", " ", "inof", "info,hubbub_signaling", "a=b=c", "hubbub_sfu=loud"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains("expected \"info\"") && !error.contains('\n'), "{wrong}: {error}");
        }
    }

    #[test]
    fn libraries_that_write_below_info_are_not_listened_to() {
        let hook = std::panic::take_hook();
        start(&Log { format: LogFormat::Human, filter: "off".to_owned() }, None);
        // That of other tests in this process.
        std::panic::set_hook(hook);
        assert_eq!(log::max_level(), log::LevelFilter::Info);
    }

    #[test]
    fn what_a_panic_says_is_logged_only_when_it_is_part_of_the_program() {
        let constant = catch_unwind(|| panic!("the seat is taken")).unwrap_err();
        assert_eq!(constant_text(&*constant), Some("the seat is taken"));
        let secret = std::hint::black_box("hunter2".to_owned());
        let made = catch_unwind(move || panic!("{secret} is wrong")).unwrap_err();
        assert_eq!(constant_text(&*made), None);
    }
}

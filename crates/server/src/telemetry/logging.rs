//! Log lines: to standard error, one line each.

use std::any::Any;
use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Starts logging, panics included. The first call in a process wins.
pub(crate) fn start(config: &Log) {
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let discreet = filter_fn(may_be_logged);
    let started = match config.format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            lines.finish().with(discreet).try_init()
        }
        LogFormat::Human => {
            lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).finish().with(discreet).try_init()
        }
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
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
    fn what_a_panic_says_is_logged_only_when_it_is_part_of_the_program() {
        let constant = catch_unwind(|| panic!("the seat is taken")).unwrap_err();
        assert_eq!(constant_text(&*constant), Some("the seat is taken"));
        let secret = std::hint::black_box("hunter2".to_owned());
        let made = catch_unwind(move || panic!("{secret} is wrong")).unwrap_err();
        assert_eq!(constant_text(&*made), None);
    }
}

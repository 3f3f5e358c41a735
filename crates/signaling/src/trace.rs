//! What a socket and its joins have to do with the request that opened it, for whoever collects traces.

use std::fmt;
use std::sync::Arc;

use tracing::Span;

/// Makes a span part of the trace of a request. Whoever serves the route knows how, and adds it to the request as an extension;
/// without it nothing is collected.
///
/// A socket's span is no child of its request's, which would stay open as long as the socket.
#[derive(Clone)]
pub struct Trace(Arc<dyn Fn(&Span) + Send + Sync>);

impl Trace {
    /// `adopt` is given each span before it is entered.
    pub fn new(adopt: impl Fn(&Span) + Send + Sync + 'static) -> Self {
        Self(Arc::new(adopt))
    }

    pub(crate) fn adopt(&self, span: &Span) {
        (self.0)(span);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

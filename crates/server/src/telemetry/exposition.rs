//! What `/metrics` has besides what is counted where it happens: numbers that other crates keep as plain integers, turned into
//! metrics when Prometheus asks.

use std::collections::HashMap;

use hubbub_auth::Auth;
use hubbub_sfu::Sfu;
use hubbub_signaling::Signaling;
use hubbub_storage::Database;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::node::Node;
use super::process::Process;
use super::{media, services};

/// Whom to ask.
pub(crate) struct Sources {
    pub(crate) sfu: Sfu,
    pub(crate) signaling: Signaling,
    pub(crate) api: hubbub_api::Metrics,
    pub(crate) auth: Auth,
    pub(crate) database: Database,
    pub(crate) node: Node,
}

impl Sources {
    fn families(&self) -> Vec<MetricFamily> {
        let mut families = media::families(&self.sfu.metrics());
        families.extend(services::signaling(&self.signaling.metrics()));
        families.push(services::api(&self.api.rate_limited()));
        families.extend(services::accounts(&self.auth.metrics()));
        families.extend(services::storage(&self.database.metrics()));
        families.extend(self.node.families());
        families
    }
}

/// Makes all of it and the process's own metrics known.
///
/// # Errors
/// When `registry` has them already.
pub(crate) fn register(registry: &Registry, sources: Sources) -> prometheus::Result<()> {
    registry.register(Box::new(Process::default()))?;
    let about = "Everything read from the other crates.".to_owned();
    let desc = Desc::new("hubbub_build_info".to_owned(), about, Vec::new(), HashMap::new())?;
    registry.register(Box::new(Snapshots { sources, desc }))
}

struct Snapshots {
    sources: Sources,
    desc: Desc,
}

impl Collector for Snapshots {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.sources.families()
    }
}

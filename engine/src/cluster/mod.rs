//! A cluster: several processes that share the work of one engine.
//!
//! ```text
//!                    process 0, the head                           process 1, 2, …: members
//!  sources ─▶ binder ─▶ releaser ─┬─▶ workers ◀─── timely's links ───▶ workers
//!                hub, readers ◀───┘        └──── one control link a member ────▶ │
//!                     ▲                                                          │
//!                     └───────────── reports, answers ◀──────────────────────────┘
//! ```
//! The head has all that is durable, the clock, the sources and the readers. A member has workers and nothing else: it
//! carries out the same commands in the same order as the workers of the head. Membership is fixed: when one process goes
//! before the end, all others stop, and the cluster is started again from the bindings.
//!
//! Every link, timely's too, begins with a greeting in which both sides prove that they know the cluster's secret, and
//! which is refused, with the reason, where they do not run the same program on the same configuration. What follows is
//! neither encrypted nor signed: the network must be private.

mod frame;
mod greeting;
pub(crate) mod head;
mod hosts;
mod join;
mod member;
mod message;
mod peers;
mod secret;

use std::time::Duration;

pub use hosts::Hosts;
pub use member::{Member, MemberConfig};
pub use secret::Secret;

pub(crate) use join::Joined;
pub(crate) use peers::Peers;

use crate::error::{EngineError, ErrorKind};

/// How many processes there may be.
pub const PROCESSES_MAX: usize = 64;

/// How long a process waits for the others, if nothing else is said.
pub const FORMING_MAX: Duration = Duration::from_secs(120);

/// The cluster that a process belongs to, and its place in it.
#[derive(Clone)]
pub struct ClusterConfig {
    /// Where the processes are.
    hosts: Hosts,
    /// Which of them this is.
    process: usize,
    secret: Secret,
    /// The program: its version, and what tells its builds apart.
    program: String,
    /// The hash of all that the graph follows from.
    configuration: String,
    /// How long to wait for the others.
    forming_max: Duration,
}

impl ClusterConfig {
    /// The place of process number `process`. `program` and `configuration` must be the same in all processes.
    pub fn new(
        hosts: Hosts,
        process: usize,
        secret: Option<Secret>,
        program: impl Into<String>,
        configuration: impl Into<String>,
    ) -> Result<Self, EngineError> {
        if process >= hosts.len() {
            let what = format!("there is no process {process} among {} hosts", hosts.len());
            return Err(EngineError::new(
                ErrorKind::Invalid,
                what,
                "processes are numbered from 0, one a line of the hosts",
            ));
        }
        if secret.is_none() && !hosts.are_loopback() {
            let what = "a cluster over a network needs a secret";
            let help = "set TIEOUT_CLUSTER_SECRET, or TIEOUT_CLUSTER_SECRET_FILE, to the same text for all processes";
            return Err(EngineError::new(ErrorKind::Invalid, what, help));
        }
        let secret = secret.unwrap_or_else(Secret::none);
        let (program, configuration) = (program.into(), configuration.into());
        Ok(ClusterConfig { hosts, process, secret, program, configuration, forming_max: FORMING_MAX })
    }

    /// Waits no longer than this for the others.
    pub fn forming_within(self, forming_max: Duration) -> Self {
        ClusterConfig { forming_max, ..self }
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.hosts.len()
    }

    /// A process, as people know it.
    fn name(&self, process: usize) -> String {
        format!("process {process} ({})", self.hosts.get(process))
    }
}

/// A process has said why it cannot go on.
fn failed(who: &str, error: EngineError) -> EngineError {
    EngineError { what: format!("{who} has failed: {}", error.what), ..error }
}

/// A process has gone before the end, and with it its share of every view.
fn gone(who: &str, why: &str) -> EngineError {
    let what = format!("{who} has gone: {why}");
    EngineError::new(ErrorKind::Unavailable, what, "its log says why; start all processes again: nothing is lost")
}

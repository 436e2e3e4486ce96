//! What every subcommand needs of the process it runs in: its end, its log, its signals, its terminal.

mod disk;
mod failure;
mod logging;
mod service;
mod signals;
mod status_line;
mod texts;

use std::future::Future;
use std::io::Write;

use engine::{EngineError, ErrorKind, Reader};

pub(crate) use failure::{Failure, Outcome, exit_code};
pub(crate) use logging::{LogFormat, start_logging};
pub(crate) use service::Service;
pub(crate) use signals::Stopping;
pub(crate) use status_line::with_status_line;
pub(crate) use texts::SymbolTexts;

/// Tells a person something on standard error. Where nobody reads it any more, that is no failure.
pub(crate) fn tell(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// The sum of a metric over all its labels.
pub(crate) fn gathered(reader: &Reader, metric: &str) -> u64 {
    let families = reader.metrics().registry().gather();
    let metrics = families.iter().filter(|family| family.name() == metric).flat_map(|family| family.get_metric());
    metrics.map(|metric| metric.get_counter().get_value().max(metric.get_gauge().get_value()) as u64).sum()
}

/// Runs what waits for the network, the engine or a signal.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        let what = format!("cannot start the threads that serve clients: {error}");
        EngineError::new(ErrorKind::Unavailable, what, "raise the limit on threads")
    })?;
    let result = runtime.block_on(work);
    // What still runs (a query that nobody waits for) must not hold up the end.
    runtime.shutdown_background();
    result
}

//! What the server measures, in the engine's registry.

use engine::{EngineError, ErrorKind, Reader};
use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

/// The server's metrics. Views and sources only as labels: both come from the configuration.
#[derive(Clone)]
pub(super) struct FlightMetrics {
    /// Rows sent to readers.
    pub(super) rows_sent: IntCounterVec,
    /// Subscriptions opened.
    pub(super) subscriptions: IntCounterVec,
    /// Batches pushed, by what became of them.
    pub(super) puts: IntCounterVec,
    /// From the last byte of a pushed batch to its receipt.
    pub(super) put_duration: Histogram,
    /// Requests refused, by why.
    pub(super) refused: IntCounterVec,
    registry: Registry,
}

impl FlightMetrics {
    /// Metrics in the registry of the engine that is read.
    pub(super) fn register(reader: &Reader) -> Result<Self, EngineError> {
        Self::try_register(reader.metrics().registry()).map_err(|error| {
            EngineError::new(
                ErrorKind::Invalid,
                format!("the server cannot be measured: {error}"),
                "serve an engine once at a time",
            )
        })
    }

    fn try_register(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, label: &str| IntCounterVec::new(Opts::new(name, help), &[label]);
        let seconds = prometheus::exponential_buckets(0.000_5, 2.0, 14)?;
        let duration = HistogramOpts::new(
            "tieout_flight_put_duration_seconds",
            "From the end of a pushed batch until it is durable",
        );
        let metrics = FlightMetrics {
            rows_sent: counters("tieout_flight_rows_sent_total", "Rows sent to readers", "view")?,
            subscriptions: counters("tieout_flight_subscriptions_total", "Subscriptions opened", "view")?,
            puts: counters("tieout_flight_puts_total", "Batches pushed: accepted, duplicate or refused", "result")?,
            put_duration: Histogram::with_opts(duration.buckets(seconds))?,
            refused: counters("tieout_access_refused_total", "Requests refused: unauthenticated or denied", "reason")?,
            registry: registry.clone(),
        };
        metrics.collectors().into_iter().try_for_each(|collector| registry.register(collector))?;
        Ok(metrics)
    }

    /// Takes them out of the registry, so that the engine can be served again.
    pub(super) fn unregister(&self) {
        for collector in self.collectors() {
            if let Err(error) = self.registry.unregister(collector) {
                tracing::warn!(%error, "a metric of the server was not registered");
            }
        }
    }

    fn collectors(&self) -> [Box<dyn Collector>; 5] {
        [
            Box::new(self.rows_sent.clone()),
            Box::new(self.subscriptions.clone()),
            Box::new(self.puts.clone()),
            Box::new(self.put_duration.clone()),
            Box::new(self.refused.clone()),
        ]
    }
}

//! What running sinks measure, in the engine's registry.

use std::sync::Arc;

use engine::{EngineError, ErrorKind, Reader, Tick};
use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};
use tokio::sync::watch;

/// The metrics of running sinks. The label is the name of the sink, which comes from the configuration.
#[derive(Clone)]
pub(crate) struct SinkMetrics {
    /// Rows written.
    pub(crate) rows: IntCounterVec,
    /// Failures after which it was tried again.
    pub(crate) failures: IntCounterVec,
    /// Alerts raised and resolved.
    pub(crate) alerts: IntCounterVec,
    /// Alerts that a channel has taken.
    pub(crate) alerts_sent: IntCounterVec,
    /// Alerts that wait for a channel.
    pub(crate) alerts_waiting: IntGaugeVec,
    /// Alerts that were given up and are kept.
    pub(crate) alerts_dead: IntGaugeVec,
    reach: Reach,
    reader: Reader,
}

/// The name of a sink, and before which tick everything is written.
type Watched = (String, watch::Receiver<Tick>);

/// How far each sink is, asked for when it is wanted: a sink that is stuck must not look as if it was not.
#[derive(Clone)]
struct Reach {
    frontier: GaugeVec,
    lag: GaugeVec,
    sinks: Arc<Mutex<Vec<Watched>>>,
    reader: Reader,
}

impl SinkMetrics {
    /// Metrics in the registry of the engine that is read.
    pub(crate) fn register(reader: &Reader) -> Result<Self, EngineError> {
        let cannot = |error: prometheus::Error| {
            let what = format!("sinks cannot be measured: {error}");
            EngineError::new(ErrorKind::Invalid, what, "start the sinks of an engine once at a time")
        };
        let metrics = SinkMetrics::new(reader).map_err(cannot)?;
        let registry = reader.metrics().registry();
        metrics.collectors().into_iter().try_for_each(|collector| registry.register(collector)).map_err(cannot)?;
        Ok(metrics)
    }

    fn new(reader: &Reader) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["sink"]);
        let by_channel = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["channel"]);
        let gauges = |name: &str, help: &str| GaugeVec::new(Opts::new(name, help), &["sink"]);
        Ok(SinkMetrics {
            rows: counters("tieout_sink_rows_total", "Rows written by sinks")?,
            failures: counters("tieout_sink_failures_total", "Failures of sinks after which it was tried again")?,
            alerts: IntCounterVec::new(
                Opts::new("tieout_alerts_total", "Alerts raised and resolved"),
                &["alert", "event"],
            )?,
            alerts_sent: IntCounterVec::new(
                Opts::new("tieout_alerts_sent_total", "Alerts that a channel has taken"),
                &["channel"],
            )?,
            alerts_waiting: by_channel("tieout_alerts_waiting", "Alerts that wait for a channel")?,
            alerts_dead: by_channel("tieout_alerts_dead", "Alerts that were given up, and are kept")?,
            reach: Reach {
                frontier: gauges("tieout_sink_frontier_seconds", "Every change before this moment is written")?,
                lag: gauges("tieout_sink_lag_seconds", "How far a sink is behind the engine")?,
                sinks: Arc::default(),
                reader: reader.clone(),
            },
            reader: reader.clone(),
        })
    }

    /// Shows how far a sink is.
    pub(crate) fn watch(&self, name: &str, complete: watch::Receiver<Tick>) {
        self.rows.with_label_values(&[name]);
        self.failures.with_label_values(&[name]);
        self.reach.sinks.lock().push((name.to_owned(), complete));
    }

    /// Takes them out of the registry, so that sinks can be started again.
    pub(crate) fn unregister(&self) {
        for collector in self.collectors() {
            if let Err(error) = self.reader.metrics().registry().unregister(collector) {
                tracing::warn!(%error, "a metric of the sinks was not registered");
            }
        }
    }

    fn collectors(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.rows.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.alerts.clone()),
            Box::new(self.alerts_sent.clone()),
            Box::new(self.alerts_waiting.clone()),
            Box::new(self.alerts_dead.clone()),
            Box::new(self.reach.clone()),
        ]
    }
}

impl Collector for Reach {
    fn desc(&self) -> Vec<&Desc> {
        self.frontier.desc().into_iter().chain(self.lag.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.reader.frontier();
        for (name, complete) in self.sinks.lock().iter() {
            let complete = *complete.borrow();
            // Not known yet: its target has not been reached. Or a channel that no alert is sent to.
            if complete == 0 || complete == Tick::MAX {
                continue;
            }
            self.frontier.with_label_values(&[name]).set(seconds(complete));
            self.lag.with_label_values(&[name]).set(seconds(now.saturating_sub(complete)));
        }
        self.frontier.collect().into_iter().chain(self.lag.collect()).collect()
    }
}

/// Ticks are microseconds.
fn seconds(ticks: Tick) -> f64 {
    ticks as f64 / 1e6
}

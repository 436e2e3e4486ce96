//! What the engine measures of itself, for Prometheus, in base units.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use operators::Tick;
use parking_lot::Mutex;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, exponential_buckets};

/// The engine's metrics, and the registry that others add theirs to.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    refused: IntCounterVec,
    ticks: IntCounter,
    tick_records: Histogram,
    /// How long ticks are with the workers: from their release until their changes are given to readers.
    pub tick_duration: Histogram,
    /// The ticks that are with the workers, and when they were released.
    underway: Arc<Mutex<VecDeque<(Tick, Instant)>>>,
    /// The frontier, in seconds since 1970-01-01.
    pub frontier: IntGauge,
    /// Readers that follow a view.
    pub subscriptions: IntGauge,
    snapshot: IntGauge,
    snapshot_duration: Histogram,
    snapshot_failures: IntCounter,
}

impl Metrics {
    /// Metrics in a registry of their own.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let by_source = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["source"]);
        let metrics = Metrics {
            records: by_source("tieout_source_records_total", "Records bound to ticks")?,
            refused: by_source("tieout_source_refused_total", "Records refused (see the view dead_letters)")?,
            ticks: IntCounter::new("tieout_ticks_total", "Ticks released with data")?,
            tick_records: Histogram::with_opts(
                HistogramOpts::new("tieout_tick_records", "Records that a tick took")
                    .buckets(vec![1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]),
            )?,
            tick_duration: Histogram::with_opts(
                HistogramOpts::new(
                    "tieout_tick_duration_seconds",
                    "From the release of a tick until its changes are given to readers",
                )
                .buckets(exponential_buckets(5e-6, 1.25, 64)?),
            )?,
            underway: Arc::default(),
            frontier: IntGauge::new("tieout_frontier_seconds", "Every tick before this moment is complete")?,
            subscriptions: IntGauge::new("tieout_subscriptions_active", "Readers that follow a view")?,
            snapshot: IntGauge::new("tieout_snapshot_tick_seconds", "The tick of the newest snapshot of this run")?,
            snapshot_duration: Histogram::with_opts(
                HistogramOpts::new("tieout_snapshot_duration_seconds", "How long it took to take a snapshot")
                    .buckets(exponential_buckets(0.01, 2.0, 16)?),
            )?,
            snapshot_failures: IntCounter::new("tieout_snapshot_failures_total", "Snapshots that could not be taken")?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.records.clone()))?;
        metrics.registry.register(Box::new(metrics.refused.clone()))?;
        metrics.registry.register(Box::new(metrics.ticks.clone()))?;
        metrics.registry.register(Box::new(metrics.tick_records.clone()))?;
        metrics.registry.register(Box::new(metrics.tick_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.frontier.clone()))?;
        metrics.registry.register(Box::new(metrics.subscriptions.clone()))?;
        metrics.registry.register(Box::new(metrics.snapshot.clone()))?;
        metrics.registry.register(Box::new(metrics.snapshot_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.snapshot_failures.clone()))?;
        Ok(metrics)
    }

    /// Where others register theirs, and the exporter reads.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn batch_bound(&self, source: &str, records: usize, refused: usize) {
        self.records.with_label_values(&[source]).inc_by(records as u64);
        self.refused.with_label_values(&[source]).inc_by(refused as u64);
    }

    pub(crate) fn tick_released(&self, records: usize) {
        self.ticks.inc();
        self.tick_records.observe(records as f64);
    }

    pub(crate) fn snapshot_taken(&self, tick: Tick, duration: Duration, is_whole: bool) {
        if is_whole {
            self.snapshot.set((tick / 1_000_000) as i64);
            self.snapshot_duration.observe(duration.as_secs_f64());
        } else {
            self.snapshot_failures.inc();
        }
    }

    /// A tick is given to the workers whole.
    pub(crate) fn tick_begins(&self, tick: Tick) {
        self.underway.lock().push_back((tick, Instant::now()));
    }

    /// Every tick before the frontier has been given to readers.
    pub(crate) fn ticks_end(&self, frontier: Tick) {
        let mut underway = self.underway.lock();
        while underway.front().is_some_and(|(tick, _)| *tick < frontier) {
            let released = underway.pop_front().map(|(_, released)| released.elapsed());
            self.tick_duration.observe(released.unwrap_or_default().as_secs_f64());
        }
    }
}

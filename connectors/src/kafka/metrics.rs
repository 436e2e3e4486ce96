//! What batches do not show: how many messages wait on the brokers.

use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

/// The metrics of one source.
pub(crate) struct KafkaMetrics {
    lag: IntGaugeVec,
}

impl KafkaMetrics {
    /// Registers them. Each source has the same metric with its own name as a label.
    pub(crate) fn new(source: &str, registry: &Registry) -> Result<KafkaMetrics, prometheus::Error> {
        let opts = Opts::new("tieout_source_lag_records", "Records of a partition that were not read yet");
        let lag = IntGaugeVec::new(opts.const_label("source", source), &["partition"])?;
        registry.register(Box::new(lag.clone()))?;
        Ok(KafkaMetrics { lag })
    }

    /// How many records of a partition were not read yet.
    pub(crate) fn lag_records(&self, partition: &str) -> IntGauge {
        self.lag.with_label_values(&[partition])
    }
}

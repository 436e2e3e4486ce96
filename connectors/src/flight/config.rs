//! The configuration of a source of pushed batches.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::layout::LayoutConfig;

/// The table `[source.<name>]` with `kind = "flight"`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FlightConfig {
    /// How rows become records.
    #[serde(flatten)]
    pub layout: LayoutConfig,
    /// Settings that do not exist: refused by name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, IgnoredAny>,
}

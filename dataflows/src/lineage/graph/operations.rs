//! Operations: the engine's own views.

use super::STEP;
use crate::lineage::Of::Same;
use crate::lineage::{Lineage, Step, Told};

/// Of what came in.
pub(super) const LINEAGES: &[Lineage] = &[
    Lineage { view: "dead_letters", tells: &["line", "field", "what"], steps: &[] },
    Lineage {
        view: "source_progress",
        tells: &["records", "refused"],
        steps: &[Step {
            what: "the records that were refused",
            view: "dead_letters",
            on: &[("source", Same("source")), ("partition", Same("partition"))],
            told: Told::RowsAlone,
            ..STEP
        }],
    },
];

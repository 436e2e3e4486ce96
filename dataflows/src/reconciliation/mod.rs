//! Reconciliation: two or more sides of the same trades, kept matched.
//!
//! ```text
//!  records ──▶ confirmed ──▶ identifier ──▶ economics ──▶ tolerance ──▶ scored ──▶ aggregate ──▶ unmatched
//!                  │             │              │             │            │            │            │
//!                  └─────────────┴── pairs ─────┴─────────────┴────────────┴────────────┘            │
//!                                      │                                                             │
//!                          matches ◀───┴──▶ compared fields ──▶ breaks ◀── missing ──────────────────┘
//!                                      │                          │
//!                                   counts ──▶ match_rates,       └──▶ break_summary
//!                                              conservation
//! ```
//! Each tier takes what the tiers before it left. A match is evidence, never a copy of the trades. With more than two
//! sides, each is reconciled with the first, the anchor: a leg. The tiers and their order are configuration.

pub mod breaks;
pub mod candidates;
pub mod compare;
pub mod config;
pub mod counts;
pub mod groups;
pub mod matches;
pub mod order;
pub mod outcome;
pub mod scoring;
pub mod tiers;
pub mod tolerance;

use engine::{Key, Row, Views};
use model::Record;
use operators::first_seen::{FirstSeen, first_seen};
use operators::{Arranged, Collection};

pub use config::{Reconciliation, ReconciliationConfig, Surroundings};

use self::outcome::Placed;
use self::tiers::Tiers;

/// Builds all reconciliations and registers their views; gives when each break was first seen.
pub fn build<'scope>(
    reconciliations: &[Reconciliation],
    sources: &[String],
    records: &Arranged<'scope, Key, Record>,
    refusals: Collection<'scope, u16>,
    views: &mut Views,
) -> FirstSeen<Key> {
    let legs = reconciliations.iter().flat_map(|reconciliation| &reconciliation.legs);
    let legs: Vec<Placed> = (0..).zip(legs).map(|(index, leg)| Placed { leg: leg.clone(), index }).collect();
    let mut decided = Tiers::new(records);
    for placed in &legs {
        decided.reconcile(placed);
    }
    let tiers::Outcome { breaks, matches, counts, groups } = decided.finish();

    let seen = FirstSeen::default();
    let stamped = |identity: &Key, row: &Row, first| (*identity, breaks::seen(row, first));
    let breaks = first_seen(breaks, "breaks first seen", &seen, stamped);
    counts::summarise_breaks(breaks.clone(), views);
    views.keyed_rows(breaks::spec(), breaks);

    let view = views.rows(matches::spec(), matches);
    for group in groups {
        group.add_matches(view, views);
    }
    counts::register(&legs, sources, counts, refusals, views);
    seen
}

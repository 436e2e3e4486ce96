//! Is what was found what was planted?

use std::collections::BTreeSet;

use connectors::generator::{DaySpec, Outcome as Planted, SIDE_NAMES, Truth, truth};
use engine::{EngineError, ErrorKind, Reader, Tick};

use crate::process::{Failure, Outcome, tell};
use crate::summary::ViewRows;

/// How many differences are told one by one.
const TOLD_MAX: usize = 10;

/// A break: the side that is reconciled with ours, its type, its trade. Or a pair: the side, our trade, theirs.
type Finding = [String; 3];

/// Compares the views as of a tick with the truth about the day.
pub(super) async fn check(reader: &Reader, day: &DaySpec, tick: Tick) -> Result<Outcome, Failure> {
    let (_, breaks) = ViewRows::read(reader, "breaks", Some(tick)).await?;
    let (_, matches) = ViewRows::read(reader, "matches", Some(tick)).await?;
    let breaks =
        breaks.texts(["side", "type", "trade_id"]).map(|[side, break_type, trade]| [side, plain(break_type), trade]);
    let (planted, paired) = planted(day)?;
    let breaks = Comparison::new("breaks", planted, breaks.collect());
    let pairs = Comparison::new("pairs", paired, matches.texts(["side", "trade_id", "other_trade_id"]).collect());
    breaks.tell();
    pairs.tell();
    if breaks.agrees() && pairs.agrees() {
        return Ok(Outcome::Done);
    }
    let help = "please report it, with the seed and the number of trades";
    Err(EngineError::new(ErrorKind::Damaged, "the result is not what was planted", help).into())
}

/// The truth tells of allocations without saying what of them differs.
fn plain(break_type: String) -> String {
    if break_type.starts_with("allocation_") { "allocation_mismatch".to_owned() } else { break_type }
}

/// The breaks and the pairs that a perfect reconciliation finds.
fn planted(day: &DaySpec) -> Result<(BTreeSet<Finding>, BTreeSet<Finding>), EngineError> {
    let (mut breaks, mut pairs) = (BTreeSet::new(), BTreeSet::new());
    for Truth { internal_trade_id: ours, other_side, other_trade_id: theirs, outcome, break_type, .. } in truth(day)? {
        let side = SIDE_NAMES[usize::from(other_side)].to_owned();
        let trade = if ours.is_none() { theirs } else { ours };
        if outcome != Planted::Matched {
            breaks.insert([side.clone(), break_type, trade.to_string()]);
        }
        if matches!(outcome, Planted::Matched | Planted::Broken) {
            pairs.insert([side, ours.to_string(), theirs.to_string()]);
        }
    }
    Ok((breaks, pairs))
}

/// What was to be found, and what was.
struct Comparison {
    noun: &'static str,
    planted: usize,
    missed: Vec<Finding>,
    wrong: Vec<Finding>,
}

impl Comparison {
    fn new(noun: &'static str, planted: BTreeSet<Finding>, found: BTreeSet<Finding>) -> Self {
        let missed = planted.difference(&found).cloned().collect();
        let wrong = found.difference(&planted).cloned().collect();
        Comparison { noun, planted: planted.len(), missed, wrong }
    }

    fn agrees(&self) -> bool {
        self.missed.is_empty() && self.wrong.is_empty()
    }

    fn tell(&self) {
        let found = self.planted - self.missed.len();
        tell(format_args!(
            "{found} of {} {} that were planted are found, and {} that were not",
            self.planted,
            self.noun,
            self.wrong.len()
        ));
        for (what, findings) in [("not found", &self.missed), ("not planted", &self.wrong)] {
            for finding in findings.iter().take(TOLD_MAX) {
                tell(format_args!("  {what}: {}", finding.join(" ")));
            }
        }
    }
}

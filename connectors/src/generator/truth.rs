//! `Truth`: what a perfect reconciliation would say at the end of the day.
//!
//! Known because it was planted, not because anything was compared: every late trade has come, every amendment and
//! cancellation has been applied. One row for each pair of records that belong together, and for each record that is
//! alone. A trade that both sides cancelled has none.

use engine::EngineError;
use model::{Dictionary, Symbol};

use super::faults::{Aspect, Planted};
use super::ids;
use super::market::Market;
use super::spec::{DaySpec, SIDE_NAMES};
use super::story::Story;

/// What becomes of a record or a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The two records agree, within the tolerances.
    Matched,
    /// The two records are of the same trade and differ.
    Broken,
    /// One side has the record, the other has none.
    Missing,
    /// The record repeats another one of its own side.
    Duplicate,
}

impl Outcome {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Matched => "matched",
            Outcome::Broken => "broken",
            Outcome::Missing => "missing",
            Outcome::Duplicate => "duplicate",
        }
    }
}

/// The truth about a record of ours, a record of another side, or both together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Truth {
    /// Our trade; none when only the other side has one.
    pub internal_trade_id: Symbol,
    /// The other side: 1 the broker, 2 the custodian.
    pub other_side: u8,
    /// The other side's trade; none when only we have one.
    pub other_trade_id: Symbol,
    /// What becomes of them.
    pub outcome: Outcome,
    /// The kind of break, such as `quantity_mismatch` or `missing_broker`; empty when matched.
    pub break_type: String,
    /// The field that differs; empty unless broken.
    pub field: &'static str,
    /// What was planted, such as `late` or `unlinked`; `clean` for most.
    pub planted: &'static str,
}

/// The truth about every trade of a day, in the order of the trades.
pub fn truth(spec: &DaySpec) -> Result<impl Iterator<Item = Truth> + use<>, EngineError> {
    let market = Market::new(spec, &Dictionary::new())?;
    Ok((0..spec.trades).flat_map(move |number| {
        let story = Story::new(&market, number);
        (1..market.spec.sides).flat_map(|side| of_pair(&story, side)).collect::<Vec<_>>()
    }))
}

/// The truth about one trade between us and another side.
fn of_pair(story: &Story<'_>, side: u8) -> Vec<Truth> {
    let planted = story.faults.between_us_and(side);
    let pair = Pair { story, side, planted };
    match planted {
        Planted::Cancelled => Vec::new(),
        Planted::Missing | Planted::CancelledByOne => vec![pair.missing()],
        Planted::Duplicate => vec![pair.matched(0), pair.duplicate()],
        Planted::Block => (0..story.copies(side)).map(|fill| pair.matched(fill)).collect(),
        Planted::Mismatch(aspect) => vec![pair.broken(aspect)],
        Planted::AmendedByOne => vec![pair.broken(story.amended_aspect())],
        Planted::Clean
        | Planted::WithinTolerance
        | Planted::Late
        | Planted::Corrected
        | Planted::Restated
        | Planted::Unlinked => {
            vec![pair.matched(0)]
        }
    }
}

struct Pair<'a> {
    story: &'a Story<'a>,
    side: u8,
    planted: Planted,
}

impl Pair<'_> {
    fn id(&self, side: u8, copy: u8) -> Symbol {
        ids::trade_id(self.story.market.spec.seed, side, self.story.number, copy)
    }

    fn row(&self, ours: Symbol, theirs: Symbol, outcome: Outcome, break_type: String) -> Truth {
        let (other_side, planted) = (self.side, self.planted.name());
        Truth { internal_trade_id: ours, other_side, other_trade_id: theirs, outcome, break_type, field: "", planted }
    }

    /// The side at which the fault is.
    fn culprit(&self) -> u8 {
        if self.story.faults.acting_at(self.side) == Planted::Clean { 0 } else { self.side }
    }

    /// A row about a record that only one side has.
    fn alone(&self, side: u8, copy: u8, outcome: Outcome, break_type: String) -> Truth {
        let id = self.id(side, copy);
        let (ours, theirs) = if side == 0 { (id, Symbol::NONE) } else { (Symbol::NONE, id) };
        self.row(ours, theirs, outcome, break_type)
    }

    fn matched(&self, copy: u8) -> Truth {
        self.row(self.id(0, 0), self.id(self.side, copy), Outcome::Matched, String::new())
    }

    fn broken(&self, aspect: Aspect) -> Truth {
        let break_type = format!("{}_mismatch", aspect.field());
        Truth { field: aspect.field(), ..self.row(self.id(0, 0), self.id(self.side, 0), Outcome::Broken, break_type) }
    }

    fn missing(&self) -> Truth {
        let absent = self.culprit();
        let present = if absent == 0 { self.side } else { 0 };
        self.alone(present, 0, Outcome::Missing, format!("missing_{}", SIDE_NAMES[usize::from(absent)]))
    }

    fn duplicate(&self) -> Truth {
        let culprit = self.culprit();
        self.alone(culprit, 1, Outcome::Duplicate, format!("duplicate_{}", SIDE_NAMES[usize::from(culprit)]))
    }
}

//! What a tier decides: which trades belong together, which are broken, and which it leaves to the next tier.

use std::sync::Arc;

use engine::{Key, Row};
use model::{Date, SourceId, Trade};
use operators::derive::Derived;
use serde::{Deserialize, Serialize};

use super::breaks::Break;
use super::config::Leg;

/// One decision of a tier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decided {
    /// The trade is left to the next tier.
    Left(Trade),
    /// A break, under its identity.
    Break(Key, Row),
    /// A match that is not derived from an arrangement when somebody looks.
    Match(Row),
}

/// What trades are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CountKey {
    /// The leg, by its place.
    pub leg: u16,
    /// The source.
    pub source: SourceId,
    /// The trade date.
    pub date: Date,
}

/// The parts of [`operators::Sums`] in which trades are counted.
pub mod counts {
    /// Trades that the source tells of now.
    pub const RECEIVED: usize = 0;
    /// Trades with a counterpart and no break.
    pub const MATCHED: usize = 1;
    /// Trades with a break: no counterpart, or a difference.
    pub const BROKEN: usize = 2;
    /// Trades that are there twice.
    pub const DUPLICATE: usize = 3;
    /// Records that were refused.
    pub const REFUSED: usize = 4;
    /// Trades with a counterpart, with a break or without.
    pub const PAIRED: usize = 5;
}

/// Takes the decisions of a pure function.
pub trait Decisions {
    /// Leaves a trade to the next tier.
    fn leave(&mut self, trade: &Trade);
    /// Gives a break.
    fn broken(&mut self, found: Break<'_>);
    /// Counts a trade in one of [`counts`].
    fn count(&mut self, trade: &Trade, part: usize);
}

/// Decisions on their way into the dataflow.
pub struct Flow<'a, 'b> {
    /// The leg.
    pub leg: &'a Leg,
    /// Its place.
    pub index: u16,
    /// Where they go.
    pub out: &'a mut Derived<'b, Decided, CountKey>,
}

impl Decisions for Flow<'_, '_> {
    fn leave(&mut self, trade: &Trade) {
        self.out.row(Decided::Left(trade.clone()));
    }

    fn broken(&mut self, found: Break<'_>) {
        let (key, row) = found.row(self.leg);
        self.out.row(Decided::Break(key, row));
    }

    fn count(&mut self, trade: &Trade, part: usize) {
        let key = CountKey { leg: self.index, source: trade.source, date: trade.trade_date };
        self.out.add(key, part, 1);
    }
}

/// A leg with its place, as the steps of the dataflow carry it.
#[derive(Clone)]
pub struct Placed {
    /// The leg.
    pub leg: Arc<Leg>,
    /// Its place among all legs.
    pub index: u16,
}

impl Placed {
    /// Decides about a pair: matched where it agrees, else broken with a break for each difference.
    pub fn settle(&self, left: &Trade, right: &Trade, out: &mut impl Decisions) {
        let is_clean = self.leg.agree(left, right);
        if !is_clean {
            self.leg
                .differences(left, right)
                .iter()
                .for_each(|difference| out.broken(Break::mismatch(left, right, difference)));
        }
        self.settled([left, right], is_clean, out);
    }

    /// Counts trades that have found their counterpart.
    pub fn settled<'t>(&self, trades: impl IntoIterator<Item = &'t Trade>, is_clean: bool, out: &mut impl Decisions) {
        for trade in trades {
            out.count(trade, counts::PAIRED);
            out.count(trade, if is_clean { counts::MATCHED } else { counts::BROKEN });
        }
    }
}

//! `Day`: the messages of a day in the order they arrive.
//!
//! Trades are drawn in the order they are agreed. What each side tells of them waits in a heap until no later trade can
//! come before it, as a time and a place in its story only: the record is made when it is due. So memory holds what is
//! still to be told of the trades agreed so far (seconds of ordinary messages, an hour or two of late ones), not the day.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use engine::EngineError;
use model::{Dictionary, Record, SourceId};

use super::market::{Market, Parties};
use super::spec::DaySpec;
use super::story::{Kind, Step, Story, What};
use super::telling;
use crate::layout::RecordKind;

/// One thing that one side tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it arrives, in microseconds since midnight UTC.
    pub at_micros_of_day: u64,
    /// Who tells it: 0 our books, 1 the broker, 2 the custodian.
    pub side: u8,
    /// Whether it is told, told again or taken back.
    pub kind: Kind,
    /// The trade or allocation; of a cancellation, as it was last told.
    pub record: Record,
}

/// A message that waits for its time. Ordered by time; then, to be unambiguous, by trade and by place in its story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: u64,
    number: u64,
    step: Step,
}

/// Which messages of a day are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    side: Option<u8>,
    trades: bool,
    allocations: bool,
}

/// The messages of a day, in the order they arrive.
#[derive(Clone)]
pub struct Day {
    market: Arc<Market>,
    dictionary: Dictionary,
    sources: [SourceId; 3],
    wanted: Wanted,
    /// The next trade that is to be drawn, and when it is agreed at the earliest.
    number: u64,
    earliest: u64,
    due: BinaryHeap<Reverse<Due>>,
}

impl Day {
    /// Every message of a day. Texts that are too long for a symbol are put in the dictionary. Records name the side
    /// they come from as their source.
    pub fn new(spec: &DaySpec, dictionary: &Dictionary) -> Result<Day, EngineError> {
        let market = Arc::new(Market::new(spec, dictionary)?);
        Ok(Day {
            earliest: market.earliest(0),
            market,
            dictionary: dictionary.clone(),
            sources: [SourceId(0), SourceId(1), SourceId(2)],
            wanted: Wanted { side: None, trades: true, allocations: true },
            number: 0,
            due: BinaryHeap::new(),
        })
    }

    /// Only the records of one kind that one side tells, as records of one source. Others are not even planned. A side
    /// that the day does not have tells nothing.
    pub fn of_side(mut self, side: u8, record: RecordKind, source: SourceId) -> Day {
        let tells = |kind| side < self.market.spec.sides && record == kind;
        self.wanted =
            Wanted { side: Some(side), trades: tells(RecordKind::Trade), allocations: tells(RecordKind::Allocation) };
        self.sources = [source; 3];
        self
    }

    /// Puts the long texts of the messages to come into another dictionary, for who reads records piece by piece and
    /// need not keep the texts of the last piece.
    pub fn set_dictionary(&mut self, dictionary: &Dictionary) {
        Parties::new(dictionary);
        self.dictionary = dictionary.clone();
    }

    /// When the next message arrives.
    pub fn next_at(&mut self) -> Option<u64> {
        self.draw_until_due();
        self.due.peek().map(|Reverse(due)| due.at)
    }

    /// Leaves out messages, much faster than reading them. Gives how many there were to leave out.
    pub fn skip_messages(&mut self, count: u64) -> u64 {
        (0..count).take_while(|_| self.pop().is_some()).count() as u64
    }

    /// How many messages wait for their time.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    fn pop(&mut self) -> Option<Due> {
        self.draw_until_due();
        self.due.pop().map(|Reverse(due)| due)
    }

    /// Draws trades until the first waiting message cannot be preceded by one of a trade to come.
    fn draw_until_due(&mut self) {
        while self.number < self.market.spec.trades && self.due.peek().is_none_or(|Reverse(due)| due.at > self.earliest)
        {
            self.draw();
            self.number += 1;
            self.earliest = self.market.earliest(self.number);
        }
    }

    fn draw(&mut self) {
        let (number, wanted) = (self.number, self.wanted);
        let story = Story::new(&self.market, number);
        let sides = wanted.side.map_or(0..self.market.spec.sides, |side| side..side + 1);
        for side in sides.filter(|side| *side < self.market.spec.sides) {
            story.tell(side, |at, step| {
                let is_wanted = match step.what {
                    What::Trade { .. } => wanted.trades,
                    What::Allocation { .. } => wanted.allocations,
                };
                if is_wanted {
                    self.due.push(Reverse(Due { at, number, step }));
                }
            });
        }
    }
}

impl Iterator for Day {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let Due { at, number, step } = self.pop()?;
        let story = Story::new(&self.market, number);
        let source = self.sources[usize::from(step.side)];
        let record = telling::record(&story, step, source, &self.dictionary);
        Some(Message { at_micros_of_day: at, side: step.side, kind: step.kind, record })
    }
}

//! A naive reconciliation of whole books: what the truth is compared with.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Allocation, Record, Symbol, Trade, TradeDetail};

use crate::generator::{FEES_TOLERANCE_CENTS, Kind, Message, Outcome, PRICE_TOLERANCE_BASIS_POINTS, SIDE_NAMES};

/// What one side has in the end.
#[derive(Default)]
pub(super) struct Books {
    trades: BTreeMap<Symbol, Trade>,
    allocations: BTreeMap<Symbol, Allocation>,
}

impl Books {
    /// The books at the end of a day. Every message must make sense when it comes.
    pub(super) fn of(messages: &[Message], sides: u8) -> Vec<Books> {
        let mut books: Vec<Books> = (0..sides).map(|_| Books::default()).collect();
        for message in messages {
            let side = &mut books[usize::from(message.side)];
            match message.record.clone() {
                Record::Trade(trade) => apply(&mut side.trades, message.kind, trade.id, trade),
                Record::Allocation(allocation) => apply(&mut side.allocations, message.kind, allocation.id, allocation),
                other => panic!("{other:?}"),
            }
        }
        books
    }

    fn by_execution(&self) -> BTreeMap<Symbol, Vec<&Trade>> {
        self.group(|detail| detail.execution_id)
    }

    fn group(&self, key: impl Fn(&TradeDetail) -> Symbol) -> BTreeMap<Symbol, Vec<&Trade>> {
        let mut groups = BTreeMap::<Symbol, Vec<&Trade>>::new();
        for trade in self.trades.values() {
            groups.entry(key(detail(trade))).or_default().push(trade);
        }
        groups.remove(&Symbol::NONE);
        groups
    }

    /// What each account gets of an execution.
    fn shares(&self) -> HashMap<Symbol, BTreeMap<Symbol, i128>> {
        let mut shares = HashMap::<Symbol, BTreeMap<Symbol, i128>>::new();
        for allocation in self.allocations.values() {
            let account = shares.entry(allocation.trade).or_default().entry(allocation.account).or_default();
            *account += allocation.quantity.scaled().unwrap();
        }
        shares
    }
}

fn apply<R: PartialEq + std::fmt::Debug>(records: &mut BTreeMap<Symbol, R>, kind: Kind, id: Symbol, record: R) {
    match kind {
        Kind::New => assert!(records.insert(id, record).is_none(), "{id} told twice"),
        Kind::Amend => assert_ne!(records.insert(id, record), None, "{id} amended before it was told"),
        Kind::Cancel => assert_eq!(records.remove(&id), Some(record), "{id} cancelled, but not as it was told"),
    }
}

pub(super) fn detail(trade: &Trade) -> &TradeDetail {
    trade.detail.as_ref().unwrap()
}

/// An outcome as the oracle knows it: without what was planted.
pub(super) type Finding = (Symbol, u8, Symbol, Outcome, String);

/// A reconciliation of two whole books, as plainly as it can be written.
pub(super) struct Oracle<'a> {
    ours: &'a Books,
    theirs: &'a Books,
    side: u8,
    findings: BTreeSet<Finding>,
    /// The trades that are dealt with.
    done: [BTreeSet<Symbol>; 2],
}

impl Oracle<'_> {
    pub(super) fn reconcile(ours: &Books, theirs: &Books, side: u8) -> BTreeSet<Finding> {
        let mut oracle = Oracle { ours, theirs, side, findings: BTreeSet::new(), done: Default::default() };
        oracle.match_executions();
        oracle.match_blocks();
        oracle.match_economics();
        oracle.report_missing();
        oracle.findings
    }

    fn find(&mut self, ours: Symbol, theirs: Symbol, outcome: Outcome, break_type: &str) {
        for (done, id) in self.done.iter_mut().zip([ours, theirs]) {
            done.insert(id);
        }
        self.findings.insert((ours, self.side, theirs, outcome, break_type.to_owned()));
    }

    fn name(&self) -> &'static str {
        SIDE_NAMES[usize::from(self.side)]
    }

    fn match_executions(&mut self) {
        let theirs = self.theirs.by_execution();
        let shares = [self.ours.shares(), self.theirs.shares()];
        for (execution, ours) in self.ours.by_execution() {
            let Some(theirs) = theirs.get(&execution) else { continue };
            let mut breaks = differences(ours[0], theirs[0]);
            if shares[0].get(&execution) != shares[1].get(&execution) {
                breaks.push("allocation_mismatch");
            }
            assert!(breaks.len() < 2, "{} and {}: {breaks:?}", ours[0].id, theirs[0].id);
            let outcome = if breaks.is_empty() { Outcome::Matched } else { Outcome::Broken };
            self.find(ours[0].id, theirs[0].id, outcome, breaks.first().unwrap_or(&""));
            for copy in &ours[1..] {
                self.find(copy.id, Symbol::NONE, Outcome::Duplicate, "duplicate_internal");
            }
            for copy in &theirs[1..] {
                self.find(Symbol::NONE, copy.id, Outcome::Duplicate, &format!("duplicate_{}", self.name()));
            }
        }
    }

    fn match_blocks(&mut self) {
        let theirs = self.theirs.group(|detail| detail.block_id);
        for (block, ours) in self.ours.group(|detail| detail.block_id) {
            assert_eq!(ours.len(), 1);
            let Some(fills) = theirs.get(&block) else { continue };
            assert_eq!(totals(&ours), totals(fills), "{block}: the fills add up to the block");
            for fill in fills {
                assert_eq!(detail(fill).order_id, detail(ours[0]).order_id);
                self.find(ours[0].id, fill.id, Outcome::Matched, "");
            }
        }
    }

    /// What has no id in common but the same economics, within the tolerances.
    fn match_economics(&mut self) {
        let ours: Vec<&Trade> = self.rest(0).collect();
        let theirs: Vec<&Trade> = self.rest(1).collect();
        let mut pairs = Vec::new();
        for ours in ours {
            let is_same = |theirs: &&&Trade| {
                let is_unlinked = detail(ours).execution_id.is_none() || detail(theirs).execution_id.is_none();
                is_unlinked && detail(ours).account == detail(theirs).account && differences(ours, theirs).is_empty()
            };
            let candidates: Vec<&&Trade> = theirs.iter().filter(is_same).collect();
            assert!(candidates.len() < 2, "{}: {candidates:?}", ours.id);
            pairs.extend(candidates.first().map(|theirs| (ours.id, theirs.id)));
        }
        for (ours, theirs) in pairs {
            self.find(ours, theirs, Outcome::Matched, "");
        }
    }

    fn rest(&self, side: usize) -> impl Iterator<Item = &Trade> {
        let books = [self.ours, self.theirs][side];
        books.trades.values().filter(move |trade| !self.done[side].contains(&trade.id))
    }

    fn report_missing(&mut self) {
        let rest = [0, 1].map(|side| self.rest(side).map(|trade| trade.id).collect::<Vec<_>>());
        for id in &rest[0] {
            self.find(*id, Symbol::NONE, Outcome::Missing, &format!("missing_{}", self.name()));
        }
        for id in &rest[1] {
            self.find(Symbol::NONE, *id, Outcome::Missing, "missing_internal");
        }
    }
}

/// Quantity, quantity times price, commission and fees.
fn totals(trades: &[&Trade]) -> [i128; 4] {
    trades.iter().fold([0; 4], |sums, trade| {
        let (quantity, price) = (trade.quantity.scaled().unwrap(), trade.price.scaled().unwrap());
        let charges = [detail(trade).commission, detail(trade).fees].map(|amount| amount.scaled().unwrap());
        let values = [quantity, quantity * price, charges[0], charges[1]];
        std::array::from_fn(|place| sums[place] + values[place])
    })
}

fn differences(ours: &Trade, theirs: &Trade) -> Vec<&'static str> {
    let apart = |a: i128, b: i128, most: i128| (a - b).abs() > most;
    let (our_price, their_price) = (ours.price.scaled().unwrap(), theirs.price.scaled().unwrap());
    let fees = [ours, theirs].map(|trade| detail(trade).fees.scaled().unwrap());
    let found = [
        (ours.quantity != theirs.quantity, "quantity_mismatch"),
        (
            apart(our_price * 10_000, their_price * 10_000, our_price * i128::from(PRICE_TOLERANCE_BASIS_POINTS)),
            "price_mismatch",
        ),
        (ours.side != theirs.side, "side_mismatch"),
        (ours.instrument != theirs.instrument, "instrument_mismatch"),
        (ours.currency != theirs.currency, "currency_mismatch"),
        (apart(fees[0], fees[1], i128::from(FEES_TOLERANCE_CENTS) * 1_000_000), "fees_mismatch"),
        (ours.settlement_date != theirs.settlement_date, "settlement_date_mismatch"),
    ];
    found.into_iter().filter_map(|(is_found, name)| is_found.then_some(name)).collect()
}

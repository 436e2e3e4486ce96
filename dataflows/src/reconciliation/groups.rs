//! Trades that share a key: which of them belong together. Pure functions on the contents of one group.
//!
//! What pairs a group decides is asked twice: for the breaks and counts that the dataflow keeps, and for the rows of
//! `matches`, which are derived when somebody looks. Both ask the functions here, so they cannot disagree.

use std::collections::{BTreeMap, VecDeque};

use engine::Key;
use model::{Allocation, Field, Price, Quantity, Record, Symbol, Trade, Value};
use operators::blocks::Side;

use super::breaks::{Break, BreakKind};
use super::compare::may_belong_together;
use super::config::Leg;
use super::order::by_content;
use super::outcome::{Decisions, Placed, counts};

/// The records of a group, in their order, with how often each is there: once.
pub type Group<'a, 'b> = operators::group::Group<'a, 'b, Record, isize>;

/// How many pairs of candidates under one identifier are compared to find the two that fit best.
const COMPARED_PAIRS_MAX: usize = 4096;

/// The key under which a record stands for its identifier. A trade without one stands alone.
pub fn identifier_key(field: Field, record: &Record) -> Option<Key> {
    match record {
        Record::Trade(trade) => Some(match trade.value(field) {
            Value::Symbol(symbol) => Key::from_bytes(symbol.bytes()),
            _ => alone(trade),
        }),
        Record::Allocation(allocation) => Some(Key::from_bytes(allocation.trade.bytes())),
        _ => None,
    }
}

/// The key of the trades that are equal in all these fields. A trade in which one is unknown stands alone.
pub fn economics_key(fields: &[Field], record: &Record) -> Option<Key> {
    let Record::Trade(trade) = record else { return None };
    let values: Vec<Value> = fields.iter().map(|field| trade.value(*field)).collect();
    Some(if values.iter().any(Value::is_none) { alone(trade) } else { Key::of(&values) })
}

fn alone(trade: &Trade) -> Key {
    Key::of(&(trade.source, trade.id))
}

/// A group's trades and allocations by side, duplicates apart.
struct Members<'a> {
    trades: [Vec<&'a Trade>; 2],
    allocations: [Vec<&'a Allocation>; 2],
}

impl<'a> Members<'a> {
    fn new(leg: &Leg, group: impl Iterator<Item = &'a Record>) -> Self {
        let mut members = Members { trades: [Vec::new(), Vec::new()], allocations: [Vec::new(), Vec::new()] };
        for record in group {
            match record {
                Record::Trade(trade) => {
                    if let Some(side) = leg.side_of(trade.source) {
                        members.trades[side as usize].push(trade);
                    }
                }
                Record::Allocation(allocation) => {
                    if let Some(side) = leg.allocation_side_of(allocation.source) {
                        members.allocations[side as usize].push(allocation);
                    }
                }
                _ => {}
            }
        }
        members
    }
}

/// The pair of trades under one identifier, if the group is the plain case of one on each side.
fn plain_pair<'a>(leg: &Leg, group: Group<'a, '_>) -> Option<[&'a Trade; 2]> {
    let [(Record::Trade(first), _), (Record::Trade(second), _)] = group else { return None };
    match (leg.side_of(first.source)?, leg.side_of(second.source)?) {
        (Side::Left, Side::Right) => Some([first, second]),
        (Side::Right, Side::Left) => Some([second, first]),
        _ => None,
    }
}

/// Under one identifier: the trades of both sides that belong together. Further trades of a side are duplicates.
pub fn by_identifier(placed: &Placed, group: Group<'_, '_>, out: &mut impl Decisions) {
    if let Some([left, right]) = plain_pair(&placed.leg, group) {
        return placed.settle(left, right, out);
    }
    let members = Members::new(&placed.leg, group.iter().map(|(record, _)| *record));
    let best = best_of_each_side(&placed.leg, &members.trades);
    for side in [Side::Left, Side::Right] {
        for trade in &members.trades[side as usize] {
            if best[side as usize] != Some(trade) {
                out.count(trade, counts::DUPLICATE);
                out.broken(Break { kind: BreakKind::Duplicate(side), trade, other: best[side as usize] });
            }
        }
    }
    match best {
        [Some(left), Some(right)] => match allocation_break(&placed.leg, &members.allocations) {
            None => placed.settle(left, right, out),
            Some(kind) => {
                out.broken(Break { kind, trade: left, other: Some(right) });
                let differences = placed.leg.differences(left, right);
                differences.iter().for_each(|difference| out.broken(Break::mismatch(left, right, difference)));
                placed.settled([left, right], false, out);
            }
        },
        [Some(trade), None] | [None, Some(trade)] => out.leave(trade),
        [None, None] => {}
    }
}

/// The pair that [`by_identifier`] matches.
pub fn identified_pair<'a>(leg: &Leg, group: Group<'a, '_>) -> Option<[&'a Trade; 2]> {
    if let Some(pair) = plain_pair(leg, group) {
        return Some(pair);
    }
    let members = Members::new(leg, group.iter().map(|(record, _)| *record));
    let [Some(left), Some(right)] = best_of_each_side(leg, &members.trades) else { return None };
    Some([left, right])
}

/// The trade of each side that is taken for the real one: the two that differ in the fewest fields; among equals the first.
fn best_of_each_side<'a>(leg: &Leg, trades: &[Vec<&'a Trade>; 2]) -> [Option<&'a Trade>; 2] {
    let [lefts, rights] = trades;
    let first = |trades: &[&'a Trade]| trades.iter().copied().min_by(|a, b| by_content(a, b));
    let pairs = lefts.len() * rights.len();
    if pairs <= 1 || pairs > COMPARED_PAIRS_MAX {
        return [first(lefts), first(rights)];
    }
    let pairs = lefts.iter().flat_map(|left| rights.iter().map(move |right| (*left, *right)));
    let ranked = pairs.map(|(left, right)| (leg.differences(left, right).len(), left, right));
    let best =
        ranked.min_by(|a, b| a.0.cmp(&b.0).then_with(|| by_content(a.1, b.1)).then_with(|| by_content(a.2, b.2)));
    best.map_or([None, None], |(_, left, right)| [Some(left), Some(right)])
}

/// Whether the accounts, or the quantities by account, differ. A side without any allocation has not allocated yet.
fn allocation_break(leg: &Leg, allocations: &[Vec<&Allocation>; 2]) -> Option<BreakKind<'static>> {
    let [left, right] = allocations.each_ref().map(|side| by_account(side));
    if left == right || left.is_empty() || right.is_empty() {
        return None;
    }
    let texts = [allocation_text(leg, &left), allocation_text(leg, &right)];
    let kind =
        if left.keys().eq(right.keys()) { BreakKind::AllocationQuantities } else { BreakKind::AllocationAccounts };
    Some(kind(texts))
}

fn by_account(allocations: &[&Allocation]) -> BTreeMap<Symbol, i128> {
    let mut accounts = BTreeMap::new();
    for allocation in allocations {
        *accounts.entry(allocation.account).or_default() += allocation.quantity.scaled().unwrap_or(0);
    }
    accounts
}

fn allocation_text(leg: &Leg, accounts: &BTreeMap<Symbol, i128>) -> String {
    let text = |(account, quantity): (&Symbol, &i128)| {
        let account = leg.text(&Value::Symbol(*account)).unwrap_or_default();
        format!("{account}={}", Value::Number { scaled: *quantity, scale: Quantity::SCALE })
    };
    let mut texts: Vec<String> = accounts.iter().map(text).collect();
    // By text and not by symbol: what people read must not depend on hashes.
    texts.sort_unstable();
    texts.join(", ")
}

/// Trades that are equal in all fields of the key: paired one to one.
pub fn by_economics(placed: &Placed, group: Group<'_, '_>, out: &mut impl Decisions) {
    let Paired { pairs, alone } = paired(&placed.leg, group);
    pairs.iter().for_each(|[left, right]| placed.settle(left, right, out));
    alone.iter().for_each(|trade| out.leave(trade));
}

/// The pairs that [`by_economics`] matches.
pub fn economic_pairs<'a>(leg: &Leg, group: Group<'a, '_>) -> Vec<[&'a Trade; 2]> {
    paired(leg, group).pairs
}

/// Trades of a group, paired as far as there are as many on both sides.
#[derive(Default)]
struct Paired<'a> {
    pairs: Vec<[&'a Trade; 2]>,
    alone: Vec<&'a Trade>,
}

/// First those that are equal in all that is compared are paired, then the others in their order: so where a side has more
/// trades than the other, no pair differs whose trades have their equals.
fn paired<'a>(leg: &Leg, group: Group<'a, '_>) -> Paired<'a> {
    if let Some(pair) = plain_pair(leg, group) {
        return Paired { pairs: vec![pair], alone: Vec::new() };
    }
    let [lefts, rights] = in_order(leg, group);
    if lefts.is_empty() || rights.is_empty() {
        return Paired { pairs: Vec::new(), alone: [lefts, rights].concat() };
    }
    let mut equals: BTreeMap<Vec<Value>, VecDeque<&Trade>> = BTreeMap::new();
    rights.iter().for_each(|right| equals.entry(leg.compared_values(right)).or_default().push_back(right));
    let mut paired = Paired::default();
    let mut lefts_apart = Vec::new();
    for left in lefts {
        match equals.get_mut(&leg.compared_values(left)).and_then(VecDeque::pop_front) {
            Some(right) => paired.pairs.push([left, right]),
            None => lefts_apart.push(left),
        }
    }
    let mut rights_apart: Vec<&Trade> = equals.into_values().flatten().collect();
    rights_apart.sort_unstable_by(|a, b| by_content(a, b));
    let count = lefts_apart.len().min(rights_apart.len());
    paired.alone.extend(lefts_apart.drain(count..).chain(rights_apart.drain(count..)));
    paired.pairs.extend(lefts_apart.into_iter().zip(rights_apart).map(|(left, right)| [left, right]));
    paired
}

fn in_order<'a>(leg: &Leg, group: Group<'a, '_>) -> [Vec<&'a Trade>; 2] {
    let mut trades = Members::new(leg, group.iter().map(|(record, _)| *record)).trades;
    trades.iter_mut().for_each(|side| side.sort_unstable_by(|a, b| by_content(a, b)));
    trades
}

/// Several trades of one side against several of the other, such as the fills of a block order: matched as a whole when
/// both sides are there, nothing that may never differ does, the quantities sum to the same and the average prices agree.
pub fn by_aggregate(placed: &Placed, group: Group<'_, '_>, out: &mut impl Decisions) {
    match aggregate(&placed.leg, group) {
        Aggregate::Matched([lefts, rights]) => placed.settled(lefts.into_iter().chain(rights), true, out),
        Aggregate::Apart([lefts, rights]) => lefts.iter().chain(&rights).for_each(|trade| out.leave(trade)),
    }
}

/// What became of a group of trades that were taken together, by side.
pub enum Aggregate<'a> {
    /// They belong together.
    Matched([Vec<&'a Trade>; 2]),
    /// They do not.
    Apart([Vec<&'a Trade>; 2]),
}

/// Whether the two sides of a group belong together as a whole.
pub fn aggregate<'a>(leg: &Leg, group: Group<'a, '_>) -> Aggregate<'a> {
    let trades = in_order(leg, group);
    let [Some(left), Some(right)] = trades.each_ref().map(|side| total(side)) else { return Aggregate::Apart(trades) };
    let [lefts, rights] = &trades;
    let product = lefts[0].product;
    let agree = |field, value: fn(&Total) -> Value| leg.values_agree(field, product, &value(&left), &value(&right));
    let fits = may_belong_together(lefts.iter().chain(rights).copied())
        && agree(Field::Quantity, Total::quantity)
        && agree(Field::Price, Total::average_price);
    if fits { Aggregate::Matched(trades) } else { Aggregate::Apart(trades) }
}

/// The sums of a side: quantity, and quantity times price.
struct Total {
    quantity: i128,
    value: i128,
}

impl Total {
    fn quantity(&self) -> Value {
        Value::Number { scaled: self.quantity, scale: Quantity::SCALE }
    }

    /// Rounded to the scale of a price where it does not come out even.
    fn average_price(&self) -> Value {
        Value::Number { scaled: rounded(self.value, self.quantity), scale: Price::SCALE }
    }
}

/// `None` where a quantity or a price is not known, or the quantities sum to nothing.
fn total(trades: &[&Trade]) -> Option<Total> {
    let mut total = Total { quantity: 0, value: 0 };
    for trade in trades {
        let quantity = trade.quantity.scaled()?;
        total.quantity = total.quantity.checked_add(quantity)?;
        total.value = total.value.checked_add(quantity.checked_mul(trade.price.scaled()?)?)?;
    }
    (!trades.is_empty() && total.quantity != 0).then_some(total)
}

/// a / b, rounded half away from zero.
fn rounded(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    let is_half_or_more = rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs();
    let step = if (a < 0) == (b < 0) { 1 } else { -1 };
    if is_half_or_more && rest != 0 { quotient + step } else { quotient }
}

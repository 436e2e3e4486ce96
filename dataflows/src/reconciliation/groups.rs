//! Trades that share a key: which of them belong together. Pure functions on the contents of one group.
//!
//! What pairs a group decides is asked twice: for the breaks and counts that the dataflow keeps, and for the rows of
//! `matches`, which are derived when somebody looks. Both ask the functions here, so they cannot disagree.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use engine::Key;
use model::{Allocation, Field, Quantity, Record, Symbol, Trade, Value};
use operators::blocks::Side;

use super::breaks::{Break, BreakKind};
use super::config::Leg;
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
        Record::Confirmation(_) | Record::Model(_) => None,
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
                Record::Confirmation(_) | Record::Model(_) => {}
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

/// The trade of each side that is taken for the real one: the two that differ least; among equals the first in the order
/// of trades, which depends on what they say and not on when they came.
fn best_of_each_side<'a>(leg: &Leg, trades: &[Vec<&'a Trade>; 2]) -> [Option<&'a Trade>; 2] {
    let [lefts, rights] = trades;
    let first = |trades: &[&'a Trade]| trades.iter().copied().min();
    let pairs = lefts.len() * rights.len();
    if pairs <= 1 || pairs > COMPARED_PAIRS_MAX {
        return [first(lefts), first(rights)];
    }
    let pairs = lefts.iter().flat_map(|left| rights.iter().map(move |right| (*left, *right)));
    let best = pairs.min_by_key(|(left, right)| (leg.differences(left, right).len(), *left, *right));
    best.map_or([None, None], |(left, right)| [Some(left), Some(right)])
}

/// Whether the accounts, or the quantities by account, differ. A side without any allocation has not allocated yet.
fn allocation_break(leg: &Leg, allocations: &[Vec<&Allocation>; 2]) -> Option<BreakKind<'static>> {
    let [left, right] = allocations.each_ref().map(|side| by_account(side));
    if left == right || left.is_empty() || right.is_empty() {
        return None;
    }
    let texts = [allocation_text(leg, &left), allocation_text(leg, &right)];
    let kind = if left.keys().eq(right.keys()) { BreakKind::AllocationQuantities } else { BreakKind::AllocationAccounts };
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

/// Trades that are equal in all fields of the key: paired one to one in the order of trades.
pub fn by_economics(placed: &Placed, group: Group<'_, '_>, out: &mut impl Decisions) {
    let [lefts, rights] = in_order(&placed.leg, group);
    lefts.iter().zip(&rights).for_each(|(left, right)| placed.settle(left, right, out));
    let paired = lefts.len().min(rights.len());
    lefts[paired..].iter().chain(&rights[paired..]).for_each(|trade| out.leave(trade));
}

/// The pairs that [`by_economics`] matches.
pub fn economic_pairs<'a>(leg: &Leg, group: Group<'a, '_>) -> Vec<[&'a Trade; 2]> {
    let [lefts, rights] = in_order(leg, group);
    lefts.into_iter().zip(rights).map(|(left, right)| [left, right]).collect()
}

fn in_order<'a>(leg: &Leg, group: Group<'a, '_>) -> [Vec<&'a Trade>; 2] {
    let mut trades = Members::new(leg, group.iter().map(|(record, _)| *record)).trades;
    trades.iter_mut().for_each(|side| side.sort_unstable_by(|a, b| economics_order(a, b)));
    trades
}

/// Identical economics are told apart by what else is compared, and at last by the trades' own order.
fn economics_order(a: &Trade, b: &Trade) -> Ordering {
    (a.settlement_date, a.counterparty, a).cmp(&(b.settlement_date, b.counterparty, b))
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
    let is_open = lefts.iter().chain(rights).all(|trade| leg.gates_open(lefts[0], trade));
    let product = lefts[0].product;
    let quantity = |total: &Total| Value::Number { scaled: total.quantity, scale: Quantity::SCALE };
    let is_quantity_equal = leg.tolerances.agree(Field::Quantity, product, &quantity(&left), &quantity(&right));
    if is_open && is_quantity_equal && prices_agree(leg, product, &left, &right) {
        Aggregate::Matched(trades)
    } else {
        Aggregate::Apart(trades)
    }
}

/// The sums of a side: quantity, and quantity times price.
struct Total {
    quantity: i128,
    value: i128,
}

fn total(trades: &[&Trade]) -> Option<Total> {
    let mut total = Total { quantity: 0, value: 0 };
    for trade in trades {
        let quantity = trade.quantity.scaled()?;
        total.quantity = total.quantity.checked_add(quantity)?;
        total.value = total.value.checked_add(quantity.checked_mul(trade.price.scaled()?)?)?;
    }
    (!trades.is_empty() && total.quantity != 0).then_some(total)
}

/// Whether the average prices agree: rounded to the scale of a price where they do not come out even.
fn prices_agree(leg: &Leg, product: model::Product, left: &Total, right: &Total) -> bool {
    let average = |total: &Total| Value::Number { scaled: rounded(total.value, total.quantity), scale: model::Price::SCALE };
    leg.tolerances.agree(Field::Price, product, &average(left), &average(right))
}

/// a / b, rounded half away from zero.
fn rounded(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    let is_half_or_more = rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs();
    let step = if (a < 0) == (b < 0) { 1 } else { -1 };
    if is_half_or_more && rest != 0 { quotient + step } else { quotient }
}

//! The ledger: every transaction, booked in its order, and what came of it.
//!
//! ```text
//!  transactions ──▶ with the rules of their portfolio ──▶ with an exchange rate ──▶ by portfolio and group of securities
//!                              ▲                                 ▲                                  │
//!                         portfolios                         fx rates                               ▼
//!                                                                                  an ordered fold: books of lots
//!                                                                                               │
//!                       changes of positions, changes of lots, disposals, cash flows, refusals ◀┘
//! ```
//! Securities that a corporate action ties together, such as both sides of a merger, are booked in one fold: what one
//! gives, the other receives at the same place. All others are booked each by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Amount, Currency, Date, Portfolio, Quantity, Rate, Symbol, Timestamp, Transaction, TransactionType};
use operators::as_of::as_of;
use operators::deadline::deadline;
use operators::derive::derive_rows;
use operators::lookup::lookup_left;
use operators::part::{OneOfFive, part_in_five};
use operators::scan::scan;
use operators::shared::Shared;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::cash_flow_rules::{CashFlow, CashFlowRules};
use super::config::Books;
use super::cost_basis::money::{is_bounded, share};
use super::cost_basis::{Book, BookRules, Disposal, Effects, Lot, Money, ProcessingOrder};
use super::inputs::{FxRates, RateOf};
use super::market::start_of;
use super::refusal::Refusal;

/// One state of a fold is kept in so many transactions of a security.
const CHECKPOINT_ROWS: u64 = 64;

/// A security in a portfolio.
pub type Holding = (Symbol, Symbol);

/// A transaction with the rules that it is booked by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Posting {
    /// The transaction, with a rate into base currency where one is known.
    pub transaction: Arc<Transaction>,
    /// The rules of its portfolio.
    pub rules: BookRules,
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Booked {
    Change(Change),
    Lot(LotChange),
    Disposed(Disposed),
    Flow(BookedFlow),
    Refused(Refused),
}

/// What came of all transactions.
pub struct Ledger<'scope> {
    /// Positions changed.
    pub changes: Shared<'scope, Change>,
    /// Lots changed.
    pub lots: Collection<'scope, LotChange>,
    /// Lots, or parts of them, were relieved.
    pub disposals: Collection<'scope, Disposed>,
    /// Cash flowed.
    pub flows: Shared<'scope, BookedFlow>,
    /// Transactions were not booked.
    pub refusals: Collection<'scope, Refused>,
}

/// A lot, or a part of one, that was relieved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Disposed {
    /// Whose it was.
    pub holding: Holding,
    /// The transaction that relieved it.
    pub transaction: Symbol,
    /// The day.
    pub date: Date,
    /// The currency of the local amounts.
    pub currency: Currency,
    /// What was relieved.
    pub disposal: Disposal,
}

/// Cash that flowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BookedFlow {
    /// The flow.
    pub flow: CashFlow,
    /// The base currency of the portfolio.
    pub base_currency: Currency,
    /// The amount in base currency, at the rate of the transaction; `None` where that is not known.
    pub amount_base: Option<i128>,
}

/// A transaction that was not booked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Refused {
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// Why.
    pub refusal: Refusal,
}

/// What a transaction changed of a position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Change {
    /// The position.
    pub holding: Holding,
    /// The currency of its cost.
    pub currency: Currency,
    /// The base currency of the portfolio.
    pub base_currency: Currency,
    /// The day from which it holds.
    pub date: Date,
    /// The transaction.
    pub transaction: Symbol,
    /// The units before.
    pub quantity_before: Quantity,
    /// The units afterwards.
    pub quantity: Quantity,
    /// The cost that came or went.
    pub cost_change: Money,
    /// What was gained.
    pub gain: Option<Money>,
}

/// What a transaction changed of a lot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LotChange {
    /// Whose it is.
    pub holding: Holding,
    /// The currency of its cost.
    pub currency: Currency,
    /// The transaction that opened it.
    pub lot: Symbol,
    /// When that was.
    pub opened: Timestamp,
    /// The units that came to it, below zero for those that left.
    pub quantity: i128,
    /// The cost that came to it, local and in base currency.
    pub cost: (i128, i128),
}

/// Books all transactions.
pub fn book<'scope>(
    books: &Books,
    transactions: Collection<'scope, Arc<Transaction>>,
    portfolios: &Arranged<'scope, Symbol, Arc<Portfolio>>,
    fx_rates: &FxRates<'scope>,
) -> Ledger<'scope> {
    let transactions = begun(transactions);
    let postings = with_rates(with_rules(books, transactions.clone(), portfolios), fx_rates);
    let by_holding = postings.map(|posting| ((posting.transaction.portfolio, posting.transaction.security), posting));
    let by_group = lookup_left(
        &arrange(by_holding, "postings by holding"),
        &arrange(groups(transactions), "groups of securities"),
        "postings with their group",
        |holding, posting: &Posting, group: Option<&Symbol>| {
            let order = ProcessingOrder::of(&posting.transaction);
            ((holding.0, group.copied().unwrap_or(holding.1)), (order, posting.clone()))
        },
    );
    let cash_flow_rules = books.cash_flow_rules.clone();
    let booked = scan(
        &arrange(by_group, "postings in order"),
        CHECKPOINT_ROWS,
        "ledger",
        move |_group, state, _order, posting, count, out| {
            // A record is there once: what is there twice comes from two sources, and is two records.
            for _ in 0..count.max(0) {
                post(state, posting, &cash_flow_rules, out);
            }
        },
    );
    Ledger::of(booked)
}

impl<'scope> Ledger<'scope> {
    /// What is booked by its kind.
    fn of(booked: Collection<'scope, Booked>) -> Self {
        let (changes, lots, disposals, flows, refusals) =
            part_in_five(booked, "booked by kind", |booked| match booked {
                Booked::Change(change) => OneOfFive::First(change),
                Booked::Lot(change) => OneOfFive::Second(change),
                Booked::Disposed(disposed) => OneOfFive::Third(disposed),
                Booked::Flow(flow) => OneOfFive::Fourth(flow),
                Booked::Refused(refused) => OneOfFive::Fifth(refused),
            });
        Ledger { changes: Shared::of(changes), lots, disposals, flows: Shared::of(flows), refusals }
    }
}

/// The transactions whose day has begun; a forward waits for its settlement.
fn begun<'scope>(transactions: Collection<'scope, Arc<Transaction>>) -> Collection<'scope, Arc<Transaction>> {
    // What is dated past all days is refused at once.
    let due = |transaction: &Transaction| {
        transaction.effective_time().date().days().filter(|day| *day <= Date::LATEST.0).map_or(0, start_of)
    };
    deadline(
        transactions.map(move |transaction| (Arc::clone(&transaction), due(&transaction))),
        "transactions of later days",
    )
}

/// Each transaction with the rules of its portfolio.
fn with_rules<'scope>(
    books: &Books,
    transactions: Collection<'scope, Arc<Transaction>>,
    portfolios: &Arranged<'scope, Symbol, Arc<Portfolio>>,
) -> Collection<'scope, Posting> {
    let by_portfolio = transactions.map(|transaction| (transaction.portfolio, transaction));
    let books = books.clone();
    lookup_left(
        &arrange(by_portfolio, "transactions by portfolio"),
        portfolios,
        "transactions with rules",
        move |_portfolio, transaction: &Arc<Transaction>, portfolio: Option<&Arc<Portfolio>>| Posting {
            transaction: Arc::clone(transaction),
            rules: books.rules_of(portfolio.map(|portfolio| &**portfolio)),
        },
    )
}

/// Gives a rate to those transactions that need one and do not say theirs: the last one on or before their day.
fn with_rates<'scope>(
    postings: Collection<'scope, Posting>,
    fx_rates: &FxRates<'scope>,
) -> Collection<'scope, Posting> {
    let asks = |posting: &Posting| {
        let (transaction, base) = (&posting.transaction, posting.rules.base_currency);
        let is_foreign = !base.is_none() && transaction.currency != base;
        let day = transaction.effective_time().date().days();
        day.filter(|_| is_foreign && transaction.fx_to_base.is_none()).map(|day| ((transaction.currency, base), day))
    };
    let asking = postings.clone().flat_map(move |posting| asks(&posting).map(|(pair, day)| (pair, (day, posting))));
    let answered = as_of(
        &arrange(asking, "postings without a rate"),
        fx_rates,
        "rates of postings",
        |_pair, _day, posting: &Posting, found| match found {
            None => posting.clone(),
            Some((_day, rate)) => {
                let fx_to_base = Rate::from_scaled(rate.number);
                let transaction = Transaction { fx_to_base, ..(*posting.transaction).clone() };
                Posting { transaction: Arc::new(transaction), ..posting.clone() }
            }
        },
    );
    postings.filter(move |posting| asks(posting).is_none()).concat(answered)
}

/// For each security that a corporate action ties to another in a portfolio: the one that stands for all that are tied
/// together, the least of them.
fn groups<'scope>(transactions: Collection<'scope, Arc<Transaction>>) -> Collection<'scope, (Holding, Symbol)> {
    let ties = transactions.flat_map(|transaction| tie(&transaction));
    derive_rows(&arrange(ties, "ties of securities"), "groups of securities", |portfolio: &Symbol, ties, out| {
        for (security, group) in joined(ties.iter().map(|(tie, _)| **tie)) {
            out.row(((*portfolio, security), group));
        }
    })
}

fn tie(transaction: &Transaction) -> Option<(Symbol, (Symbol, Symbol))> {
    use TransactionType::{Merger, RightsExercise, RightsIssue, SpinOff};
    let other = transaction.detail.as_ref()?.other_security;
    let is_tie = matches!(transaction.transaction_type, Merger | SpinOff | RightsIssue | RightsExercise);
    (is_tie && !other.is_none()).then_some((transaction.portfolio, (transaction.security, other)))
}

/// The connected securities of some ties, each with the least of its group.
fn joined(ties: impl Iterator<Item = (Symbol, Symbol)>) -> BTreeMap<Symbol, Symbol> {
    let mut groups: BTreeMap<Symbol, Symbol> = BTreeMap::new();
    for (one, other) in ties {
        let [one, other] = [one, other].map(|security| *groups.entry(security).or_insert(security));
        let (kept, merged) = (one.min(other), one.max(other));
        groups.values_mut().filter(|group| **group == merged).for_each(|group| *group = kept);
    }
    groups
}

/// The books of a group of securities: only of those that hold something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State(BTreeMap<Symbol, Book>);

impl State {
    fn book(&self, security: Symbol) -> &Book {
        static NOTHING: Book = Book::NOTHING;
        self.0.get(&security).unwrap_or(&NOTHING)
    }

    fn put(&mut self, security: Symbol, book: Book) {
        if book == Book::NOTHING {
            self.0.remove(&security);
        } else {
            self.0.insert(security, book);
        }
    }
}

/// Books one transaction: all of it, or nothing.
fn post(state: &mut State, posting: &Posting, cash_flow_rules: &CashFlowRules, out: &mut Vec<Booked>) {
    let (turns, flow) = match turns(state, posting, cash_flow_rules) {
        Ok(booked) => booked,
        Err(refusal) => {
            return out.push(Booked::Refused(Refused { transaction: Arc::clone(&posting.transaction), refusal }));
        }
    };
    turns.iter().for_each(|turn| turn.tell(state.book(turn.security), posting, out));
    turns.into_iter().for_each(|turn| state.put(turn.security, turn.after));
    let base_currency = posting.rules.base_currency;
    out.extend(flow.map(|(flow, amount_base)| Booked::Flow(BookedFlow { flow, base_currency, amount_base })));
}

/// What a transaction does to the books: to that of its security, and to that of the one which receives what it gives.
fn turns(
    state: &State,
    Posting { transaction, rules }: &Posting,
    cash_flow_rules: &CashFlowRules,
) -> Result<(Vec<Turn>, Option<FlowInBase>), Refusal> {
    match transaction.effective_time().date() {
        date if date.is_none() => {}
        date if date < Date::EARLIEST => return Err(Refusal::TooEarly),
        date if date > Date::LATEST => return Err(Refusal::TooLate),
        _ => {}
    }
    let (after, effects) = state.book(transaction.security).clone().apply(rules, transaction);
    let mut effects = effects?;
    let rate = rules.base_rate(transaction)?;
    let flow = cash_flow_rules.flow(transaction)?.map(|flow| in_base_currency(flow, rate)).transpose()?;
    let received = effects.carried.take().map(|carried| {
        let (after, effects) = state.book(carried.security).clone().receive(rules, &carried);
        Ok(Turn { security: carried.security, after, effects: effects? })
    });
    let given = Turn { security: transaction.security, after, effects };
    Ok((std::iter::once(given).chain(received.transpose()?).collect(), flow))
}

/// A flow, and its amount in base currency where that is known.
type FlowInBase = (CashFlow, Option<i128>);

/// A flow with its amount in base currency, at the rate of its transaction.
fn in_base_currency(flow: CashFlow, rate: Option<i128>) -> Result<FlowInBase, Refusal> {
    let Some((amount, rate)) = flow.amount.scaled().zip(rate) else { return Ok((flow, None)) };
    let amount_base = share(amount, rate, Rate::ONE_SCALED).filter(|amount| is_bounded(*amount));
    Ok((flow, Some(amount_base.ok_or(Refusal::TooLarge)?)))
}

/// What became of the book of a security.
struct Turn {
    security: Symbol,
    after: Book,
    effects: Effects,
}

impl Turn {
    fn tell(&self, before: &Book, posting: &Posting, out: &mut Vec<Booked>) {
        let Turn { security, after, effects } = self;
        let Posting { transaction, rules } = posting;
        let holding = (transaction.portfolio, *security);
        let date = transaction.effective_time().date();
        let known = [after.currency(), before.currency(), transaction.currency];
        let currency = known.into_iter().find(|currency| !currency.is_none()).unwrap_or(Currency::NONE);
        if before != after || effects.gain.is_some() {
            out.push(Booked::Change(Change {
                holding,
                currency,
                base_currency: rules.base_currency,
                date,
                transaction: transaction.id,
                quantity_before: before.quantity(),
                quantity: after.quantity(),
                cost_change: effects.cost_change,
                gain: effects.gain,
            }));
        }
        let lots = lot_changes(before, after, effects, posting).into_iter().filter(|(_, change)| *change != [0; 3]);
        out.extend(lots.map(|((lot, opened), [quantity, local, base])| {
            Booked::Lot(LotChange { holding, currency, lot, opened, quantity, cost: (local, base) })
        }));
        out.extend(effects.disposals.iter().map(|disposal| {
            Booked::Disposed(Disposed {
                holding,
                transaction: transaction.id,
                date,
                currency,
                disposal: disposal.clone(),
            })
        }));
    }
}

/// Units, local cost, base cost of a lot, by its id and when it was opened.
type LotAmounts = BTreeMap<(Symbol, Timestamp), [i128; 3]>;

/// What changed of each lot. A purchase or a sale is told by its effects, so that the other lots are not read.
fn lot_changes(before: &Book, after: &Book, effects: &Effects, Posting { transaction, rules }: &Posting) -> LotAmounts {
    let mut changes = LotAmounts::new();
    let mut add = |lot: Symbol, opened: Timestamp, amounts: [i128; 3], sign: i128| {
        let change = changes.entry((lot, opened)).or_default();
        change.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += sign * amount);
    };
    if is_exchange(transaction.transaction_type) && rules.method != model::CostMethod::Average {
        let mut opening = amounts(effects.quantity_change, effects.cost_change);
        for disposal in &effects.disposals {
            let relieved = amounts(disposal.quantity, disposal.cost);
            add(disposal.lot, disposal.opened, relieved, -1);
            opening.iter_mut().zip(relieved).for_each(|(sum, amount)| *sum += amount);
        }
        add(transaction.id, transaction.effective_time(), opening, 1);
    } else {
        before.lots().for_each(|lot| add(lot.id, lot.opened, amounts_of(lot), -1));
        after.lots().for_each(|lot| add(lot.id, lot.opened, amounts_of(lot), 1));
    }
    changes
}

/// Whether a transaction relieves lots and opens at most one, its own.
fn is_exchange(kind: TransactionType) -> bool {
    use TransactionType as T;
    matches!(
        kind,
        T::Buy
            | T::Sell
            | T::Redemption
            | T::FxSpot
            | T::FxForward
            | T::TransferIn
            | T::TransferOut
            | T::Deposit
            | T::Withdrawal
    )
}

fn amounts_of(lot: &Lot) -> [i128; 3] {
    amounts(lot.quantity, lot.cost())
}

fn amounts(quantity: Quantity, cost: Money) -> [i128; 3] {
    let amount = |amount: Amount| amount.scaled().unwrap_or(0);
    [quantity.scaled().unwrap_or(0), amount(cost.local), amount(cost.base)]
}

/// Indexes rates by their currencies.
pub fn arrange_rates<'scope>(rates: Collection<'scope, RateOf>) -> FxRates<'scope> {
    arrange(rates.map(|(pair, day, rate)| (pair, (day, rate))), "fx rates")
}

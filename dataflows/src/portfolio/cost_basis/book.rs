//! `Book`: the open lots of one security in one portfolio, and what a transaction does to them.

use model::{
    CostMethod, Currency, LotReference, OversellPolicy, Quantity, Side, Symbol, Timestamp, Transaction,
    TransactionType as T,
};
use serde::{Deserialize, Serialize};

use super::effects::{Carried, Effects};
use super::lot::Lot;
use super::lots::Lots;
use super::money::{Money, quantity, units};
use super::relief::{self, Relief};
use super::rules::BookRules;
use crate::portfolio::refusal::{Needed, Refusal};

/// The open lots of one security in one portfolio. All are held or all are owed, never both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Book {
    /// The currency of the cost; none while nothing is held.
    currency: Currency,
    quantity: Quantity,
    cost: Money,
    lots: Lots,
}

/// Units that come in for something, or leave for something.
pub(super) struct Exchange<'a> {
    pub id: Symbol,
    pub time: Timestamp,
    pub currency: Currency,
    /// Above zero when they come in.
    pub units: i128,
    /// What is given for them: above zero for units that come in, below for those that leave.
    pub value: Money,
    /// The lots to relieve, where they are named.
    pub lots: &'a [LotReference],
    /// Whether a gain is realised.
    pub is_realised: bool,
    /// Whether more may leave than is held.
    pub may_owe: bool,
}

impl Default for Book {
    fn default() -> Book {
        Book::NOTHING
    }
}

impl Book {
    /// Nothing is held.
    pub const NOTHING: Book =
        Book { currency: Currency::NONE, quantity: Quantity::ZERO, cost: Money::ZERO, lots: Lots::NONE };

    /// Books a transaction. It must not come before those already booked in the order of
    /// [`ProcessingOrder`](super::ProcessingOrder). A refusal leaves the book as it was.
    ///
    /// Cost: a purchase is O(log lots open); a sale O(lots relieved + lots open / 64), of named lots and a
    /// corporate action O(lots open).
    pub fn apply(mut self, rules: &BookRules, transaction: &Transaction) -> (Book, Result<Effects, Refusal>) {
        let effects = self.change(rules, transaction);
        (self, effects)
    }

    /// Receives lots that another security gave, at their place in the order. Lots on the other side of zero cover each
    /// other, at the cost of those that come. A refusal leaves the book as it was.
    pub fn receive(self, rules: &BookRules, carried: &Carried) -> (Book, Result<Effects, Refusal>) {
        let mut book = self.clone();
        match book.change_by_carried(rules, carried) {
            Ok(effects) => (book, Ok(effects)),
            Err(refusal) => (self, Err(refusal)),
        }
    }

    /// The units held, below zero when they are owed.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// What the units held cost, or below zero what the owed ones were sold for. Zero when nothing is held.
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// The currency of the local cost; none when nothing is held.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The open lots. The one that is relieved next comes first, unless others are named; average cost has one lot at
    /// most.
    pub fn lots(&self) -> impl Iterator<Item = &Lot> + Clone {
        self.lots.iter()
    }

    fn change(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        if transaction.effective_time().is_none() {
            let forward = transaction.transaction_type == T::FxForward;
            return Err(Refusal::Missing(if forward { Needed::SettlementDate } else { Needed::TradeDate }));
        }
        match (transaction.transaction_type, transaction.side) {
            (T::Unknown, _) => Err(Refusal::UnknownType),
            (T::Dividend | T::Interest | T::Fee | T::Tax | T::Other, _) => Ok(Effects::NONE),
            _ if transaction.security.is_none() => Err(Refusal::Missing(Needed::Security)),
            (T::Buy, _) | (T::FxSpot | T::FxForward, Side::Buy) => self.buy(rules, transaction),
            (T::Sell | T::Redemption, _) | (T::FxSpot | T::FxForward, Side::Sell) => self.sell(rules, transaction),
            (T::FxSpot | T::FxForward, Side::Unknown) => Err(Refusal::Missing(Needed::Side)),
            (T::TransferIn | T::Deposit, _) => self.take_in(rules, transaction),
            (T::TransferOut | T::Withdrawal, _) => self.give_out(rules, transaction),
            (T::Split | T::ReverseSplit | T::StockDividend, _) => self.split(rules, transaction),
            (T::Merger, _) => self.merge(transaction),
            (T::SpinOff | T::RightsIssue, _) => self.spin_off(rules, transaction),
            (T::RightsExercise, _) => self.exercise(rules, transaction),
            (T::RightsExpiry, _) => self.expire(rules, transaction),
        }
    }

    fn buy(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let accrued = transaction.detail.as_ref().filter(|_| rules.accrued_interest_in_cost);
        let accrued = accrued.and_then(|detail| detail.accrued_interest.scaled()).unwrap_or(0);
        let cost = gross(transaction)?.checked_add(fees(transaction)).and_then(|cost| cost.checked_add(accrued));
        let value = converted(rules, transaction, cost.ok_or(Refusal::TooLarge)?)?;
        self.exchange(rules, &Exchange { value, units: wanted(transaction)?, ..Exchange::of(transaction) })
    }

    fn sell(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let proceeds = gross(transaction)?.checked_sub(fees(transaction)).ok_or(Refusal::TooLarge)?;
        let value = Money::ZERO.minus(converted(rules, transaction, proceeds)?)?;
        let may_owe = rules.oversell == OversellPolicy::Short;
        self.exchange(rules, &Exchange { value, may_owe, units: -wanted(transaction)?, ..Exchange::of(transaction) })
    }

    fn take_in(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let value = converted(rules, transaction, gross(transaction)?)?;
        self.exchange(rules, &Exchange { value, units: wanted(transaction)?, ..Exchange::of(transaction) })
    }

    fn give_out(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        // Its amounts are not used, so their currency does not matter.
        let (currency, units) = (self.currency, -wanted(transaction)?);
        self.exchange(rules, &Exchange { currency, units, is_realised: false, ..Exchange::of(transaction) })
    }

    /// Units come in or leave: what is on the other side of zero is relieved, and the rest opens a lot.
    pub(super) fn exchange(&mut self, rules: &BookRules, exchange: &Exchange<'_>) -> Result<Effects, Refusal> {
        self.check_currency(exchange.currency)?;
        let (held, coming) = (units(self.quantity), exchange.units);
        let closing = if (held < 0) == (coming < 0) { 0 } else { held.abs().min(coming.abs()) };
        let opening = coming.abs() - closing;
        if opening > 0 && coming < 0 && !exchange.may_owe {
            return Err(Refusal::Oversold { held: self.quantity, wanted: quantity(-coming)? });
        }
        let closing_value = exchange.value.share(closing, coming.abs())?;
        let received = if exchange.is_realised { Some(Money::ZERO.minus(closing_value)?) } else { None };
        let relieved = self.choose(rules.method, closing, exchange.lots)?;
        let disposals = relief::disposals(&self.lots, &relieved, received)?;
        let relieved_cost = disposals.iter().try_fold(Money::ZERO, |sum, disposal| sum.plus(disposal.cost))?;

        let opening_value = exchange.value.minus(closing_value)?;
        let opened_quantity = quantity(coming.signum() * opening)?;
        let opened = (opening > 0).then(|| Lot::new(exchange.id, exchange.time, opened_quantity, opening_value));

        let (gain, quantity_change) = (relief::total_gain(&disposals)?, quantity(coming)?);
        let cost_change = opening_value.minus(relieved_cost)?;
        let total = (quantity(held + coming)?, self.cost.plus(cost_change)?);
        // Nothing is refused from here on.
        self.relieve(&relieved);
        (self.quantity, self.cost) = total;
        self.open(opened, exchange.currency, rules.method);
        Ok(Effects { quantity_change, cost_change, gain, disposals, carried: None })
    }

    fn change_by_carried(&mut self, rules: &BookRules, carried: &Carried) -> Result<Effects, Refusal> {
        let (held, cost) = (units(self.quantity), self.cost);
        let mut disposals = Vec::new();
        for lot in &carried.lots {
            let exchange = Exchange {
                id: lot.id,
                time: lot.opened,
                currency: carried.currency,
                units: units(lot.quantity),
                value: lot.cost(),
                lots: &[],
                is_realised: true,
                may_owe: true,
            };
            disposals.extend(self.exchange(rules, &exchange)?.disposals);
        }
        let quantity_change = quantity(units(self.quantity) - held)?;
        let gain = relief::total_gain(&disposals)?;
        Ok(Effects { quantity_change, cost_change: self.cost.minus(cost)?, gain, disposals, carried: None })
    }

    /// Which lots give `leaving` units, and how many each.
    fn choose(&self, method: CostMethod, leaving: i128, named: &[LotReference]) -> Result<Vec<Relief>, Refusal> {
        match method {
            CostMethod::SpecificLot if !named.is_empty() => relief::named(&self.lots, leaving, named),
            _ => Ok(relief::first(&self.lots, leaving)),
        }
    }

    /// Takes the chosen units out of their lots. The totals are the caller's.
    fn relieve(&mut self, relieved: &[Relief]) {
        self.lots.set_left(relieved.iter().map(|relief| (relief.place, relief.left)));
        if self.lots.is_empty() {
            self.currency = Currency::NONE;
        }
    }

    /// Puts a lot at its place, or into the one lot of average cost. The totals are the caller's, and already hold it.
    fn open(&mut self, opened: Option<Lot>, currency: Currency, method: CostMethod) {
        let Some(lot) = opened else { return };
        self.currency = currency;
        match self.lots.first_mut() {
            Some(pool) if method == CostMethod::Average => *pool = pool.rebased(self.quantity, self.cost),
            _ => self.lots.insert(lot, method),
        }
    }

    /// Puts other lots in place of all, with the totals given.
    pub(super) fn replace(&mut self, lots: Vec<Lot>, quantity: Quantity, cost: Money, method: CostMethod) {
        let mut lots = lots;
        // Rounding may have changed which unit cost more.
        if method == CostMethod::Hifo {
            lots.sort_by(|a, b| a.relieved_before(b, method));
        }
        self.lots = lots.into();
        (self.quantity, self.cost) = (quantity, cost);
        if self.lots.is_empty() {
            *self = Book::default();
        }
    }

    pub(super) fn check_currency(&self, given: Currency) -> Result<(), Refusal> {
        let held = self.currency;
        if self.lots.is_empty() || held == given { Ok(()) } else { Err(Refusal::OtherCurrency { held, given }) }
    }
}

impl<'a> Exchange<'a> {
    /// What a transaction says of itself; nothing moves yet.
    pub(super) fn of(transaction: &'a Transaction) -> Exchange<'a> {
        Exchange {
            id: transaction.id,
            time: transaction.effective_time(),
            currency: transaction.currency,
            units: 0,
            value: Money::ZERO,
            lots: transaction.detail.as_ref().map_or(&[], |detail| &detail.lots),
            is_realised: true,
            may_owe: false,
        }
    }
}

/// The quantity, which must be above zero.
pub(super) fn wanted(transaction: &Transaction) -> Result<i128, Refusal> {
    match transaction.quantity.scaled() {
        None => Err(Refusal::Missing(Needed::Quantity)),
        Some(units) if units > 0 => Ok(units),
        Some(_) => Err(Refusal::NotPositive(Needed::Quantity)),
    }
}

/// The gross amount, which must not be below zero: the type of the transaction says which way it goes.
pub(crate) fn gross(transaction: &Transaction) -> Result<i128, Refusal> {
    match transaction.gross_amount.scaled() {
        None => Err(Refusal::Missing(Needed::GrossAmount)),
        Some(gross) if gross >= 0 => Ok(gross),
        Some(_) => Err(Refusal::Negative(Needed::GrossAmount)),
    }
}

/// The fees; none where they are not known.
pub(super) fn fees(transaction: &Transaction) -> i128 {
    transaction.fees.scaled().unwrap_or(0)
}

/// A local amount with its worth in base currency.
pub(super) fn converted(rules: &BookRules, transaction: &Transaction, local: i128) -> Result<Money, Refusal> {
    Money::converted(local, rules.base_rate(transaction)?.ok_or(Refusal::Missing(Needed::FxToBase))?)
}

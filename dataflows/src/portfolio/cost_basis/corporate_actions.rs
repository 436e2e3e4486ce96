//! What a corporate action does to the lots of a book.
//!
//! The units that it gives are rounded once, for all that is held; the lots get theirs cumulatively, so they sum to it.
//! A lot for which less than the smallest quantity is left gives its cost to the next one.

use model::{Rate, Ratio, Symbol, Transaction, TransactionDetail, TransactionType};

use super::book::{Book, Exchange, converted, fees, gross, wanted};
use super::effects::{Carried, Effects};
use super::lot::Lot;
use super::money::{Money, divided, quantity, share, units};
use super::rules::BookRules;
use crate::portfolio::refusal::{Needed, Refusal};

impl Book {
    /// Units change, their cost is kept. A ratio counts before a quantity: `new` units replace `old` ones, or by a stock
    /// dividend come beside them. A quantity is how many come, or by a reverse split go.
    pub(super) fn split(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let held = self.held()?;
        let kind = transaction.transaction_type;
        let total = match (ratio(transaction), kind) {
            (Ok((new, old)), TransactionType::StockDividend) => given(held, new, old)?.checked_add(held),
            (Ok((new, old)), _) => share(held, new, old),
            (Err(refusal @ Refusal::NotPositive(_)), _) => return Err(refusal),
            (Err(refusal), _) if transaction.quantity.is_none() => return Err(refusal),
            (Err(_), TransactionType::ReverseSplit) => held.checked_sub(held.signum() * wanted(transaction)?),
            (Err(_), _) => held.checked_add(held.signum() * wanted(transaction)?),
        };
        let total = total.ok_or(Refusal::TooLarge)?;
        if total.signum() != held.signum() {
            return Err(Refusal::NothingLeft);
        }
        let costs: Vec<Money> = self.lots().map(Lot::cost).collect();
        let lots = rebased(self.lots(), &self.shares_of(total)?, &costs)?;
        let (quantity_change, total) = (quantity(total - held)?, quantity(total)?);
        self.replace(lots, total, self.cost(), rules.method);
        Ok(Effects { quantity_change, ..Effects::NONE })
    }

    /// All units become those of another security. Their cost goes with them.
    pub(super) fn merge(&mut self, transaction: &Transaction) -> Result<Effects, Refusal> {
        let held = self.held()?;
        let security = other_security(transaction)?;
        if transaction.gross_amount.scaled().is_some_and(|cash| cash != 0) {
            return Err(Refusal::CashBesideUnits(security));
        }
        let (new, old) = ratio(transaction)?;
        let costs: Vec<Money> = self.lots().map(Lot::cost).collect();
        let lots = rebased(self.lots(), &self.shares_of(given(held, new, old)?)?, &costs)?;
        let carried = Some(self.carried(security, lots));
        let (quantity_change, cost_change) = (quantity(-held)?, Money::ZERO.minus(self.cost())?);
        *self = Book::default();
        Ok(Effects { quantity_change, cost_change, carried, ..Effects::NONE })
    }

    /// Units of another security come beside those held, and take a share of their cost. Rights may take none.
    pub(super) fn spin_off(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let held = self.held()?;
        let security = other_security(transaction)?;
        let (new, old) = ratio(transaction)?;
        let part = cost_share(transaction)?;
        let costs = self.lots().map(|lot| lot.cost().share(part, Rate::ONE_SCALED));
        let costs: Vec<Money> = costs.collect::<Result<_, _>>()?;
        let lots = rebased(self.lots(), &self.shares_of(given(held, new, old)?)?, &costs)?;
        let kept = |(lot, goes): (&Lot, &Money)| Ok(lot.rebased(lot.quantity, lot.cost().minus(*goes)?));
        let kept: Vec<Lot> = self.lots().zip(&costs).map(kept).collect::<Result<_, _>>()?;
        let goes = costs.iter().try_fold(Money::ZERO, |sum, cost| sum.plus(*cost))?;
        let (cost, cost_change) = (self.cost().minus(goes)?, Money::ZERO.minus(goes)?);
        let carried = Some(self.carried(security, lots));
        if part != 0 {
            self.replace(kept, self.quantity(), cost, rules.method);
        }
        Ok(Effects { cost_change, carried, ..Effects::NONE })
    }

    /// Rights and cash become units of another security, in one lot that opens now.
    pub(super) fn exercise(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        self.held()?;
        self.check_currency(transaction.currency)?;
        let security = other_security(transaction)?;
        let (new, old) = ratio(transaction)?;
        let rights = wanted(transaction)?;
        let paid = gross(transaction)?.checked_add(fees(transaction)).ok_or(Refusal::TooLarge)?;
        let paid = converted(rules, transaction, paid)?;
        let received = quantity(given(rights, new, old)?)?;

        let mut book = self.clone();
        let leaving = Exchange { units: -rights, is_realised: false, ..Exchange::of(transaction) };
        let mut effects = book.exchange(rules, &leaving)?;
        let cost = paid.minus(effects.cost_change)?;
        let lot = Lot::new(transaction.id, transaction.effective_time(), received, cost);
        effects.carried = Some(self.carried(security, vec![lot]));
        *self = book;
        Ok(effects)
    }

    /// Rights end worthless: all of them, unless the transaction says how many.
    pub(super) fn expire(&mut self, rules: &BookRules, transaction: &Transaction) -> Result<Effects, Refusal> {
        let held = self.held()?;
        let ended = if transaction.quantity.is_none() { held.abs() } else { wanted(transaction)? };
        if ended > held.abs() {
            return Err(Refusal::Oversold { held: self.quantity(), wanted: quantity(ended)? });
        }
        let (currency, units) = (self.currency(), -held.signum() * ended);
        self.exchange(rules, &Exchange { currency, units, ..Exchange::of(transaction) })
    }

    fn held(&self) -> Result<i128, Refusal> {
        match units(self.quantity()) {
            0 => Err(Refusal::NothingHeld),
            held => Ok(held),
        }
    }

    /// A total, divided in the proportion of the lots.
    fn shares_of(&self, total: i128) -> Result<Vec<i128>, Refusal> {
        let parts: Vec<i128> = self.lots().map(|lot| units(lot.quantity)).collect();
        divided(total, &parts)
    }

    fn carried(&self, security: Symbol, lots: Vec<Lot>) -> Carried {
        Carried { security, currency: self.currency(), lots }
    }
}

/// The lots with other quantities and costs. One that has no units left gives its cost to the next, or the one before.
fn rebased<'a>(lots: impl Iterator<Item = &'a Lot>, quantities: &[i128], costs: &[Money]) -> Result<Vec<Lot>, Refusal> {
    let mut open: Vec<Lot> = Vec::new();
    let mut waiting = Money::ZERO;
    for ((lot, units), cost) in lots.zip(quantities).zip(costs) {
        let cost = cost.plus(waiting)?;
        waiting = if *units == 0 { cost } else { Money::ZERO };
        if *units != 0 {
            open.push(lot.rebased(quantity(*units)?, cost));
        }
    }
    if let Some(last) = open.last_mut() {
        *last = last.rebased(last.quantity, last.opened_cost.plus(waiting)?);
    }
    Ok(open)
}

/// What `held` units give; something must come of it.
fn given(held: i128, new: i128, old: i128) -> Result<i128, Refusal> {
    match share(held, new, old) {
        Some(0) => Err(Refusal::NothingLeft),
        given => given.ok_or(Refusal::TooLarge),
    }
}

fn detail(transaction: &Transaction) -> Option<&TransactionDetail> {
    transaction.detail.as_deref()
}

fn ratio(transaction: &Transaction) -> Result<(i128, i128), Refusal> {
    let Ratio { new, old } = detail(transaction).map(|detail| detail.ratio).unwrap_or_default();
    match (new.scaled(), old.scaled()) {
        (Some(new), Some(old)) if new > 0 && old > 0 => Ok((new, old)),
        (Some(_), Some(_)) => Err(Refusal::NotPositive(Needed::Ratio)),
        _ => Err(Refusal::Missing(Needed::Ratio)),
    }
}

fn other_security(transaction: &Transaction) -> Result<Symbol, Refusal> {
    let other = detail(transaction).map(|detail| detail.other_security).unwrap_or_default();
    match other {
        other if other.is_none() => Err(Refusal::Missing(Needed::OtherSecurity)),
        other if other == transaction.security => Err(Refusal::IntoItself),
        other => Ok(other),
    }
}

/// The share of the cost that goes, of [`Rate::ONE_SCALED`].
fn cost_share(transaction: &Transaction) -> Result<i128, Refusal> {
    let share = detail(transaction).and_then(|detail| detail.cost_share.scaled());
    match (share, transaction.transaction_type) {
        (Some(share), _) if (0..=Rate::ONE_SCALED).contains(&share) => Ok(share),
        (Some(_), _) => Err(Refusal::NoShare),
        (None, TransactionType::RightsIssue) => Ok(0),
        (None, _) => Err(Refusal::Missing(Needed::CostShare)),
    }
}

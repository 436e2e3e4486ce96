//! A message of a story as a record.

use model::{
    Allocation, Amount, Dictionary, OpenClose, Price, Product, Quantity, Record, Side, SourceId, Symbol, Trade,
    TradeDetail,
};

use super::ids::{self, Shared};
use super::market::{Instrument, ONE, desk};
use super::story::{Step, Story, Terms, What, gross_cents};

const CENT: i128 = ONE as i128 / 100;

/// The record that a message tells or takes back.
pub(super) fn record(story: &Story<'_>, step: Step, source: SourceId, dictionary: &Dictionary) -> Record {
    match step.what {
        What::Trade { copy, version } => {
            let terms = story.terms(step.side, version, copy);
            Telling { story, side: step.side, copy, terms }.trade(source, dictionary).into()
        }
        What::Allocation { part } => allocation(story, step.side, part, source).into(),
    }
}

fn allocation(story: &Story<'_>, side: u8, number: u8, source: SourceId) -> Allocation {
    let seed = story.market.spec.seed;
    let part = story.part(side, number);
    Allocation {
        source,
        id: ids::allocation_id(seed, side, story.number, number),
        trade: ids::shared_id(seed, Shared::Execution, story.number, 0),
        account: story.market.parties.books[part.book].account,
        quantity: quantity(part.units),
    }
}

fn quantity(units: i64) -> Quantity {
    Quantity::from_scaled(units * 10_i64.pow(Quantity::SCALE.into()))
}

fn cents(cents: i64) -> Amount {
    Amount::from_scaled(i128::from(cents) * CENT)
}

/// One side telling one copy of a trade.
struct Telling<'a> {
    story: &'a Story<'a>,
    side: u8,
    copy: u8,
    terms: Terms,
}

impl Telling<'_> {
    fn trade(&self, source: SourceId, dictionary: &Dictionary) -> Trade {
        let (market, terms) = (self.story.market, &self.terms);
        let named = market.instruments.get(terms.instrument);
        let counterparty = &market.parties.counterparties[terms.counterparty];
        let is_loose = self.story.is_unlinked_at(self.side) && self.story.is_told_loosely();
        let mut detail = TradeDetail::default();
        self.put_ids(&mut detail, dictionary);
        self.put_amounts(&mut detail);
        self.put_contract(&mut detail);
        self.put_book(&mut detail);
        detail.broker = if named.is_over_the_counter() { Symbol::NONE } else { counterparty.code };
        (detail.venue, detail.isin) = (named.venue, named.isin);
        detail.execution_time = market.spec.moment(terms.executed);
        Trade {
            source,
            side: terms.side,
            product: named.product,
            currency: terms.currency,
            id: ids::trade_id(market.spec.seed, self.side, self.story.number, self.copy),
            instrument: named.name,
            counterparty: if is_loose { counterparty.legal_name } else { counterparty.name },
            trade_date: market.spec.date,
            settlement_date: terms.settlement_date,
            quantity: quantity(terms.units),
            price: Price::from_scaled(terms.price),
            detail: Some(detail.into()),
        }
    }

    /// The ids that the sides share. A block and its fills share that of the block; each fill is an execution.
    fn put_ids(&self, detail: &mut TradeDetail, dictionary: &Dictionary) {
        let (seed, number) = (self.story.market.spec.seed, self.story.number);
        if self.story.is_unlinked_at(self.side) {
            return;
        }
        detail.order_id = ids::shared_id(seed, Shared::Order, number, 0);
        if self.story.is_block() {
            detail.block_id = ids::shared_id(seed, Shared::Block, number, 0);
            if self.side == 1 {
                detail.execution_id = ids::shared_id(seed, Shared::Execution, number, self.copy);
            }
            return;
        }
        // A duplicate has the execution id of its original.
        detail.execution_id = ids::shared_id(seed, Shared::Execution, number, 0);
        if self.traded().is_over_the_counter() {
            let maker = &self.story.market.parties.counterparties[self.terms.counterparty];
            detail.uti = dictionary.intern(&ids::uti(seed, &maker.lei, number));
        }
    }

    fn put_amounts(&self, detail: &mut TradeDetail) {
        let (traded, terms) = (self.traded(), &self.terms);
        (detail.commission, detail.fees) = (cents(terms.commission_cents), cents(terms.fees_cents));
        if traded.product == Product::Swap {
            return;
        }
        let gross = self.gross(traded);
        let accrued = i128::from(terms.units) * i128::from(traded.contract.accrued) / 10_000 * CENT;
        let charges = i128::from(terms.commission_cents + terms.fees_cents) * CENT;
        detail.gross_amount = Amount::from_scaled(gross);
        detail.net_amount = Amount::from_scaled(match terms.side {
            Side::Buy => gross + accrued + charges,
            _ => gross + accrued - charges,
        });
        if traded.product == Product::Bond {
            detail.accrued_interest = Amount::from_scaled(accrued);
        }
    }

    /// In units of 10^-8, rounded to the cent or, where there are no cents, to the whole yen.
    fn gross(&self, traded: &Instrument) -> i128 {
        let cents = gross_cents(traded, self.terms.units, self.terms.price);
        if traded.currency.code() == "JPY" { (cents + 50).div_euclid(100) * 100 * CENT } else { cents * CENT }
    }

    /// The terms that only contracts have.
    fn put_contract(&self, detail: &mut TradeDetail) {
        let (traded, terms) = (self.traded(), &self.terms);
        let contract = &traded.contract;
        (detail.expiry, detail.strike, detail.option_kind) = (contract.expiry, contract.strike, contract.option_kind);
        (detail.effective_date, detail.maturity_date) = (contract.effective_date, contract.maturity_date);
        if !contract.notional_currency.is_none() {
            detail.notional = Amount::from_scaled(i128::from(terms.units) * i128::from(ONE));
            detail.notional_currency = contract.notional_currency;
        }
        match traded.product {
            Product::Swap => detail.fixed_rate = Price::from_scaled(terms.price),
            Product::FxSpot | Product::FxForward => {
                (detail.notional_2, detail.notional_currency_2) = (detail.gross_amount, traded.currency);
            }
            Product::Future | Product::Option => {
                detail.multiplier = quantity(traded.multiplier);
                detail.open_close = if terms.opens { OpenClose::Open } else { OpenClose::Close };
            }
            _ => {}
        }
    }

    /// Who it is for. Others know only the account.
    fn put_book(&self, detail: &mut TradeDetail) {
        let book = &self.story.market.parties.books[self.terms.book];
        detail.account = book.account;
        if self.side == 0 {
            (detail.portfolio, detail.strategy, detail.trader) = (book.portfolio, book.strategy, book.trader);
            detail.desk = desk(self.traded().product);
        }
    }

    fn traded(&self) -> &Instrument {
        self.story.market.instruments.get(self.terms.traded)
    }
}

//! What each position is worth on the last day, and the views of it.
//!
//! ```text
//!  pricing, vegas, prices as of the day ──▶ of each security ─┐
//!                     rates as of the day ────────────────────┴─▶ quotes, by security and base currency ──┐
//!  positions ──▶ open ones, by security and base currency ────────────────────────────────────────────────┼─▶ valuations
//!                                                                                                         └─▶ worths
//! ```
//! The view joins positions and quotes when it is read: a day on which all prices change would write all its rows again.
//! Exposure gets the part that it needs.
//!
//! | status | when |
//! |---|---|
//! | `CURRENT` | the price is of the last day, or not older than `stale_after_days` |
//! | `STALE` | it is older |
//! | `UNVALUED` | there is no price on or before the day |
//! | `FAILED` | there is a price, but no rate into the base currency, or the value would be too large |
//!
//! A rate that is missing is never one: there is no value then. The value of a unit is its price times the multiplier of
//! the instrument; of a unit of cash it is one, where no price says otherwise.

use std::sync::Arc;

use engine::{Cell, ColumnKind, Row, Views};
use model::{Currency, Instrument, Quantity, Rate, Symbol};
use operators::as_of::as_of;
use operators::derive::derive_rows;
use operators::distinct::distinct;
use operators::lookup::{lookup, lookup_left};
use operators::{Arranged, Collection, Sums, arrange};
use serde::{Deserialize, Serialize};

use super::config::Books;
use super::cost_basis::money::{is_bounded, share};
use super::inputs::{CurrencyPair, FxRates, Prices};
use super::ledger::Holding;
use super::market::{Pricing, at_rates_now};
use super::positions::{Position, part};
use super::transactions::{CLASS_COLUMNS, classes as classes_of, product_cell};
use crate::table::{AMOUNT, PRICE, QUANTITY, RATE, currency_cell, date_cell, day_cell, number_cell, spec, symbol_cell};

/// How good a valuation is.
#[derive(Clone, Copy)]
enum Status {
    Current,
    Stale,
    Unvalued,
    Failed,
}

impl Status {
    /// Its name in views.
    const fn name(self) -> &'static str {
        match self {
            Status::Current => "CURRENT",
            Status::Stale => "STALE",
            Status::Unvalued => "UNVALUED",
            Status::Failed => "FAILED",
        }
    }
}

/// What a position is worth. Amounts are in units of [`model::Amount`].
struct Valuation {
    /// The position.
    holding: Holding,
    /// The currency of its cost.
    cost_currency: Currency,
    /// The currency of its price.
    currency: Currency,
    /// The base currency of the portfolio.
    base_currency: Currency,
    /// What is known of the instrument.
    instrument: Option<Arc<Instrument>>,
    /// The units, in units of [`model::Quantity`].
    quantity: i128,
    /// What they cost, in local and in base currency.
    cost: (i128, i128),
    /// The price and its day.
    price: Option<(i64, i32)>,
    /// What a point of implied volatility adds to the price, and the day of which that is known.
    vega: Option<(i64, i32)>,
    /// What a point of implied volatility adds to what the position is worth in the currency of the price: exactly, in units
    /// of 10^-14. Zero where no vega is known.
    position_vega: i128,
    /// The rate into base currency.
    fx_rate: Option<i128>,
    /// What they are worth in the currency of the price.
    value_local: Option<i128>,
    /// What they are worth in base currency.
    value_base: Option<i128>,
    /// How good this is.
    status: Status,
}

/// What a position is worth, and what it is grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Worth {
    /// The position.
    pub holding: Holding,
    /// The currency of its price.
    pub currency: Currency,
    /// The base currency of the portfolio.
    pub base_currency: Currency,
    /// What it is worth in base currency, in units of [`model::Amount`].
    pub value: Option<i128>,
    /// What it gains for a point of volatility, in the currency of its price, in units of 10⁻¹⁴.
    pub position_vega: i128,
    /// The rate from the currency of its price into base currency.
    pub fx_rate: Option<i128>,
    /// The rate from there into the reporting currency, if there is one.
    pub reporting_rate: Option<i128>,
    /// What is known of the instrument.
    pub instrument: Option<Arc<Instrument>>,
}

/// How a security is priced, and at what, for portfolios of one base currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quote {
    pricing: Pricing,
    price: Option<(i64, i32)>,
    vega: Option<(i64, i32)>,
    is_stale: bool,
    fx_rate: Option<i128>,
    /// From the base into the reporting currency.
    reporting_rate: Option<i128>,
}

/// A security, and the base currency of those that hold it.
pub type QuoteFor = (Symbol, Currency);

/// An open position: its portfolio, the currency of its cost, and its units and cost in local and base currency.
pub type Open = (Symbol, Currency, [i128; 3]);

/// What is valued, and at what.
pub struct Valued<'scope> {
    /// The open positions.
    open: Arranged<'scope, QuoteFor, Open>,
    /// The quotes of all that is held.
    quotes: Arranged<'scope, QuoteFor, Quote>,
}

impl<'scope> Valued<'scope> {
    /// The open positions with what they are valued at.
    pub fn new(
        books: &Books,
        positions: &Arranged<'scope, Position, (), Sums>,
        pricing: &Arranged<'scope, Symbol, Pricing>,
        prices: &Prices<'scope>,
        vegas: &Arranged<'scope, Symbol, (i64, i32)>,
        fx_rates: &FxRates<'scope>,
        valuation_day: &Arranged<'scope, (), i32>,
    ) -> Valued<'scope> {
        let open = derive_rows(positions, "open positions", |position: &Position, sums, out| {
            let ((portfolio, security), cost_currency, base_currency) = *position;
            let sums = sums.iter().fold([0; 3], |_, (_, sums)| {
                [sums.0[part::QUANTITY], sums.0[part::COST_LOCAL], sums.0[part::COST_BASE]]
            });
            if sums[0] != 0 {
                out.row(((security, base_currency), (portfolio, cost_currency, sums)));
            }
        });
        let asked = distinct(open.clone().map(|(asked, _)| asked), "quotes asked for");
        let priced = security_quotes(pricing, prices, vegas, valuation_day, books.stale_after_days);
        let quotes = with_rates(asked, &priced, books.reporting_currency, fx_rates, valuation_day);
        Valued { open: arrange(open, "open positions"), quotes: arrange(quotes, "quotes") }
    }

    /// The portfolio of each open position, with its base currency.
    pub fn holders(&self) -> Collection<'scope, (Symbol, Currency)> {
        self.open.clone().flat_map_ref(|(_, base_currency), (portfolio, ..)| Some((*portfolio, *base_currency)))
    }

    /// What each position is worth.
    pub fn worths(&self) -> Collection<'scope, Worth> {
        lookup_left(&self.open, &self.quotes, "worths", |asked, open: &Open, quote: Option<&Quote>| {
            Worth::of(valuation(asked, open, quote), quote.and_then(|quote| quote.reporting_rate))
        })
    }

    /// Registers the view `valuations`.
    pub fn register(&self, views: &mut Views) {
        views.joined(
            spec("valuations", ABOUT, &columns(), 3),
            &self.open,
            &self.quotes,
            |asked, open, quotes, rows| {
                let quote = quotes.first().map(|(quote, _)| *quote);
                rows.extend(open.iter().map(|(open, count)| (row(&valuation(asked, open, quote)), *count)));
            },
        );
    }
}

impl Worth {
    fn of(valuation: Valuation, reporting_rate: Option<i128>) -> Worth {
        let Valuation { holding, currency, base_currency, position_vega, instrument, value_base, fx_rate, .. } =
            valuation;
        Worth {
            holding,
            currency,
            base_currency,
            value: value_base,
            position_vega,
            fx_rate,
            reporting_rate,
            instrument,
        }
    }
}

/// How a security is priced whose price is asked for, and its vega with its day.
type PricingWithVega = (Pricing, Option<(i64, i32)>);

/// Each security with its price and its vega as of the day.
fn security_quotes<'scope>(
    pricing: &Arranged<'scope, Symbol, Pricing>,
    prices: &Prices<'scope>,
    vegas: &Arranged<'scope, Symbol, (i64, i32)>,
    valuation_day: &Arranged<'scope, (), i32>,
    stale_after_days: u16,
) -> Arranged<'scope, Symbol, Quote> {
    let securities = lookup_left(pricing, vegas, "securities", |security, pricing, vega: Option<&(i64, i32)>| {
        ((), (*security, (pricing.clone(), vega.copied())))
    });
    let asked = lookup(
        &arrange(securities, "securities"),
        valuation_day,
        "prices asked for",
        |(), (security, asked): &(Symbol, PricingWithVega), day| ((*security, asked.0.currency), (*day, asked.clone())),
    );
    let quotes = as_of(
        &arrange(asked, "prices asked for"),
        prices,
        "prices as of the day",
        move |priced, day, (pricing, vega), found| {
            let price = found.map(|(price_day, price)| (price.number, *price_day));
            let age = price.map_or(0, |(_, price_day)| day.saturating_sub(price_day));
            // Cash does not age.
            let is_stale = !pricing.is_cash && age > i32::from(stale_after_days);
            let vega = *vega;
            (priced.0, Quote { pricing: pricing.clone(), price, vega, is_stale, fx_rate: None, reporting_rate: None })
        },
    );
    arrange(quotes, "prices of securities")
}

/// The quotes of securities for each base currency that is asked for.
fn with_rates<'scope>(
    asked: Collection<'scope, QuoteFor>,
    priced: &Arranged<'scope, Symbol, Quote>,
    reporting_currency: Option<Currency>,
    fx_rates: &FxRates<'scope>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, (QuoteFor, Quote)> {
    let quotes = lookup(
        &arrange(asked, "quotes asked for"),
        priced,
        "quotes in their currency",
        |security, base: &Currency, quote: &Quote| ((quote.pricing.currency, *base), (*security, quote.clone())),
    );
    let quotes = at_rates_now(quotes, fx_rates, valuation_day, "quotes with rates");
    let quotes = quotes.map(|((_, base), (security, quote), fx_rate): (CurrencyPair, _, _)| {
        ((security, base), Quote { fx_rate, ..quote })
    });
    let Some(reporting) = reporting_currency else { return quotes };
    let by_base = quotes.map(move |((security, base), quote)| ((base, reporting), (security, quote)));
    let quotes = at_rates_now(by_base, fx_rates, valuation_day, "quotes with rates into the reporting currency");
    quotes.map(|((base, _), (security, quote), reporting_rate)| ((security, base), Quote { reporting_rate, ..quote }))
}

/// What a position is worth at a quote.
fn valuation((security, base_currency): &QuoteFor, open: &Open, quote: Option<&Quote>) -> Valuation {
    let (portfolio, cost_currency, [quantity, cost_local, cost_base]) = *open;
    let pricing = quote.map(|quote| &quote.pricing);
    let price = quote.and_then(|quote| quote.price);
    let vega = quote.and_then(|quote| quote.vega);
    let fx_rate = quote.and_then(|quote| quote.fx_rate);
    let units = pricing.and_then(|pricing| contract_units(quantity, pricing.multiplier));
    // Both factors fit into 63 bits.
    let exact = units.zip(price).map(|(units, (price, _))| units * i128::from(price));
    let value_local = exact.and_then(|exact| share(exact, 1, Quantity::ONE_SCALED));
    // From what is not rounded yet, as the series are: a rate may be large.
    let value_base = exact.zip(fx_rate).and_then(|(exact, rate)| to_base(exact, rate));
    let value_base = value_base.filter(|_| !base_currency.is_none());
    Valuation {
        holding: (portfolio, *security),
        cost_currency,
        currency: pricing.map_or(cost_currency, |pricing| pricing.currency),
        base_currency: *base_currency,
        instrument: pricing.and_then(|pricing| pricing.instrument.clone()),
        quantity,
        cost: (cost_local, cost_base),
        price,
        vega,
        // Both factors fit into 63 bits.
        position_vega: units.zip(vega).map_or(0, |(units, (vega, _))| units * i128::from(vega)),
        fx_rate,
        value_local,
        value_base,
        status: match quote {
            _ if price.is_none() => Status::Unvalued,
            _ if value_base.is_none() => Status::Failed,
            Some(quote) if quote.is_stale => Status::Stale,
            _ => Status::Current,
        },
    }
}

/// A value of 14 decimals, units times price, in base currency; `None` if it is too large: then it is not valued.
pub fn to_base(value: i128, rate: i128) -> Option<i128> {
    // The decimals of a quantity beside those of the rate.
    const WHOLE: i128 = Quantity::ONE_SCALED * Rate::ONE_SCALED;
    share(value, rate, WHOLE).filter(|value| is_bounded(*value))
}

/// A position of more units of price has no value, in no view: so the difference of two of them fits into an `i64`.
const MOST_UNITS: u128 = (i64::MAX >> 1) as u128;

/// How many units of price a quantity stands for: 2 futures on an index with a multiplier of 50 are 100. `None` if they are
/// too many: more than 4.6 · 10¹².
pub fn contract_units(quantity: i128, multiplier: i128) -> Option<i128> {
    share(quantity, multiplier, Quantity::ONE_SCALED).filter(|units| units.unsigned_abs() <= MOST_UNITS)
}

const ABOUT: &str =
    "What each position is worth on the last day, and how good that is: CURRENT, STALE, UNVALUED, FAILED.";

fn columns() -> Vec<(&'static str, ColumnKind)> {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("cost_currency", ColumnKind::Text),
        ("status", ColumnKind::Text),
        ("quantity", QUANTITY),
        ("currency", ColumnKind::Text),
        ("price", PRICE),
        ("price_date", ColumnKind::Date),
        ("value_local", AMOUNT),
        ("base_currency", ColumnKind::Text),
        ("fx_rate", RATE),
        ("value_base", AMOUNT),
        ("cost_local", AMOUNT),
        ("cost_base", AMOUNT),
        ("unrealised_gain_local", AMOUNT),
        ("unrealised_gain_base", AMOUNT),
        ("name", ColumnKind::Text),
        ("product", ColumnKind::Text),
    ];
    let classes = CLASS_COLUMNS.map(|name| (name, ColumnKind::Text));
    let last = [("maturity_date", ColumnKind::Date), ("vega", PRICE), ("vega_date", ColumnKind::Date)];
    columns.into_iter().chain(classes).chain(last).collect()
}

fn row(valuation: &Valuation) -> Row {
    let (cost_local, cost_base) = valuation.cost;
    let is_same = valuation.currency == valuation.cost_currency;
    let instrument = valuation.instrument.as_deref();
    let own = [
        symbol_cell(valuation.holding.0),
        symbol_cell(valuation.holding.1),
        currency_cell(valuation.cost_currency),
        Cell::text(valuation.status.name()),
        Cell::fixed(valuation.quantity),
        currency_cell(valuation.currency),
        number_cell(valuation.price.map(|(price, _)| price.into())),
        valuation.price.map_or(Cell::Null, |(_, day)| day_cell(day)),
        number_cell(valuation.value_local),
        currency_cell(valuation.base_currency),
        number_cell(valuation.fx_rate),
        number_cell(valuation.value_base),
        Cell::fixed(cost_local),
        Cell::fixed(cost_base),
        number_cell(valuation.value_local.filter(|_| is_same).map(|value| value - cost_local)),
        number_cell(valuation.value_base.map(|value| value - cost_base)),
        instrument.map_or(Cell::Null, |instrument| symbol_cell(instrument.name)),
        instrument.map_or(Cell::Null, product_cell),
    ];
    let last = [
        instrument.map_or(Cell::Null, |instrument| date_cell(instrument.maturity_date)),
        number_cell(valuation.vega.map(|(vega, _)| vega.into())),
        valuation.vega.map_or(Cell::Null, |(_, day)| day_cell(day)),
    ];
    Row::new(own.into_iter().chain(classes_of(instrument)).chain(last).collect::<Vec<_>>())
}

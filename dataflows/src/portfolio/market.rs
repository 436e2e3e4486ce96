//! The market as the books see it: which day it is, in which currency each security is priced, and what it and each
//! currency were worth on every day.
//!
//! ```text
//!  prices, rates, changes ──▶ days ──▶ the last of them that has come ──▶ until when all series run
//!  instruments, prices, changes ──▶ pricing of each security
//!  prices ──▶ price on every day        fx rates ──▶ rate on every day        vegas ──▶ vega as of the last day
//! ```
//! Series run to the last day on which a price, a rate or a transaction is dated, but not past the day of the tick: what is
//! dated later waits until its day has come (UTC). A price holds until the next one.

use std::sync::Arc;

use engine::{ColumnKind, Row, Views};
use model::{Currency, Date, Instrument, Product, Quantity, Rate, SourceId, Symbol, Timestamp};
use operators::as_of::as_of;
use operators::carry_forward::carry_forward;
use operators::day_blocks::DayBlock;
use operators::deadline::deadline;
use operators::derive::derive_rows;
use operators::distinct::{count_each, distinct, distinct_each};
use operators::lookup::{lookup, lookup_left};
use operators::shared::Shared;
use operators::{Arranged, Collection, Data, Key, Tick, arrange};
use serde::{Deserialize, Serialize};

use super::inputs::{CurrencyPair, FxRates, PriceOf, Priced, Prices, RateOf, Stated, VegaOf, is_own};
use super::ledger::{Change, Ledger};
use crate::table::{day_cell, spec};

/// How a security is priced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pricing {
    /// The currency of the prices that count.
    pub currency: Currency,
    /// What one unit is worth at a price of one, in units of [`Quantity`].
    pub multiplier: i128,
    /// Whether it is cash.
    pub is_cash: bool,
    /// Whether there are prices, in any currency.
    pub has_prices: bool,
    /// What is known of the instrument.
    pub instrument: Option<Arc<Instrument>>,
}

impl Pricing {
    /// Whether a unit is worth one: of cash, where no price says otherwise.
    pub const fn is_at_par(&self) -> bool {
        self.is_cash && !self.has_prices
    }
}

/// What is said of how a security is priced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Said {
    /// Its cost is in this currency.
    HeldIn(Currency),
    /// There are prices in this currency.
    PricedIn(Currency),
    /// It is this instrument.
    Instrument(Arc<Instrument>),
}

/// How each security is priced: in the currency of its instrument, else in the greatest in which there are prices
/// (`priced`), else in that of its cost. Where several sources tell an instrument, all that the one says counts which is
/// defined last.
pub fn pricing<'scope>(
    instruments: Collection<'scope, Arc<Instrument>>,
    priced: Collection<'scope, Priced>,
    changes: &Shared<'scope, Change>,
) -> Arranged<'scope, Symbol, Pricing> {
    let held = distinct_each(changes, "currencies of costs", |change| Some((change.holding.1, change.currency)));
    let said = instruments.map(|instrument| (instrument.id, Said::Instrument(instrument)));
    let said = said.concat(held.map(|(security, currency)| (security, Said::HeldIn(currency))));
    let said = said.concat(priced.map(|(security, currency)| (security, Said::PricedIn(currency))));
    let pricing =
        derive_rows(&arrange(said, "what is said of securities"), "pricing", |security: &Symbol, said, out| {
            out.row((*security, pricing_of(said.iter().map(|(said, _)| *said))));
        });
    arrange(pricing, "pricing")
}

fn pricing_of<'a>(said: impl Iterator<Item = &'a Said>) -> Pricing {
    let mut pricing = Pricing {
        currency: Currency::NONE,
        multiplier: Quantity::ONE_SCALED,
        is_cash: false,
        has_prices: false,
        instrument: None,
    };
    // What is said last counts: the instrument of the source that is defined last, else prices, else costs.
    for said in said {
        match said {
            Said::HeldIn(currency) => pricing.currency = *currency,
            Said::PricedIn(currency) => {
                pricing.currency = *currency;
                pricing.has_prices = true;
            }
            Said::Instrument(instrument) => pricing.instrument = Some(Arc::clone(instrument)),
        }
    }
    if let Some(instrument) = &pricing.instrument {
        if !instrument.currency.is_none() {
            pricing.currency = instrument.currency;
        }
        pricing.multiplier = instrument.multiplier.scaled().unwrap_or(Quantity::ONE_SCALED);
        pricing.is_cash = instrument.product == Product::Cash;
    }
    pricing
}

/// The day to which all series run, as the only row under `()`.
pub fn valuation_day<'scope>(
    prices: &Shared<'scope, PriceOf>,
    fx_rates: Collection<'scope, RateOf>,
    ledger: &Ledger<'scope>,
) -> Arranged<'scope, (), i32> {
    let days = count_each(prices, "days of prices", |(_, day, _)| Some(*day)).concat(fx_rates.map(|(_, day, _)| day));
    // A fee changes no position, but it is of a day too.
    let days = days.concat(count_each(&ledger.changes, "days booked", |change| change.date.days()));
    let days = days.concat(count_each(&ledger.flows, "days of flows", |booked| booked.flow.date.days()));
    let days = days.filter(|day| *day <= Date::LATEST.0);
    let days = deadline(distinct(days, "days").map(|day| (day, start_of(day))), "days that have come");
    let last = derive_rows(&arrange(days.map(|day| ((), day)), "days"), "valuation day", |(), days, out| {
        out.row(((), days.last().map_or(0, |(day, _)| **day)));
    });
    arrange(last, "valuation day")
}

/// Registers the view `valuation_day`.
pub fn register<'scope>(valuation_day: &Arranged<'scope, (), i32>, views: &mut Views) {
    let about =
        "The last day that has come on which anything is dated: up to it all series run, and as of it all is valued.";
    views.derived(spec("valuation_day", about, &[("date", ColumnKind::Date)], 1), valuation_day, |(), days, rows| {
        rows.extend(days.iter().map(|(day, count)| (Row::new([day_cell(**day)]), *count)));
    });
}

/// The tick at which a day starts (UTC).
pub fn start_of(day: i32) -> Tick {
    Timestamp::start_of(Date::from_days(day)).micros().and_then(|micros| Tick::try_from(micros).ok()).unwrap_or(0)
}

/// Each key with the day to which all series run.
pub fn until<'scope, K: Key>(
    keys: Collection<'scope, K>,
    valuation_day: &Arranged<'scope, (), i32>,
    name: &str,
) -> Arranged<'scope, K, i32> {
    let keys = arrange(keys.map(|key| ((), key)), name);
    arrange(lookup(&keys, valuation_day, name, |(), key: &K, day| (key.clone(), *day)), name)
}

/// What each security was worth on every day.
pub fn daily_prices<'scope>(
    prices: &Prices<'scope>,
    keys: Collection<'scope, Priced>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, Priced, i32, DayBlock<i64>> {
    carry_forward(prices, &until(keys, valuation_day, "last days of prices"), "prices on every day")
}

/// What each currency of a pair was worth in the other on every day; in itself it is worth one, if it is known.
pub fn daily_rates<'scope>(
    rates: Collection<'scope, RateOf>,
    pairs: Collection<'scope, CurrencyPair>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, CurrencyPair, i32, DayBlock<i128>> {
    let own = pairs.clone().filter(is_own);
    let one = Stated { source: SourceId(0), number: Rate::ONE_SCALED };
    let own = own.map(move |pair| (pair, Date::EARLIEST.0, one));
    let rates = arrange(rates.concat(own).map(|(pair, day, rate)| (pair, (day, rate))), "rates and ones");
    carry_forward(&rates, &until(pairs, valuation_day, "last days of rates"), "rates on every day")
}

/// The last vega of each security on or before the last day, and its day.
pub fn vegas_now<'scope>(
    vegas: Collection<'scope, VegaOf>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, Symbol, (i64, i32)> {
    let securities = distinct(vegas.clone().map(|(security, _, _)| security), "securities with vegas");
    let vegas = arrange(vegas.map(|(security, day, vega)| (security, (day, vega))), "vegas");
    last_known(securities, &vegas, valuation_day, "vegas as of the day", |day, vega| (vega.number, day))
}

/// Rows with the rate of their pair of currencies as of the day: one, where both are the same and known.
pub fn at_rates_now<'scope, D: Data>(
    rows: Collection<'scope, (CurrencyPair, D)>,
    fx_rates: &FxRates<'scope>,
    valuation_day: &Arranged<'scope, (), i32>,
    name: &str,
) -> Collection<'scope, (CurrencyPair, D, Option<i128>)> {
    let own = rows.clone().filter(|(pair, _)| is_own(pair));
    let own = own.map(|(pair, row)| (pair, row, Some(Rate::ONE_SCALED)));
    let foreign = rows.filter(|(pair, _)| !is_own(pair));
    let pairs = distinct(foreign.clone().map(|(pair, _)| pair), name);
    let rates = last_known(pairs, fx_rates, valuation_day, "rates as of the day", |_day, rate| rate.number);
    let foreign = lookup_left(&arrange(foreign, name), &rates, name, |pair, row: &D, rate: Option<&i128>| {
        (*pair, row.clone(), rate.copied())
    });
    own.concat(foreign)
}

/// What `tell` makes of the last observation of each key on or before the last day, and of its day.
fn last_known<'scope, K: Key, V: Data, O: Data>(
    keys: Collection<'scope, K>,
    observations: &Arranged<'scope, K, (i32, V)>,
    valuation_day: &Arranged<'scope, (), i32>,
    name: &str,
    tell: impl Fn(i32, &V) -> O + 'static,
) -> Arranged<'scope, K, O> {
    let asked = until(keys, valuation_day, name).as_collection(|key, day| (key.clone(), (*day, ())));
    let last = as_of(&arrange(asked, name), observations, name, move |key, _day, (), found| {
        found.map(|(day, value)| (key.clone(), tell(*day, value)))
    });
    arrange(last.flat_map(|last| last), name)
}

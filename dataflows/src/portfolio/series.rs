//! Portfolios from day to day: what each was worth, and what came in and went out.
//!
//! ```text
//!  changes ──▶ steps of each security ──┐
//!  prices on every day ─────────────────┴─▶ value by portfolio and currency ──┐
//!  rates on every day ────────────────────────────────────────────────────────┴─▶ value in base currency ──┐
//!  cash flows ──▶ × rate of their day ──▶ flows of the portfolio by day ───────────────────────────────────┤
//!  changes ──▶ how many positions are held by day ─────────────────────────────────────────────────────────┴─▶ days
//! ```
//! Values are summed exactly, in the currency of the prices, and turned into base currency once for each portfolio, currency
//! and day. So the value of a day may differ in the last decimal from the sum of values that were rounded one by one. What a
//! portfolio holds in one currency is summed right up to 10²⁴ of it.

use differential_dataflow::AsCollection;
use engine::{Cell, ColumnKind, Row, Views};
use model::{Quantity, Rate, SourceId, Symbol};
use operators::as_of::as_of;
use operators::block_products::convert;
use operators::carry_forward::carry_forward;
use operators::day_blocks::{DayBlock, arrange_days};
use operators::distinct::distinct_each;
use operators::join_days::join_days;
use operators::lookup::lookup_left;
use operators::shared::Shared;
use operators::step_products::{Step, step_products};
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::vec::Map;

use super::cash_flow_rules::{CashFlow, FlowClass, FlowTiming};
use super::cost_basis::money::{is_bounded, share};
use super::inputs::{CurrencyPair, FxRates, PriceOf, Priced, Stated, is_own};
use super::ledger::{BookedFlow, Change};
use super::market::{Pricing, until};
use super::performance::daily::{Basis, Day};
use super::valuations::{contract_units, to_base};
use crate::table::{AMOUNT, RATIO, day_cell, ratio_cell, spec, symbol_cell};

/// A day of a portfolio, in units of [`model::Amount`] of its base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortfolioDay {
    /// Worth at the end of the day, of the positions that could be valued.
    pub value: i128,
    /// What came in (positive) or went out at the start of the day.
    pub opening_flow: i128,
    /// What came in (positive) or went out at the end of the day, fees with it.
    pub closing_flow: i128,
    /// The fees among the flows, as a positive number.
    pub fee: i128,
    /// How many positions are held at the end of the day.
    pub positions: i32,
    /// How many of them could not be valued.
    pub positions_unvalued: i32,
    /// How many flows are not among those above, because there is no rate into base currency.
    pub flows_without_rate: i32,
}

impl PortfolioDay {
    /// Whether a position has no value, or a flow no rate: what is told of the day leaves it out.
    pub const fn is_incomplete(&self) -> bool {
        self.positions_unvalued > 0 || self.flows_without_rate > 0
    }

    /// The day, for what was worth so much before it.
    pub fn after(&self, opening_value: i128) -> Day {
        Day {
            opening_value,
            opening_flow: self.opening_flow,
            closing_flow: self.closing_flow,
            closing_value: self.value,
            fee: self.fee,
        }
    }
}

/// A change of a position, as a step of its value: by how many units of price, and whether a position begins (1) or ends
/// (-1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PricedChange {
    /// The security and the currency of its price.
    pub priced: Priced,
    /// The portfolio, and the currencies of the price and of its base.
    pub target: (Symbol, CurrencyPair),
    /// From which day on.
    pub day: i32,
    /// How many units came, in units of [`model::Quantity`].
    pub quantity: i128,
    /// How many units of price that is: times the multiplier of the instrument. A position of too many stands for none.
    pub units: i64,
    /// 1, 0 or -1.
    pub held: i64,
    /// The same, of a position that can be valued where there is a price: not one of too many units.
    pub valuable: i64,
    /// Whether a unit is worth one, because it is cash and no price says otherwise.
    pub is_at_par: bool,
}

/// The changes with the currencies that their securities are priced in.
pub fn priced_changes<'scope>(
    changes: &Shared<'scope, Change>,
    pricing: &Arranged<'scope, Symbol, Pricing>,
) -> Shared<'scope, PricedChange> {
    let by_security = arrange(changes.map(|change| (change.holding.1, change.clone())), "changes by security");
    let priced = lookup_left(&by_security, pricing, "priced changes", |security, change: &Change, pricing| {
        priced_change(*security, change, pricing)
    });
    Shared::of(priced.flat_map(|change| change))
}

fn priced_change(security: Symbol, change: &Change, pricing: Option<&Pricing>) -> Option<PricedChange> {
    let multiplier = pricing.map_or(Quantity::ONE_SCALED, |pricing| pricing.multiplier);
    let currency = pricing.map_or(change.currency, |pricing| pricing.currency);
    let [before, now] = [change.quantity_before, change.quantity].map(|quantity| quantity.scaled().unwrap_or(0));
    // The difference of what is rounded, so that nothing is left when all units are gone.
    let [units_before, units] = [before, now].map(|quantity| contract_units(quantity, multiplier));
    let is_valuable = |quantity: i128, units: Option<i128>| i64::from(quantity != 0 && units.is_some());
    Some(PricedChange {
        priced: (security, currency),
        target: (change.holding.0, (currency, change.base_currency)),
        day: change.date.days()?,
        quantity: now - before,
        // Both are bounded, so that their difference always fits.
        units: (units.unwrap_or(0) - units_before.unwrap_or(0)) as i64,
        held: i64::from(now != 0) - i64::from(before != 0),
        valuable: is_valuable(now, units) - is_valuable(before, units_before),
        is_at_par: pricing.is_some_and(|pricing| pricing.is_at_par()),
    })
}

/// The prices of cash: one, on each day on which it moves.
pub fn cash_prices<'scope>(changes: &Shared<'scope, PricedChange>) -> Collection<'scope, PriceOf> {
    const ONE: Stated<i64> = Stated { source: SourceId(0), number: 10i64.pow(model::Price::SCALE as u32) };
    changes.flat_map(|change| change.is_at_par.then_some((change.priced, change.day, ONE)))
}

/// A step in the series of a security, for a target in a pair of currencies, from a day on.
pub type StepOf<G> = (Priced, ((G, CurrencyPair), i32));

impl PricedChange {
    /// Its step for a target, of a quantity and of what is held.
    pub fn step<G>(&self, target: G) -> (StepOf<G>, Step) {
        let step = Step { amount: self.units, count: self.valuable };
        ((self.priced, ((target, self.target.1), self.day)), step)
    }
}

/// What each target was worth in base currency on every day, with how many positions that is.
pub fn values<'scope, G: operators::Key>(
    steps: Collection<'scope, StepOf<G>, Step>,
    daily_prices: &Arranged<'scope, Priced, i32, DayBlock<i64>>,
    daily_rates: &Arranged<'scope, CurrencyPair, i32, DayBlock<i128>>,
    name: &str,
) -> Arranged<'scope, G, i32, DayBlock<i128>> {
    let local = step_products(&arrange(steps, "steps"), daily_prices, name);
    let by_pair = local.as_collection(|(target, pair), block| (*pair, (target.clone(), *block)));
    convert(&arrange(by_pair, name), daily_rates, name, to_base)
}

/// What comes in and goes out of a portfolio, and how many positions it has: opening flow, closing flow, fee, flows without a
/// rate, positions.
type Totals = [i128; 5];

const OPENING_FLOW: usize = 0;
const CLOSING_FLOW: usize = 1;
const FEE: usize = 2;
const WITHOUT_RATE: usize = 3;
const POSITIONS: usize = 4;

/// A flow between a portfolio and the world.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortfolioFlow {
    /// The portfolio.
    pub portfolio: Symbol,
    /// The day.
    pub day: i32,
    /// At which end of the day.
    pub timing: FlowTiming,
    /// Whether it is a charge.
    pub is_fee: bool,
    /// Above zero where it comes in; `None` where there is no rate into base currency, or it would be too large.
    pub amount: Option<i128>,
}

/// The flows between portfolios and the world, in base currency as of their day.
pub fn portfolio_flows<'scope>(
    flows: &Shared<'scope, BookedFlow>,
    fx_rates: &FxRates<'scope>,
) -> Collection<'scope, PortfolioFlow> {
    let flows = flows.flat_map(|BookedFlow { flow, base_currency, .. }| {
        let own = if flow.is_portfolio_flow { portfolio_flow(flow) } else { None };
        own.map(|own| ((flow.currency, *base_currency), (own.day, own)))
    });
    in_base_currency(flows, fx_rates, "flows of portfolios", |flow: &PortfolioFlow, rate| {
        let amount = flow.amount.zip(rate).and_then(|(amount, rate)| share(amount, rate, Rate::ONE_SCALED));
        Some(PortfolioFlow { amount: amount.filter(|amount| is_bounded(*amount)), ..flow.clone() })
    })
}

/// Flows with their days, each at the last rate up to its day: `at_rate` gives the flow at a rate, or where there is none.
pub fn in_base_currency<'scope, F: operators::Data>(
    flows: Collection<'scope, (CurrencyPair, (i32, F))>,
    fx_rates: &FxRates<'scope>,
    name: &str,
    at_rate: impl Fn(&F, Option<i128>) -> Option<F> + 'static,
) -> Collection<'scope, F> {
    let foreign = flows.clone().filter(|(pair, _)| !is_own(pair));
    let converted = as_of(&arrange(foreign, name), fx_rates, name, move |_pair, _day, flow, found| {
        at_rate(flow, found.map(|(_, rate)| rate.number))
    });
    flows.filter(|(pair, _)| is_own(pair)).map(|(_, (_, flow))| flow).concat(converted.flat_map(|flow| flow))
}

fn portfolio_flow(flow: &CashFlow) -> Option<PortfolioFlow> {
    Some(PortfolioFlow {
        portfolio: flow.portfolio,
        day: flow.date.days()?,
        timing: flow.timing,
        is_fee: flow.class == FlowClass::Expense,
        amount: flow.amount.scaled(),
    })
}

fn totals_of(flow: &PortfolioFlow) -> Totals {
    let mut totals = [0; 5];
    let end = if flow.timing == FlowTiming::BeginOfDay { OPENING_FLOW } else { CLOSING_FLOW };
    match flow.amount {
        Some(amount) => {
            totals[end] = amount;
            totals[FEE] = if flow.is_fee { -amount } else { 0 };
        }
        None => totals[WITHOUT_RATE] = 1,
    }
    totals
}

/// How many positions each portfolio has on every day.
fn positions_held<'scope>(
    changes: &Shared<'scope, PricedChange>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, Symbol, i32, DayBlock<i128>> {
    let steps = changes.weigh(|change| {
        let step = Step { amount: change.held, count: change.held };
        ((change.target.0, (change.target.0, change.day)), step)
    });
    let ones = changes.map(|change| (change.target.0, (change.day, 1i64)));
    let portfolios = distinct_each(changes, "portfolios that hold something", |change| Some(change.target.0));
    let last_days = until(portfolios, valuation_day, "last days of portfolios");
    let every_day = carry_forward(&arrange(ones, "days of changes"), &last_days, "every day");
    step_products(&arrange(steps, "steps of positions"), &every_day, "positions by day")
}

/// The days of all portfolios: those on which something is held, flows or changes. So the day on which the last position
/// goes is one of them.
pub fn days<'scope>(
    values: &Arranged<'scope, Symbol, i32, DayBlock<i128>>,
    flows: Collection<'scope, PortfolioFlow>,
    changes: &Shared<'scope, PricedChange>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, Symbol, (i32, PortfolioDay)> {
    let flows = flows.map(|flow| (flow.portfolio, flow.day, totals_of(&flow)));
    let changed = changes.map(|change| (change.target.0, change.day, [0; 5]));
    let flows = arrange_days(flows.concat(changed), "flows by day");
    let held = positions_held(changes, valuation_day).as_collection(|portfolio, block| (*portfolio, *block)).inner;
    let held = held.map(|(block, tick, held)| (block, tick, held.map(|positions| [0, 0, 0, 0, positions])));
    let totals = flows.as_collection(|portfolio, block| (*portfolio, *block)).concat(held.as_collection());
    let totals = arrange(totals, "totals by day");
    let days = join_days(values, &totals, "portfolio days", |portfolio, day, value, totals| {
        let (value, valued) = value.unwrap_or((0, 0));
        let totals: Totals = totals.map_or([0; 5], |(totals, _)| totals);
        let positions = i32::try_from(totals[POSITIONS]).unwrap_or(i32::MAX);
        let row = PortfolioDay {
            value,
            opening_flow: totals[OPENING_FLOW],
            closing_flow: totals[CLOSING_FLOW],
            fee: totals[FEE],
            positions,
            positions_unvalued: positions - valued,
            flows_without_rate: i32::try_from(totals[WITHOUT_RATE]).unwrap_or(i32::MAX),
        };
        Some((*portfolio, (day, row)))
    });
    arrange(days, "portfolio days")
}

/// Registers the view `portfolio_timeseries`.
pub fn register<'scope>(days: &Arranged<'scope, Symbol, (i32, PortfolioDay)>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("date", ColumnKind::Date),
        ("opening_value", AMOUNT),
        ("opening_flow", AMOUNT),
        ("closing_flow", AMOUNT),
        ("fees", AMOUNT),
        ("closing_value", AMOUNT),
        ("return_gross", RATIO),
        ("return_net", RATIO),
        ("positions", ColumnKind::Int),
        ("positions_unvalued", ColumnKind::Int),
        ("flows_without_rate", ColumnKind::Int),
    ];
    let about = "Each portfolio on every day: its value in base currency, what came in and went out, and its return.";
    views.derived(spec("portfolio_timeseries", about, &columns, 2), days, |portfolio, group, rows| {
        let mut before: Option<(i32, i128)> = None;
        for ((day, own), count) in group.iter().map(|(row, count)| (**row, *count)) {
            let opening_value = opening_value(before, day);
            rows.push((row(*portfolio, day, &own, &own.after(opening_value)), count));
            before = Some((day, own.value));
        }
    });
}

/// What was there before a day: nothing, unless the day before is there too.
pub fn opening_value(before: Option<(i32, i128)>, day: i32) -> i128 {
    before.filter(|(before, _)| before.checked_add(1) == Some(day)).map_or(0, |(_, value)| value)
}

fn row(portfolio: Symbol, day: i32, own: &PortfolioDay, with_opening: &Day) -> Row {
    Row::new([
        symbol_cell(portfolio),
        day_cell(day),
        Cell::fixed(with_opening.opening_value),
        Cell::fixed(own.opening_flow),
        Cell::fixed(own.closing_flow),
        Cell::fixed(own.fee),
        Cell::fixed(own.value),
        ratio_cell(Some(with_opening.rate(Basis::Gross))),
        ratio_cell(Some(with_opening.rate(Basis::Net))),
        Cell::Int(own.positions.into()),
        Cell::Int(own.positions_unvalued.into()),
        Cell::Int(own.flows_without_rate.into()),
    ])
}

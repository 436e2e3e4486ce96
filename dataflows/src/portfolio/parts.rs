//! Parts of portfolios from day to day: what each security, or group of securities, was worth, and what came to it and left.
//! Only of the portfolios that an analysis of the configuration names.
//!
//! ```text
//!  changes ──▶ the groups that they are in ──▶ steps × prices ──▶ values × rates ──┐
//!  cash flows ──▶ × rate of their day ──▶ flows of the groups ─────────────────────┼──▶ what each analysis reads
//!  days of the whole portfolio, periods ───────────────────────────────────────────┘
//! ```
//! A day of a part is a [`Day`], like that of a whole portfolio. Its flows come from the rest of the portfolio, or from the
//! world:
//!
//! | flow of the position, by class | into the part | when |
//! |---|---|---|
//! | investment, income | what the portfolio's cash pays: minus the amount. A purchase is above zero; a dividend, that leaves it, below | at the end of the day |
//! | cash flow, transfer | what the world brings: the amount | as the rules say |
//! | expense | minus the amount: it is paid for the part out of the cash | at the end of the day |
//! | expense that is a flow of the portfolio | nothing: a fee, which lowers the net gain alone | |
//!
//! Cash is a security like any other. The sale of it that pays for a purchase takes as much from the cash as the purchase
//! brings to what is bought, so the gains of a day add up to the gain of the portfolio. **What they do not add up to is the
//! rest**: a part without a name (see `Parts::with_rest`). What flows on a day on which nothing is held is in neither.
//!
//! Flows within the portfolio are told at the end of the day, so that the bases of parts add up to that of the portfolio: its
//! cash is not counted again in what it bought.
//!
//! The value of a part is rounded once a day, by currency, as that of the portfolio is. It is one block of 64 days (1,152
//! bytes) for each part and currency, some four times over.

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use model::{ExposureDimension, Rate, Symbol};
use operators::day_blocks::{BLOCK_DAYS, DayBlock, day_of};
use operators::group::Group;
use operators::lookup::lookup_left;
use operators::shared::Shared;
use operators::{Arranged, Collection, arrange, nothing};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::vec::Map;

use super::analyses::{Analysis, Side};
use super::cash_flow_rules::{CashFlow, FlowClass, FlowTiming};
use super::config::Books;
use super::cost_basis::money::{is_bounded, share};
use super::dimension::group_of;
use super::inputs::{CurrencyPair, FxRates, Priced};
use super::ledger::BookedFlow;
use super::market::Pricing;
use super::performance::daily::Day;
use super::returns::PeriodOf;
use super::series::{self, PortfolioDay, PricedChange};

/// What an analysis reads of its portfolios, beside the values of their parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Told {
    /// A day of the whole portfolio.
    Day(i32, PortfolioDay),
    /// A flow of a part.
    Flow {
        /// The part.
        part: Symbol,
        /// The day.
        day: i32,
        /// What it does.
        effect: FlowEffect,
        /// How much came, in base currency.
        amount: i128,
    },
    /// A period of the portfolio that it is about.
    Period(PeriodOf),
}

/// What a flow does to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FlowEffect {
    /// It comes from the world at the start of the day.
    AtStart,
    /// It comes at the end of the day, or from the rest of the portfolio.
    AtEnd,
    /// It is a fee: the amount is above zero.
    Fee,
}

/// Where the values of 64 days belong: the side of the analysis, the part, the block.
pub type ValueOf = (Side, Symbol, i32);

/// What all analyses read.
pub struct Analysed<'scope> {
    told: Collection<'scope, (Analysis, (Side, Told))>,
    values: Collection<'scope, (Analysis, ValueOf), DayBlock<i128>>,
}

/// What analyses of one kind read: what is told, and the values.
pub type Read<'scope> = (Arranged<'scope, Analysis, (Side, Told)>, Arranged<'scope, Analysis, ValueOf, DayBlock<i128>>);

impl<'scope> Analysed<'scope> {
    /// What the analyses of a kind read.
    pub fn read_by(&self, is_one: fn(&Analysis) -> bool, name: &str) -> Read<'scope> {
        let told = self.told.clone().filter(move |(analysis, _)| is_one(analysis));
        let values = self.values.clone().filter(move |(analysis, _)| is_one(analysis));
        (arrange(told, name), arrange(values, name))
    }
}

/// A portfolio and the dimension in which its positions are grouped, with a group.
type PartOf = ((Symbol, ExposureDimension), Symbol);

/// What parts are made from.
pub struct MadeFrom<'a, 'scope> {
    /// The flows that were booked.
    pub flows: &'a Shared<'scope, BookedFlow>,
    /// The changes of positions.
    pub changes: &'a Shared<'scope, PricedChange>,
    /// How securities are priced.
    pub pricing: &'a Arranged<'scope, Symbol, Pricing>,
    /// What securities were worth.
    pub daily_prices: &'a Arranged<'scope, Priced, i32, DayBlock<i64>>,
    /// What currencies were worth.
    pub daily_rates: &'a Arranged<'scope, CurrencyPair, i32, DayBlock<i128>>,
    /// The rates as they were told.
    pub fx_rates: &'a FxRates<'scope>,
    /// The days of portfolios.
    pub days: &'a Arranged<'scope, Symbol, (i32, PortfolioDay)>,
    /// The periods of portfolios.
    pub periods: Collection<'scope, (Symbol, PeriodOf)>,
}

/// What all analyses read of the portfolios that they name.
pub fn parts<'scope>(books: &Books, from: MadeFrom<'_, 'scope>) -> Analysed<'scope> {
    if books.analyses.is_empty() {
        let scope = from.changes.scope();
        return Analysed { told: nothing(scope), values: nothing(scope) };
    }
    let changes = changes_of_parts(books, from.changes, from.pricing);
    let steps = changes.explode(|(part, change)| Some(change.step(part)));
    let values = series::values(steps, from.daily_prices, from.daily_rates, "values of parts");
    let flows = flows_of_parts(books, position_flows(books, from.flows, from.fx_rates), from.pricing);

    let analyses = books.analyses.clone();
    let values =
        values.as_collection(|part, block| (*part, *block)).inner.flat_map(move |((part, block), tick, diff)| {
            let ((portfolio, dimension), group) = part;
            let uses = analyses.uses_by(portfolio, dimension);
            uses.map(move |(analysis, side)| ((analysis, (side, group, block)), tick, diff))
        });
    let analyses = books.analyses.clone();
    let flows = flows.flat_map(move |((portfolio, dimension), flow)| {
        analyses.uses_by(portfolio, dimension).map(move |(analysis, side)| (analysis, (side, flow.clone())))
    });
    let analyses = books.analyses.clone();
    let days = from.days.clone().flat_map_ref(move |portfolio, (day, own)| {
        let told = Told::Day(*day, *own);
        analyses.uses_of(*portfolio).into_iter().map(move |(_, analysis, side)| (analysis, (side, told.clone())))
    });
    let analyses = books.analyses.clone();
    let periods = from.periods.flat_map(move |(portfolio, of)| {
        let uses = analyses.uses_of(portfolio).into_iter().filter(|(.., side)| *side == Side::Portfolio);
        uses.map(move |(_, analysis, side)| (analysis, (side, Told::Period(of.clone()))))
    });
    Analysed { told: flows.concat(days).concat(periods), values: values.as_collection() }
}

/// The changes of positions, for each group that they are in.
fn changes_of_parts<'scope>(
    books: &Books,
    changes: &Shared<'scope, PricedChange>,
    pricing: &Arranged<'scope, Symbol, Pricing>,
) -> Collection<'scope, (PartOf, PricedChange)> {
    let analyses = books.analyses.clone();
    let needed = changes.flat_map(move |change| {
        let is_needed = !analyses.uses_of(change.target.0).is_empty();
        is_needed.then(|| (change.priced.0, change.clone()))
    });
    let by_security = arrange(needed, "changes of parts by security");
    let analyses = books.analyses.clone();
    let changes =
        lookup_left(&by_security, pricing, "changes of parts", move |security, change: &PricedChange, pricing| {
            let instrument = pricing.and_then(|pricing| pricing.instrument.as_deref());
            let portfolio = change.target.0;
            let part = |by| ((portfolio, by), group_of(by, (portfolio, *security), change.priced.1, instrument));
            let dimensions = analyses.dimensions_of(portfolio).into_iter();
            dimensions.map(|by| (part(by), change.clone())).collect::<Vec<_>>()
        });
    changes.flat_map(|changes| changes)
}

/// A flow of a position, in the currency of the flow or in base currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct PositionFlow {
    portfolio: Symbol,
    security: Symbol,
    day: i32,
    effect: FlowEffect,
    amount: i128,
}

/// The flows of positions, in base currency as of their day. One without a rate is left out, as of portfolios.
fn position_flows<'scope>(
    books: &Books,
    flows: &Shared<'scope, BookedFlow>,
    fx_rates: &FxRates<'scope>,
) -> Collection<'scope, PositionFlow> {
    let analyses = books.analyses.clone();
    let flows = flows.flat_map(move |BookedFlow { flow, base_currency, .. }| {
        let is_needed = !analyses.uses_of(flow.portfolio).is_empty();
        let own = if is_needed { position_flow(flow) } else { None };
        own.map(|own| ((flow.currency, *base_currency), (own.day, own)))
    });
    series::in_base_currency(flows, fx_rates, "flows of positions", |flow: &PositionFlow, rate| {
        let amount = share(flow.amount, rate?, Rate::ONE_SCALED).filter(|amount| is_bounded(*amount))?;
        Some(PositionFlow { amount, ..flow.clone() })
    })
}

/// What a flow does to its position, as the table above says.
fn position_flow(flow: &CashFlow) -> Option<PositionFlow> {
    use FlowClass as C;
    let amount = flow.amount.scaled()?;
    let (effect, amount) = match flow.class {
        C::Expense if flow.is_portfolio_flow => (FlowEffect::Fee, -amount),
        _ if !flow.is_position_flow => return None,
        C::InvestmentOutflow | C::InvestmentInflow | C::Income | C::Expense => (FlowEffect::AtEnd, -amount),
        C::CashflowIn | C::CashflowOut | C::Transfer if flow.timing == FlowTiming::BeginOfDay => {
            (FlowEffect::AtStart, amount)
        }
        C::CashflowIn | C::CashflowOut | C::Transfer => (FlowEffect::AtEnd, amount),
    };
    Some(PositionFlow { portfolio: flow.portfolio, security: flow.security, day: flow.date.days()?, effect, amount })
}

/// The flows of positions, for each group that these are in.
fn flows_of_parts<'scope>(
    books: &Books,
    flows: Collection<'scope, PositionFlow>,
    pricing: &Arranged<'scope, Symbol, Pricing>,
) -> Collection<'scope, ((Symbol, ExposureDimension), Told)> {
    let by_security = arrange(flows.map(|flow| (flow.security, flow)), "flows of parts by security");
    let analyses = books.analyses.clone();
    let flows = lookup_left(&by_security, pricing, "flows of parts", move |security, flow: &PositionFlow, pricing| {
        let instrument = pricing.and_then(|pricing| pricing.instrument.as_deref());
        let currency = pricing.map_or(model::Currency::NONE, |pricing| pricing.currency);
        let (portfolio, day, effect, amount) = (flow.portfolio, flow.day, flow.effect, flow.amount);
        let told = |by| {
            let part = group_of(by, (portfolio, *security), currency, instrument);
            ((portfolio, by), Told::Flow { part, day, effect, amount })
        };
        analyses.dimensions_of(portfolio).into_iter().map(told).collect::<Vec<_>>()
    });
    flows.flat_map(|flows| flows)
}

/// A portfolio and its parts on every day, as an analysis reads them.
#[derive(Debug, Default)]
pub struct Parts {
    /// The days on which the portfolio is there, in their order.
    pub dates: Vec<i32>,
    /// The whole portfolio on each of them.
    pub whole: Vec<Day>,
    /// Each part on each of them.
    pub parts: BTreeMap<Symbol, Vec<Day>>,
}

impl Parts {
    /// One side of an analysis, the rest with its parts.
    pub fn read(
        side: Side,
        told: Group<'_, '_, (Side, Told), isize>,
        values: Group<'_, '_, ValueOf, DayBlock<i128>>,
    ) -> Parts {
        let told = || told.iter().filter(|((of, _), _)| *of == side).map(|((_, told), count)| (told, *count));
        let days = told().filter_map(|(told, _)| if let Told::Day(day, own) = told { Some((*day, own)) } else { None });
        let mut parts = Parts::default();
        let mut before = None;
        for (day, own) in days {
            parts.dates.push(day);
            parts.whole.push(own.after(series::opening_value(before, day)));
            before = Some((day, own.value));
        }
        for ((of, part, block), values) in values.iter().map(|(of, values)| (**of, values)) {
            if of == side {
                parts.set_values(part, block, values);
            }
        }
        for (told, count) in told() {
            if let Told::Flow { part, day, effect, amount } = told {
                parts.add_flow(*part, *day, *effect, amount.saturating_mul(count as i128));
            }
        }
        parts.with_rest()
    }

    /// The days of a part, none of which may be known yet.
    fn part(&mut self, part: Symbol) -> &mut Vec<Day> {
        let days = self.dates.len();
        self.parts.entry(part).or_insert_with(|| vec![Day::default(); days])
    }

    fn set_values(&mut self, part: Symbol, block: i32, values: &DayBlock<i128>) {
        for (day, value) in (0..BLOCK_DAYS).filter_map(|place| Some((day_of(block, place), values.on(place)?.0))) {
            let Ok(place) = self.dates.binary_search(&day) else { continue };
            let is_followed = self.dates.get(place + 1) == Some(&(day + 1));
            let days = self.part(part);
            days[place].closing_value = value;
            if is_followed {
                days[place + 1].opening_value = value;
            }
        }
    }

    fn add_flow(&mut self, part: Symbol, day: i32, effect: FlowEffect, amount: i128) {
        let Ok(place) = self.dates.binary_search(&day) else { return };
        let day = &mut self.part(part)[place];
        let sum = match effect {
            FlowEffect::AtStart => &mut day.opening_flow,
            FlowEffect::AtEnd => &mut day.closing_flow,
            FlowEffect::Fee => &mut day.fee,
        };
        *sum = sum.saturating_add(amount);
    }

    /// Adds the rest, which no part explains, to the part without a name: so on every day all parts add up to the whole.
    fn with_rest(mut self) -> Parts {
        let mut rest = self.whole.clone();
        for days in self.parts.values() {
            rest.iter_mut().zip(days).for_each(|(rest, day)| *rest = rest.less(day));
        }
        let own = self.part(Symbol::NONE);
        own.iter_mut().zip(&rest).for_each(|(own, rest)| *own = own.plus(rest));
        self
    }

    /// The whole portfolio on a day, on which it may not be there.
    pub fn whole_on(&self, day: i32) -> Day {
        self.dates.binary_search(&day).map_or(Day::default(), |place| self.whole[place])
    }

    /// A part on a day, on which it may not be there.
    pub fn part_on(&self, part: Symbol, day: i32) -> Day {
        let place = self.dates.binary_search(&day).ok();
        let found = self.parts.get(&part).zip(place).map(|(days, place)| days[place]);
        found.unwrap_or_default()
    }

    /// The places of the days from one to another, both included.
    pub fn places(&self, from: i32, to: i32) -> std::ops::Range<usize> {
        let first = self.dates.partition_point(|day| *day < from);
        first..self.dates.partition_point(|day| *day <= to).max(first)
    }

    /// What a part was worth at the end of a day.
    pub fn value_on(&self, days: &[Day], day: i32) -> i128 {
        self.dates.binary_search(&day).map_or(0, |place| days[place].closing_value)
    }
}

/// The periods that an analysis is asked for, each with how often it is there.
pub fn periods<'a>(told: Group<'a, '_, (Side, Told), isize>) -> Vec<(&'a PeriodOf, isize)> {
    let period = |(row, count): &(&'a (Side, Told), isize)| match &row.1 {
        Told::Period(of) => Some((of, *count)),
        _ => None,
    };
    told.iter().filter_map(period).collect()
}

//! Positions from day to day: the view `position_timeseries`.
//!
//! It is as many rows as there are positions and days, which would be far more than all else that is kept. So it is worked
//! out when somebody looks, from the changes of positions and the prices of every day, security by security.

use std::collections::BTreeMap;

use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::{Currency, Quantity, Symbol};
use operators::day_blocks::{DayBlock, day_of};
use operators::group::Group;
use operators::lookup::lookup_left;
use operators::shared::Shared;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::cash_flow_rules::FlowTiming;
use super::cost_basis::money::share;
use super::inputs::Priced;
use super::ledger::BookedFlow;
use super::market::Pricing;
use super::series::PricedChange;
use crate::table::{AMOUNT, PRICE, QUANTITY, currency_cell, day_cell, number_cell, spec, symbol_cell};

/// What happened to a position on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Happened {
    /// Units came or left: those of the position, and the units of price that they stand for. The position can be valued from
    /// then on (1), or no longer (-1).
    Units { quantity: i128, priced_units: i64, valuable: i64 },
    /// Cash flowed between the position and the portfolio's cash, in the currency of the price.
    Flow { timing: FlowTiming, amount: i128 },
}

/// Of a portfolio, from a day on.
type Event = (Symbol, i32, Happened);

/// Registers the view `position_timeseries`.
pub fn register<'scope>(
    booked_flows: &Shared<'scope, BookedFlow>,
    changes: &Shared<'scope, PricedChange>,
    pricing: &Arranged<'scope, Symbol, Pricing>,
    daily_prices: &Arranged<'scope, Priced, i32, DayBlock<i64>>,
    views: &mut Views,
) {
    let units = changes.map(|change| {
        let PricedChange { quantity, units: priced_units, valuable, .. } = *change;
        let happened = Happened::Units { quantity, priced_units, valuable };
        (change.priced, (change.target.0, change.day, happened))
    });
    let events = arrange(units.concat(flows(booked_flows, pricing)), "events of positions");
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("date", ColumnKind::Date),
        ("currency", ColumnKind::Text),
        ("quantity", QUANTITY),
        ("price", PRICE),
        ("opening_value", AMOUNT),
        ("opening_flow", AMOUNT),
        ("closing_flow", AMOUNT),
        ("closing_value", AMOUNT),
    ];
    let about = "Each position on every day that it has a price: its value in the currency of the price, and the cash between it and the \
                 rest of the portfolio. Worked out when it is read: ask for some portfolios or securities.";
    views.joined(spec("position_timeseries", about, &columns, 3), &events, daily_prices, rows_of);
}

/// The flows of positions that are in the currency of the price.
fn flows<'scope>(
    booked_flows: &Shared<'scope, BookedFlow>,
    pricing: &Arranged<'scope, Symbol, Pricing>,
) -> Collection<'scope, (Priced, Event)> {
    let flows = booked_flows.flat_map(|BookedFlow { flow, .. }| {
        if !flow.is_position_flow {
            return None;
        }
        let happened = Happened::Flow { timing: flow.timing, amount: flow.amount.scaled()? };
        Some((flow.security, ((flow.portfolio, flow.date.days()?, happened), flow.currency)))
    });
    let priced = lookup_left(
        &arrange(flows, "flows by security"),
        pricing,
        "flows of priced positions",
        |security, (event, currency): &(Event, Currency), pricing: Option<&Pricing>| {
            let own = pricing.map_or(*currency, |pricing| pricing.currency);
            (own == *currency).then(|| ((*security, own), event.clone()))
        },
    );
    priced.flat_map(|flow| flow)
}

/// The rows of a security: those of each portfolio, from its first event on, on each day that has a price.
fn rows_of(
    (security, currency): &Priced,
    events: Group<'_, '_, Event, isize>,
    prices: Group<'_, '_, i32, DayBlock<i64>>,
    rows: &mut Rows,
) {
    let days: Vec<(i32, i64)> = prices.iter().flat_map(|(block, prices)| points(**block, prices)).collect();
    for of_portfolio in events.chunk_by(|(one, _), (other, _)| one.0 == other.0) {
        let portfolio = of_portfolio[0].0.0;
        let mut happened: BTreeMap<i32, OnDay> = BTreeMap::new();
        for ((_, day, event), count) in of_portfolio {
            happened.entry(*day).or_default().add(event, *count);
        }
        let (mut held, mut opening_value) = (OnDay::default(), 0);
        let first = happened.keys().next().copied().unwrap_or(i32::MAX);
        let mut events = happened.into_iter().peekable();
        for (day, price) in &days {
            held.flows = [0; 2];
            while let Some((_, event)) = events.next_if(|(on, _)| on <= day) {
                held.quantity += event.quantity;
                held.priced_units += event.priced_units;
                held.valuable += event.valuable;
                // What came to pass before there was a price belongs to the first day that has one.
                held.flows.iter_mut().zip(event.flows).for_each(|(sum, flow)| *sum = sum.saturating_add(flow));
            }
            if *day < first || (held.quantity == 0 && held.flows == [0; 2] && opening_value == 0) {
                continue;
            }
            let value = held.value(*price);
            let [opening_flow, closing_flow] = held.flows;
            let row = Row::new([
                symbol_cell(portfolio),
                symbol_cell(*security),
                day_cell(*day),
                currency_cell(*currency),
                Cell::fixed(held.quantity),
                Cell::fixed((*price).into()),
                Cell::fixed(opening_value),
                Cell::fixed(opening_flow),
                Cell::fixed(closing_flow),
                number_cell(value),
            ]);
            rows.push((row, 1));
            opening_value = value.unwrap_or(0);
        }
    }
}

fn points(block: i32, prices: &DayBlock<i64>) -> impl Iterator<Item = (i32, i64)> + '_ {
    (0..operators::day_blocks::BLOCK_DAYS)
        .filter_map(move |place| prices.on(place).map(|(price, _)| (day_of(block, place), price)))
}

/// What there is, or what happened, on a day.
#[derive(Clone, Copy, Default)]
struct OnDay {
    quantity: i128,
    priced_units: i128,
    /// Whether there is a position that can be valued (1) or not (0), or how this changed.
    valuable: i128,
    /// At the start of the day and at its end.
    flows: [i128; 2],
}

impl OnDay {
    /// What is held is worth so much at a price; `None` if it is too large.
    fn value(&self, price: i64) -> Option<i128> {
        let is_known = self.quantity == 0 || self.valuable != 0;
        share(self.priced_units, price.into(), Quantity::ONE_SCALED).filter(|_| is_known)
    }

    fn add(&mut self, event: &Happened, count: isize) {
        let count = count as i128;
        match event {
            Happened::Units { quantity, priced_units, valuable } => {
                self.quantity += quantity * count;
                self.priced_units += i128::from(*priced_units) * count;
                self.valuable += i128::from(*valuable) * count;
            }
            Happened::Flow { timing, amount } => {
                self.flows[usize::from(*timing == FlowTiming::EndOfDay)] += amount.saturating_mul(count);
            }
        }
    }
}

//! Daily tables of long and short legs (sgajbi/performanceAnalytics), 400 days with flows and their corrections, and one
//! end-to-end scenario (sgajbi/portfolio-analytics-system).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Row, amount, check, date, read, shape};
use crate::portfolio::performance::daily::{Basis, Day};
use crate::portfolio::performance::day_count::DayCount;
use crate::portfolio::performance::legs::{LegDay, Legs, Reset, Side, State};
use crate::portfolio::performance::linked::Linked;
use crate::portfolio::performance::money_weighted::{Payment, RootChoice, xirr};
use crate::portfolio::performance::periods::Period;

#[derive(Deserialize)]
struct Scenario {
    scenario: String,
    config: String,
    input: Vec<Input>,
    expected: Vec<BTreeMap<String, Value>>,
    tolerance: f64,
}

#[derive(Deserialize)]
struct Input {
    perf_date: String,
    begin_mv: f64,
    bod_cf: f64,
    eod_cf: f64,
    mgmt_fees: f64,
    end_mv: f64,
}

impl Input {
    fn day(&self) -> Day {
        let [opening_value, opening_flow, closing_flow, closing_value, fee] =
            [self.begin_mv, self.bod_cf, self.eod_cf, self.end_mv, self.mgmt_fees]
                .map(|value| amount(&value.to_string()));
        Day { opening_value, opening_flow, closing_flow, closing_value, fee }
    }
}

fn leg_days(dated: &[(model::Date, Day)], basis: Basis) -> Vec<LegDay> {
    let day = |number: usize| dated.get(number).map(|dated| &dated.1);
    let of = |number: usize| {
        let before = number.checked_sub(1).and_then(day);
        LegDay::new(dated[number].0, before, &dated[number].1, day(number + 1), basis)
    };
    (0..dated.len()).map(of).collect()
}

/// What the tables tell of each day. A reset of the day is told with the day, so the state before it is looked at too.
fn told(days: &[Day], leg_days: &[LegDay], number: usize) -> BTreeMap<&'static str, f64> {
    let follow = |days: &[LegDay]| days.iter().fold(State::START, |state, day| state.after(day).0);
    let before = follow(&leg_days[..number]);
    let (after, reset) = before.after(&leg_days[number]);
    // Composed rather than followed: this is what trees do.
    let points: Vec<Legs> = leg_days[..=number].iter().map(Legs::day).collect();
    let composed = shape::sixteen(&points, &Legs::none(), &|a: &Legs, b: &Legs| a.then(b)).state();
    let side = before.side_on(&leg_days[number]);
    // The tables' legs that never start again.
    let temporary = |wanted: Side, sign: f64| {
        let sides = (0..=number).scan(State::START, |state, number| {
            let side = state.side_on(&leg_days[number]);
            *state = state.after(&leg_days[number]).0;
            Some((side, leg_days[number].rate))
        });
        let factors = sides.map(|(side, rate)| if side == wanted { 1.0 + sign * rate } else { 1.0 });
        sign * (factors.product::<f64>() - 1.0)
    };
    let flag = |wanted: Reset| f64::from(reset == Some(wanted));
    BTreeMap::from([
        ("daily_ror", 100.0 * leg_days[number].rate),
        ("sign", f64::from(side as i8 - Side::Flat as i8)),
        ("nip", f64::from(days[number].is_without_investment())),
        ("perf_reset", f64::from(reset.is_some())),
        ("nctrl_1", flag(Reset::LongBelowZero)),
        ("nctrl_2", flag(Reset::ShortBelowZero)),
        ("nctrl_3", flag(Reset::ShortAboveTwo)),
        ("nctrl_4", flag(Reset::NewMoney)),
        ("temp_long_cum_ror", 100.0 * temporary(Side::Long, 1.0)),
        ("temp_short_cum_ror", 100.0 * temporary(Side::Short, -1.0)),
        ("long_cum_ror", 100.0 * after.long_rate()),
        ("short_cum_ror", 100.0 * after.short_rate()),
        ("final_cum_ror", 100.0 * composed.rate()),
    ])
}

#[test]
fn long_and_short_legs_come_out_as_in_the_tables() {
    let file = "twr/long_short_characterization.json";
    let Some(scenarios) = read::<Vec<Scenario>>(file) else { return };
    let mut rows = Vec::new();
    for scenario in &scenarios {
        let basis = if scenario.config.contains("metric_basis='NET'") { Basis::Net } else { Basis::Gross };
        let dated: Vec<_> = scenario.input.iter().map(|input| (date(&input.perf_date), input.day())).collect();
        let days: Vec<Day> = dated.iter().map(|dated| dated.1).collect();
        let leg_days = leg_days(&dated, basis);
        for (number, expected) in scenario.expected.iter().enumerate() {
            let ours = told(&days, &leg_days, number);
            for (column, value) in expected.iter().filter(|(column, _)| *column != "perf_date") {
                let case = format!("{} day {} {column}", scenario.scenario, number + 1);
                let (expected, ours) = match value.as_str() {
                    Some(side) => (
                        ["S", "N", "L"].iter().position(|name| *name == side).map(|side| side as f64 - 1.0),
                        ours.get("sign"),
                    ),
                    None => (value.as_f64(), ours.get(column.as_str())),
                };
                rows.push(Row::new(case, expected, ours.copied(), scenario.tolerance));
            }
        }
    }
    check(file, &rows, 100);
}

#[derive(Deserialize)]
struct Series {
    rows: Vec<SeriesDay>,
    periods: BTreeMap<String, SeriesPeriod>,
    mwr_xirr_act365: f64,
    corrections_cumulative: Vec<Correction>,
}

#[derive(Deserialize)]
struct SeriesDay {
    date: String,
    bod_market_value: String,
    bod_cashflow: String,
    eod_cashflow: String,
    eod_market_value: String,
    fees: String,
    daily_ror_pct: f64,
}

#[derive(Deserialize)]
struct SeriesPeriod {
    start: String,
    end: String,
    cum_ror_pct: f64,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Correction {
    date: String,
    new_eod_market_value: String,
    next_day_bod_becomes: String,
    ITD_cum_ror_pct: f64,
}

impl SeriesDay {
    fn day(&self) -> Day {
        let amounts =
            [&self.bod_market_value, &self.bod_cashflow, &self.eod_cashflow, &self.eod_market_value, &self.fees];
        let [opening_value, opening_flow, closing_flow, closing_value, fee] = amounts.map(|text| amount(text));
        Day { opening_value, opening_flow, closing_flow, closing_value, fee }
    }
}

/// The linked return in per cent: by sixteens, plainly and with legs.
fn linked(days: &[(model::Date, Day)]) -> [f64; 2] {
    let plain: Vec<Linked> = days.iter().map(|(_, day)| Linked::of(day, Basis::Gross)).collect();
    let legs: Vec<Legs> = leg_days(days, Basis::Gross).iter().map(Legs::day).collect();
    let plain = shape::sixteen(&plain, &Linked::NONE, &|a: &Linked, b: &Linked| a.then(b)).rate();
    let legs = shape::sixteen(&legs, &Legs::none(), &|a: &Legs, b: &Legs| a.then(b)).state().rate();
    [plain, legs].map(|rate| 100.0 * rate)
}

#[test]
fn four_hundred_days_link_after_each_correction() {
    let file = "twr/linked_daily_aapl_msft_c.json";
    let Some(series) = read::<Series>(file) else { return };
    const TOLERANCE: f64 = 1e-9;
    let mut days: Vec<_> = series.rows.iter().map(|row| (date(&row.date), row.day())).collect();
    let mut rows = Vec::new();
    for ((date, day), row) in days.iter().zip(&series.rows) {
        let ours = 100.0 * day.rate(Basis::Gross);
        rows.push(Row::new(format!("daily {date}"), Some(row.daily_ror_pct), Some(ours), TOLERANCE));
    }

    let (inception, as_of) = (days[0].0, days[days.len() - 1].0);
    let names = [
        ("MTD", Period::MonthToDate),
        ("QTD", Period::QuarterToDate),
        ("YTD", Period::YearToDate),
        ("ITD", Period::SinceInception),
    ];
    for (name, period) in names {
        let expected = &series.periods[name];
        let range = period.range(as_of, inception).unwrap();
        assert_eq!((range.from, range.to), (date(&expected.start), date(&expected.end)));
        let inside: Vec<_> =
            days.iter().filter(|(date, _)| range.from <= *date && *date <= range.to).copied().collect();
        for ours in linked(&inside) {
            rows.push(Row::new(name, Some(expected.cum_ror_pct), Some(ours), TOLERANCE));
        }
    }

    // What came in is paid, and what is there at the end comes back.
    let flow = |date, amount| Payment { date, amount };
    let mut flows: Vec<Payment> =
        days.iter().map(|(date, day)| flow(*date, -day.opening_flow - day.closing_flow)).collect();
    flows.push(flow(as_of, days[days.len() - 1].1.closing_value));
    let ours = xirr(&flows, DayCount::Actual365Fixed, RootChoice::default());
    rows.push(Row::new("mwr", Some(series.mwr_xirr_act365), ours, TOLERANCE));

    for (step, correction) in series.corrections_cumulative.iter().enumerate() {
        let number = days.iter().position(|(day, _)| *day == date(&correction.date)).unwrap();
        days[number].1.closing_value = amount(&correction.new_eod_market_value);
        days[number + 1].1.opening_value = amount(&correction.next_day_bod_becomes);
        for ours in linked(&days) {
            rows.push(Row::new(format!("correction {step}"), Some(correction.ITD_cum_ror_pct), Some(ours), TOLERANCE));
        }
    }
    check(file, &rows, 400 + 2 * 4 + 1 + 2 * 8);
}

#[derive(Deserialize)]
struct Pipeline {
    expected: PipelineReturns,
}

#[derive(Deserialize)]
struct PipelineReturns {
    daily_ror_pct: BTreeMap<String, String>,
    cumulative_return_pct: BTreeMap<String, String>,
}

#[test]
fn a_deposit_at_the_start_of_a_day_earns_its_return() {
    let file = "pas_e2e/performance_pipeline.json";
    let Some(pipeline) = read::<Pipeline>(file) else { return };
    // 10,000 units come in at the start of the first day. They are worth 1.02 and 1.05 each at the end of the days.
    let days = [
        Day { opening_flow: 1_000_000, closing_value: 1_020_000, ..Day::default() },
        Day { opening_value: 1_020_000, closing_value: 1_050_000, ..Day::default() },
    ];
    let mut rows = Vec::new();
    for (day, (date, expected)) in days.iter().zip(&pipeline.expected.daily_ror_pct) {
        rows.push(Row::new(date, expected.parse().ok(), Some(100.0 * day.rate(Basis::Gross)), 1e-9));
    }
    let linked = days.iter().fold(Linked::NONE, |sum, day| sum.then(&Linked::of(day, Basis::Gross)));
    for (period, expected) in &pipeline.expected.cumulative_return_pct {
        rows.push(Row::new(period, expected.parse().ok(), Some(100.0 * linked.rate()), 1e-9));
    }
    check(file, &rows, 4);
}

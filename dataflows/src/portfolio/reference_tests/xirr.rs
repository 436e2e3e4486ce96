//! Money-weighted returns: 30 sets of flows and a table of day counts (pyxirr), and three published elsewhere.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Row, amount, check, date, read};
use crate::portfolio::performance::day_count::DayCount;
use crate::portfolio::performance::money_weighted::{Payment, RootChoice, xirr};

#[derive(Deserialize)]
struct Sample {
    case: String,
    flows: Vec<(String, String)>,
    xirr: Option<f64>,
}

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    source: String,
    dates: Vec<String>,
    amounts: Vec<i64>,
    #[serde(default)]
    xirr: Option<f64>,
    tolerance: Option<f64>,
    #[serde(default)]
    expected: BTreeMap<String, f64>,
}

impl Published {
    fn flows(&self) -> Vec<Payment> {
        let flow = |(day, amount): (&String, &i64)| Payment { date: date(day), amount: i128::from(*amount) };
        self.dates.iter().zip(&self.amounts).map(flow).collect()
    }
}

#[test]
fn all_sets_of_flows_have_the_published_rate() {
    let file = "xirr/pyxirr_samples.json";
    let Some(samples) = read::<Vec<Sample>>(file) else { return };
    let row = |sample: &Sample| {
        let flows: Vec<_> =
            sample.flows.iter().map(|(day, text)| Payment { date: date(day), amount: amount(text) }).collect();
        Row::new(&sample.case, sample.xirr, xirr(&flows, DayCount::Actual365Fixed, RootChoice::FromTenPercent), 1e-9)
    };
    check(file, &samples.iter().map(row).collect::<Vec<_>>(), 30);
}

#[test]
fn day_counts_give_the_published_rates() {
    let file = "xirr/day_count.json";
    let Some(cases) = read::<Vec<Published>>(file) else { return };
    let mut rows = Vec::new();
    for case in &cases {
        for (name, expected) in &case.expected {
            // The names of the file are ours but for case and spaces.
            let day_count = match name.as_str() {
                "30/360 SIA" => DayCount::Thirty360Sia,
                "30/360 ISDA" => DayCount::Thirty360Isda,
                "30E/360" => DayCount::Thirty360European,
                "act/360" => DayCount::Actual360,
                "act/365F" => DayCount::Actual365Fixed,
                "act/act ISDA" => DayCount::ActualActualIsda,
                _ => panic!("{name}"),
            };
            rows.push(Row::new(name, Some(*expected), xirr(&case.flows(), day_count, RootChoice::default()), 1e-9));
        }
    }
    check(file, &rows, 6);
}

#[test]
fn other_published_rates_come_out() {
    let file = "xirr/other_published.json";
    let Some(cases) = read::<Vec<Published>>(file) else { return };
    let row = |case: &Published| {
        Row::new(
            &case.source,
            case.xirr,
            xirr(&case.flows(), DayCount::Actual365Fixed, RootChoice::default()),
            case.tolerance.unwrap_or(0.0),
        )
    };
    check(file, &cases.iter().map(row).collect::<Vec<_>>(), 3);
}

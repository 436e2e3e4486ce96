//! Average investment (ghostfolio) and concentration (sgajbi/portfolio-analytics-system).

use std::collections::BTreeMap;

use model::Date;
use serde::Deserialize;
use serde_json::Value;

use super::{Row, amount, check, date, read};
use crate::portfolio::performance::dietz::{average_investment, return_on_average_investment};
use crate::portfolio::risk::concentration::{Total, herfindahl_hirschman_index, top_weight, weights};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    case: String,
    #[serde(rename = "as_of")]
    as_of: String,
    activities: Vec<Activity>,
    #[serde(rename = "market_prices")]
    market_prices: BTreeMap<String, BTreeMap<String, f64>>,
    expected: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Activity {
    date: String,
    #[serde(rename = "type")]
    kind: String,
    symbol: String,
    quantity: Value,
    unit_price: Value,
    fee: Value,
}

/// A number that is written as a text at times.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// In millionths, exact enough for what these cases hold.
fn millionths(value: f64) -> i128 {
    (value * 1e6).round() as i128
}

/// By the average cost: what is held costs this from each date on, all was bought and sold for this, and these are the fees.
fn follow(case: &mut Case) -> (Vec<(Date, i128)>, i128, i128) {
    case.activities.sort_by(|a, b| a.date.cmp(&b.date));
    let (mut held, mut cost, mut paid, mut fees) = (0.0, 0.0, 0.0, 0.0);
    let mut costs = Vec::new();
    for activity in &case.activities {
        let (quantity, price) = (number(&activity.quantity), number(&activity.unit_price));
        let quantity = if activity.kind == "SELL" { -quantity } else { quantity };
        cost += quantity * if quantity > 0.0 { price } else { cost / held };
        held += quantity;
        paid += quantity * price;
        fees += number(&activity.fee);
        costs.push((date(&activity.date), millionths(cost)));
    }
    let value = held * case.market_prices[&case.activities[0].symbol][&case.as_of];
    (costs, millionths(value - paid), millionths(fees))
}

#[test]
fn returns_on_average_investment_come_out() {
    let file = "retail/ghostfolio_cases.json";
    let Some(mut cases) = read::<Vec<Case>>(file) else { return };
    let mut rows = Vec::new();
    for case in &mut cases {
        let (costs, gain, fees) = follow(case);
        let average = average_investment(&costs, date(&case.as_of));
        let ours = [
            ("timeWeightedInvestment", average.map(|average| average / 1e6)),
            ("grossPerformance", Some(gain as f64 / 1e6)),
            ("netPerformance", Some((gain - fees) as f64 / 1e6)),
            ("grossPerformancePercentage", return_on_average_investment(gain, average)),
            ("netPerformancePercentage", return_on_average_investment(gain - fees, average)),
        ];
        let row = |(name, ours): (&str, Option<f64>)| {
            Row::new(format!("{} {name}", case.case), case.expected[name].parse().ok(), ours, 1e-12)
        };
        rows.extend(ours.map(row));
    }
    check(file, &rows, 10);
}

#[derive(Deserialize)]
struct Concentration {
    expected: Published,
}

#[derive(Deserialize)]
struct Published {
    single_position_weight: String,
    top_n_weights: BTreeMap<String, String>,
    hhi: String,
    issuer: Vec<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    exposure: String,
    weight: String,
}

#[test]
fn concentration_comes_out() {
    let file = "pas_e2e/concentration_pipeline.json";
    let Some(Concentration { expected }) = read(file) else { return };
    // 100 units each, worth 600, 250 and 150.
    let positions = weights(&[60_000, 25_000, 15_000], Total::Net).unwrap();
    let exposures: Vec<i128> = expected.issuer.iter().map(|issuer| amount(&issuer.exposure)).collect();
    let issuers = weights(&exposures, Total::Net).unwrap();
    let row = |case: &str, text: &str, ours: f64| Row::new(case, text.parse().ok(), Some(ours), 1e-15);
    let mut rows = vec![
        row("greatest position", &expected.single_position_weight, top_weight(&positions, 1)),
        row("hhi", &expected.hhi, herfindahl_hirschman_index(&positions)),
        row("top 2", &expected.top_n_weights["2"], top_weight(&positions, 2)),
    ];
    rows.extend(expected.issuer.iter().zip(&issuers).map(|(issuer, ours)| row("issuer", &issuer.weight, *ours)));
    check(file, &rows, 5);
}

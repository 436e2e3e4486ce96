//! Ten years of daily prices of three stocks: the metrics of empyrical for 15 windows and after each of 20 corrections, and
//! what the tests of ffn assert.

use std::collections::BTreeMap;

use model::Date;
use serde::Deserialize;

use super::{Row, check, date, read, read_csv};
use crate::portfolio::performance::annualised::{Annualisation, annual_return};
use crate::portfolio::performance::linked::Linked;
use crate::portfolio::risk::downside::PartialMoments;
use crate::portfolio::risk::drawdown::{Drawdown, StartValue};
use crate::portfolio::risk::frequency::{Frequency, ReturnKind};
use crate::portfolio::risk::moments::Moments;
use crate::portfolio::risk::quantile::OrderStatistic;
use crate::portfolio::risk::ratios::{
    Compounding, ZeroSpread, calmar_ratio, sharpe_ratio, stability, tail_ratio, volatility,
};
use crate::portfolio::risk::value_at_risk::{Shortfall, historical_shortfall};

const PRICES: &str = "prices/aapl_msft_c_daily.csv";

type Prices = BTreeMap<String, BTreeMap<Date, f64>>;

fn prices() -> Option<Prices> {
    let rows = read_csv(PRICES)?;
    let mut prices = Prices::new();
    for row in &rows[1..] {
        for (series, price) in rows[0].iter().zip(row).skip(1).filter(|(_, price)| !price.is_empty()) {
            prices.entry(series.clone()).or_default().insert(date(&row[0]), price.parse().unwrap());
        }
    }
    Some(prices)
}

fn returns(prices: &BTreeMap<Date, f64>, from: Date, to: Date) -> Vec<(Date, f64)> {
    let prices: Vec<_> = prices.range(from..=to).collect();
    let rate = |pair: &[(&Date, &f64)]| (*pair[1].0, ReturnKind::Simple.between(*pair[0].1, *pair[1].1).unwrap());
    prices.windows(2).map(rate).collect()
}

/// The metrics of the reference, by its names.
fn metrics(returns: &[(Date, f64)]) -> BTreeMap<&'static str, Option<f64>> {
    let k = Frequency::Daily.periods_per_year();
    let rates: Vec<f64> = returns.iter().map(|dated| dated.1).collect();
    let mut ascending = rates.clone();
    ascending.sort_by(f64::total_cmp);
    let moments = Moments::of_all(rates.iter().copied());
    let sides = PartialMoments::of_all(rates.iter().copied());
    let linked = rates.iter().fold(Linked::NONE, |sum, rate| sum.then(&Linked::of_rate(*rate)));
    let drawdown = returns.iter().fold(Drawdown::NONE, |sum, (date, rate)| sum.then(&Drawdown::of(*date, *rate)));
    let deepest = drawdown.deepest(StartValue::Peak).map(|fall| fall.depth);
    let at = |alpha| OrderStatistic::of(&ascending, alpha);
    let sharpe = sharpe_ratio(&moments, linked.growth, k, Compounding::Arithmetic, ZeroSpread::Infinite);
    BTreeMap::from([
        ("cum_return", Some(linked.rate())),
        ("annual_return", annual_return(linked.growth, u64::from(linked.days), k)),
        ("annual_volatility", volatility(&moments, k)),
        ("sharpe", sharpe),
        ("sortino", sides.sortino_ratio(k, ZeroSpread::Infinite)),
        ("downside_risk", sides.downside_deviation().map(|deviation| deviation * k.sqrt())),
        ("max_drawdown", deepest),
        ("calmar", deepest.and_then(|deepest| calmar_ratio(&linked, deepest, k))),
        ("omega", sides.omega_ratio()),
        ("tail_ratio", tail_ratio(&ascending)),
        ("var_95_hist", at(0.05).map(|statistic| statistic.quantile())),
        ("var_99_hist", at(0.01).map(|statistic| statistic.quantile())),
        ("cvar_95", at(0.05).map(|statistic| historical_shortfall(&statistic, Shortfall::LowestReturns))),
        ("stability", stability(&rates)),
    ])
}

#[derive(Deserialize)]
struct Expected {
    windows: Vec<Window>,
    price_corrections_applied_cumulatively: Vec<Correction>,
}

#[derive(Deserialize)]
struct Window {
    series: String,
    first_price_date: String,
    last_price_date: String,
    n_returns: usize,
    #[serde(flatten)]
    metrics: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Correction {
    step: usize,
    series: String,
    date: String,
    old_price: f64,
    new_price: f64,
    after_full_period: BTreeMap<String, f64>,
}

fn compare(case: &str, expected: &BTreeMap<String, f64>, returns: &[(Date, f64)], rows: &mut Vec<Row>) {
    let ours = metrics(returns);
    let row =
        |(name, value): (&String, &f64)| Row::new(format!("{case} {name}"), Some(*value), ours[name.as_str()], 1e-8);
    rows.extend(expected.iter().map(row));
}

#[test]
fn metrics_of_windows_come_out_and_after_each_correction() {
    let file = "prices/expected_aapl_msft_c.json";
    let (Some(mut prices), Some(expected)) = (prices(), read::<Expected>(file)) else { return };
    let mut rows = Vec::new();
    for window in &expected.windows {
        let [first, last] = [&window.first_price_date, &window.last_price_date].map(|text| date(text));
        let returns = returns(&prices[&window.series], first, last);
        assert_eq!(returns.len(), window.n_returns);
        compare(&format!("{} {first} {last}", window.series), &window.metrics, &returns, &mut rows);
    }
    for correction in &expected.price_corrections_applied_cumulatively {
        let series = prices.get_mut(&correction.series).unwrap();
        let old = series.insert(date(&correction.date), correction.new_price);
        assert_eq!(old, Some(correction.old_price));
        let returns = returns(series, Date(i32::MIN), Date(i32::MAX));
        compare(
            &format!("correction {} {}", correction.step, correction.series),
            &correction.after_full_period,
            &returns,
            &mut rows,
        );
    }
    check(file, &rows, 14 * (15 + 20));
}

#[derive(Deserialize)]
struct Asserts {
    first_10_rows: FirstRows,
    full_series_cagr: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct FirstRows {
    max_drawdown: BTreeMap<String, f64>,
    rebased_to_100_row10: BTreeMap<String, f64>,
    return_row2: BTreeMap<String, f64>,
}

#[test]
fn what_ffn_asserts_comes_out() {
    let file = "prices/expected_ffn_asserts.json";
    let (Some(prices), Some(expected)) = (prices(), read::<Asserts>(file)) else { return };
    let mut rows = Vec::new();
    let mut compare =
        |what: &str, expected: &BTreeMap<String, f64>, ours: &dyn Fn(&BTreeMap<Date, f64>) -> Option<f64>| {
            // Published with three decimals.
            let row = |(series, value): (&String, &f64)| {
                Row::new(format!("{what} {series}"), Some(*value), ours(&prices[series]), 5.001e-4)
            };
            rows.extend(expected.iter().map(row));
        };
    let first_ten = |prices: &BTreeMap<Date, f64>| {
        let dates: Vec<Date> = prices.keys().take(10).copied().collect();
        returns(prices, dates[0], dates[9])
    };
    let drawdown = |prices: &BTreeMap<Date, f64>| {
        let falls =
            first_ten(prices).iter().fold(Drawdown::NONE, |sum, (date, rate)| sum.then(&Drawdown::of(*date, *rate)));
        falls.deepest(StartValue::Peak).map(|fall| fall.depth)
    };
    let linked =
        |returns: &[(Date, f64)]| returns.iter().fold(Linked::NONE, |sum, (_, rate)| sum.then(&Linked::of_rate(*rate)));
    compare("drawdown", &expected.first_10_rows.max_drawdown, &drawdown);
    compare("rebased", &expected.first_10_rows.rebased_to_100_row10, &|prices| {
        Some(100.0 * linked(&first_ten(prices)).growth)
    });
    compare("return", &expected.first_10_rows.return_row2, &|prices| Some(first_ten(prices)[0].1));
    compare("cagr", &expected.full_series_cagr, &|prices| {
        let (first, last) = (prices.keys().next().unwrap(), prices.keys().last().unwrap());
        let growth = linked(&returns(prices, *first, *last)).growth;
        Annualisation::default().rate(growth, first.days_until(*last).unwrap() as u32)
    });
    check(file, &rows, 12);
}

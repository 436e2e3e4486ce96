//! The tables of empyrical's own tests. Its conventions: returns of a day unless another frequency is named, Sharpe and
//! Sortino infinite where nothing varies, the start value a peak, a missing return left out of deviations and counted as
//! a period of no return in annual ones.

use model::Date;
use serde::Deserialize;
use serde_json::Value;

use super::{Row, check, date, read};
use crate::portfolio::performance::annualised::{annual_return, periodic_rate};
use crate::portfolio::performance::linked::Linked;
use crate::portfolio::risk::benchmark::{Against, Alpha, Capture};
use crate::portfolio::risk::downside::PartialMoments;
use crate::portfolio::risk::drawdown::{Drawdown, StartValue};
use crate::portfolio::risk::frequency::{Frequency, ReturnKind};
use crate::portfolio::risk::moments::Moments;
use crate::portfolio::risk::ratios::{
    Compounding, ZeroSpread, calmar_ratio, sharpe_ratio, stability, tail_ratio, volatility,
};
use crate::portfolio::risk::rolling::rolling;

const K: f64 = 252.0;

/// Tests that name no value, or a measure that is none of ours.
const LEFT_OUT: [(&str, &str); 7] = [
    ("test_alpha_beta_correlation", "arguments of a random series, without a value"),
    ("test_alpha_beta_equality", "two series whose two ways to the same value are compared, without the value"),
    ("test_alpha_beta_translation", "arguments of a random series, without a value"),
    ("test_beta_fragility_heuristic", "no measure of ours"),
    ("test_downside_risk_std", "arguments of a random series, without a value"),
    ("test_gpd_risk_estimates", "no measure of ours: a fit of a Pareto distribution by a simplex search"),
    ("test_sharpe_noise", "arguments of a random series, without a value"),
];

#[derive(Deserialize)]
struct Case {
    test: String,
    args_then_expected: Vec<Value>,
}

type Series = Vec<(Date, Option<f64>)>;
type Pairs = [(f64, f64)];

fn series(value: &Value) -> Series {
    if let Some(texts) = value.as_array() {
        assert!(texts.is_empty());
        return Series::new();
    }
    let dates = value["dates"].as_array().unwrap().iter().map(|text| date(text.as_str().unwrap()));
    dates.zip(value["values"].as_array().unwrap().iter().map(Value::as_f64)).collect()
}

/// A number; `None` for what is written as no number.
fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("Inf") => Some(f64::INFINITY),
        Some("-Inf") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

fn numbers(value: &Value) -> Vec<Option<f64>> {
    value.as_array().map_or_else(|| vec![number(value)], |all| all.iter().flat_map(numbers).collect())
}

fn frequency(value: &Value) -> Frequency {
    serde_json::from_value(value.clone()).unwrap()
}

/// The returns that are there.
fn rates(series: &Series) -> Vec<f64> {
    series.iter().filter_map(|dated| dated.1).collect()
}

/// Every return, a missing one as none.
fn filled(series: &Series) -> Vec<f64> {
    series.iter().map(|dated| dated.1.unwrap_or(0.0)).collect()
}

/// Returns with those of another series on the same dates, or with one number: all dates of either.
fn aligned(series: &Series, other: &Value) -> Vec<(Option<f64>, Option<f64>)> {
    if let Some(number) = other.as_f64() {
        return series.iter().map(|dated| (dated.1, Some(number))).collect();
    }
    let other = self::series(other);
    let mut dates: Vec<Date> = series.iter().chain(&other).map(|dated| dated.0).collect();
    dates.sort_unstable();
    dates.dedup();
    let on = |series: &Series, date: Date| series.iter().find(|dated| dated.0 == date).and_then(|dated| dated.1);
    dates.iter().map(|date| (on(series, *date), on(&other, *date))).collect()
}

fn pairs(aligned: &[(Option<f64>, Option<f64>)]) -> Vec<(f64, f64)> {
    aligned.iter().filter_map(|(rate, other)| rate.zip(*other)).collect()
}

fn excess(series: &Series, other: &Value) -> Vec<f64> {
    pairs(&aligned(series, other)).iter().map(|(rate, other)| rate - other).collect()
}

fn linked(rates: &[f64]) -> Linked {
    rates.iter().fold(Linked::NONE, |sum, rate| sum.then(&Linked::of_rate(*rate)))
}

fn annual(series: &Series, frequency: Frequency) -> Option<f64> {
    let linked = linked(&filled(series));
    annual_return(linked.growth, u64::from(linked.days), frequency.periods_per_year())
}

fn deepest(series: &Series) -> Option<f64> {
    let days = series.iter().map(|(date, rate)| Drawdown::of(*date, rate.unwrap_or(0.0)));
    days.fold(Drawdown::NONE, |sum, day| sum.then(&day)).deepest(StartValue::Peak).map(|fall| fall.depth)
}

fn sharpe(rates: &[f64]) -> Option<f64> {
    sharpe_ratio(&Moments::of_all(rates.iter().copied()), 1.0, K, Compounding::Arithmetic, ZeroSpread::Infinite)
}

fn alpha_beta(pairs: &[(f64, f64)]) -> [Option<f64>; 2] {
    let against = Against::of_all(pairs.iter().copied());
    [against.alpha(Alpha::Compounded, K), against.beta()]
}

/// What comes out here for the arguments; the last of them is what is expected.
fn ours(test: &str, arguments: &[Value]) -> Vec<Option<f64>> {
    let returns = series(&arguments[0]);
    let rates = rates(&returns);
    let other = arguments.get(1).unwrap_or(&Value::Null);
    let both = || aligned(&returns, other);
    let against = |pairs: &[(f64, f64)]| Against::of_all(pairs.iter().copied());
    let capture = |pairs: &[(f64, f64)]| {
        let against = against(pairs);
        let sides = [&against.up, &against.down].map(|side| side.ratio(Capture::Annual, K));
        [sides[0], sides[1], against.up_down_capture(Capture::Annual, K)]
    };
    let rolled = |measure: &dyn Fn(&Pairs) -> Vec<Option<f64>>| {
        let window = arguments[2].as_u64().unwrap() as usize;
        rolling(&both(), window, |window| measure(&pairs(window))).into_iter().flatten().collect()
    };
    let where_benchmark = |goes: fn(f64) -> bool| {
        alpha_beta(&pairs(&both()).into_iter().filter(|pair| goes(pair.1)).collect::<Vec<_>>()).to_vec()
    };
    match test {
        "test_simple_returns" => rates.windows(2).map(|pair| ReturnKind::Simple.between(pair[0], pair[1])).collect(),
        "test_cum_returns" => {
            let start = other.as_f64().unwrap();
            let grown = filled(&returns).into_iter().scan(1.0, |growth, rate| {
                *growth *= 1.0 + rate;
                Some(*growth)
            });
            grown.map(|growth| Some(if start == 0.0 { growth - 1.0 } else { start * growth })).collect()
        }
        "test_cum_returns_final" => vec![(!rates.is_empty()).then(|| linked(&rates).rate())],
        "test_aggregate_returns" => {
            let dated = returns.iter().map(|(date, rate)| (*date, rate.unwrap_or(0.0)));
            frequency(other).returns(dated).into_values().map(Some).collect()
        }
        "test_max_drawdown" => vec![deepest(&returns)],
        "test_annual_ret" | "test_cagr" => vec![annual(&returns, frequency(other))],
        "test_annual_volatility" => {
            vec![volatility(&Moments::of_all(rates), frequency(other).periods_per_year())]
        }
        "test_calmar" => {
            let depth = deepest(&returns);
            vec![
                depth.and_then(|depth| {
                    calmar_ratio(&linked(&filled(&returns)), depth, frequency(other).periods_per_year())
                }),
            ]
        }
        "test_omega" => {
            let required = periodic_rate(arguments[2].as_f64().unwrap(), K);
            let excess = excess(&returns, other).into_iter().map(|excess| excess - required);
            vec![PartialMoments::of_all(excess).omega_ratio()]
        }
        "test_sharpe_ratio" => vec![sharpe(&excess(&returns, other))],
        "test_downside_risk" => {
            let k = frequency(&arguments[2]).periods_per_year();
            let sides = PartialMoments::of_all(excess(&returns, other));
            vec![sides.downside_deviation().map(|deviation| deviation * k.sqrt())]
        }
        "test_sortino" => {
            let k = frequency(&arguments[2]).periods_per_year();
            vec![PartialMoments::of_all(excess(&returns, other)).sortino_ratio(k, ZeroSpread::Infinite)]
        }
        "test_excess_sharpe" => {
            let against = against(&pairs(&both()));
            vec![against.information_ratio(Compounding::Arithmetic, 1.0, ZeroSpread::Infinite)]
        }
        "test_alpha_beta" => alpha_beta(&pairs(&both())).to_vec(),
        "test_alpha" => vec![alpha_beta(&pairs(&both()))[0]],
        "test_beta" => vec![alpha_beta(&pairs(&both()))[1]],
        "test_up_alpha_beta" => where_benchmark(|rate| rate > 0.0),
        "test_down_alpha_beta" => where_benchmark(|rate| rate < 0.0),
        "test_stability_of_timeseries" => vec![stability(&rates)],
        "test_tail_ratio" => {
            let mut ascending = rates;
            ascending.sort_by(f64::total_cmp);
            vec![tail_ratio(&ascending)]
        }
        "test_capture_ratio" => {
            let benchmark = series(other);
            let ratio = annual(&returns, Frequency::Daily).zip(annual(&benchmark, Frequency::Daily));
            vec![ratio.map(|(ours, theirs)| ours / theirs)]
        }
        "test_up_capture" => vec![capture(&pairs(&both()))[0]],
        "test_down_capture" => vec![capture(&pairs(&both()))[1]],
        "test_up_down_capture" => vec![capture(&pairs(&both()))[2]],
        "test_roll_up_capture" => rolled(&|pairs| vec![capture(pairs)[0]]),
        "test_roll_down_capture" => rolled(&|pairs| vec![capture(pairs)[1]]),
        "test_roll_up_down_capture" => rolled(&|pairs| vec![capture(pairs)[2]]),
        "test_roll_alpha_beta" => rolled(&|pairs| alpha_beta(pairs).to_vec()),
        "test_roll_max_drawdown" => {
            let window = other.as_u64().unwrap() as usize;
            rolling(&returns, window, |window| deepest(&window.to_vec()))
        }
        "test_roll_sharpe_ratio" => {
            let window = other.as_u64().unwrap() as usize;
            rolling(&returns, window, |window| sharpe(&self::rates(&window.to_vec())))
        }
        _ => panic!("{test} is neither compared nor left out"),
    }
}

#[test]
fn the_tables_of_its_tests_come_out() {
    let file = "empyrical/test_tables.json";
    let Some(cases) = read::<Vec<Case>>(file) else { return };
    let (mut rows, mut compared, mut left_out) = (Vec::new(), 0, 0);
    for (number, case) in cases.iter().enumerate() {
        if LEFT_OUT.iter().any(|(test, _)| *test == case.test) {
            left_out += 1;
            continue;
        }
        compared += 1;
        let (expected, arguments) = case.args_then_expected.split_last().unwrap();
        // As its own tests have it. The tail ratio that it names is that of nine returns, a missing one among them as 0; its
        // code leaves that out, as ours does, and its test is content with one decimal.
        let tolerance = match case.test.as_str() {
            "test_tail_ratio" => 5e-2,
            "test_simple_returns" | "test_cum_returns" | "test_cum_returns_final" => 5.1e-5,
            _ => 1e-8,
        };
        let (expected, ours) = (numbers(expected), ours(&case.test, arguments));
        let name = format!("{number} {}", case.test);
        // How many there are is a value too.
        rows.push(Row::new(format!("{name} values"), Some(expected.len() as f64), Some(ours.len() as f64), 0.5));
        rows.extend(expected.into_iter().zip(ours).map(|(expected, ours)| Row::new(&name, expected, ours, tolerance)));
    }
    println!("{file}: {compared} of {} cases are compared; left out are", cases.len());
    LEFT_OUT.iter().for_each(|(test, why)| println!("  {test}: {why}"));
    assert_eq!((compared, left_out), (103 - 15, 15));
    check(file, &rows, 250);
}

//! Published example results of PerformanceAnalytics on 132 months of ten series. They are cut to four decimals, not
//! rounded. Its conventions: skewness and kurtosis of all there is, information ratio and annual returns geometric,
//! captures cumulative, losses negative, months in which either of two series has no return left out.
//!
//! Left out are ratios that are none of ours, regressions that leave outliers out, series that are cut off in the file, and
//! single rows of tables for the same reasons. The skewness that it calls that of a sample is left out too: it takes the
//! standard deviation of all there is, where ours (as pandas') is adjusted once.

use std::collections::BTreeMap;

use model::Date;
use serde::Deserialize;

use super::{Row, check, date, read, read_csv};
use crate::portfolio::performance::annualised::annual_return;
use crate::portfolio::performance::linked::Linked;
use crate::portfolio::risk::benchmark::{Against, Alpha, Capture, jensen_alpha, treynor_ratio};
use crate::portfolio::risk::downside::PartialMoments;
use crate::portfolio::risk::drawdown::{Drawdown, Spell, StartValue, spells};
use crate::portfolio::risk::frequency::Frequency;
use crate::portfolio::risk::moments::{Estimator, Moments};
use crate::portfolio::risk::ratios::{Compounding, ZeroSpread, calmar_ratio, sharpe_ratio, volatility};
use crate::portfolio::risk::rolling::rolling;
use crate::portfolio::risk::value_at_risk::{Distribution, LossSign, parametric_value_at_risk};

const K: f64 = 12.0;
const CUT: f64 = 1.000_001e-4;

#[derive(Deserialize)]
struct Example {
    f: String,
    call: String,
    out: String,
}

type Series = BTreeMap<Date, f64>;
type Value = Option<f64>;

/// The ten series, in the order of the file.
struct Managers(Vec<(String, Series)>);

impl Managers {
    fn read() -> Option<Managers> {
        let rows = read_csv("performanceanalytics/managers.csv")?;
        let series = |column: usize| {
            let dated = rows[1..].iter().filter(|row| !row[column].is_empty());
            dated.map(|row| (date(&row[0]), row[column].parse().unwrap())).collect()
        };
        Some(Managers((1..rows[0].len()).map(|column| (rows[0][column].clone(), series(column))).collect()))
    }

    /// The columns of `managers[rows, columns, …]`, given what is between the brackets: rows are those of a year, or all.
    fn select(&self, text: &str) -> Vec<Series> {
        let (rows, columns) = text.split_once(',').unwrap_or((text, ""));
        let columns = columns.split("drop").next().unwrap().trim_matches([',', ' ']);
        let number = |text: &str| text.trim().parse::<usize>().unwrap() - 1;
        let columns: Vec<usize> = if columns.is_empty() {
            (0..self.0.len()).collect()
        } else if let Some(list) = columns.strip_prefix("c(") {
            list.trim_end_matches(')').split(',').map(number).collect()
        } else if let Some((first, last)) = columns.split_once(':') {
            let (first, last) = (number(first), number(last));
            if first <= last { (first..=last).collect() } else { (last..=first).rev().collect() }
        } else if columns.starts_with('"') {
            vec![self.0.iter().position(|(name, _)| *name == columns.trim_matches('"')).unwrap()]
        } else {
            vec![number(columns)]
        };
        let year = rows.trim().trim_matches('"');
        let inside = |date: &Date| year.is_empty() || date.to_string().starts_with(year);
        let cut =
            |series: &Series| series.iter().filter(|dated| inside(dated.0)).map(|dated| (*dated.0, *dated.1)).collect();
        columns.into_iter().map(|column| cut(&self.0[column].1)).collect()
    }
}

/// What a call is about.
struct Call<'a> {
    text: &'a str,
    assets: Vec<Series>,
    benchmarks: Vec<Series>,
    /// Of each month, in a year's terms of a month.
    risk_free: Series,
}

impl<'a> Call<'a> {
    fn read(managers: &Managers, text: &'a str) -> Call<'a> {
        let (mut positional, mut risk_free) = (Vec::new(), None);
        for (start, _) in text.match_indices("managers[") {
            let inside = &text[start + "managers[".len()..];
            let selected = managers.select(&inside[..inside.find(']').unwrap()]);
            if text[..start].trim_end().ends_with("Rf =") {
                risk_free = selected.into_iter().next();
            } else {
                positional.push(selected);
            }
        }
        let mut positional = positional.into_iter();
        let assets = positional.next().unwrap_or_else(|| managers.select(""));
        let benchmarks = positional.next().unwrap_or_default();
        let constant = argument(text, "Rf = ").unwrap_or(0.0);
        let months = managers.0.iter().flat_map(|(_, series)| series.keys());
        let risk_free = risk_free.unwrap_or_else(|| months.map(|month| (*month, constant)).collect());
        Call { text, assets, benchmarks, risk_free }
    }

    /// A row of one value for each asset.
    fn assets(&self, measure: impl Fn(&Series) -> Value) -> Vec<Value> {
        self.assets.iter().map(measure).collect()
    }

    /// A row for each benchmark, of one value for each asset.
    fn by_benchmark(&self, measure: impl Fn(&Series, &Series) -> Value) -> Vec<Vec<Value>> {
        self.benchmarks.iter().map(|benchmark| self.assets(|asset| measure(asset, benchmark))).collect()
    }

    /// A row for each asset, of one value for each benchmark.
    fn by_asset(&self, measure: impl Fn(&Series, &Series) -> Value) -> Vec<Vec<Value>> {
        self.assets
            .iter()
            .map(|asset| self.benchmarks.iter().map(|benchmark| measure(asset, benchmark)).collect())
            .collect()
    }

    fn excess(&self, series: &Series) -> Series {
        less(series, &self.risk_free)
    }

    /// Both less the risk-free return.
    fn against(&self, series: &Series, benchmark: &Series) -> Against {
        Against::of_all(pairs(&self.excess(series), &self.excess(benchmark)))
    }

    fn treynor(&self, series: &Series, benchmark: &Series) -> Value {
        let beta = self.against(series, benchmark).beta()?;
        treynor_ratio(annual(&self.excess(series))?, beta)
    }
}

/// A number, or a quotient, after a name.
fn argument(text: &str, name: &str) -> Value {
    let rest = &text[text.find(name)? + name.len()..];
    let rest = &rest[..rest.find([',', ')'])?];
    let (a, b) = rest.split_once('/').unwrap_or((rest, "1"));
    Some(a.trim().parse::<f64>().ok()? / b.trim().parse::<f64>().ok()?)
}

fn rates(series: &Series) -> impl Iterator<Item = f64> {
    series.values().copied()
}

fn pairs<'a>(series: &'a Series, other: &'a Series) -> impl Iterator<Item = (f64, f64)> + 'a {
    series.iter().filter_map(|(month, rate)| Some((*rate, *other.get(month)?)))
}

fn less(series: &Series, other: &Series) -> Series {
    series.iter().filter_map(|(month, rate)| Some((*month, rate - other.get(month)?))).collect()
}

fn moments(series: &Series) -> Moments {
    Moments::of_all(rates(series))
}

fn linked(series: &Series) -> Linked {
    rates(series).fold(Linked::NONE, |sum, rate| sum.then(&Linked::of_rate(rate)))
}

fn annual(series: &Series) -> Value {
    let linked = linked(series);
    annual_return(linked.growth, u64::from(linked.days), K)
}

fn above(series: &Series, required: f64) -> PartialMoments {
    PartialMoments::of_all(rates(series).map(|rate| rate - required))
}

fn sides(series: &Series) -> PartialMoments {
    above(series, 0.0)
}

fn sharpe(series: &Series, periods_per_year: f64, compounding: Compounding) -> Value {
    let growth = linked(series).growth;
    sharpe_ratio(&moments(series), growth, periods_per_year, compounding, ZeroSpread::Undefined)
}

fn sortino(series: &Series) -> Value {
    sides(series).sortino_ratio(1.0, ZeroSpread::Undefined)
}

fn deepest(series: &Series) -> Value {
    let months = series.iter().map(|(month, rate)| Drawdown::of(*month, *rate));
    months.fold(Drawdown::NONE, |sum, month| sum.then(&month)).deepest(StartValue::Peak).map(|fall| fall.depth)
}

fn calmar(series: &Series) -> Value {
    calmar_ratio(&linked(series), deepest(series)?, K)
}

fn plain(series: &Series, benchmark: &Series) -> Against {
    Against::of_all(pairs(series, benchmark))
}

fn information(series: &Series, benchmark: &Series) -> Value {
    plain(series, benchmark).information_ratio(Compounding::Geometric, K, ZeroSpread::Undefined)
}

fn systematic(series: &Series, benchmark: &Series) -> Value {
    plain(series, benchmark).systematic_risk(&moments(benchmark), K)
}

fn jensen(series: &Series, benchmark: &Series) -> Value {
    let beta = plain(series, benchmark).beta()?;
    Some(jensen_alpha(annual(series)?, annual(benchmark)?, 0.0, beta))
}

/// Up and down capture, number and percent, in the order of `UpDownRatios`.
fn captures(series: &Series, benchmark: &Series) -> [Value; 6] {
    let Against { up, down, .. } = plain(series, benchmark);
    let capture = [&up, &down].map(|side| side.ratio(Capture::Cumulative, K));
    // Its share of downs counts months that were better than the benchmark, as ours does.
    [capture[0], capture[1], up.number(), down.number(), up.percent(), down.percent()]
}

/// Rows of ours, by the label of the row that they are compared with; without one in their order.
type Rows = Vec<(&'static str, Vec<Value>)>;

fn in_order(rows: Vec<Vec<Value>>) -> Option<Rows> {
    Some(rows.into_iter().map(|row| ("", row)).collect())
}

fn one(row: Vec<Value>) -> Option<Rows> {
    in_order(vec![row])
}

/// Our values for a call; `None` if it is about what we do not measure.
fn ours(f: &str, call: &Call<'_>) -> Option<Rows> {
    if call.text.contains("Robust") {
        return None; // regressions that leave outliers out
    }
    let is_of = |name: &str| call.text.contains(name);
    match f {
        "ActivePremium" => in_order(call.by_benchmark(|a, b| plain(a, b).active_premium(Compounding::Geometric, K))),
        "BernardoLedoitRatio" => one(call.assets(|a| sides(a).omega_ratio())),
        "OmegaSharpeRatio" => one(call.assets(|a| sides(a).omega_ratio().map(|omega| omega - 1.0))),
        "BetaCoMoments" if is_of("BetaCoVariance") => in_order(call.by_benchmark(|a, b| plain(a, b).beta())),
        "CAPM.RiskPremium" if is_of("CAPM.RiskPremium") => one(call.assets(|a| moments(a).mean())),
        "CAPM.jensenAlpha" | "Selectivity" => in_order(call.by_benchmark(jensen)),
        "CalmarRatio" if is_of("CalmarRatio") => one(call.assets(calmar)),
        "CoMoments" if is_of("CoVariance") => {
            in_order(call.by_benchmark(|a, b| plain(a, b).together.covariance(Estimator::Population)))
        }
        "DownsideDeviation" if is_of(", sd") => one(call.assets(|a| moments(a).deviation(Estimator::Sample))),
        "DownsideDeviation" if is_of("SemiDeviation") => {
            one(call.assets(|a| above(a, moments(a).mean).downside_deviation()))
        }
        "DownsideDeviation" if is_of("DownsideDeviation") => {
            let required = argument(call.text, "MAR = ").unwrap_or(0.0);
            one(call.assets(|a| above(a, required).downside_deviation()))
        }
        "DownsideFrequency" => one(call.assets(|a| sides(a).downside_frequency())),
        "UpsideFrequency" => one(call.assets(|a| sides(a).upside_frequency())),
        "UpsideRisk" => one(call.assets(|a| sides(a).upside_deviation())),
        "InformationRatio" => in_order(call.by_benchmark(information)),
        "Return.annualized" if is_of("geometric = FALSE") => {
            one(call.assets(|a| moments(a).mean().map(|mean| mean * K)))
        }
        "Return.annualized" => one(call.assets(annual)),
        "Return.cumulative" if is_of("geometric = FALSE") => one(call.assets(|a| Some(rates(a).sum()))),
        "Return.cumulative" => one(call.assets(|a| Some(linked(a).rate()))),
        "SFM.alpha" => in_order(call.by_asset(|a, b| call.against(a, b).alpha(Alpha::OfPeriod, K))),
        "SFM.beta" => sfm_beta(call),
        "SharpeRatio" => {
            let by = |spread: &dyn Fn(&Moments) -> Value| {
                let excess = |a: &Series| moments(&call.excess(a));
                call.assets(|a| Some(excess(a).mean()? / spread(&excess(a))?))
            };
            let mut rows = vec![("", by(&|excess| excess.deviation(Estimator::Sample)))];
            if is_of("\"VaR\"") {
                let (shape, estimator) = (Distribution::CornishFisher, Estimator::Population);
                let value_at_risk = |excess: &Moments| parametric_value_at_risk(excess, 0.05, shape, estimator);
                let loss = |excess: &Moments| value_at_risk(excess).map(|value| LossSign::Positive.tell(value));
                rows.push(("VaR Sharpe Ratio (Rf=0.3%, p=95%):", by(&loss)));
            }
            Some(rows)
        }
        "SharpeRatio.annualized" => one(call.assets(|a| sharpe(&call.excess(a), K, Compounding::Arithmetic))),
        "SortinoRatio" => one(call.assets(sortino)),
        "SystematicRisk" => in_order(call.by_benchmark(systematic)),
        "TrackingError" => in_order(call.by_benchmark(|a, b| plain(a, b).tracking_error(K))),
        "TreynorRatio" if !is_of("modified") => in_order(call.by_benchmark(|a, b| call.treynor(a, b))),
        "UpDownRatios" => up_down_ratios(call),
        "maxDrawdown" => {
            in_order(call.assets(|a| deepest(a).map(|depth| -depth)).into_iter().map(|value| vec![value]).collect())
        }
        "table.CaptureRatios" => {
            let count = if is_of("table.UpDownRatios") { 6 } else { 2 };
            let row = |asset| captures(asset, &call.benchmarks[0])[..count].to_vec();
            in_order(call.assets.iter().map(row).collect())
        }
        _ => tables(f, call),
    }
}

fn sfm_beta(call: &Call<'_>) -> Option<Rows> {
    let conditional = |goes: fn(f64) -> bool| {
        let (asset, benchmark) = (call.excess(&call.assets[0]), call.excess(&call.benchmarks[0]));
        Against::of_all(pairs(&asset, &benchmark).filter(|pair| goes(pair.1))).beta()
    };
    let (bull, bear) = (conditional(|rate| rate > 0.0), conditional(|rate| rate < 0.0));
    match () {
        () if call.text.contains("bull") => one(vec![bull]),
        () if call.text.contains("bear") => one(vec![bear]),
        () if call.text.contains("TimingRatio") => one(vec![bull.zip(bear).map(|(bull, bear)| bull / bear)]),
        () if call.text.contains("benchmarkCols = FALSE") => {
            in_order(call.by_benchmark(|a, b| call.against(a, b).beta()))
        }
        () => in_order(call.by_asset(|a, b| call.against(a, b).beta())),
    }
}

fn up_down_ratios(call: &Call<'_>) -> Option<Rows> {
    let sides = match () {
        () if call.text.contains("side = \"Up\"") => 0..1,
        () if call.text.contains("side = \"Down\"") => 1..2,
        () if call.text.contains("method = \"Capture\"") => 0..2,
        () => 0..6,
    };
    let row = |number: usize| call.assets(|asset| captures(asset, &call.benchmarks[0])[number]);
    in_order(sides.map(row).collect())
}

fn tables(f: &str, call: &Call<'_>) -> Option<Rows> {
    let row = |label, measure: &dyn Fn(&Series) -> Value| (label, call.assets(measure));
    let deviation = |series: &Series| moments(series).deviation(Estimator::Sample);
    let annual_deviation = |series: &Series| volatility(&moments(series), K);
    let benchmark = call.benchmarks.first().cloned().unwrap_or_default();
    let to = |series: &Series| plain(series, &benchmark);
    let excess_to = |series: &Series| call.against(series, &benchmark);
    let error = |series: &Series| to(series).active.deviation(Estimator::Sample);
    let annual_error = |series: &Series| to(series).tracking_error(K);
    let information = |series: &Series| information(series, &benchmark);
    Some(match f {
        "apply.rolling" => {
            let rates: Vec<f64> = rates(&call.assets[0]).collect();
            let means = rolling(&rates, 36, |window| Moments::of_all(window.iter().copied()).mean());
            let months: [&str; 10] = [
                "2006-03-31",
                "2006-04-30",
                "2006-05-31",
                "2006-06-30",
                "2006-07-31",
                "2006-08-31",
                "2006-09-30",
                "2006-10-31",
                "2006-11-30",
                "2006-12-31",
            ];
            months.into_iter().zip(means[means.len() - 10..].iter().map(|mean| vec![*mean])).collect()
        }
        "table.AnnualizedReturns" => vec![
            row("Annualized Return", &annual),
            row("Annualized Std Dev", &annual_deviation),
            row("Annualized Sharpe (Rf=0%)", &|series| sharpe(series, K, Compounding::Geometric)),
        ],
        "table.CAPM" => {
            let where_benchmark = |series: &Series, goes: fn(f64) -> bool| {
                let (series, benchmark) = (call.excess(series), call.excess(&benchmark));
                Against::of_all(pairs(&series, &benchmark).filter(|pair| goes(pair.1))).beta()
            };
            vec![
                row("Alpha", &|series| excess_to(series).alpha(Alpha::OfPeriod, K)),
                row("Beta", &|series| excess_to(series).beta()),
                row("Beta+", &|series| where_benchmark(series, |rate| rate > 0.0)),
                row("Beta-", &|series| where_benchmark(series, |rate| rate < 0.0)),
                row("R-squared", &|series| excess_to(series).r_squared()),
                row("Annualized Alpha", &|series| excess_to(series).alpha(Alpha::Compounded, K)),
                row("Correlation", &|series| excess_to(series).together.correlation()),
                row("Tracking Error", &annual_error),
                row("Active Premium", &|series| to(series).active_premium(Compounding::Geometric, K)),
                row("Information Ratio", &information),
                row("Treynor Ratio", &|series| call.treynor(series, &benchmark)),
            ]
        }
        "table.CalendarReturns" => {
            let years = |series: &Series| {
                let by_year = Frequency::Yearly.returns(series.iter().map(|(month, rate)| (*month, *rate)));
                by_year.into_values().map(|rate| Some(100.0 * rate)).collect()
            };
            vec![("HAM1", years(&call.assets[0])), ("SP500 TR", years(&call.assets[2]))]
        }
        "table.Correlation" => {
            let correlations = call.by_asset(|a, b| plain(a, b).together.correlation()).concat();
            correlations.into_iter().map(|correlation| ("", vec![correlation])).collect()
        }
        "table.Distributions" => vec![
            row("monthly Std Dev", &deviation),
            row("Skewness", &|series| moments(series).skewness(Estimator::Population)),
            row("Kurtosis", &|series| {
                moments(series).excess_kurtosis(Estimator::Population).map(|excess| excess + 3.0)
            }),
            row("Excess kurtosis", &|series| moments(series).excess_kurtosis(Estimator::Population)),
            row("Sample excess kurtosis", &|series| moments(series).excess_kurtosis(Estimator::Sample)),
        ],
        "table.DownsideRiskRatio" => vec![
            row("monthly downside risk", &|series| sides(series).downside_deviation()),
            row("Annualised downside risk", &|series| sides(series).downside_deviation().map(|risk| risk * K.sqrt())),
            row("Downside potential", &|series| sides(series).downside_potential()),
            row("Omega", &|series| sides(series).omega_ratio()),
            row("Sortino ratio", &sortino),
            row("Upside potential", &|series| sides(series).upside_potential()),
            row("Omega-sharpe ratio", &|series| sides(series).omega_ratio().map(|omega| omega - 1.0)),
        ],
        "table.Drawdowns" => {
            let dated: Vec<_> = call.assets[0].iter().map(|(month, rate)| (*month, *rate)).collect();
            let mut spells = spells(&dated);
            spells.sort_by(|a, b| a.depth.total_cmp(&b.depth));
            let labels = [
                "1 2000-09-30 2002-09-30 2006-10-31",
                "2 1998-07-31 1998-08-31 1998-11-30",
                "3 2000-01-31 2000-02-29 2000-03-31",
                "4 1999-07-31 1999-09-30 1999-11-30",
                "5 1997-08-31 1997-08-31 1997-11-30",
            ];
            let told =
                |(number, spell): (usize, &Spell)| format!("{number} {} {} {}", spell.from, spell.trough, spell.to);
            let ours: Vec<String> = (1..).zip(&spells).take(5).map(told).collect();
            assert_eq!(ours, labels);
            let numbers = |spell: &Spell| {
                let counts = [spell.periods, spell.periods_to_trough, spell.periods - spell.periods_to_trough];
                [Some(spell.depth)].into_iter().chain(counts.map(|count| Some(count as f64))).collect()
            };
            labels.into_iter().zip(spells.iter().map(numbers)).collect()
        }
        "table.DrawdownsRatio" => vec![row("Calmar ratio", &calmar)],
        "table.HigherMoments" => vec![row("Beta CoVariance", &|series| to(series).beta())],
        "table.InformationRatio" => vec![
            row("Tracking Error", &error),
            row("Annualised Tracking Error", &annual_error),
            row("Information Ratio", &information),
        ],
        "table.SpecificRisk" => vec![row("Systematic Risk", &|series| systematic(series, &benchmark))],
        "table.Variability" => vec![row("monthly Std Dev", &deviation), row("Annualized Std Dev", &annual_deviation)],
        _ => return None,
    })
}

/// The numbers of a printed result by the label before them, those of a label that comes again in the next block behind
/// those that it had. What is not available, not a number or infinite is not defined.
fn printed(out: &str) -> Vec<(String, Vec<Value>)> {
    let mut rows: Vec<(String, Vec<Value>)> = Vec::new();
    let number = |token: &str| match token {
        "NA" | "NaN" | "Inf" | "-Inf" => Some(None),
        _ => token.parse::<f64>().ok().map(Some),
    };
    for line in out.lines() {
        let tokens: Vec<&str> = line.split_whitespace().collect();
        let count = tokens.iter().rev().take_while(|token| number(token).is_some()).count();
        let (label, values) = tokens.split_at(tokens.len() - count);
        let values = values.iter().filter_map(|token| number(token));
        match rows.iter_mut().find(|row| row.0 == label.join(" ")) {
            _ if count == 0 => {}
            Some(row) => row.1.extend(values),
            None => rows.push((label.join(" "), values.collect())),
        }
    }
    rows
}

#[test]
fn published_examples_come_out() {
    let file = "performanceanalytics/expected_managers.json";
    let (Some(managers), Some(examples)) = (Managers::read(), read::<Vec<Example>>(file)) else { return };
    let (mut rows, mut left_out, mut compared) = (Vec::new(), BTreeMap::<&str, usize>::new(), 0);
    for example in &examples {
        let call = Call::read(&managers, &example.call);
        let Some(ours) = ours(&example.f, &call) else {
            *left_out.entry(&example.f).or_default() += 1;
            continue;
        };
        compared += 1;
        let tolerance = match example.f.as_str() {
            "table.CalendarReturns" => 0.050_001, // per cent, rounded to one decimal
            "SFM.alpha" | "SFM.beta" if call.benchmarks.len() > 1 => 5.000_001e-4, // rounded to three
            _ => CUT,
        };
        let printed = printed(&example.out);
        for (number, (label, ours)) in ours.iter().enumerate() {
            let row = if label.is_empty() { printed.get(number) } else { printed.iter().find(|row| row.0 == *label) };
            let (label, expected) = row.unwrap_or_else(|| panic!("{}: no row {number} {label}", example.call));
            for (column, ours) in ours.iter().enumerate() {
                // Of no returns at all, one of its measures is 0, and the others are not available.
                let is_empty = call.assets.get(column).is_some_and(Series::is_empty);
                let expected =
                    expected.get(column).copied().unwrap_or_else(|| panic!("{}: column {column}", example.call));
                let case = format!("{} {label} [{}]", example.call, column + 1);
                rows.push(Row::new(case, expected.filter(|_| !is_empty), *ours, tolerance));
            }
        }
    }
    println!("{file}: {compared} of {} examples are compared; left out are {left_out:?}", examples.len());
    assert_eq!(compared, 90);
    check(file, &rows, 706);
}

//! What the views of risk must say, worked out by the definitions from all days at once.

use std::collections::BTreeMap;

use model::{Currency, Date, Record, Symbol};

use crate::kit::Desk;
use crate::oracle::{Day, last};
use crate::records::date;

/// A return, that of the benchmark and that without risk.
type Together = (f64, Option<f64>, Option<f64>);

/// The weekday that a day counts for.
fn weekday_of(day: i32) -> i32 {
    (day..).find(|day| Date(*day).weekday().unwrap() < model::Weekday::Saturday).unwrap()
}

/// The returns of weekdays on which something was invested.
fn returns(days: &BTreeMap<i32, Day>) -> BTreeMap<i32, f64> {
    let mut growth: BTreeMap<i32, f64> = BTreeMap::new();
    let mut invested: Vec<i32> = Vec::new();
    for (day, [value, comes, goes, _]) in days {
        let before = days.get(&(day - 1)).map_or(0, |day| day[0]);
        let base = before + comes;
        let rate = if base == 0 { 0.0 } else { (value - base - goes) as f64 / base.abs() as f64 };
        if base != 0 || value != goes {
            invested.push(weekday_of(*day));
        }
        *growth.entry(weekday_of(*day)).or_insert(1.0) *= 1.0 + rate;
    }
    growth.into_iter().filter(|(day, _)| invested.contains(day)).map(|(day, growth)| (day, growth - 1.0)).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sum of the products of what differs from the means.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - mean(a)) * (y - mean(b))).sum()
}

fn deviation(values: &[f64]) -> Option<f64> {
    (values.len() > 1).then(|| (product(values, values) / (values.len() - 1) as f64).sqrt())
}

/// A ratio, where what is below the line is not all but zero.
fn ratio(above: f64, below: f64) -> Option<f64> {
    (below.abs() > 1e-12).then(|| above / below)
}

fn max_drawdown(rates: &[f64]) -> f64 {
    let mut values = vec![1.0];
    rates.iter().for_each(|rate| values.push(values[values.len() - 1] * (1.0 + rate)));
    let falls = (0..values.len()).flat_map(|peak| values[peak..].iter().map(move |trough| (peak, *trough)));
    // Beyond a total loss a fall has no measure.
    falls.map(|(peak, trough)| trough / values[peak] - 1.0).fold(0.0, f64::min)
}

fn quantile(mut values: Vec<f64>, fraction: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = values.len().checked_sub(1)? as f64 * fraction;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Our values by column; those that hang on the last bits of floats are not among them.
fn measures(all: &[Together]) -> Vec<(&'static str, Option<f64>)> {
    let year = 252f64.sqrt();
    let rates: Vec<f64> = all.iter().map(|together| together.0).collect();
    let excess: Vec<f64> = all.iter().filter_map(|(rate, _, free)| Some(rate - (*free)?)).collect();
    let pairs: Vec<(f64, f64, Option<f64>)> =
        all.iter().filter_map(|(rate, benchmark, free)| Some((*rate, (*benchmark)?, *free))).collect();
    let active: Vec<f64> = pairs.iter().map(|pair| pair.0 - pair.1).collect();
    let both = |less: bool| -> Vec<(f64, f64)> {
        pairs
            .iter()
            .filter_map(|(a, b, free)| if less { Some((a - (*free)?, b - (*free)?)) } else { Some((*a, *b)) })
            .collect()
    };
    let (ours, theirs): (Vec<f64>, Vec<f64>) = both(true).into_iter().unzip();
    let linked = |rates: &mut dyn Iterator<Item = f64>| rates.map(|rate| 1.0 + rate).product::<f64>() - 1.0;
    let mut known = vec![
        ("returns", Some(rates.len() as f64)),
        ("returns_with_risk_free", Some(excess.len() as f64)),
        ("returns_with_benchmark", Some(pairs.len() as f64)),
        ("return", (!rates.is_empty()).then(|| linked(&mut rates.iter().copied()))),
        ("benchmark_return", (!pairs.is_empty()).then(|| linked(&mut pairs.iter().map(|pair| pair.1)))),
        ("volatility", deviation(&rates).map(|deviation| deviation * year)),
        ("tracking_error", deviation(&active).map(|deviation| deviation * year)),
        (
            "downside_deviation",
            (!rates.is_empty())
                .then(|| mean(&rates.iter().map(|rate| rate.min(0.0).powi(2)).collect::<Vec<_>>()).sqrt() * year),
        ),
    ];
    if rates.iter().all(|rate| *rate > -1.0) && !rates.is_empty() {
        known.push(("max_drawdown", Some(max_drawdown(&rates))));
    }
    let spread = deviation(&excess).and_then(|spread| ratio(mean(&excess) * year, spread));
    if excess.len() < rates.len() || spread.is_some() {
        known.push(("sharpe", if excess.len() < rates.len() { None } else { spread }));
    }
    let beta = ratio(product(&ours, &theirs), product(&theirs, &theirs));
    if ours.len() < pairs.len() || beta.is_some() {
        known.push(("beta", if ours.len() < pairs.len() { None } else { beta }));
    }
    known
}

struct Known<'a> {
    compared_with: BTreeMap<Symbol, (Symbol, Currency)>,
    levels: BTreeMap<Symbol, BTreeMap<i32, i128>>,
    rates: BTreeMap<Currency, BTreeMap<i32, i128>>,
    days: &'a BTreeMap<Symbol, BTreeMap<i32, Day>>,
}

impl Known<'_> {
    /// The returns of a portfolio on weekdays up to a day, beside the market.
    fn returns_of(&self, portfolio: Symbol) -> BTreeMap<i32, Together> {
        let (benchmark, currency) =
            self.compared_with.get(&portfolio).copied().unwrap_or((Symbol::NONE, Currency::NONE));
        let of_day = |(day, rate): (i32, f64)| {
            let before = (1..).map(|back| day - back).find(|day| weekday_of(*day) == *day).unwrap();
            let level = |day| last(self.levels.get(&benchmark), day).map(|level| level as f64);
            let benchmark = level(before).zip(level(day)).map(|(before, now)| now / before - 1.0);
            let annual = last(self.rates.get(&currency), before + 1).map(|rate| rate as f64 / 1e12);
            (day, (rate, benchmark, annual.map(|annual| (1.0 + annual).powf(1.0 / 252.0) - 1.0)))
        };
        self.days.get(&portfolio).map(returns).unwrap_or_default().into_iter().map(of_day).collect()
    }
}

/// Compares the views `risk` and `value_at_risk` row by row.
pub fn check(records: &[Record], days: &BTreeMap<Symbol, BTreeMap<i32, Day>>, desk: &Desk) {
    let mut known = Known { compared_with: BTreeMap::new(), levels: BTreeMap::new(), rates: BTreeMap::new(), days };
    for record in records {
        match record {
            Record::Portfolio(portfolio) => {
                known.compared_with.insert(portfolio.id, (portfolio.benchmark, portfolio.base_currency));
            }
            Record::BenchmarkLevel(level) => {
                let series = known.levels.entry(level.benchmark).or_default();
                series.insert(level.level_date.0, level.level.scaled().unwrap());
            }
            Record::RiskFreeRate(rate) => {
                let series = known.rates.entry(rate.currency).or_default();
                series.insert(rate.rate_date.0, rate.annual_rate.scaled().unwrap());
            }
            _ => {}
        }
    }
    let near = |what: &str, row: &[String], ours: &str, expected: Option<f64>| {
        let ours = ours.parse::<f64>().ok();
        let is_near = match (ours, expected) {
            (Some(ours), Some(expected)) => (ours - expected).abs() <= 1e-9 + 1e-6 * expected.abs(),
            (None, None) => true,
            // Too large to be told.
            (None, Some(expected)) => expected.abs() > 1e19,
            (Some(_), None) => false,
        };
        assert!(is_near, "{what}: expected {expected:?}, ours {ours:?}: {row:?}");
    };
    for view in ["risk", "value_at_risk"] {
        let index = |name: &str| desk.spec(view).column(name).unwrap();
        for row in desk.read(view) {
            let of = known.returns_of(Symbol::of(&row[index("portfolio")]));
            let (from, to) = (date(&row[index("from")]).0, date(&row[index("to")]).0);
            let inside: Vec<Together> = of.range(from..=to).map(|(_, together)| *together).collect();
            if view == "risk" {
                for (column, expected) in measures(&inside) {
                    near(column, &row, &row[index(column)], expected);
                }
            } else {
                let confidence: f64 = row[index("confidence")].parse().unwrap();
                let tail = if confidence < 0.97 { 0.05 } else { 0.01 };
                let expected = quantile(inside.iter().map(|together| together.0).collect(), tail).map(|loss| -loss);
                near("historical", &row, &row[index("value_at_risk_historical")], expected);
            }
        }
    }
}

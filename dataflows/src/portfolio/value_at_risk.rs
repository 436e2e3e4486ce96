//! What may be lost: the view `value_at_risk`, for each portfolio, period and confidence.
//!
//! The quantiles of a period need its returns in order, and each day that comes moves the periods. So they are worked out
//! from the returns of a portfolio when the view is read, or when one of them changes and the view is followed: they are
//! sorted once, and each period is one pass over them. Ten years of days are some 2,500 returns.
//!
//! A limit of value at risk is of one of these numbers: the historical one at the first confidence, over the longest period.

use engine::{Cell, ColumnKind, Row, Views};
use model::Symbol;
use operators::Arranged;
use operators::group::Group;

use super::config::Books;
use super::return_series::Part;
use super::returns::PeriodOf;
use super::risk::moments::Moments;
use super::risk::quantile::OrderStatistic;
use super::risk::value_at_risk::{
    Distribution, LossSign, gaussian_shortfall, historical_shortfall, over_horizon, parametric_value_at_risk,
};
use super::risk_conventions::RiskConventions;
use crate::table::{RATIO, date_cell, name_of, ratio_as_rate, ratio_cell, spec, symbol_cell};

/// Returns with the last days of their buckets.
type Dated = Vec<(i32, f64)>;

/// The losses of some returns at one confidence, as returns: historical, Gaussian and Cornish-Fisher value at risk,
/// historical and Gaussian expected shortfall.
type Losses = [Option<f64>; 5];

/// Registers the view.
pub fn register<'scope>(books: &Books, parts: &Arranged<'scope, Symbol, Part>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("period", ColumnKind::Text),
        ("confidence", RATIO),
        ("from", ColumnKind::Date),
        ("to", ColumnKind::Date),
        ("returns", ColumnKind::Int),
        ("value_at_risk_historical", RATIO),
        ("value_at_risk_gaussian", RATIO),
        ("value_at_risk_cornish_fisher", RATIO),
        ("expected_shortfall_historical", RATIO),
        ("expected_shortfall_gaussian", RATIO),
    ];
    let by = books.risk.clone();
    let config = &by.config;
    let about = format!(
        "What each portfolio may lose, from its returns over each period, as a share of its value: {} returns, over {} of them, losses told as {} numbers. Moments are of a {}; the historical shortfall is the mean of {}.",
        name_of(&config.frequency).unwrap_or_default(),
        config.horizon,
        name_of(&config.losses).unwrap_or_default(),
        name_of(&config.estimator).unwrap_or_default(),
        name_of(&config.shortfall).unwrap_or_default(),
    );
    views.derived(spec("value_at_risk", &about, &columns, 3), parts, move |portfolio, parts, rows| {
        let (dated, periods) = returns_and_periods(parts);
        let ascending = ascending(&dated);
        for (of, count) in periods {
            // In the order of their days, so that they add up to the same float however they are sorted.
            let (moments, ascending) = (Moments::of_all(inside(&dated, of)), inside(&ascending, of));
            for confidence in &by.config.confidences {
                let losses = losses(&moments, &ascending, *confidence, &by);
                rows.push((row(*portfolio, of, *confidence, moments.count, &losses, &by), count));
            }
        }
    });
}

/// The returns, and the periods with how often each is there.
fn returns_and_periods<'a>(parts: Group<'a, '_, Part, isize>) -> (Dated, Vec<(&'a PeriodOf, isize)>) {
    let (mut dated, mut periods): (Dated, Vec<(&PeriodOf, isize)>) = Default::default();
    for (part, count) in parts {
        match part {
            Part::Return { bucket, rate } => dated.push((*bucket, rate.get())),
            Part::Period(of) => periods.push((of, *count)),
        }
    }
    (dated, periods)
}

fn ascending(dated: &Dated) -> Dated {
    let mut ascending = dated.clone();
    ascending.sort_by(|a, b| a.1.total_cmp(&b.1));
    ascending
}

/// The returns of a period.
fn inside(dated: &Dated, of: &PeriodOf) -> Vec<f64> {
    let days = of.range.from.0..=of.range.to.0;
    dated.iter().filter(|(day, _)| days.contains(day)).map(|(_, rate)| *rate).collect()
}

/// What limits measure: the historical loss at the first confidence over the longest period, above zero where something may
/// be lost, in units of [`model::Rate`] and with the decimals that the view shows. `None` without returns.
pub fn limited_loss(parts: Group<'_, '_, Part, isize>, by: &RiskConventions) -> Option<i128> {
    let (dated, periods) = returns_and_periods(parts);
    let longest = periods.iter().map(|(of, _)| *of).max_by_key(|of| of.range.days())?;
    let ascending = inside(&ascending(&dated), longest);
    let loss = OrderStatistic::of(&ascending, tail(*by.config.confidences.first()?))?.quantile();
    ratio_as_rate(LossSign::Positive.tell(over_horizon(loss, by.config.horizon)))
}

fn losses(returns: &Moments, ascending: &[f64], confidence: f64, by: &RiskConventions) -> Losses {
    let (alpha, estimator) = (tail(confidence), by.config.estimator);
    let historical = OrderStatistic::of(ascending, alpha);
    let parametric = |distribution| parametric_value_at_risk(returns, alpha, distribution, estimator);
    [
        historical.map(|statistic| statistic.quantile()),
        parametric(Distribution::Gaussian),
        parametric(Distribution::CornishFisher),
        historical.map(|statistic| historical_shortfall(&statistic, by.config.shortfall)),
        gaussian_shortfall(returns, alpha, estimator),
    ]
}

/// How much lies beyond a confidence: of 0.95 the float that is written 0.05, which decides whether a rank is whole.
fn tail(confidence: f64) -> f64 {
    const DECIMALS: f64 = 1e12;
    ((1.0 - confidence) * DECIMALS).round() / DECIMALS
}

fn row(portfolio: Symbol, of: &PeriodOf, confidence: f64, returns: u64, losses: &Losses, by: &RiskConventions) -> Row {
    let told = |loss: f64| by.config.losses.tell(over_horizon(loss, by.config.horizon));
    let head = [
        symbol_cell(portfolio),
        Cell::text(of.period.to_string()),
        ratio_cell(Some(confidence)),
        date_cell(of.range.from),
        date_cell(of.range.to),
        Cell::Int(i64::try_from(returns).unwrap_or(i64::MAX)),
    ];
    Row::new(head.into_iter().chain(losses.map(|loss| ratio_cell(loss.map(told)))).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_confidence_is_the_number_as_it_is_written() {
        assert_eq!([0.95, 0.99, 0.9, 0.975, 0.999].map(tail), [0.05, 0.01, 0.1, 0.025, 0.001]);
    }
}

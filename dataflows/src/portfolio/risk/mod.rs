//! Risk: how much returns vary, against what, and how much may be lost.
//!
//! | file | measures | conventions on offer |
//! |---|---|---|
//! | `benchmark` | beta, alpha, tracking error, information ratio, captures | alpha and information ratio arithmetic or geometric; captures annual or cumulative |
//! | `buckets` | which days make one return | |
//! | `concentration` | Herfindahl-Hirschman index, weight of the greatest | weights of the net or the gross total |
//! | `downside` | downside deviation, Sortino, omega, gains and losses | what a return is compared with |
//! | `drawdown` | the deepest fall and its dates; all falls | whether the start counts as a peak |
//! | `frequency` | days, weeks, months; returns of longer from returns of shorter ones | how many make a year |
//! | `moments` | mean, standard deviation, skewness, kurtosis; correlation | of a sample or of all there is |
//! | `quantile` | order statistics with what is below | type 7: linear between two values |
//! | `ratios` | volatility, Sharpe, Calmar, stability, tail ratio | flat returns: nothing or infinite; Sharpe arithmetic or geometric |
//! | `rolling` | any measure over windows | |
//! | `value_at_risk` | value at risk, expected shortfall | history, normal, Cornish-Fisher; three shortfalls; gains or losses positive |
//!
//! All returns and deviations are decimals, tracking error like volatility; ratios have no unit. Each measure is `None` where
//! it is not defined: of too few returns, or divided by nothing. Where a measure is the same at all frequencies but for a
//! factor, `periods_per_year` is that of [`frequency::Frequency`]: 252, 52, 12, 4, 1.
//!
//! Conventions are named after who has them: empyrical (Quantopian), PerformanceAnalytics (R) and PAS, the public
//! portfolio-analytics-system of sgajbi.
//!
//! What is summed up part by part has a `then`, like the sums of [`performance`](super::performance). A return that is
//! missing is left out by whoever gives the returns, and two series are given as pairs of the same dates.

pub mod benchmark;
pub mod buckets;
pub mod concentration;
pub mod downside;
pub mod drawdown;
pub mod frequency;
pub mod moments;
pub mod quantile;
pub mod ratios;
pub mod rolling;
pub mod value_at_risk;

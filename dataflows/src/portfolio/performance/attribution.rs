//! Attribution: why a portfolio did better or worse than its benchmark, by segment (Brinson).
//!
//! With weights `w` and returns `r` of portfolio and benchmark (`wb`, `rb`), and `Rb` the return of the whole benchmark:
//!
//! | effect | amount |
//! |---|---|
//! | allocation, Brinson and Fachler | (w − wb)(rb − Rb) |
//! | allocation, Brinson, Hood and Beebower | (w − wb) rb |
//! | selection | wb (r − rb), or with the interaction w (r − rb) |
//! | interaction | (w − wb)(r − rb) |
//!
//! What is bought within a period has no weight at its start; what it adds counts as selection.
//!
//! Over all segments the effects add up to `R − Rb` if the weights on each side add up to one. Effects of several periods
//! are linked by logarithms (Cariño 1999), so that they add up to the difference of the linked returns.

use serde::{Deserialize, Serialize};

use super::contribution::daily_contribution;
use super::daily::{Basis, Day, ratio};

/// What the benchmark of a segment is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allocation {
    /// With the whole benchmark: more of what did better than it is good.
    #[default]
    BrinsonFachler,
    /// With nothing: more of what gained is good.
    BrinsonHoodBeebower,
}

/// Where the interaction goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interaction {
    /// It is an effect of its own.
    #[default]
    Separate,
    /// It belongs to selection.
    WithSelection,
}

/// A segment of a portfolio and of its benchmark. Weights at the start of the period; all are decimals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its part of the portfolio.
    pub weight: f64,
    /// Its return in the portfolio.
    pub rate: f64,
    /// Its part of the benchmark.
    pub benchmark_weight: f64,
    /// Its return in the benchmark.
    pub benchmark_rate: f64,
    /// What it added to the return of the portfolio beyond weight times return, less the same of the benchmark: by what was
    /// bought within the period, and so had no weight at its start.
    pub traded: f64,
}

/// A segment of one side in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Holding {
    /// Its part of the whole at the start of the period.
    pub weight: f64,
    /// What it added to the return of the whole.
    pub contribution: f64,
    /// Its return; none where nothing was there at the start, or much less than what came or went afterwards.
    pub rate: Option<f64>,
}

impl Holding {
    /// Of a day of the segment and of the whole.
    pub fn of(segment: &Day, whole: &Day, basis: Basis) -> Holding {
        // With more than twice of it traded the gain is that of other money.
        const TRADED_AT_MOST: i128 = 2;
        let base = segment.base();
        let has_rate = segment.closing_flow.saturating_abs() <= base.saturating_abs().saturating_mul(TRADED_AT_MOST);
        Holding {
            weight: ratio(base, whole.base().saturating_abs()).unwrap_or(0.0),
            contribution: daily_contribution(segment, whole, basis),
            rate: ratio(segment.gain(basis), base).filter(|_| has_rate),
        }
    }
}

impl Segment {
    /// Of what either side holds of it. A side that has no return of it is given that of the other, so that there is nothing to
    /// select; what it added all the same was traded.
    pub fn of(own: &Holding, benchmark: &Holding) -> Segment {
        let rate = own.rate.or(benchmark.rate).unwrap_or(0.0);
        let benchmark_rate = benchmark.rate.or(own.rate).unwrap_or(0.0);
        let traded = |holding: &Holding, rate: f64| {
            if holding.rate.is_some() { 0.0 } else { holding.contribution - holding.weight * rate }
        };
        Segment {
            weight: own.weight,
            rate,
            benchmark_weight: benchmark.weight,
            benchmark_rate,
            traded: traded(own, rate) - traded(benchmark, benchmark_rate),
        }
    }
}

/// What made the difference, in decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// To have more of one segment and less of another.
    pub allocation: f64,
    /// To have better ones within the segment.
    pub selection: f64,
    /// To have more of what was better.
    pub interaction: f64,
}

impl Effects {
    /// All effects together.
    pub fn total(&self) -> f64 {
        self.allocation + self.selection + self.interaction
    }

    fn scaled(&self, factor: f64) -> Effects {
        Effects {
            allocation: self.allocation * factor,
            selection: self.selection * factor,
            interaction: self.interaction * factor,
        }
    }

    fn plus(&self, other: &Effects) -> Effects {
        Effects {
            allocation: self.allocation + other.allocation,
            selection: self.selection + other.selection,
            interaction: self.interaction + other.interaction,
        }
    }
}

/// The effects of a segment in one period, given the return of the whole benchmark.
pub fn effects(segment: &Segment, benchmark_rate: f64, allocation: Allocation, interaction: Interaction) -> Effects {
    let over = segment.weight - segment.benchmark_weight;
    let better = segment.rate - segment.benchmark_rate;
    let compared_with = match allocation {
        Allocation::BrinsonFachler => benchmark_rate,
        Allocation::BrinsonHoodBeebower => 0.0,
    };
    let allocation = over * (segment.benchmark_rate - compared_with);
    let (selection, interaction) = match interaction {
        Interaction::Separate => (segment.benchmark_weight * better, over * better),
        Interaction::WithSelection => (segment.weight * better, 0.0),
    };
    Effects { allocation, selection: selection + segment.traded, interaction }
}

/// The effects of a segment over consecutive periods, linked by logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkedEffects {
    growth: f64,
    benchmark_growth: f64,
    by_logarithm: Effects,
}

impl LinkedEffects {
    /// No periods.
    pub const NONE: LinkedEffects = LinkedEffects {
        growth: 1.0,
        benchmark_growth: 1.0,
        by_logarithm: Effects { allocation: 0.0, selection: 0.0, interaction: 0.0 },
    };

    /// One period: the effects, and the returns of the whole portfolio and the whole benchmark.
    pub fn of(effects: &Effects, rate: f64, benchmark_rate: f64) -> LinkedEffects {
        let by_logarithm = effects.scaled(logarithm_by_difference(rate, benchmark_rate));
        LinkedEffects { growth: 1.0 + rate, benchmark_growth: 1.0 + benchmark_rate, by_logarithm }
    }

    /// These periods followed by later ones.
    pub fn then(&self, later: &LinkedEffects) -> LinkedEffects {
        LinkedEffects {
            growth: self.growth * later.growth,
            benchmark_growth: self.benchmark_growth * later.benchmark_growth,
            by_logarithm: self.by_logarithm.plus(&later.by_logarithm),
        }
    }

    /// The effects over all periods. `None` once everything has been lost on either side.
    pub fn effects(&self) -> Option<Effects> {
        let factor = 1.0 / logarithm_by_difference(self.growth - 1.0, self.benchmark_growth - 1.0);
        let effects = self.by_logarithm.scaled(factor);
        effects.total().is_finite().then_some(effects)
    }
}

/// `(ln(1 + r) − ln(1 + b)) / (r − b)`, which is `1 / (1 + r)` where they are the same.
fn logarithm_by_difference(rate: f64, benchmark_rate: f64) -> f64 {
    let difference = rate - benchmark_rate;
    if difference == 0.0 { 1.0 / (1.0 + rate) } else { (difference / (1.0 + benchmark_rate)).ln_1p() / difference }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    /// The three segments of the example that Bacon's "Practical Portfolio Performance Measurement and Attribution" (2nd
    /// edition, chapter 5) works through: a portfolio of 8.3 % against a benchmark of 6.4 %.
    const BACON: [Segment; 3] = [
        Segment { weight: 0.4, rate: 0.20, benchmark_weight: 0.4, benchmark_rate: 0.10, traded: 0.0 },
        Segment { weight: 0.3, rate: -0.05, benchmark_weight: 0.2, benchmark_rate: -0.04, traded: 0.0 },
        Segment { weight: 0.3, rate: 0.06, benchmark_weight: 0.4, benchmark_rate: 0.08, traded: 0.0 },
    ];

    #[test]
    fn the_published_example_comes_out() {
        let fachler = [[0.0, 0.04, 0.0], [-0.0104, -0.002, -0.001], [-0.0016, -0.008, 0.002]];
        let hood = [0.0, -0.004, -0.008];
        for ((segment, expected), of_hood) in BACON.iter().zip(fachler).zip(hood) {
            let ours = effects(segment, 0.064, Allocation::BrinsonFachler, Interaction::Separate);
            for (ours, expected) in [ours.allocation, ours.selection, ours.interaction].into_iter().zip(expected) {
                assert!((ours - expected).abs() < 1e-15, "{ours} {expected}");
            }
            let ours = effects(segment, 0.064, Allocation::BrinsonHoodBeebower, Interaction::WithSelection);
            assert!((ours.allocation - of_hood).abs() < 1e-15);
            assert!((ours.selection - (expected[1] + expected[2])).abs() < 1e-15);
        }
    }

    #[test]
    fn what_has_no_weight_at_the_start_adds_to_selection_and_what_is_not_held_to_allocation() {
        let day = |opening_value, closing_flow, closing_value| Day {
            opening_value,
            closing_flow,
            closing_value,
            ..Day::default()
        };
        let whole = day(1_000, 0, 1_020);
        let of = |segment: Day| Holding::of(&segment, &whole, Basis::Gross);
        let (held, bought, none) = (of(day(100, 0, 110)), of(day(0, 200, 210)), of(day(0, 0, 0)));
        assert_eq!((held.weight, held.rate), (0.1, Some(0.1)));
        assert_eq!((bought.weight, bought.rate, bought.contribution), (0.0, None, 0.01));
        // A little is held, and much more is bought: its gain is not the return of the little.
        assert_eq!(of(day(1, 200, 211)).rate, None);

        let cases = [
            // own, benchmark, allocation, selection and interaction against a benchmark of two per cent
            (bought, none, [0.0, 0.01, 0.0]),
            (bought, held, [-0.1 * 0.08, 0.01, 0.0]),
            (none, held, [-0.1 * 0.08, 0.0, 0.0]),
            (held, none, [0.1 * 0.08, 0.0, 0.0]),
            (held, bought, [0.1 * 0.08, -0.01, 0.0]),
        ];
        for (own, benchmark, expected) in cases {
            let ours = effects(&Segment::of(&own, &benchmark), 0.02, Allocation::BrinsonFachler, Interaction::Separate);
            for (ours, expected) in [ours.allocation, ours.selection, ours.interaction].into_iter().zip(expected) {
                assert!((ours - expected).abs() < 1e-15, "{own:?} {benchmark:?}: {ours} {expected}");
            }
        }
    }

    fn totals(periods: &[Vec<Segment>], segment: usize, allocation: Allocation) -> LinkedEffects {
        let sum = |period: &[Segment], of: fn(&Segment) -> f64| period.iter().map(of).sum::<f64>();
        let of_period = |period: &Vec<Segment>| {
            let rate = sum(period, |segment| segment.weight * segment.rate);
            let benchmark = sum(period, |segment| segment.benchmark_weight * segment.benchmark_rate);
            let effects = effects(&period[segment], benchmark, allocation, Interaction::Separate);
            LinkedEffects::of(&effects, rate, benchmark)
        };
        periods.iter().map(of_period).fold(LinkedEffects::NONE, |sum, period| sum.then(&period))
    }

    fn period() -> impl Strategy<Value = Vec<Segment>> {
        (0.0..1.0f64, 0.0..1.0f64, prop::array::uniform4(-0.2..0.2f64)).prop_map(|(weight, benchmark_weight, rates)| {
            let segment = |weight, benchmark_weight, rates: &[f64]| Segment {
                weight,
                rate: rates[0],
                benchmark_weight,
                benchmark_rate: rates[1],
                traded: 0.0,
            };
            vec![
                segment(weight, benchmark_weight, &rates[..2]),
                segment(1.0 - weight, 1.0 - benchmark_weight, &rates[2..]),
            ]
        })
    }

    proptest! {
        #[test]
        fn effects_of_all_segments_and_periods_add_up(periods in prop::collection::vec(period(), 1..20)) {
            for allocation in [Allocation::BrinsonFachler, Allocation::BrinsonHoodBeebower] {
                let linked: Vec<_> = (0..2).map(|segment| totals(&periods, segment, allocation)).collect();
                let sum: f64 = linked.iter().map(|linked| linked.effects().unwrap().total()).sum();
                let difference = linked[0].growth - linked[0].benchmark_growth;
                prop_assert!((sum - difference).abs() < 1e-9, "{:?}: {} for {}", allocation, sum, difference);
            }
        }

        #[test]
        fn linking_is_associative(periods in prop::collection::vec(period(), 0..60), cuts in shape::cuts()) {
            let points: Vec<_> = periods.iter().map(|period| totals(std::slice::from_ref(period), 0, Allocation::default())).collect();
            let numbers = |sum: &LinkedEffects| {
                vec![sum.growth, sum.benchmark_growth, sum.by_logarithm.allocation, sum.by_logarithm.total()]
            };
            shape::check(&points, LinkedEffects::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }
    }
}

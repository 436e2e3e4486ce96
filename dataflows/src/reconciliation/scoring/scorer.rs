//! A model ready to score: prepares records once, then scores pairs cheaply.
//!
//! ```text
//!  record ──▶ features (one value a comparison) ─┐
//!                                                ├─▶ score and tie, or nothing below `review`
//!  record ──▶ features ──────────────────────────┘
//!        └──▶ block keys: which pairs are scored at all
//! ```
//! Everything is integer arithmetic on the two records: the same pair has the same score on every worker and in every replay.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Field, Symbol};
use operators::assign::Edge;
use operators::blocks::Side;
use serde::{Deserialize, Serialize};

use super::blocking;
use super::fields::Fields;
use super::method::{Feature, Method};
use super::model::{Comparison, Model, ModelError};
use super::text;

/// The values of a record that a model compares, each as its comparison wants it. Cloning shares them.
///
/// They depend on fields, normalisation and methods of the model, and not on its weights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Features(Arc<[Feature]>);

/// How well a pair fits. The greater is better: first the score, then the tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PairScore {
    /// The sum of the weights, in thousandths of a bit.
    pub score: i64,
    /// What decides between equal scores: minus how far the values are apart, summed in 1/10,000 of a whole or of a day.
    pub tie: i64,
}

impl PairScore {
    /// The pair as a candidate of one-to-one matching within a part.
    pub fn edge<P, N>(self, part: P, left: N, right: N) -> Edge<P, N> {
        Edge { part, score: self.score, tie: self.tie, left, right }
    }
}

/// What a comparison of a pair came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Either value is missing.
    Missing,
    /// The level of this index holds.
    Level(u8),
    /// No level holds.
    Otherwise,
}

/// One comparison of a pair, to show why it scored as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// The field that was compared.
    pub field: Field,
    /// How.
    pub method: Method,
    /// The measure, in the unit of the method; `None` where a value is missing.
    pub measure: Option<i64>,
    /// What it came to.
    pub outcome: Outcome,
    /// What it is worth, in thousandths of a bit.
    pub weight: i32,
}

/// What is to be done with a pair that the one-to-one choice made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good enough, and clearly better than any other pair of the two records.
    Match,
    /// Good enough for a match, with a rival close by.
    Ambiguous,
    /// Only worth a look.
    Review,
    /// Nothing.
    None,
}

/// A checked model, ready to score.
#[derive(Clone, Debug)]
pub struct Scorer {
    model: Arc<Model>,
    /// The comparisons in the order they are made: gates first, then the cheap ones.
    steps: Arc<[Step]>,
}

#[derive(Debug)]
struct Step {
    /// The index of the comparison in the model and of its value in the features.
    comparison: usize,
    /// What the later steps can add at most.
    later_max: i64,
    /// The additions for rare and common values, by the symbol of the value.
    rarity: HashMap<Symbol, i32>,
}

impl Scorer {
    /// Checks the model and makes it ready.
    pub fn new(model: Model) -> Result<Scorer, ModelError> {
        model.check()?;
        let mut order: Vec<usize> = (0..model.comparisons.len()).collect();
        order.sort_by_key(|&index| (!model.comparisons[index].gate, model.comparisons[index].method.cost(), index));
        let mut steps = Vec::with_capacity(order.len());
        let mut later_max = 0;
        for comparison in order.into_iter().rev() {
            steps.push(Step { comparison, later_max, rarity: rarities(&model.comparisons[comparison]) });
            later_max += i64::from(model.comparisons[comparison].weight_max());
        }
        steps.reverse();
        Ok(Scorer { model: Arc::new(model), steps: steps.into() })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The values of a record that the model compares.
    pub fn features(&self, record: &impl Fields) -> Features {
        let value = |comparison: &Comparison| comparison.method.prepare(record, comparison.field, comparison.normalise);
        Features(self.model.comparisons.iter().map(value).collect())
    }

    /// The keys under which the record is compared with those of the other side, in order, each once.
    pub fn block_keys(&self, record: &impl Fields, side: Side) -> Vec<Symbol> {
        blocking::block_keys(&self.model.blocking, record, side)
    }

    /// Scores a pair. `None` when a gate is shut or the score is below `review`, found out as early as possible.
    pub fn score(&self, left: &Features, right: &Features) -> Option<PairScore> {
        let (mut score, mut tie) = (0_i64, 0_i64);
        for step in &*self.steps {
            let comparison = &self.model.comparisons[step.comparison];
            let (value, other) = (left.0.get(step.comparison)?, right.0.get(step.comparison)?);
            let measure = comparison.method.measure(value, other);
            let outcome = outcome(comparison, measure);
            if comparison.gate && outcome == Outcome::Otherwise {
                return None;
            }
            score += i64::from(step.weight(comparison, outcome, measure, value, other));
            if score + step.later_max < self.model.thresholds.review {
                return None;
            }
            tie = tie.saturating_sub(measure.map_or(0, |measure| comparison.method.distance(measure)));
        }
        Some(PairScore { score, tie })
    }

    /// What each comparison of a pair came to, in the order of the model. Their weights sum to the score.
    pub fn explain(&self, left: &Features, right: &Features) -> Vec<Evidence> {
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.comparison);
        let evidence = |step: &&Step| {
            let comparison = &self.model.comparisons[step.comparison];
            let (value, other) = (left.0.get(step.comparison)?, right.0.get(step.comparison)?);
            let measure = comparison.method.measure(value, other);
            let outcome = outcome(comparison, measure);
            let weight = step.weight(comparison, outcome, measure, value, other);
            Some(Evidence { field: comparison.field, method: comparison.method, measure, outcome, weight })
        };
        steps.iter().filter_map(evidence).collect()
    }

    /// The outcome of each comparison, in the order of the model; `None` when a gate is shut. For learning.
    pub(super) fn pattern(&self, left: &Features, right: &Features) -> Option<Vec<Outcome>> {
        let mut pattern = Vec::with_capacity(self.model.comparisons.len());
        for (comparison, (value, other)) in self.model.comparisons.iter().zip(left.0.iter().zip(right.0.iter())) {
            let outcome = outcome(comparison, comparison.method.measure(value, other));
            if comparison.gate && outcome == Outcome::Otherwise {
                return None;
            }
            pattern.push(outcome);
        }
        Some(pattern)
    }

    /// What is to be done with a chosen pair, given its score and the best score of the other pairs of its two records.
    pub fn verdict(&self, score: i64, runner_up: Option<i64>) -> Verdict {
        let thresholds = self.model.thresholds;
        if score < thresholds.review {
            Verdict::None
        } else if score < thresholds.accept {
            Verdict::Review
        } else if self.margin(score, runner_up) < thresholds.margin {
            Verdict::Ambiguous
        } else {
            Verdict::Match
        }
    }

    /// By how much a score beats the runner-up, or `review` where there is none.
    pub fn margin(&self, score: i64, runner_up: Option<i64>) -> i64 {
        let review = self.model.thresholds.review;
        score.saturating_sub(runner_up.unwrap_or(review).max(review))
    }
}

impl Step {
    fn weight(
        &self,
        comparison: &Comparison,
        outcome: Outcome,
        measure: Option<i64>,
        value: &Feature,
        other: &Feature,
    ) -> i32 {
        let index = match outcome {
            Outcome::Missing => return comparison.missing,
            Outcome::Otherwise => return comparison.otherwise,
            Outcome::Level(index) => usize::from(index),
        };
        let Some(level) = comparison.levels.get(index) else { return 0 };
        let rarity = if index == 0 { self.rarity(comparison, value, other) } else { 0 };
        rarity + if level.proportional { proportion(comparison.method, level.weight, measure) } else { level.weight }
    }

    /// What a rare or common value adds: of two unequal values at the first level, the more common one decides.
    fn rarity(&self, comparison: &Comparison, value: &Feature, other: &Feature) -> i32 {
        let Some(rarity) = &comparison.rarity else { return 0 };
        let of = |feature: &Feature| feature.symbol().and_then(|symbol| self.rarity.get(&symbol)).copied();
        of(value).unwrap_or(rarity.other).min(of(other).unwrap_or(rarity.other))
    }
}

impl Feature {
    /// The symbol of a text; `None` for numbers, dates and nothing.
    pub(super) fn symbol(&self) -> Option<Symbol> {
        match self {
            Feature::Code(symbol) => Some(*symbol),
            Feature::Text(text) => Some(Symbol::of(text)),
            Feature::Missing | Feature::Number { .. } | Feature::Date(_) => None,
        }
    }
}

impl Features {
    /// The value of the comparison of this index.
    pub(super) fn get(&self, comparison: usize) -> Option<&Feature> {
        self.0.get(comparison)
    }
}

fn rarities(comparison: &Comparison) -> HashMap<Symbol, i32> {
    let values = comparison.rarity.iter().flat_map(|rarity| &rarity.values);
    values.map(|(value, weight)| (*value, *weight)).collect()
}

#[inline]
fn outcome(comparison: &Comparison, measure: Option<i64>) -> Outcome {
    let Some(measure) = measure else { return Outcome::Missing };
    match comparison.levels.iter().position(|level| level.holds(measure)) {
        Some(index) => Outcome::Level(index as u8),
        None => Outcome::Otherwise,
    }
}

/// The weight times the likeness, rounded down.
fn proportion(method: Method, weight: i32, measure: Option<i64>) -> i32 {
    let share = measure.and_then(|measure| method.share(measure)).unwrap_or(0);
    (i64::from(weight) * share).div_euclid(text::EQUAL) as i32
}

#[cfg(test)]
mod tests {
    use model::{Currency, Date, Dictionary, Price, Quantity, SourceId, Trade, TradeBuilder};
    use proptest::prelude::*;

    use super::super::fields::TradeFields;
    use super::super::presets::{trades, weighted};
    use super::*;

    fn any_trade() -> impl Strategy<Value = Trade> {
        let codes = (
            "[AB]{0,2}",
            "[A-C ]{0,6}",
            0_u8..3,
            prop_oneof![Just(Currency::NONE), Just(currency("USD")), Just(currency("EUR"))],
        );
        (codes, 0_i32..6, 1_i64..4, 1_i64..4).prop_map(
            |((instrument, counterparty, side, currency), days, quantity, price)| {
                let mut trade = TradeBuilder::new(SourceId(0)).finish();
                trade.instrument = Symbol::of(&instrument);
                trade.counterparty = Symbol::of(counterparty.trim());
                trade.side = [model::Side::Unknown, model::Side::Buy, model::Side::Sell][usize::from(side)];
                trade.currency = currency;
                trade.trade_date = Date(days);
                trade.quantity = Quantity::from_scaled(quantity * 1_000_000);
                trade.price = Price::from_scaled(price * 100_000_000);
                trade
            },
        )
    }

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    proptest! {
        #[test]
        fn giving_up_early_never_changes_a_score(left in any_trade(), right in any_trade(), review in -40_000_i64..40_000) {
            let dictionary = Dictionary::new();
            for mut model in [trades().unwrap(), weighted().unwrap()] {
                model.thresholds.review = review;
                model.thresholds.accept = 50_000;
                let scorer = Scorer::new(model.clone()).unwrap();
                let features = |trade| scorer.features(&TradeFields { trade, dictionary: &dictionary });
                let (left, right) = (features(&left), features(&right));
                let evidence = scorer.explain(&left, &right);
                let is_shut = evidence.iter().zip(&model.comparisons).any(|(one, comparison)| {
                    comparison.gate && one.outcome == Outcome::Otherwise
                });
                let sum: i64 = evidence.iter().map(|one| i64::from(one.weight)).sum();
                let expected = (!is_shut && sum >= review).then_some(sum);
                prop_assert_eq!(scorer.score(&left, &right).map(|pair| pair.score), expected);
                prop_assert_eq!(scorer.pattern(&left, &right).is_none(), is_shut);
            }
        }
    }

    #[test]
    fn of_two_equal_scores_the_nearer_pair_is_the_better() {
        let mut model = trades().unwrap();
        model.comparisons[6].levels[1].weight = model.comparisons[6].levels[0].weight;
        let (scorer, dictionary) = (Scorer::new(model).unwrap(), Dictionary::new());
        let score = |scaled: i64| {
            let mut trade = TradeBuilder::new(SourceId(0)).finish();
            trade.price = Price::from_scaled(1_000_000_000_000);
            let left = scorer.features(&TradeFields { trade: &trade, dictionary: &dictionary });
            trade.price = Price::from_scaled(scaled);
            scorer.score(&left, &scorer.features(&TradeFields { trade: &trade, dictionary: &dictionary })).unwrap()
        };
        assert_eq!(score(1_000_000_000_000), PairScore { score: 8_000, tie: 0 });
        assert_eq!(score(1_000_100_000_000), PairScore { score: 8_000, tie: -1 });
    }

    #[test]
    fn agreement_on_a_rare_value_adds_and_on_a_common_one_takes() {
        let mut model = weighted().unwrap();
        let rarity = super::super::Rarity { values: [(Symbol::of("VOD"), -700)].into(), other: 300 };
        model.comparisons[0].rarity = Some(rarity);
        let (scorer, dictionary) = (Scorer::new(model).unwrap(), Dictionary::new());
        let weight = |instrument: &str| {
            let mut trade = TradeBuilder::new(SourceId(0)).finish();
            trade.instrument = Symbol::of(instrument);
            let features = scorer.features(&TradeFields { trade: &trade, dictionary: &dictionary });
            scorer.explain(&features, &features)[0].weight
        };
        assert_eq!(weight("vod.ln"), 1_800);
        assert_eq!(weight("BARC"), 2_800);
    }
}

//! Learning: the weights and thresholds of a model from two lists of records, with known pairs or without any.
//!
//! ```text
//!  template ─▶ block ─▶ patterns of outcomes ─▶ counts among pairs and others ─▶ weights ─▶ one to one ─▶ thresholds
//!                              │                          ▲
//!                              └── no known pairs: EM ────┘
//! ```
//! The template says what is compared and how; only weights and thresholds are replaced (`missing` keeps its weight: that
//! a value is absent is no evidence). Learning is done aside, in floats; what it leaves is a model of integers, the same
//! whatever the order of the lists.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::Symbol;
use operators::blocks::BLOCK_SIDE_MAX;

use super::batch::{self, Chosen, Prepared};
use super::model::{Comparison, Model, ModelError, Rarity};
use super::scorer::{Outcome, Scorer};

/// How to learn. The default suits most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What is added to every count, so that what was never seen is rare and not impossible.
    pub smoothing: f64,
    /// The share of true pairs among those that beat the runner-up by the margin.
    pub precision: f64,
    /// By how much `review` lies below `match`, in thousandths of a bit.
    pub review_below_match: i64,
    /// The most rounds of EM.
    pub rounds_max: usize,
    /// The most values of a table of rarity.
    pub rarity_values_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            smoothing: 0.5,
            precision: 0.999,
            review_below_match: 3_000,
            rounds_max: 100,
            rarity_values_max: 1_000,
        }
    }
}

/// The least count of a value in a table of rarity.
const RARITY_COUNT_MIN: usize = 4;
/// Less than any pair can score.
const SCORE_MIN: i64 = i64::MIN / 2;
/// What rarity can add or take, in bits.
const RARITY_BITS_MAX: f64 = 8.0;
/// What a learned weight can add or take, in bits.
const WEIGHT_BITS_MAX: f64 = 20.0;
/// EM has settled when the share of matches moves by less.
const SETTLED: f64 = 1e-7;
/// How often the one-to-one choice teaches the counts when no pair is known.
const LESSONS: usize = 3;

/// A learned model and how it does on the records it was learned from.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The model.
    pub model: Model,
    /// How many pairs blocking gives.
    pub pairs: usize,
    /// How well it does, where the true pairs are known.
    pub quality: Option<Quality>,
}

/// How well a matching does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// The share of true pairs that share a block.
    pub blocked: f64,
    /// The share of matches that are true.
    pub precision: f64,
    /// The share of true pairs that are matched.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// The share of true pairs' number that is matched with the margin.
    pub clear: f64,
    /// The share of those that are true.
    pub clear_precision: f64,
}

/// Learns from records whose pairs are known. Every pair of blocked records that is not listed counts as no match.
pub fn from_known_pairs(
    template: &Model,
    left: &[Prepared],
    right: &[Prepared],
    known: &[(Symbol, Symbol)],
    settings: Settings,
) -> Result<Learned, ModelError> {
    let sample = Sample::new(template, left, right)?;
    let truth = Truth::new(left, right, known);
    let matches: Vec<f64> = sample.pairs.iter().map(|pair| f64::from(truth.holds(*pair))).collect();
    let mut model = sample.weigh(template, &matches, settings);
    learn_rarity(&mut model, left, right, settings);

    let chosen = sample.choose_all(&model, left, right)?;
    model.thresholds.accept = best_threshold(&chosen, &truth);
    model.thresholds.review = model.thresholds.accept - settings.review_below_match;
    let scorer = Scorer::new(model.clone())?;
    model.thresholds.margin =
        least_margin(&scorer, &chosen, settings.precision, |pair| f64::from(truth.holds_for(pair)));

    let quality = quality(&Scorer::new(model.clone())?, left, right, known);
    Ok(Learned { model, pairs: sample.pairs.len(), quality: Some(quality) })
}

/// Learns from records alone: a mixture of matches and others is fitted to the outcomes (EM), then the one-to-one choice
/// of pairs that are more likely matches than not corrects the counts.
pub fn from_records(
    template: &Model,
    left: &[Prepared],
    right: &[Prepared],
    settings: Settings,
) -> Result<Learned, ModelError> {
    let sample = Sample::new(template, left, right)?;
    let mut fitted = sample.fit(template, left.len().min(right.len()), settings);
    let mut model = sample.weigh(template, &fitted, settings);
    for _ in 0..LESSONS {
        model.thresholds.accept = even_odds(&fitted);
        let chosen = sample.choose_all(&model, left, right)?;
        let matched: HashSet<(usize, usize)> = chosen
            .iter()
            .filter(|pair| pair.fit.score >= model.thresholds.accept)
            .map(|pair| (pair.left, pair.right))
            .collect();
        fitted = sample.pairs.iter().map(|pair| f64::from(matched.contains(pair))).collect();
        model = sample.weigh(template, &fitted, settings);
    }
    learn_rarity(&mut model, left, right, settings);
    model.thresholds.accept = even_odds(&fitted);
    model.thresholds.review = model.thresholds.accept - settings.review_below_match;
    let chosen = sample.choose_all(&model, left, right)?;
    let scorer = Scorer::new(model.clone())?;
    let likely = |pair: &Chosen| 1.0 / (1.0 + (-bits(scorer.margin(pair.fit.score, pair.runner_up))).exp2());
    model.thresholds.margin = least_margin(&scorer, &chosen, settings.precision, likely);
    Ok(Learned { model, pairs: sample.pairs.len(), quality: None })
}

/// How well a model does on two lists whose pairs are known.
pub fn quality(scorer: &Scorer, left: &[Prepared], right: &[Prepared], known: &[(Symbol, Symbol)]) -> Quality {
    let truth = Truth::new(left, right, known);
    let blocked =
        batch::candidates(left, right, BLOCK_SIDE_MAX).pairs.iter().filter(|pair| truth.holds(**pair)).count();
    let chosen = batch::match_lists(scorer, left, right).chosen;
    let matched: Vec<&Chosen> =
        chosen.iter().filter(|pair| pair.fit.score >= scorer.model().thresholds.accept).collect();
    let is_clear = |pair: &&&Chosen| scorer.margin(pair.fit.score, pair.runner_up) >= scorer.model().thresholds.margin;
    let clear: Vec<&&Chosen> = matched.iter().filter(is_clear).collect();
    let correct = matched.iter().filter(|pair| truth.holds_for(pair)).count();
    let correct_clear = clear.iter().filter(|pair| truth.holds_for(pair)).count();
    Quality {
        blocked: share(blocked, known.len()),
        precision: share(correct, matched.len()),
        recall: share(correct, known.len()),
        f1: share(2 * correct, matched.len() + known.len()),
        clear: share(clear.len(), known.len()),
        clear_precision: share(correct_clear, clear.len()),
    }
}

/// The known pairs, by index.
struct Truth {
    pairs: HashSet<(usize, usize)>,
    /// How many were known, also of records that are not in the lists.
    known: usize,
}

impl Truth {
    fn new(left: &[Prepared], right: &[Prepared], known: &[(Symbol, Symbol)]) -> Truth {
        let index = |records: &[Prepared]| -> HashMap<Symbol, usize> {
            records.iter().enumerate().map(|(index, record)| (record.id, index)).collect()
        };
        let (left, right) = (index(left), index(right));
        let pair = |(a, b): &(Symbol, Symbol)| Some((*left.get(a)?, *right.get(b)?));
        Truth { pairs: known.iter().filter_map(pair).collect(), known: known.len() }
    }

    fn holds(&self, pair: (usize, usize)) -> bool {
        self.pairs.contains(&pair)
    }

    fn holds_for(&self, chosen: &Chosen) -> bool {
        self.holds((chosen.left, chosen.right))
    }
}

/// The blocked pairs of two lists with the outcomes of their comparisons.
struct Sample {
    pairs: Vec<(usize, usize)>,
    patterns: Vec<Vec<Outcome>>,
}

/// How often each outcome of a comparison was seen: its levels in order, then `otherwise`.
type Counts = Vec<Vec<f64>>;

impl Sample {
    /// The pairs come in the order of their ids, so that no sum depends on the order of the lists.
    fn new(template: &Model, left: &[Prepared], right: &[Prepared]) -> Result<Sample, ModelError> {
        let scorer = Scorer::new(template.clone())?;
        let mut sample = Sample { pairs: Vec::new(), patterns: Vec::new() };
        let mut pairs = batch::candidates(left, right, BLOCK_SIDE_MAX).pairs;
        pairs.sort_unstable_by_key(|&(a, b)| (left[a].id, right[b].id));
        for (a, b) in pairs {
            if let Some(pattern) = scorer.pattern(&left[a].features, &right[b].features) {
                sample.pairs.push((a, b));
                sample.patterns.push(pattern);
            }
        }
        Ok(sample)
    }

    /// The template with the weights that follow from how likely each pair is a match.
    fn weigh(&self, template: &Model, matches: &[f64], settings: Settings) -> Model {
        let counted = self.patterns.iter().map(Vec::as_slice).zip(matches);
        let places = places(template);
        let among_matches = count(&places, counted.clone().map(|(pattern, share)| (pattern, *share)));
        let among_others = count(&places, counted.map(|(pattern, share)| (pattern, 1.0 - share)));
        let mut model = template.clone();
        for (index, comparison) in model.comparisons.iter_mut().enumerate() {
            set_weights(comparison, &among_matches[index], &among_others[index], settings);
        }
        model
    }

    /// How likely each pair is a match, after EM over the patterns. `matches_max` is how many matches there can be.
    fn fit(&self, template: &Model, matches_max: usize, settings: Settings) -> Vec<f64> {
        let mut patterns = Patterns::new();
        for pattern in &self.patterns {
            *patterns.entry(pattern).or_insert(0.0) += 1.0;
        }
        let matches = matches_max as f64 / self.pairs.len().max(1) as f64;
        let mixture = Mixture::fit(&places(template), &patterns, matches, settings);
        self.patterns.iter().map(|pattern| mixture.likely(pattern)).collect()
    }

    /// The one-to-one choice among all pairs, whatever their score.
    fn choose_all(&self, model: &Model, left: &[Prepared], right: &[Prepared]) -> Result<Vec<Chosen>, ModelError> {
        let mut model = model.clone();
        model.thresholds.review = SCORE_MIN;
        model.thresholds.accept = SCORE_MIN;
        let scorer = Scorer::new(model)?;
        Ok(batch::choose(&scorer, left, right, batch::score_pairs(&scorer, left, right, &self.pairs)))
    }
}

/// How many outcomes each comparison of a model has, `otherwise` among them and a missing value not.
fn places(model: &Model) -> Vec<usize> {
    model.comparisons.iter().map(|comparison| comparison.levels.len() + 1).collect()
}

fn count<'p>(places: &[usize], patterns: impl Iterator<Item = (&'p [Outcome], f64)>) -> Counts {
    let mut counts: Counts = places.iter().map(|places| vec![0.0; *places]).collect();
    for (pattern, share) in patterns {
        for (counts, outcome) in counts.iter_mut().zip(pattern) {
            if let Some(place) = place(*outcome, counts.len()) {
                counts[place] += share;
            }
        }
    }
    counts
}

/// The place of an outcome among the counts; `None` for a missing value, which says nothing.
fn place(outcome: Outcome, places: usize) -> Option<usize> {
    match outcome {
        Outcome::Missing => None,
        Outcome::Level(index) => Some(usize::from(index)),
        Outcome::Otherwise => Some(places - 1),
    }
}

fn set_weights(comparison: &mut Comparison, among_matches: &[f64], among_others: &[f64], settings: Settings) {
    let (m, u) = (shares(among_matches, settings.smoothing), shares(among_others, settings.smoothing));
    let weight = |place: usize| millibits((m[place] / u[place]).log2().clamp(-WEIGHT_BITS_MAX, WEIGHT_BITS_MAX));
    for (place, level) in comparison.levels.iter_mut().enumerate() {
        level.weight = weight(place);
    }
    comparison.otherwise = weight(comparison.levels.len());
}

/// Counts as shares of their sum, each count raised by the smoothing.
fn shares(counts: &[f64], smoothing: f64) -> Vec<f64> {
    let sum: f64 = counts.iter().map(|count| count + smoothing).sum();
    counts.iter().map(|count| (count + smoothing) / sum).collect()
}

/// How often each pattern was seen.
type Patterns<'p> = BTreeMap<&'p [Outcome], f64>;

/// A mixture of matches and others: outcomes are independent within each.
struct Mixture {
    matches: f64,
    m: Counts,
    u: Counts,
}

impl Mixture {
    fn fit(places: &[usize], patterns: &Patterns, matches: f64, settings: Settings) -> Mixture {
        let mut mixture = Mixture::guess(places, patterns, matches.min(0.5), settings);
        for _ in 0..settings.rounds_max {
            let before = mixture.matches;
            mixture = mixture.improve(places, patterns, settings);
            if (mixture.matches - before).abs() < SETTLED {
                break;
            }
        }
        mixture
    }

    /// Most pairs are no match, so those look like all pairs. Matches reach the first level mostly, each later one less often.
    fn guess(places: &[usize], patterns: &Patterns, matches: f64, settings: Settings) -> Mixture {
        let falling =
            |places: &usize| shares(&(0..*places).map(|place| 0.25_f64.powi(place as i32)).collect::<Vec<_>>(), 0.0);
        let u = count(places, patterns.iter().map(|(pattern, count)| (*pattern, *count)));
        Mixture { matches, m: places.iter().map(falling).collect(), u: all_shares(&u, settings) }
    }

    fn improve(&self, places: &[usize], patterns: &Patterns, settings: Settings) -> Mixture {
        let parts: Vec<(&[Outcome], f64, f64)> =
            patterns.iter().map(|(pattern, count)| (*pattern, *count, count * self.likely(pattern))).collect();
        let all: f64 = parts.iter().map(|(_, count, _)| count).sum();
        let matches: f64 = parts.iter().map(|(_, _, matches)| matches).sum();
        let m = count(places, parts.iter().map(|(pattern, _, matches)| (*pattern, *matches)));
        let u = count(places, parts.iter().map(|(pattern, count, matches)| (*pattern, count - matches)));
        Mixture {
            matches: (matches / all).clamp(1e-9, 1.0 - 1e-9),
            m: all_shares(&m, settings),
            u: all_shares(&u, settings),
        }
    }

    /// How likely a pair with these outcomes is a match.
    fn likely(&self, pattern: &[Outcome]) -> f64 {
        let mut odds = self.matches / (1.0 - self.matches);
        for ((m, u), outcome) in self.m.iter().zip(&self.u).zip(pattern) {
            odds *= place(*outcome, m.len()).map_or(1.0, |place| m[place] / u[place]);
        }
        if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 }
    }
}

fn all_shares(counts: &Counts, settings: Settings) -> Counts {
    counts.iter().map(|counts| shares(counts, settings.smoothing)).collect()
}

/// The score at which a match is as likely as none.
fn even_odds(fitted: &[f64]) -> i64 {
    let matches: f64 = fitted.iter().sum();
    let share = (matches / fitted.len().max(1) as f64).clamp(1e-9, 1.0 - 1e-9);
    i64::from(millibits(((1.0 - share) / share).log2()))
}

/// The threshold with the best F1 over the chosen pairs, half way to the next score below.
fn best_threshold(chosen: &[Chosen], truth: &Truth) -> i64 {
    let (mut correct, mut best, mut threshold) = (0, -1.0, 0);
    for (index, pair) in chosen.iter().enumerate() {
        correct += usize::from(truth.holds_for(pair));
        let next = chosen.get(index + 1).map_or(pair.fit.score, |next| next.fit.score);
        let f1 = share(2 * correct, index + 1 + truth.known);
        if f1 > best && (next < pair.fit.score || index + 1 == chosen.len()) {
            best = f1;
            threshold = next + (pair.fit.score - next + 1) / 2;
        }
    }
    threshold
}

/// The least margin, 0 or more, at which the pairs that have it are right often enough, given how likely each is.
fn least_margin(scorer: &Scorer, chosen: &[Chosen], precision: f64, likely: impl Fn(&Chosen) -> f64) -> i64 {
    let matched = chosen.iter().filter(|pair| pair.fit.score >= scorer.model().thresholds.accept);
    let mut margins: Vec<(i64, f64)> =
        matched.map(|pair| (scorer.margin(pair.fit.score, pair.runner_up), likely(pair))).collect();
    margins.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let (mut correct, mut least) = (0.0, margins.first().map_or(0, |(margin, _)| margin.saturating_add(1)));
    for (index, (margin, likely)) in margins.iter().enumerate() {
        correct += likely;
        let is_last_of_its_margin = margins.get(index + 1).is_none_or(|next| next.0 < *margin);
        if is_last_of_its_margin && correct >= precision * (index + 1) as f64 {
            least = *margin;
        }
    }
    least.max(0)
}

/// Fills the tables of rarity that the template asks for: a value twice as common as the average agreement takes one bit.
fn learn_rarity(model: &mut Model, left: &[Prepared], right: &[Prepared], settings: Settings) {
    for (index, comparison) in
        model.comparisons.iter_mut().enumerate().filter(|(_, comparison)| comparison.rarity.is_some())
    {
        let values = left.iter().chain(right).filter_map(|record| record.features.get(index)?.symbol());
        comparison.rarity = Some(rarity(values, settings));
    }
}

fn rarity(values: impl Iterator<Item = Symbol>, settings: Settings) -> Rarity {
    let mut counts: BTreeMap<Symbol, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    let all = counts.values().sum::<usize>().max(1) as f64;
    let agreement: f64 = counts.values().map(|count| (*count as f64 / all).powi(2)).sum();
    let weight =
        |count: usize| millibits((agreement * all / count as f64).log2().clamp(-RARITY_BITS_MAX, RARITY_BITS_MAX));
    let mut common: Vec<(Symbol, usize)> = counts.into_iter().filter(|(_, count)| *count >= RARITY_COUNT_MIN).collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    common.truncate(settings.rarity_values_max);
    Rarity {
        values: common.into_iter().map(|(value, count)| (value, weight(count))).collect(),
        other: weight(RARITY_COUNT_MIN / 2),
    }
}

fn millibits(bits: f64) -> i32 {
    (bits * 1_000.0).round() as i32
}

fn bits(millibits: i64) -> f64 {
    millibits as f64 / 1_000.0
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use model::Field;
    use operators::blocks::Side;

    use super::super::fields::Fields;
    use super::*;

    const TEMPLATE: &str = r#"
        version = 1
        name = "payments"

        [[comparisons]]
        field = "counterparty"
        method = "jaro_winkler"
        levels = [{ at_least = 10_000 }, { at_least = 8000 }]
        rarity = { values = {}, other = 0 }

        [[comparisons]]
        field = "net_amount"
        method = "relative_difference"
        levels = [{ at_most = 0 }, { at_most = 50_000 }]

        [[comparisons]]
        field = "trade_date"
        method = "days_apart"
        levels = [{ at_least = 0, at_most = 1 }, { at_least = 2, at_most = 5 }]

        [[blocking]]
        parts = [{ field = "counterparty", take = { first_letters = 1 } }]
    "#;

    struct Payment {
        id: String,
        counterparty: String,
        amount: i128,
        date: i32,
    }

    impl Fields for Payment {
        fn text(&self, field: Field) -> Option<Cow<'_, str>> {
            (field == Field::Counterparty).then_some(Cow::Borrowed(self.counterparty.as_str()))
        }

        fn number(&self, field: Field) -> Option<(i128, u8)> {
            (field == Field::NetAmount).then_some((self.amount, 2))
        }

        fn date(&self, field: Field) -> Option<i32> {
            (field == Field::TradeDate).then_some(self.date)
        }
    }

    type Known = Vec<(Symbol, Symbol)>;

    /// Payments that arrive a day later, every third with a fee taken, every fifth with a name misspelt.
    fn payments() -> (Model, Vec<Prepared>, Vec<Prepared>, Known) {
        let names = ["ACME", "AMBER", "ASTRA", "ATLAS", "BARON", "BEACON", "BRAVO", "ACME", "ACME"];
        let template = Model::from_toml(TEMPLATE).unwrap();
        let scorer = Scorer::new(template.clone()).unwrap();
        let (mut left, mut right, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..200_usize {
            let (counterparty, amount) =
                (names[number % names.len()].to_owned(), (10_000 + (number * 7_919) % 90_000) as i128);
            let sent = Payment { id: format!("L{number}"), counterparty, amount, date: (number % 30) as i32 };
            let arrived = Payment {
                id: format!("R{number}"),
                counterparty: if number.is_multiple_of(5) {
                    format!("{}X", sent.counterparty)
                } else {
                    sent.counterparty.clone()
                },
                amount: if number.is_multiple_of(3) { amount - amount / 100 } else { amount },
                date: sent.date + 1,
            };
            known.push((Symbol::of(&sent.id), Symbol::of(&arrived.id)));
            left.push(Prepared::new(&scorer, Symbol::of(&sent.id), &sent, Side::Left));
            right.push(Prepared::new(&scorer, Symbol::of(&arrived.id), &arrived, Side::Right));
        }
        (template, left, right, known)
    }

    #[test]
    fn agreement_earns_and_disagreement_costs() {
        let (template, left, right, known) = payments();
        let learned = from_known_pairs(&template, &left, &right, &known, Settings::default()).unwrap();
        for comparison in &learned.model.comparisons {
            assert!(comparison.levels[0].weight > 1_000, "{comparison:?}");
            assert!(comparison.otherwise < -1_000, "{comparison:?}");
        }
        assert!(learned.quality.unwrap().f1 > 0.98, "{:?}", learned.quality);
        learned.model.check().unwrap();
    }

    #[test]
    fn agreement_on_a_common_name_earns_less() {
        let (template, left, right, known) = payments();
        let learned = from_known_pairs(&template, &left, &right, &known, Settings::default()).unwrap();
        let rarity = learned.model.comparisons[0].rarity.as_ref().unwrap();
        assert!(rarity.values[&Symbol::of("ACME")] < rarity.values[&Symbol::of("BRAVO")], "{rarity:?}");
        assert!(rarity.values[&Symbol::of("BRAVO")] < rarity.other, "{rarity:?}");
    }

    #[test]
    fn no_known_pair_is_needed() {
        let (template, left, right, known) = payments();
        let learned = from_records(&template, &left, &right, Settings::default()).unwrap();
        let quality = quality(&Scorer::new(learned.model).unwrap(), &left, &right, &known);
        assert!(quality.f1 > 0.95, "{quality:?}");
    }

    #[test]
    fn the_order_of_the_lists_is_indifferent_to_the_last_digit() {
        let (template, mut left, mut right, mut known) = payments();
        let settings = Settings::default();
        let from_known = from_known_pairs(&template, &left, &right, &known, settings).unwrap();
        let alone = from_records(&template, &left, &right, settings).unwrap();
        left.reverse();
        right.rotate_left(71);
        known.rotate_right(13);
        assert_eq!(from_known_pairs(&template, &left, &right, &known, settings).unwrap(), from_known);
        assert_eq!(from_records(&template, &left, &right, settings).unwrap(), alone);
    }

    #[test]
    fn nothing_to_learn_from_leaves_a_model_that_can_be_used() {
        let template = Model::from_toml(TEMPLATE).unwrap();
        for learned in [
            from_known_pairs(&template, &[], &[], &[], Settings::default()).unwrap(),
            from_records(&template, &[], &[], Settings::default()).unwrap(),
        ] {
            Scorer::new(learned.model).unwrap();
        }
    }
}

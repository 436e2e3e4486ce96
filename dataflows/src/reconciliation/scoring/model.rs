//! The scoring model: which fields are compared, what each agreement is worth, and which records are compared at all.
//!
//! It is plain data (TOML for people, JSON as an input record), so a change of the model is a change like any other.
//! After Fellegi and Sunter (1969): a level of a comparison weighs `log2(m / u)`, where `m` is how often records of the
//! same trade agree that well and `u` how often others do. Weights are in thousandths of a bit, and they are summed.
//!
//! ```toml
//! version = 1
//! name = "payments"
//! thresholds = { match = 4000, review = 1000, margin = 2000 }
//!
//! [[comparisons]]
//! field = "net_amount"
//! method = "relative_difference"                # in millionths
//! levels = [{ at_most = 0, weight = 9600 }, { at_most = 20_000, weight = 1500 }]    # the first that holds
//! otherwise = -5000
//!
//! [[comparisons]]
//! field = "currency"
//! method = "exact"
//! levels = [{ at_least = 10_000, weight = 0 }]
//! gate = true                                   # no match where no level holds
//!
//! [[blocking]]                                  # records that share a key are compared
//! parts = [{ field = "reference", take = "whole" }]
//! ```

use std::collections::BTreeMap;

use model::{Field, Symbol};
use serde::{Deserialize, Serialize};

use super::blocking::BlockRule;
use super::method::Method;
use super::normalise::Normalise;

/// The version of the format that this code reads.
pub const FORMAT_VERSION: u32 = 1;
/// The largest weight of a level, up or down, in thousandths of a bit: a bound that keeps sums far from overflow.
pub(super) const WEIGHT_MAX: i32 = 1_000_000;
/// The most comparisons of a model.
pub(super) const COMPARISONS_MAX: usize = 64;
/// The most levels of a comparison.
pub(super) const LEVELS_MAX: usize = 64;

/// A scoring model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The version of the format: [`FORMAT_VERSION`].
    pub version: u32,
    /// What the model is called.
    pub name: String,
    /// Which scores are enough.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// What is compared. The score of a pair is the sum of the weights.
    pub comparisons: Vec<Comparison>,
    /// Which records are compared: those that share a key of any rule.
    pub blocking: Vec<BlockRule>,
}

/// Which scores are enough, in thousandths of a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The least score of a match.
    #[serde(rename = "match")]
    pub accept: i64,
    /// The least score worth a look: pairs below it are forgotten.
    pub review: i64,
    /// By how much a match must beat the next best pair of either record (or `review`, where there is none) to need no look.
    pub margin: i64,
}

/// How one field is compared, and what each level of agreement is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The field.
    pub field: Field,
    /// Which differences of spelling do not matter.
    #[serde(default)]
    pub normalise: Normalise,
    /// How a pair of values is measured.
    pub method: Method,
    /// The levels of agreement, best first: the first that holds counts.
    pub levels: Vec<Level>,
    /// The weight where no level holds.
    #[serde(default)]
    pub otherwise: i32,
    /// The weight where either value is missing.
    #[serde(default)]
    pub missing: i32,
    /// When true, a pair for which no level holds is no pair at all. A missing value passes.
    #[serde(default)]
    pub gate: bool,
    /// What agreement on a rare or a common value adds to the first level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rarity: Option<Rarity>,
}

/// A range of measures, both bounds included, and its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The least measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// The largest measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// What it is worth, in thousandths of a bit. May be left out of a model that is yet to learn it.
    #[serde(default)]
    pub weight: i32,
    /// When true, the weight is multiplied by the likeness: half alike is worth half.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proportional: bool,
}

impl Level {
    /// True when the measure lies within the bounds.
    #[inline]
    pub fn holds(&self, measure: i64) -> bool {
        self.at_least.is_none_or(|least| measure >= least) && self.at_most.is_none_or(|most| measure <= most)
    }
}

/// Agreement on a rare value says more than on a common one (term-frequency adjustment): a fixed table of normalised values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rarity {
    /// What is added for the values that the table names, in thousandths of a bit.
    pub values: BTreeMap<Symbol, i32>,
    /// What is added for any other value.
    pub other: i32,
}

/// What is wrong with a model, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}; {help}")]
pub struct ModelError {
    /// The place in the model, such as `comparisons[2].levels[0]`.
    pub at: String,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl ModelError {
    pub(super) fn new(at: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> ModelError {
        ModelError { at: at.into(), what: what.into(), help: help.into() }
    }
}

impl Model {
    /// Reads and checks a model written in TOML.
    pub fn from_toml(text: &str) -> Result<Model, ModelError> {
        let model: Model = toml::from_str(text).map_err(|error| {
            ModelError::new("model", error.to_string(), "compare it with the example in the documentation")
        })?;
        model.check()?;
        Ok(model)
    }

    /// Reads and checks a model written in JSON.
    pub fn from_json(text: &str) -> Result<Model, ModelError> {
        let model: Model = serde_json::from_str(text).map_err(|error| {
            ModelError::new("model", error.to_string(), "compare it with the example in the documentation")
        })?;
        model.check()?;
        Ok(model)
    }

    /// The model as JSON: the same text for equal models.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The first thing that is wrong, if any.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.version != FORMAT_VERSION {
            let what = format!("the format is {}, and this program reads {FORMAT_VERSION}", self.version);
            return Err(ModelError::new("version", what, "rewrite the model in the format it reads"));
        }
        self.thresholds.check()?;
        check_count("comparisons", self.comparisons.len(), COMPARISONS_MAX)?;
        check_count("blocking", self.blocking.len(), COMPARISONS_MAX)?;
        for (index, comparison) in self.comparisons.iter().enumerate() {
            comparison.check(&format!("comparisons[{index}] ({})", comparison.field))?;
        }
        for (index, rule) in self.blocking.iter().enumerate() {
            rule.check(&format!("blocking[{index}]"))?;
        }
        Ok(())
    }
}

impl Thresholds {
    fn check(&self) -> Result<(), ModelError> {
        if self.review <= self.accept {
            return Ok(());
        }
        let what = format!("review ({}) is above match ({})", self.review, self.accept);
        Err(ModelError::new("thresholds", what, "a match is at least worth a look: make review the lower one"))
    }
}

impl Comparison {
    fn check(&self, at: &str) -> Result<(), ModelError> {
        check_count(&format!("{at}.levels"), self.levels.len(), LEVELS_MAX)?;
        check_weight(&format!("{at}.otherwise"), self.otherwise)?;
        check_weight(&format!("{at}.missing"), self.missing)?;
        for (index, level) in self.levels.iter().enumerate() {
            self.check_level(&format!("{at}.levels[{index}]"), level)?;
        }
        let rarities = self.rarity.iter().flat_map(|rarity| rarity.values.values().chain([&rarity.other]));
        for weight in rarities {
            check_weight(&format!("{at}.rarity"), *weight)?;
        }
        Ok(())
    }

    fn check_level(&self, at: &str, level: &Level) -> Result<(), ModelError> {
        check_weight(&format!("{at}.weight"), level.weight)?;
        match (level.at_least, level.at_most) {
            (None, None) => {
                return Err(ModelError::new(at, "a level without a bound", "give at_least, at_most or both"));
            }
            (Some(least), Some(most)) if least > most => {
                let what = format!("at_least ({least}) is above at_most ({most})");
                return Err(ModelError::new(at, what, "no measure lies between them: swap the two"));
            }
            _ => {}
        }
        if level.proportional && self.method.share(0).is_none() {
            let what = format!("{:?} measures no share to multiply the weight by", self.method);
            return Err(ModelError::new(
                at,
                what,
                "leave out `proportional`, or use a likeness or relative_difference",
            ));
        }
        Ok(())
    }

    /// The largest weight that a pair can have from this comparison.
    pub(super) fn weight_max(&self) -> i32 {
        let rarest = self.rarity.iter().flat_map(|rarity| rarity.values.values().chain([&rarity.other])).max().copied();
        let most = |level: &Level| if level.proportional { level.weight.max(0) } else { level.weight };
        let first = self.levels.first().map_or(0, |level| most(level) + rarest.unwrap_or(0));
        let levels = self.levels.iter().map(most);
        levels.chain([first, self.otherwise, self.missing]).max().unwrap_or(0)
    }
}

fn check_count(at: &str, count: usize, count_max: usize) -> Result<(), ModelError> {
    if (1..=count_max).contains(&count) {
        return Ok(());
    }
    Err(ModelError::new(at, format!("there are {count}"), format!("give 1 to {count_max}")))
}

fn check_weight(at: &str, weight: i32) -> Result<(), ModelError> {
    if weight.abs() <= WEIGHT_MAX {
        return Ok(());
    }
    Err(ModelError::new(at, format!("the weight {weight} is too large"), format!("use -{WEIGHT_MAX} to {WEIGHT_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENTS: &str = r#"
        version = 1
        name = "payments"
        thresholds = { match = 4000, review = 1000, margin = 2000 }

        [[comparisons]]
        field = "net_amount"
        method = "relative_difference"
        levels = [{ at_most = 0, weight = 9600 }, { at_most = 20_000, weight = 1500 }]
        otherwise = -5000

        [[comparisons]]
        field = "currency"
        method = "exact"
        levels = [{ at_least = 10_000, weight = 0 }]
        gate = true

        [[blocking]]
        parts = [{ field = "reference", take = "whole" }]
    "#;

    fn error_of(from: &str, to: &str) -> String {
        assert!(PAYMENTS.contains(from), "{from}");
        Model::from_toml(&PAYMENTS.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_model_reads_the_same_from_toml_and_from_its_own_json() {
        let model = Model::from_toml(PAYMENTS).unwrap();
        assert_eq!(Model::from_json(&model.to_json().unwrap()).unwrap(), model);
        assert_eq!(model.thresholds.accept, 4_000);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_its_remedy() {
        for (from, to, expected) in [
            ("version = 1", "version = 2", "version: the format is 2, and this program reads 1; rewrite"),
            ("review = 1000", "review = 5000", "thresholds: review (5000) is above match (4000); a match is"),
            (
                "at_most = 0,",
                "at_most = 0, at_least = 1,",
                "comparisons[0] (net_amount).levels[0]: at_least (1) is above",
            ),
            ("at_most = 0, ", "", "comparisons[0] (net_amount).levels[0]: a level without a bound; give at_least"),
            (
                "otherwise = -5000",
                "otherwise = -5000000",
                "comparisons[0] (net_amount).otherwise: the weight -5000000 is too",
            ),
            ("otherwise = -5000", "other = -5000", "unknown field `other`"),
            ("\"net_amount\"", "\"net_amont\"", "there is no field `net_amont`"),
            ("{ field = \"reference\", take = \"whole\" }", "", "blocking[0].parts: there are 0; give 1 to"),
        ] {
            let error = error_of(from, to);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn bounds_of_a_level_are_included() {
        let level = Level { at_least: Some(-1), at_most: Some(2), weight: 0, proportional: false };
        assert_eq!([-2, -1, 0, 2, 3].map(|measure| level.holds(measure)), [false, true, true, true, false]);
    }
}

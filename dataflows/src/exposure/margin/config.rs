//! The rules of margin monitoring, as configured and as checked.

use std::collections::{BTreeMap, BTreeSet};

use model::{Dictionary, Symbol, Timestamp};
use serde::Deserialize;

use crate::rule_error::RuleError;

/// The rules as they are configured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarginConfig {
    /// Funds are left out of the status whose manager's name contains one of these, in capitals or not.
    pub excluded_managers: Vec<String>,
    /// The classifications of swaps: positions that share a nickname and are told apart by their notional and legs.
    pub swap_classifications: Vec<String>,
    /// The names of asset types that are options on an exchange: they are no exposure abroad, however they are classified.
    pub exchange_option_types: Vec<String>,
    /// The exposures that ask for a submission.
    pub exposure: Vec<ExposureConfig>,
    /// What counts as an exposure abroad.
    pub offshore: Vec<OffshoreConfig>,
}

/// An exposure that asks for a submission from time to time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureConfig {
    /// Its name in the views.
    pub name: String,
    /// The origins that make it, in the words of the source.
    pub origins: Vec<String>,
    /// Calendar days from one submission to the next, for classes of investors that are not named.
    #[serde(default)]
    pub period_days: Option<u16>,
    /// The same for a class of investors, in the words of the source.
    #[serde(default)]
    pub period_days_by_investor_class: BTreeMap<String, u16>,
}

/// Which positions are an exposure abroad.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OffshoreConfig {
    /// For positions that were loaded from this moment on; the first rule has none.
    #[serde(default)]
    pub from: Timestamp,
    /// Their classifications.
    pub classifications: Vec<String>,
}

/// The rules, checked.
pub struct MarginRules {
    /// In small letters.
    excluded_managers: Vec<String>,
    dictionary: Dictionary,
    swaps: BTreeSet<Symbol>,
    exchange_options: BTreeSet<Symbol>,
    exposures: Vec<Exposure>,
    /// By the moment from which they hold.
    offshore: BTreeMap<Timestamp, BTreeSet<Symbol>>,
}

/// An exposure that asks for a submission from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Its name in the views.
    pub name: Symbol,
    origins: BTreeSet<Symbol>,
    period_days: Option<u16>,
    by_investor_class: BTreeMap<Symbol, u16>,
}

fn symbols(texts: &[String]) -> BTreeSet<Symbol> {
    texts.iter().map(|text| Symbol::of(text)).collect()
}

impl MarginRules {
    /// Checks the rules.
    pub fn new(config: &MarginConfig, dictionary: &Dictionary) -> Result<MarginRules, RuleError> {
        check_exposures(&config.exposure)?;
        check_offshore(&config.offshore)?;
        if let Some(index) = config.excluded_managers.iter().position(String::is_empty) {
            let help = "every name contains it: name a part of the managers' names, or leave it out";
            return Err(RuleError::new(format!("margin.excluded_managers[{index}]"), "the text is empty", help));
        }
        let exposure = |config: &ExposureConfig| Exposure {
            name: dictionary.intern(&config.name),
            origins: symbols(&config.origins),
            period_days: config.period_days,
            by_investor_class: config
                .period_days_by_investor_class
                .iter()
                .map(|(class, days)| (Symbol::of(class), *days))
                .collect(),
        };
        Ok(MarginRules {
            excluded_managers: config.excluded_managers.iter().map(|name| name.to_lowercase()).collect(),
            dictionary: dictionary.clone(),
            swaps: symbols(&config.swap_classifications),
            exchange_options: symbols(&config.exchange_option_types),
            exposures: config.exposure.iter().map(exposure).collect(),
            offshore: config.offshore.iter().map(|rule| (rule.from, symbols(&rule.classifications))).collect(),
        })
    }

    /// Whether the funds of a manager are left out of the status. Those of a manager without a name are not.
    pub fn excludes(&self, manager: Symbol) -> bool {
        !self.excluded_managers.is_empty()
            && self.dictionary.text(manager).is_some_and(|name| {
                let name = name.to_lowercase();
                self.excluded_managers.iter().any(|part| name.contains(part))
            })
    }

    /// Whether positions of a classification are swaps.
    pub fn is_swap(&self, classification: Symbol) -> bool {
        self.swaps.contains(&classification)
    }

    /// Whether an asset type of this name is an option on an exchange.
    pub fn is_exchange_option(&self, asset_type: Symbol) -> bool {
        self.exchange_options.contains(&asset_type)
    }

    /// The exposure that an origin makes, if it asks for submissions.
    pub fn exposure(&self, origin: Symbol) -> Option<&Exposure> {
        self.exposures.iter().find(|exposure| exposure.origins.contains(&origin))
    }

    /// Whether a position of a classification is an exposure abroad, by the rule that held when it was loaded.
    pub fn is_offshore(&self, classification: Symbol, loaded_at: Timestamp) -> bool {
        let rule = self.offshore.range(..=loaded_at).next_back();
        rule.is_some_and(|(_from, classifications)| classifications.contains(&classification))
    }
}

impl Exposure {
    /// Calendar days from one submission to the next; `None` where no rule says it.
    pub fn period_days(&self, investor_class: Symbol) -> Option<u16> {
        self.by_investor_class.get(&investor_class).copied().or(self.period_days)
    }
}

fn check_exposures(exposures: &[ExposureConfig]) -> Result<(), RuleError> {
    let mut names = BTreeSet::new();
    let mut origins = BTreeMap::new();
    for (index, exposure) in exposures.iter().enumerate() {
        let place = |key: &str| format!("margin.exposure[{index}].{key}");
        if exposure.name.is_empty() || !names.insert(&exposure.name) {
            let what = format!("the name `{}` is empty or there already", exposure.name);
            return Err(RuleError::new(place("name"), what, "give each exposure a name of its own"));
        }
        for origin in &exposure.origins {
            if let Some(other) = origins.insert(origin, &exposure.name) {
                let what = format!("the origin `{origin}` makes the exposure `{other}` already");
                return Err(RuleError::new(place("origins"), what, "name each origin once"));
            }
        }
    }
    Ok(())
}

fn check_offshore(rules: &[OffshoreConfig]) -> Result<(), RuleError> {
    for (index, pair) in rules.windows(2).enumerate() {
        if pair[1].from <= pair[0].from {
            let place = format!("margin.offshore[{}].from", index + 1);
            let what = format!("the rule does not hold from a later moment than the one before ({})", pair[0].from);
            return Err(RuleError::new(place, what, "put the rules in their order, the first one without `from`"));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Rules like those of a real market.
    pub(crate) const RULES: &str = r#"
        excluded_managers = ["btg"]
        swap_classifications = ["OTC SWAP"]
        exchange_option_types = ["OPTION"]

        [[exposure]]
        name = "otc"
        origins = ["OTC OPC", "OTC SWAP"]
        period_days_by_investor_class = { "Retail" = 7, "Qualified" = 30 }

        [[exposure]]
        name = "offshore"
        origins = ["Offshore fund"]
        period_days = 30

        [[offshore]]
        classifications = ["Abroad", "Offshore fund"]

        [[offshore]]
        from = "2025-12-02T15:45:56Z"
        classifications = ["Offshore fund"]
    "#;

    pub(crate) fn rules(toml: &str) -> Result<MarginRules, RuleError> {
        let dictionary = Dictionary::new();
        dictionary.intern("The asset management of BTG");
        MarginRules::new(&toml::from_str(toml).unwrap(), &dictionary)
    }

    #[test]
    fn a_manager_is_left_out_by_a_part_of_the_name() {
        let rules = rules(RULES).unwrap();
        for (name, is_excluded) in [("The asset management of BTG", true), ("Btg", true), ("B T G", false), ("", false)]
        {
            assert_eq!(rules.excludes(Symbol::of(name)), is_excluded, "{name}");
        }
    }

    #[test]
    fn an_exposure_asks_as_often_as_the_class_of_investors_says() {
        let rules = rules(RULES).unwrap();
        let days = |origin, class| rules.exposure(Symbol::of(origin)).map(|e| e.period_days(Symbol::of(class)));
        assert_eq!(days("OTC OPC", "Retail"), Some(Some(7)));
        assert_eq!(days("OTC SWAP", "Anybody"), Some(None));
        assert_eq!(days("Offshore fund", "Anybody"), Some(Some(30)));
        assert_eq!(days("Something else", "Retail"), None);
    }

    #[test]
    fn the_rule_of_the_moment_says_what_is_abroad() {
        let rules = rules(RULES).unwrap();
        let moment = |text| Timestamp::parse(text, "%Y-%m-%dT%H:%M:%S").unwrap();
        let before = moment("2025-12-02T15:45:55");
        let after = moment("2025-12-02T15:45:56");
        let is = |classification, at| rules.is_offshore(Symbol::of(classification), at);
        assert_eq!([is("Abroad", before), is("Abroad", after)], [true, false]);
        assert_eq!([is("Offshore fund", before), is("Offshore fund", after)], [true, true]);
        assert_eq!([is("Abroad", Timestamp::NONE), is("Other", before)], [true, false]);
    }

    #[test]
    fn rules_that_contradict_each_other_are_refused_at_their_place() {
        let exposure =
            |name: &str, origin: &str| format!("[[exposure]]\nname = \"{name}\"\norigins = [\"{origin}\"]\n");
        let offshore = |from: &str| format!("[[offshore]]\n{from}\nclassifications = []\n");
        let cases = [
            ("excluded_managers = [\"\"]".to_owned(), "margin.excluded_managers[0]"),
            (exposure("a", "x") + &exposure("a", "y"), "margin.exposure[1].name"),
            (exposure("a", "x") + &exposure("b", "x"), "margin.exposure[1].origins"),
            (offshore("") + &offshore(""), "margin.offshore[1].from"),
        ];
        for (toml, place) in cases {
            assert_eq!(rules(&toml).err().map(|error| error.place).as_deref(), Some(place), "{toml}");
        }
    }
}

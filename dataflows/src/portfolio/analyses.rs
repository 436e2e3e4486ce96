//! What is worked out from the parts of portfolios, as it is configured: contributions of securities, and attributions to
//! groups against a benchmark.

use std::collections::BTreeSet;

use model::{ExposureDimension, Symbol};
use serde::{Deserialize, Serialize};

use super::performance::attribution::{Allocation, Interaction};
use super::performance::contribution::Linking;
use super::performance::daily::Basis;
use crate::rule_error::RuleError;

/// What each security added to the return of its portfolio: of which portfolios it is told, and how days are linked.
///
/// ```
/// let config: dataflows::portfolio::ContributionConfig = toml::from_str(r#"
///     portfolios = ["PORTFOLIO 1"]       # or "all": a value and its flows are kept for each of their securities and days
///     linking = "carino"                 # forward, carino
/// "#).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContributionConfig {
    /// Of which portfolios.
    pub portfolios: Portfolios,
    /// How contributions of days are made to add up.
    pub linking: Linking,
}

/// Portfolios by name, or all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of portfolios")]
pub enum Portfolios {
    /// All.
    All(All),
    /// Some.
    Named(Vec<String>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum All {
    /// All.
    All,
}

impl Default for Portfolios {
    /// None.
    fn default() -> Self {
        Portfolios::Named(Vec::new())
    }
}

/// Why a portfolio did better or worse than a benchmark, by groups of securities. The benchmark is a portfolio of the books
/// too, which holds what the benchmark is made up of.
///
/// ```
/// let config: dataflows::portfolio::AttributionConfig = toml::from_str(r#"
///     portfolio = "PORTFOLIO 1"
///     benchmark = "MODEL 1"
///     by = "sector"                      # a dimension of exposures
///     allocation = "brinson_fachler"     # brinson_fachler, brinson_hood_beebower
///     interaction = "separate"           # separate, with_selection
///     basis = "gross"                    # gross, net: of which returns
/// "#).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributionConfig {
    /// The portfolio.
    pub portfolio: String,
    /// The portfolio that it is compared with.
    pub benchmark: String,
    /// By what securities are grouped.
    pub by: ExposureDimension,
    /// What the benchmark of a group is compared with.
    #[serde(default)]
    pub allocation: Allocation,
    /// Where the interaction goes.
    #[serde(default)]
    pub interaction: Interaction,
    /// Before or after fees.
    #[serde(default)]
    pub basis: Basis,
}

/// An attribution, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The portfolio.
    pub portfolio: Symbol,
    /// The portfolio that it is compared with.
    pub benchmark: Symbol,
    /// By what securities are grouped.
    pub by: ExposureDimension,
    /// What the benchmark of a group is compared with.
    pub allocation: Allocation,
    /// Where the interaction goes.
    pub interaction: Interaction,
    /// Before or after fees.
    pub basis: Basis,
}

/// Something that is worked out from parts of portfolios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Analysis {
    /// What the securities of a portfolio added to its return.
    Contribution(Symbol),
    /// An attribution, by its place in the configuration.
    Attribution(u16),
}

/// Which of the portfolios that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The one that it is about.
    Portfolio,
    /// The one that it is compared with.
    Benchmark,
}

/// What a portfolio is needed for: by what its positions are grouped, for which analysis, on which side of it.
pub type Use = (ExposureDimension, Analysis, Side);

/// All that is worked out from parts of portfolios, checked.
#[derive(Clone, Debug)]
pub struct Analyses {
    /// The portfolios whose securities are told; all, where there are none.
    contributions_of: Option<BTreeSet<Symbol>>,
    /// How their days are linked.
    pub linking: Linking,
    /// The attributions.
    pub attributions: Vec<Attribution>,
}

impl Analyses {
    /// Checks the tables `books.contribution` and `books.attribution`.
    pub fn new(contribution: &ContributionConfig, attribution: &[AttributionConfig]) -> Result<Analyses, RuleError> {
        let mut attributions: Vec<Attribution> = Vec::new();
        for (index, config) in attribution.iter().enumerate() {
            let place = format!("books.attribution[{index}]");
            let attribution = config.check(&place)?;
            let key = |other: &Attribution| (other.portfolio, other.benchmark, other.by);
            if u16::try_from(index).is_err() || attributions.iter().any(|other| key(other) == key(&attribution)) {
                let what = "the portfolio is compared with this benchmark by this dimension already";
                return Err(RuleError::new(place, what, "take one of them out"));
            }
            attributions.push(attribution);
        }
        let contributions_of = match &contribution.portfolios {
            Portfolios::All(All::All) => None,
            Portfolios::Named(names) => Some(names.iter().map(|name| Symbol::of(name)).collect()),
        };
        Ok(Analyses { contributions_of, linking: contribution.linking, attributions })
    }

    /// Whether no portfolio is needed for anything.
    pub fn is_empty(&self) -> bool {
        self.contributions_of.as_ref().is_some_and(BTreeSet::is_empty) && self.attributions.is_empty()
    }

    /// What a portfolio is needed for.
    pub fn uses_of(&self, portfolio: Symbol) -> Vec<Use> {
        let has_contributions = self.contributions_of.as_ref().is_none_or(|named| named.contains(&portfolio));
        let contribution = (ExposureDimension::Security, Analysis::Contribution(portfolio), Side::Portfolio);
        let of_attribution = |(number, of): (u16, &Attribution)| {
            let sides = [(of.portfolio, Side::Portfolio), (of.benchmark, Side::Benchmark)];
            let by = of.by;
            sides
                .into_iter()
                .filter(move |(side, _)| *side == portfolio)
                .map(move |(_, side)| (by, Analysis::Attribution(number), side))
        };
        let attributions = (0..).zip(&self.attributions).flat_map(of_attribution);
        has_contributions.then_some(contribution).into_iter().chain(attributions).collect()
    }

    /// What a portfolio is needed for whose positions are grouped by a dimension.
    pub fn uses_by(&self, portfolio: Symbol, by: ExposureDimension) -> impl Iterator<Item = (Analysis, Side)> + use<> {
        let uses = self.uses_of(portfolio).into_iter().filter(move |(dimension, ..)| *dimension == by);
        uses.map(|(_, analysis, side)| (analysis, side))
    }

    /// By what the positions of a portfolio are grouped, each once.
    pub fn dimensions_of(&self, portfolio: Symbol) -> BTreeSet<ExposureDimension> {
        self.uses_of(portfolio).into_iter().map(|(dimension, ..)| dimension).collect()
    }
}

impl AttributionConfig {
    fn check(&self, place: &str) -> Result<Attribution, RuleError> {
        use ExposureDimension::{Portfolio, Total, Unknown};
        if matches!(self.by, Unknown | Total | Portfolio) {
            let what = "all of a portfolio is in one group of this dimension";
            return Err(RuleError::new(format!("{place}.by"), what, "give sector, asset_class, country, currency, …"));
        }
        let [portfolio, benchmark] = [&self.portfolio, &self.benchmark].map(|name| Symbol::of(name));
        if portfolio == benchmark {
            let what = "the portfolio is compared with itself";
            return Err(RuleError::new(
                format!("{place}.benchmark"),
                what,
                "name the portfolio that models the benchmark",
            ));
        }
        Ok(Attribution {
            portfolio,
            benchmark,
            by: self.by,
            allocation: self.allocation,
            interaction: self.interaction,
            basis: self.basis,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTORS: &str = "portfolio = \"P\"\nbenchmark = \"Q\"\nby = \"sector\"";

    #[test]
    fn a_portfolio_is_needed_once_for_each_analysis_that_names_it() {
        let attributions = [SECTORS, "portfolio = \"R\"\nbenchmark = \"Q\"\nby = \"security\""];
        let attributions = attributions.map(|text| toml::from_str(text).unwrap());
        let named = toml::from_str("portfolios = [\"P\"]").unwrap();
        let analyses = Analyses::new(&named, &attributions).unwrap();
        use {Analysis as A, ExposureDimension as D};
        let p = Symbol::of("P");
        let of_p =
            [(D::Security, A::Contribution(p), Side::Portfolio), (D::Sector, A::Attribution(0), Side::Portfolio)];
        assert_eq!(analyses.uses_of(p), of_p);
        let of_q = [(D::Sector, A::Attribution(0), Side::Benchmark), (D::Security, A::Attribution(1), Side::Benchmark)];
        assert_eq!(analyses.uses_of(Symbol::of("Q")), of_q);
        assert_eq!(analyses.uses_of(Symbol::of("S")), []);
        let all = Analyses::new(&toml::from_str("portfolios = \"all\"").unwrap(), &[]).unwrap();
        assert_eq!(all.uses_of(p).len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let refused = |texts: &[&str]| {
            let attributions: Vec<_> = texts.iter().map(|text| toml::from_str(text).unwrap()).collect();
            Analyses::new(&ContributionConfig::default(), &attributions).unwrap_err().to_string()
        };
        let cases = [
            (vec![SECTORS, SECTORS], "books.attribution[1]: the portfolio is compared with this benchmark"),
            (vec!["portfolio = \"P\"\nbenchmark = \"P\"\nby = \"sector\""], "books.attribution[0].benchmark: the"),
            (vec!["portfolio = \"P\"\nbenchmark = \"Q\"\nby = \"total\""], "books.attribution[0].by: all of a"),
        ];
        for (texts, expected) in cases {
            assert!(refused(&texts).starts_with(expected), "{}", refused(&texts));
        }
        let wrong = toml::from_str::<ContributionConfig>("portfolios = \"some\"").unwrap_err().to_string();
        assert!(wrong.contains("expected \"all\" or a list of portfolios"), "{wrong}");
    }
}

//! The graphs of finance: one folder a domain, each a function from collections to views.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::episode::arrange_episodes;
use engine::{Graph, Inputs, Kept, Views};
use model::{Dictionary, Record, ScoringModel};
use operators::first_seen::FirstSeen;
use operators::upsert::upsert;
use serde::Deserialize;

pub mod calendars;
pub mod exposure;
pub mod lineage;
pub mod portfolio;
pub mod reconciliation;
#[cfg(test)]
#[path = "../../tests/reference/mod.rs"]
mod reference;
pub mod rule_error;
pub mod table;
pub mod trades;

pub use calendars::CalendarConfig;
pub use exposure::margin::{MarginConfig, MarginRules};
pub use portfolio::{Books, BooksConfig};
pub use reconciliation::{Reconciliation, ReconciliationConfig};
pub use rule_error::RuleError;

/// The part of the configuration that the graphs are built from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataflowsConfig {
    /// The names of the free attributes of records, by index.
    pub attributes: Vec<String>,
    /// Business calendars, by name.
    pub calendar: BTreeMap<String, CalendarConfig>,
    /// Reconciliations, by name.
    pub reconciliation: BTreeMap<String, ReconciliationConfig>,
    /// The books of portfolios, where there are any.
    pub books: Option<BooksConfig>,
    /// The rules of margin monitoring; without them it is not built.
    pub margin: Option<MarginConfig>,
}

/// All graphs of a configuration, checked and ready to be built on each worker.
pub struct Graphs {
    sources: Vec<String>,
    attributes: Vec<String>,
    reconciliations: Vec<Reconciliation>,
    models: Vec<ScoringModel>,
    books: Option<Books>,
    margin: Option<Arc<MarginRules>>,
}

impl Graphs {
    /// Checks the configuration. `sources` are the names of all sources in their order: the index is the `SourceId`.
    /// `read_model` gives the text of a scoring model's file.
    pub fn new(
        config: &DataflowsConfig,
        sources: &[String],
        dictionary: &Dictionary,
        read_model: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Graphs, RuleError> {
        let calendars = calendars::check(&config.calendar)?;
        let surroundings = reconciliation::Surroundings {
            sources,
            attributes: &config.attributes,
            calendars: &calendars,
            dictionary,
            read_model,
        };
        let mut reconciliations = Vec::new();
        let mut models = Vec::new();
        for (name, rules) in &config.reconciliation {
            let reconciliation = Reconciliation::new(name, rules, &surroundings)?;
            models.extend(reconciliation.models().cloned());
            reconciliations.push(reconciliation);
        }
        let books = config.books.as_ref().map(|books| Books::new(books, &calendars)).transpose()?;
        let margin = config.margin.as_ref().map(|rules| MarginRules::new(rules, dictionary)).transpose()?;
        Ok(Graphs {
            sources: sources.to_vec(),
            attributes: config.attributes.clone(),
            reconciliations,
            models,
            books,
            margin: margin.map(Arc::new),
        })
    }

    /// The scoring models, to be given to the engine as records: so a changed model is a change like any other.
    pub fn models(&self) -> &[ScoringModel] {
        &self.models
    }
}

impl Graph<Record> for Graphs {
    /// ```text
    ///  events ──▶ upsert ──▶ records by id ──┬──▶ trades (view)
    ///                                        ├──▶ reconciliations ──▶ matches, breaks, …
    ///                                        ├──▶ books ──▶ positions, valuations, performance, …
    ///                                        └──▶ margin ──▶ margin_status, aum_history, …
    /// ```
    fn build(&self, inputs: Inputs<'_, Record>, views: &mut Views) -> Kept<Record> {
        let records = upsert(inputs.events, "records", Record::member);
        trades::register(views, &records, &self.sources, &self.attributes);
        let first_seen = reconciliation::build(&self.reconciliations, &self.sources, &records, inputs.refusals, views);
        if let Some(rules) = &self.margin {
            exposure::margin::build(rules, &self.sources, &records, views);
        }
        let kept = Kept::of(&records).and(first_seen);
        match &self.books {
            Some(books) => {
                let breaches = portfolio::build(books, &self.sources, &records, inputs.remembered, views);
                kept.and(breaches.first_seen).with_episodes(&breaches.episodes)
            }
            // Who takes the books away and puts them back goes on from them.
            None => {
                let episodes = arrange_episodes(inputs.remembered, "episodes without books");
                kept.and(FirstSeen::default()).with_episodes(&episodes)
            }
        }
    }
}

//! What an engine runs: a graph and its sources, under one configuration.

use std::sync::Arc;

use operators::Data;

use crate::error::EngineError;
use crate::kept::Kept;
use crate::row::Texts;
use crate::snapshot::Snapshots;
use crate::source::SourceSpec;
use crate::view::Views;
use crate::worker::{Graph, Inputs};

/// What an engine runs.
pub struct Program<R> {
    /// What is computed.
    pub graph: Box<dyn Graph<R>>,
    /// Where records come from.
    pub sources: Vec<SourceSpec<R>>,
    /// Where the texts of symbols are.
    pub texts: Arc<dyn Texts>,
    /// How snapshots are taken and read, if they are.
    pub snapshots: Option<Snapshots<R>>,
    /// Makes programs of earlier configurations, so that any past tick can be read.
    pub revive: Option<Arc<dyn Revive<R>>>,
}

impl<R: Data> Program<R> {
    /// A program without snapshots, of which only what is retained can be read.
    pub fn new(graph: impl Graph<R>, sources: Vec<SourceSpec<R>>, texts: Arc<dyn Texts>) -> Self {
        Program { graph: Box::new(graph), sources, texts, snapshots: None, revive: None }
    }
}

/// Makes programs of earlier configurations.
pub trait Revive<R>: Send + Sync + 'static {
    /// The program of a configuration, from the text that was recorded when it began to hold.
    fn revive(&self, text: &str) -> Result<Program<R>, EngineError>;

    /// What was read under `old` and would be read as other records under `new`, as people call it. Nothing: then a change of
    /// the one to the other goes on from the records, and need not read the past again.
    fn read_otherwise(&self, old: &str, new: &str) -> Option<String>;
}

impl<R: Data> Graph<R> for Box<dyn Graph<R>> {
    fn build(&self, inputs: Inputs<'_, R>, views: &mut Views) -> Kept<R> {
        (**self).build(inputs, views)
    }
}

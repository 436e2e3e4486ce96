//! A part of what sources have, for a replay that comes to an end.

use crate::SourceConfig;
use crate::kafka::StartAt;

/// From where, and up to where, sources are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where a new data folder begins to read topics; by default where the configuration says.
    pub from: Option<StartAt>,
    /// Where topics end; by default where the configuration says, or else at the end that they have.
    pub until: Option<StartAt>,
}

impl SourceConfig {
    /// Has the source read that part, as fast as it goes, and then end. Files are those that there are.
    pub fn bound(&mut self, span: &Span) {
        match self {
            SourceConfig::Files(config) => config.once = true,
            SourceConfig::Flight(_) => {}
            SourceConfig::Generator(config) => config.speed = 0,
            SourceConfig::Kafka(config) => {
                config.from = span.from.clone().unwrap_or_else(|| config.from.clone());
                let until = span.until.clone().or_else(|| config.until.clone());
                config.until = Some(until.unwrap_or(StartAt::Latest));
            }
        }
    }
}

//! A part of what sources have, for a replay that comes to an end.

use crate::SourceConfig;
use crate::kafka::StartAt;

/// From where, and up to where, sources are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where a new data folder begins to read topics; by default where the configuration says.
    pub from: Option<StartAt>,
    /// Where topics end.
    pub until: StartAt,
}

impl SourceConfig {
    /// Has the source read that part, as fast as it goes, and then end. Files are those that there are.
    pub fn bound(&mut self, span: &Span) {
        match self {
            SourceConfig::Files(config) => {
                config.may_be_none |= config.follow;
                config.follow = false;
            }
            SourceConfig::Flight(_) => {}
            SourceConfig::Generator(config) => config.speed = 0,
            SourceConfig::Kafka(config) => {
                config.from = span.from.clone().unwrap_or_else(|| config.from.clone());
                config.until = Some(span.until.clone());
            }
        }
    }
}

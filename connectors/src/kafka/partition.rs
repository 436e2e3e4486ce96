//! The name of a partition: `topic/partition@start`.
//!
//! `start` is the offset at which the data folder began to read it. So the name alone, which stands in every binding,
//! tells a replay where to begin, and nothing else need be kept.

use std::fmt;
use std::sync::Arc;

use engine::{Batch, EngineError, ErrorKind, Positions};
use model::Record;

use super::config::Settings;

/// A partition without messages: it is bound when all partitions of the first look have been given to the engine. So a
/// first start that was interrupted is known as such, and `from` holds for the rest of the partitions too.
pub(crate) const ALL_BEGUN: &str = "(all begun)";

/// A partition of a topic, and where this data folder began to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionName {
    pub(crate) topic: String,
    pub(crate) number: i32,
    pub(crate) start: u64,
}

impl PartitionName {
    /// Reads a name; `None` if it is not one.
    pub(crate) fn parse(name: &str) -> Option<PartitionName> {
        let (rest, start) = name.rsplit_once('@')?;
        let (topic, number) = rest.rsplit_once('/')?;
        let (number, start) = (number.parse().ok()?, start.parse().ok()?);
        let parsed = PartitionName { topic: topic.to_owned(), number, start };
        // A partition has one name: no leading zeros, no signs.
        (number >= 0 && parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for PartitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.number, self.start)
    }
}

/// The partitions that were read before and are read on: what the engine calls them, and how far they are.
pub(crate) fn begun(
    settings: &Settings,
    positions: &Positions,
) -> Result<Vec<(PartitionName, Arc<str>, u64)>, EngineError> {
    let mut begun = Vec::new();
    for (partition, upper) in positions.iter().filter(|(partition, _)| &***partition != ALL_BEGUN) {
        let name = PartitionName::parse(partition).ok_or_else(|| of_another_kind(partition))?;
        if settings.topics.are_to_be_read(&name.topic) {
            begun.push((name, Arc::clone(partition), *upper));
        } else {
            let source = &settings.name;
            tracing::info!(source, %partition, "the configuration no longer names the topic: it is not read on");
        }
    }
    Ok(begun)
}

/// What to say of a partition that is not one of Kafka.
pub(crate) fn of_another_kind(partition: &str) -> EngineError {
    let what = format!("`{partition}` is not a partition of a Kafka topic");
    let help = "give the source back the kind that it had, or start with a new data folder";
    EngineError::new(ErrorKind::Invalid, what, help)
}

/// A batch without records: all before `upper` has been given.
pub(crate) fn empty(partition: &Arc<str>, upper: u64) -> Batch<Record> {
    Batch { partition: Arc::clone(partition), upper, events: Vec::new(), refusals: Vec::new(), continues: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_where_the_partition_begins() {
        let name = PartitionName { topic: "trades.eu-1_x".to_owned(), number: 3, start: 1042 };
        assert_eq!(name.to_string(), "trades.eu-1_x/3@1042");
        assert_eq!(PartitionName::parse("trades.eu-1_x/3@1042"), Some(name));
        for other in ["", "trades", "trades/3", "trades@5", "trades/-1@5", "trades/3@", "trades/03@5", "trades/3@+5"] {
            assert_eq!(PartitionName::parse(other), None, "{other}");
        }
    }
}

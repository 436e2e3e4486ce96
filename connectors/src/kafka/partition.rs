//! The name of a partition: `topic/partition@start`.
//!
//! `start` is the offset at which the data folder began to read it. So the name alone, which stands in every binding,
//! tells a replay where to begin, and nothing else need be kept.

use std::fmt;

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

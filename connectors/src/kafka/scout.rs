//! Looks for partitions that are not read yet, and finds out where each begins. What has to wait for the brokers is here,
//! on a thread of its own, so that reading never waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use engine::{EngineError, ErrorKind, Stop};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{ANSWER_TIMEOUT, Consumer, watermarks};
use super::config::{Beginning, Settings, Start};
use super::partition::PartitionName;

/// How long to wait when the brokers gave no answer, or not all of it.
const RETRY: Duration = Duration::from_millis(250);

/// What is found, or why there is no going on.
pub(crate) type Find = Result<Found, EngineError>;

/// What is found.
pub(crate) enum Found {
    /// A partition with its beginning.
    Partition(PartitionName),
    /// All that were there at the first look have been told.
    AllOfTheFirstLook,
}

/// A partition: its topic and its number.
pub(crate) type Place = (String, i32);

/// The offsets at which partitions end.
pub(crate) type Ends = BTreeMap<Place, u64>;

/// Looks for partitions.
pub(crate) struct Scout<'s> {
    settings: &'s Settings,
    consumer: &'s Consumer,
    /// The partitions that are read.
    known: BTreeSet<Place>,
    /// Those of which it is not known yet where they begin.
    undecided: BTreeMap<Place, Beginning>,
    /// Whether not all partitions of the first look have been told yet.
    is_first_start: bool,
    /// The topics that are waited for.
    missing: BTreeSet<String>,
}

/// What the brokers say there is.
#[derive(Default)]
struct Listing {
    places: Vec<Place>,
    /// Topics of which they could not say it now.
    is_partial: bool,
}

/// Why a look was in vain.
enum Vain {
    /// To be tried again.
    Later(KafkaError),
    Fatal(EngineError),
}

impl From<KafkaError> for Vain {
    fn from(error: KafkaError) -> Self {
        Vain::Later(error)
    }
}

impl<'s> Scout<'s> {
    /// A scout that knows the partitions that the data folder has read before.
    pub(crate) fn new(
        settings: &'s Settings,
        consumer: &'s Consumer,
        known: BTreeSet<Place>,
        is_first_start: bool,
    ) -> Self {
        Scout { settings, consumer, known, undecided: BTreeMap::new(), is_first_start, missing: BTreeSet::new() }
    }

    /// Looks again and again, until it is done.
    pub(crate) fn run(mut self, finds: &Sender<Find>, done: &Stop) {
        loop {
            let mut pause = self.settings.discover_interval;
            match self.look(finds, done) {
                Ok(true) => {}
                Ok(false) => pause = RETRY.min(pause),
                Err(Vain::Later(error)) => {
                    self.consumer
                        .context()
                        .warn("the Kafka brokers do not answer; it is tried again", &error.to_string());
                    pause = RETRY.min(pause);
                }
                // Nobody listens any more: then it is done.
                Err(Vain::Fatal(error)) => return drop(finds.send(Err(error))),
            }
            if done.wait(pause) {
                return;
            }
        }
    }

    /// Looks until all that there is now has been found; gives the partitions that were not known, then the offset at which
    /// each of all of them ends.
    pub(crate) fn look_at_all(mut self, ends: &Start, stop: &Stop) -> Result<(Vec<PartitionName>, Ends), EngineError> {
        let (finds, found) = channel();
        while !self.patiently(stop, |scout| scout.look(&finds, stop))? {
            if stop.wait(RETRY) {
                return Err(EngineError::stopped());
            }
        }
        // A look that was broken off has not found everything.
        if stop.is_stopped() {
            return Err(EngineError::stopped());
        }
        if let Some(topic) = self.missing.first() {
            let what = format!("there is no topic `{topic}` on the Kafka brokers of source `{}`", self.settings.name);
            return Err(EngineError::new(ErrorKind::NotFound, what, "check its name, or leave it out"));
        }
        let mut at = Ends::new();
        for (topic, number) in self.known.clone() {
            let end = ends.of(&topic, number, true);
            let offset = self.patiently(stop, |scout| scout.offset_of(&topic, number, end, true))?;
            at.insert((topic, number), offset);
        }
        let of_partition = |find: Find| match find {
            Ok(Found::Partition(name)) => Some(name),
            Ok(Found::AllOfTheFirstLook) | Err(_) => None,
        };
        Ok((found.try_iter().filter_map(of_partition).collect(), at))
    }

    /// Asks the brokers until they answer.
    fn patiently<T>(
        &mut self,
        stop: &Stop,
        mut ask: impl FnMut(&mut Self) -> Result<T, Vain>,
    ) -> Result<T, EngineError> {
        loop {
            match ask(self) {
                Ok(answer) => return Ok(answer),
                Err(Vain::Fatal(error)) => return Err(error),
                Err(Vain::Later(error)) => {
                    let context = self.consumer.context();
                    context.warn("the Kafka brokers do not answer; it is tried again", &error.to_string());
                    if let Some(error) = context.fatal() {
                        return Err(error);
                    }
                }
            }
            if stop.wait(RETRY) {
                return Err(EngineError::stopped());
            }
        }
    }

    /// Looks once, and tells what was found. False if something is left to be found out.
    fn look(&mut self, finds: &Sender<Find>, done: &Stop) -> Result<bool, Vain> {
        let listing = self.list(done)?;
        for place in listing.places {
            if !self.known.contains(&place) && !self.undecided.contains_key(&place) {
                let beginning = self.settings.start.of(&place.0, place.1, self.is_first_start);
                self.undecided.insert(place, beginning);
            }
        }
        let mut vain = Ok(!listing.is_partial);
        for ((topic, number), beginning) in self.undecided.clone() {
            if done.is_stopped() {
                return Ok(true);
            }
            // One partition without a leader must not keep the others waiting.
            let start = match self.offset_of(&topic, number, beginning, false) {
                Ok(start) => start,
                Err(Vain::Fatal(error)) => return Err(Vain::Fatal(error)),
                Err(later) => {
                    vain = Err(later);
                    continue;
                }
            };
            let place = (topic.clone(), number);
            self.undecided.remove(&place);
            self.known.insert(place);
            // Nobody listens any more: then it is done.
            let _ = finds.send(Ok(Found::Partition(PartitionName { topic, number, start })));
        }
        // What is found after the first look is newer than the source: it is read from its first record.
        if self.is_first_start && matches!(vain, Ok(true)) {
            self.is_first_start = false;
            let _ = finds.send(Ok(Found::AllOfTheFirstLook));
        }
        vain
    }

    fn list(&mut self, done: &Stop) -> Result<Listing, Vain> {
        let mut listing = Listing::default();
        if self.settings.topics.pattern.is_some() {
            let metadata = self.consumer.fetch_metadata(None, ANSWER_TIMEOUT)?;
            for topic in metadata.topics().iter().filter(|topic| self.settings.topics.are_to_be_read(topic.name())) {
                self.add(topic, &mut listing)?;
            }
        }
        for name in &self.settings.topics.named {
            if done.is_stopped() || listing.places.iter().any(|(topic, _)| topic == name) {
                continue;
            }
            match self.consumer.fetch_metadata(Some(name), ANSWER_TIMEOUT) {
                Ok(metadata) => {
                    for topic in metadata.topics().iter().filter(|topic| topic.name() == name) {
                        self.add(topic, &mut listing)?;
                    }
                }
                Err(error) if error.rdkafka_error_code().is_some_and(is_unknown) => self.miss(name),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(listing)
    }

    fn add(&mut self, topic: &MetadataTopic, listing: &mut Listing) -> Result<(), Vain> {
        match topic.error().map(RDKafkaErrorCode::from) {
            None => {
                self.missing.remove(topic.name());
                let place = |number: i32| (topic.name().to_owned(), number);
                listing.places.extend(topic.partitions().iter().map(|partition| place(partition.id())));
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                let what = format!("the Kafka brokers do not allow to read topic `{}`", topic.name());
                let help = "give the user the rights Describe and Read on it, then start again";
                return Err(Vain::Fatal(EngineError::new(ErrorKind::Unavailable, what, help)));
            }
            Some(code) if is_unknown(code) => self.miss(topic.name()),
            Some(_) => listing.is_partial = true,
        }
        Ok(())
    }

    /// Says once that a topic is waited for.
    fn miss(&mut self, topic: &str) {
        if self.missing.insert(topic.to_owned()) {
            let source = &self.settings.name;
            tracing::warn!(source, topic, "there is no such topic on the Kafka brokers yet; it is waited for");
        }
    }

    /// The offset of a beginning, or of an end: that is passed already where the messages before it are gone.
    fn offset_of(&self, topic: &str, number: i32, beginning: Beginning, is_end: bool) -> Result<u64, Vain> {
        let (low, high) = watermarks(self.consumer, topic, number)?;
        match beginning {
            Beginning::Earliest => Ok(low),
            Beginning::Latest => Ok(high),
            Beginning::Offset(offset) if offset <= high && (is_end || offset >= low) => Ok(offset),
            Beginning::Offset(offset) => {
                let what =
                    format!("partition {number} of topic `{topic}` has no offset {offset}: it has {low} to {high}");
                let setting = if is_end { "until" } else { "from" };
                let help = format!("set `{setting}` of [source.{}] to an offset that is there", self.settings.name);
                Err(Vain::Fatal(EngineError::new(ErrorKind::Invalid, what, help)))
            }
            Beginning::Time(milliseconds) => {
                let mut asked = TopicPartitionList::new();
                asked.add_partition_offset(topic, number, Offset::Offset(milliseconds))?;
                let answer = self.consumer.offsets_for_times(asked, ANSWER_TIMEOUT)?;
                let found = answer.find_partition(topic, number).map(|found| found.error().map(|()| found.offset()));
                match found.transpose()? {
                    Some(Offset::Offset(offset)) => Ok(u64::try_from(offset).unwrap_or(high)),
                    // No message is so late.
                    _ => Ok(high),
                }
            }
        }
    }
}

pub(crate) fn is_unknown(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition
    )
}

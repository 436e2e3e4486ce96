//! Follows the partitions: each round takes what the brokers have sent, and gives it to the engine.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use engine::source::BATCH_ROWS_MAX;
use engine::{Batch, EngineError, ErrorKind, SourceContext, Stop};
use model::Record;
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::avro::Schemas;
use super::client::{
    ANSWER_TIMEOUT, Consumer, Trouble, close, connect, contradicted, out_of_range, signed, watermarks,
};
use super::config::Settings;
use super::decode::MessageDecoder;
use super::metrics::KafkaMetrics;
use super::partition::{ALL_BEGUN, PartitionName, begun, empty};
use super::scout::{Find, Found, Scout};

/// How long a round waits for the first message.
const ROUND: Duration = Duration::from_millis(20);

/// How often the lag is measured, and offsets are committed.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Reads until it is stopped.
pub(crate) fn follow(settings: &Settings, context: SourceContext<Record>) -> Result<(), EngineError> {
    if context.stop.is_stopped() {
        return Ok(());
    }
    let consumer = connect(&settings.client.for_following(), &settings.name, settings.group.is_some())?;
    // Whoever asks about a partition waits behind what the same client fetches: so the scout has one of its own.
    let scouting = connect(&settings.client.for_following(), &settings.name, false)?;
    let result = follow_with(&consumer, &scouting, settings, context);
    close(scouting);
    close(consumer);
    result
}

fn follow_with(
    consumer: &Consumer,
    scouting: &Consumer,
    settings: &Settings,
    context: SourceContext<Record>,
) -> Result<(), EngineError> {
    let is_first_start = !context.positions.contains_key(ALL_BEGUN);
    let mut following = Following::new(settings, consumer, context)?;
    let known = following.resume()?;
    let scout = Scout::new(settings, scouting, known, is_first_start);
    let done = Stop::default();
    thread::scope(|scope| {
        let (finds, found) = channel();
        let looking = thread::Builder::new().name(format!("scout {}", settings.name));
        let looking = looking.spawn_scoped(scope, || {
            let finds = finds;
            scout.run(&finds, &done);
        });
        let result = match looking {
            Ok(_) => following.run(&found),
            Err(error) => {
                let what = format!("cannot start a thread: {error}");
                Err(EngineError::new(ErrorKind::Unavailable, what, "raise the limit on threads"))
            }
        };
        done.stop();
        following.commit_last();
        result
    })
}

/// A partition that is read.
struct Track {
    name: PartitionName,
    /// What this round has found of it so far.
    batch: Batch<Record>,
    /// The offset that the group was told last.
    committed: Option<u64>,
}

/// The partitions that are read.
struct Following<'s> {
    settings: &'s Settings,
    consumer: &'s Consumer,
    context: SourceContext<Record>,
    decoder: MessageDecoder,
    /// What is known of the schemas of messages, where a registry is asked for them.
    schemas: Option<Schemas>,
    metrics: Option<KafkaMetrics>,
    tracks: Vec<Track>,
    /// Where in `tracks` a partition is, by topic and number.
    places: HashMap<String, HashMap<i32, usize>>,
    /// The tracks of which this round has found something.
    touched: Vec<usize>,
    /// Whether a broker said that an offset is not there, and it is not known yet which.
    is_out_of_range: bool,
    reported: Instant,
}

impl<'s> Following<'s> {
    fn new(
        settings: &'s Settings,
        consumer: &'s Consumer,
        context: SourceContext<Record>,
    ) -> Result<Self, EngineError> {
        let decoder = settings.messages.decoder().map_err(|fault| {
            EngineError::new(ErrorKind::Invalid, format!("source `{}`: {}", settings.name, fault.what), fault.help)
        })?;
        let schemas = settings.messages.schemas(&settings.name, &context.archive);
        let metrics = KafkaMetrics::new(&settings.name, &context.registry);
        if let Err(error) = &metrics {
            tracing::warn!(source = settings.name, %error, "the lag cannot be measured");
        }
        Ok(Following {
            settings,
            consumer,
            context,
            decoder,
            schemas,
            metrics: metrics.ok(),
            tracks: Vec::new(),
            places: HashMap::new(),
            touched: Vec::new(),
            is_out_of_range: false,
            reported: Instant::now(),
        })
    }

    /// Goes on with what was read before; gives the partitions that are known.
    fn resume(&mut self) -> Result<BTreeSet<(String, i32)>, EngineError> {
        let mut known = BTreeSet::new();
        for (name, partition, upper) in begun(self.settings, &self.context.positions)? {
            known.insert((name.topic.clone(), name.number));
            self.begin(name, partition, upper)?;
        }
        Ok(known)
    }

    fn run(&mut self, found: &Receiver<Find>) -> Result<(), EngineError> {
        while !self.context.stop.is_stopped() {
            while let Ok(find) = found.try_recv() {
                match find? {
                    Found::Partition(name) => self.begin_new(name)?,
                    Found::AllOfTheFirstLook => self.context.outlet.send(empty(&Arc::from(ALL_BEGUN), 1))?,
                }
            }
            self.take_round()?;
            self.give()?;
            if self.reported.elapsed() >= REPORT_INTERVAL {
                self.reported = Instant::now();
                self.find_what_is_out_of_range()?;
                self.measure();
                self.commit();
            }
        }
        Ok(())
    }

    /// Begins a partition that was never read. The engine is given its name before anything of it is read: so the start
    /// is durable with, or before, the first record.
    fn begin_new(&mut self, name: PartitionName) -> Result<(), EngineError> {
        let partition: Arc<str> = name.to_string().into();
        self.context.outlet.send(empty(&partition, name.start))?;
        let start = name.start;
        self.begin(name, partition, start)
    }

    fn begin(&mut self, name: PartitionName, partition: Arc<str>, next: u64) -> Result<(), EngineError> {
        let mut assigned = TopicPartitionList::new();
        let begun = assigned.add_partition_offset(&name.topic, name.number, Offset::Offset(signed(next)));
        begun.and_then(|()| self.consumer.incremental_assign(&assigned)).map_err(|error| {
            let what = format!("cannot read {name} from Kafka: {error}");
            EngineError::new(ErrorKind::Unavailable, what, "start again")
        })?;
        self.places.entry(name.topic.clone()).or_default().insert(name.number, self.tracks.len());
        self.tracks.push(Track { name, batch: empty(&partition, next), committed: None });
        Ok(())
    }

    /// Takes what the brokers have sent; waits a little for the first message.
    fn take_round(&mut self) -> Result<(), EngineError> {
        let mut wait = ROUND;
        for _ in 0..BATCH_ROWS_MAX {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => self.take(&message)?,
                Some(Err(error)) => self.check(&error)?,
                None => break,
            }
            wait = Duration::ZERO;
        }
        self.consumer.context().fatal().map_or(Ok(()), Err)
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<(), EngineError> {
        let place = self.places.get(message.topic()).and_then(|numbers| numbers.get(&message.partition())).copied();
        let (Some(place), Ok(offset)) = (place, u64::try_from(message.offset())) else { return Ok(()) };
        if offset < self.tracks[place].batch.upper {
            return Ok(());
        }
        if let Some(id) = self.decoder.needs(message.payload(), Some(self.settings.discover_interval)) {
            // Those before it need not wait with it.
            self.give()?;
            self.learn(id)?;
        }
        let batch = &mut self.tracks[place].batch;
        if batch.events.is_empty() && batch.refusals.is_empty() {
            self.touched.push(place);
        }
        self.decoder.decode(message, offset, batch);
        Ok(())
    }

    /// Learns a schema; waits for it if the registry is away.
    fn learn(&mut self, id: u32) -> Result<(), EngineError> {
        let Some(schemas) = &self.schemas else { return Ok(()) };
        let read_to = || {
            let read = self.context.positions.iter().map(|(partition, upper)| (partition.to_string(), *upper));
            let reading = self.tracks.iter().map(|track| (track.batch.partition.to_string(), track.batch.upper));
            read.chain(reading).collect()
        };
        let answer = schemas.learn(id, read_to, &self.context.stop)?;
        self.decoder.learn(id, answer);
        Ok(())
    }

    fn check(&mut self, error: &KafkaError) -> Result<(), EngineError> {
        match Trouble::of(error, self.consumer.context()) {
            Trouble::Passes => Ok(()),
            Trouble::Fatal(error) => Err(error),
            Trouble::OutOfRange => {
                self.is_out_of_range = true;
                Ok(())
            }
        }
    }

    fn give(&mut self) -> Result<(), EngineError> {
        for place in self.touched.drain(..) {
            let batch = &mut self.tracks[place].batch;
            let rest = empty(&batch.partition, batch.upper);
            self.context.outlet.send(std::mem::replace(batch, rest))?;
        }
        Ok(())
    }

    /// A broker does not say which offset it has not. So each partition is looked at.
    fn find_what_is_out_of_range(&mut self) -> Result<(), EngineError> {
        if !self.is_out_of_range {
            return Ok(());
        }
        for track in &self.tracks {
            let PartitionName { topic, number, .. } = &track.name;
            // Without an answer it is asked again in the next round.
            let Ok(found) = watermarks(self.consumer, topic, *number) else { return Ok(()) };
            if let Some(error) = out_of_range(topic, *number, self.next_of(track), found) {
                return Err(error);
            }
        }
        Err(contradicted(self.consumer.context()))
    }

    /// The offset of a partition that is read next: behind the marks of transactions too.
    fn next_of(&self, track: &Track) -> u64 {
        let reached = self.consumer.context().reached(&track.name.topic, track.name.number);
        reached
            .filter(|reached| reached.is_drained)
            .map_or(track.batch.upper, |reached| reached.next.max(track.batch.upper))
    }

    fn measure(&self) {
        let Some(metrics) = &self.metrics else { return };
        for track in &self.tracks {
            if let Some(reached) = self.consumer.context().reached(&track.name.topic, track.name.number) {
                let lag = reached.high_watermark.saturating_sub(self.next_of(track));
                metrics.lag_records(&track.batch.partition).set(signed(lag));
            }
        }
    }

    /// Tells the group what is durable since it was told last. False if there is nothing to tell.
    fn commit(&mut self) -> bool {
        if self.settings.group.is_none() {
            return false;
        }
        if let (_, true) = self.consumer.context().take_commits() {
            self.tracks.iter_mut().for_each(|track| track.committed = None);
        }
        let durable = self.context.durable.positions();
        let mut offsets = TopicPartitionList::new();
        for track in &mut self.tracks {
            let upper = durable.get(&track.batch.partition).copied();
            if upper.is_none() || upper == track.committed {
                continue;
            }
            let offset = Offset::Offset(signed(upper.unwrap_or(track.name.start)));
            if offsets.add_partition_offset(&track.name.topic, track.name.number, offset).is_ok() {
                track.committed = upper;
            }
        }
        if offsets.count() == 0 {
            return false;
        }
        match self.consumer.commit(&offsets, CommitMode::Async) {
            Ok(()) => true,
            Err(error) => {
                self.consumer.context().warn("offsets cannot be committed to the group", &error.to_string());
                self.tracks.iter_mut().for_each(|track| track.committed = None);
                false
            }
        }
    }

    /// Commits for the last time, and waits a moment for the answer. What comes of messages meanwhile is read again later.
    fn commit_last(&mut self) {
        if !self.commit() {
            return;
        }
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_TIMEOUT && self.consumer.context().take_commits().0 == 0 {
            drop(self.consumer.poll(ROUND));
        }
    }
}

//! The scoring models of a configuration, as a source of records: so a changed model is a change like any other.
//!
//! Each list of models is a partition, kept in the archive as JSON. Its name is its place among all that the data folder
//! has seen, and the hash of its content: going back to earlier models makes a new partition, which wins as the later one.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use engine::{Archive, Batch, EngineError, ErrorKind, Event, Key, Positions, Source, SourceContext, SourceReader};
use model::{Record, ScoringModel};

/// The name of the source.
pub(super) const SOURCE_NAME: &str = "configuration";

/// Gives the scoring models.
pub(super) struct ModelsSource {
    models: Vec<ScoringModel>,
}

impl ModelsSource {
    pub(super) fn new(models: &[ScoringModel]) -> Self {
        ModelsSource { models: models.to_vec() }
    }

    fn keep(&self, archive: &Archive) -> Result<String, EngineError> {
        let folder = std::env::temp_dir();
        let unwritten = |error: std::io::Error| EngineError::io("write a file in", &folder, &error);
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(unwritten)?;
        serde_json::to_writer(&mut file, &self.models).map_err(|error| unwritten(error.into()))?;
        file.flush().map_err(unwritten)?;
        Ok(archive.keep(file.path())?.hash)
    }
}

impl Source<Record> for ModelsSource {
    fn name(&self) -> &str {
        SOURCE_NAME
    }

    fn is_one_shot(&self) -> bool {
        true
    }

    fn open(
        &self,
        partition: &str,
        from: u64,
        archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        let (_, hash) = partition.split_once('-').unwrap_or_default();
        let path = archive.intact(hash)?;
        let text = fs::read_to_string(&path).map_err(|error| EngineError::io("read", &path, &error))?;
        let models: Vec<ScoringModel> = serde_json::from_str(&text).map_err(|error| {
            let what = format!("the kept scoring models {} cannot be read: {error}", path.display());
            EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
        })?;
        Ok(Box::new(Once(Some(batch(partition, &models, from)))))
    }

    fn follows_configuration(&self) -> bool {
        true
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        if self.models.is_empty() {
            return Ok(());
        }
        match new_partition(&self.keep(&context.archive)?, &context.positions) {
            Some(partition) => context.outlet.send(batch(&partition, &self.models, 0)),
            None => Ok(()),
        }
    }
}

/// The partition to give, unless these models are in force already.
fn new_partition(hash: &str, positions: &Positions) -> Option<String> {
    let is_in_force = positions.last_key_value().is_some_and(|(last, _)| last.ends_with(hash));
    (!is_in_force).then(|| format!("{:06}-{hash}", positions.len()))
}

fn batch(partition: &str, models: &[ScoringModel], from: u64) -> Batch<Record> {
    let event = |(offset, model): (u64, &ScoringModel)| {
        let record = Record::from(model.clone());
        Event { key: Key::from_bytes(record.key().bytes()), member: record.member(), offset, record: Some(record) }
    };
    let events = (0..).zip(models).map(event).filter(|event| event.offset >= from).collect();
    Batch {
        partition: Arc::from(partition),
        upper: models.len() as u64,
        events,
        refusals: Vec::new(),
        continues: false,
    }
}

/// A partition is one batch.
struct Once(Option<Batch<Record>>);

impl SourceReader<Record> for Once {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        Ok(self.0.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Symbol;

    fn models(version: u32) -> Vec<ScoringModel> {
        ["a/1", "a/2"].map(|id| ScoringModel { id: Symbol::of(id), version, text: Arc::from("{}") }).to_vec()
    }

    #[test]
    fn models_are_read_again_as_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        let source = ModelsSource::new(&models(1));
        let partition = new_partition(&source.keep(&archive).unwrap(), &Positions::new()).unwrap();
        let mut reader = ModelsSource::new(&[]).open(&partition, 0, &archive).unwrap();
        let read = reader.next().unwrap().unwrap();
        assert_eq!((read.events, read.upper), (batch(&partition, &models(1), 0).events, 2));
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn earlier_models_come_back_as_a_new_partition() {
        let mut positions = Positions::new();
        for (hash, expected) in
            [("a", Some("000000-a")), ("a", None), ("b", Some("000001-b")), ("a", Some("000002-a")), ("a", None)]
        {
            let partition = new_partition(hash, &positions);
            assert_eq!(partition.as_deref(), expected);
            positions.extend(partition.map(|partition| (Arc::from(partition), 1)));
        }
    }
}

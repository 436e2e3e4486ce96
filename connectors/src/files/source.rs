//! The source of files.

use engine::{Archive, EngineError, Source, SourceContext, SourceReader};
use model::Record;

use crate::ConfigError;
use crate::files::FilesConfig;
use crate::layout::{Layout, Scope};

/// Reads the files that a configuration names.
pub struct FilesSource {
    name: String,
    layout: Layout,
}

impl FilesSource {
    /// A source of the files that `config` names.
    pub fn new(config: &FilesConfig, scope: &Scope<'_>) -> Result<FilesSource, ConfigError> {
        Ok(FilesSource { name: scope.name.to_owned(), layout: Layout::new(&config.layout, scope)? })
    }
}

impl Source<Record> for FilesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, partition: &str, from: u64, archive: &Archive) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        let _ = (partition, from, archive, &self.layout);
        Err(EngineError::stopped())
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let _ = context;
        Ok(())
    }
}

//! The configuration of messages in Avro.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::setting::Setting;
use serde::Deserialize;

/// By which schemas messages are written and read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvroConfig {
    /// The schema to read messages by; without a registry also the one they are written by.
    pub schema: Option<SchemaFile>,
    /// The address of the registry that knows the schemas they are written by.
    pub registry: Option<String>,
    /// Who asks the registry.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Setting>,
    /// A token to show instead of a user and a password.
    pub token: Option<Setting>,
    /// Certificates of the authorities that vouch for the registry, in PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// A file with an Avro schema.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub struct SchemaFile {
    path: String,
    /// Its content, where that was read already.
    text: Option<Arc<str>>,
}

impl From<String> for SchemaFile {
    fn from(path: String) -> Self {
        SchemaFile { path, text: None }
    }
}

impl SchemaFile {
    /// Its path, as it is written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads it with `read`: from a disk, or from a record of what was there.
    pub fn load(&mut self, read: &dyn Fn(&str) -> Result<String, String>) -> Result<(), String> {
        self.text = Some(read(&self.path)?.into());
        Ok(())
    }

    /// Its content; a relative path starts in `folder`.
    pub(super) fn text(&self, folder: &Path) -> Result<Arc<str>, String> {
        match &self.text {
            Some(text) => Ok(Arc::clone(text)),
            None => {
                let path = folder.join(&self.path);
                let text = fs::read_to_string(&path);
                text.map(Arc::from).map_err(|error| format!("cannot read {}: {error}", path.display()))
            }
        }
    }
}

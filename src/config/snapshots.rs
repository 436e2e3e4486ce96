//! The table `[snapshots]`: where snapshots are kept, and how often one is taken.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::snapshot::Store;
use engine::{EngineError, ErrorKind};
use serde::Deserialize;
use url::Url;

use super::document::Document;
use super::problem::Problem;

/// The key of the table.
pub(super) const KEY: &str = "snapshots";

/// How much time passes between two snapshots, if nothing else is said.
const EVERY_SECONDS_DEFAULT: f64 = 900.0;

/// Where snapshots are kept, and how often one is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotSettings {
    /// How much time passes between two; none are taken if it is nothing.
    pub(crate) every: Duration,
    /// How much of the past is kept; all of it, if it is not said.
    pub(crate) history: Option<Duration>,
    /// Where they are; in the data folder if it is not said.
    url: Option<Url>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    every_seconds: Option<f64>,
    history_seconds: Option<f64>,
    url: Option<String>,
}

impl SnapshotSettings {
    pub(super) fn read(document: &Document<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let written = match document.get(KEY) {
            Some(table) => document.read(table, KEY, problems)?,
            None => Written::default(),
        };
        let url = match written.url.as_deref().map(Url::parse) {
            Some(Ok(url)) if object_store::ObjectStoreScheme::parse(&url).is_ok() => Some(url),
            None => None,
            Some(_) => {
                let help = "write a URL such as \"s3://bucket/folder\", \"az://container/folder\", \"gs://bucket/folder\" or \"file:///folder\"; or leave it out to keep them in the data folder";
                problems.push(document.problem("snapshots.url", "this is no place for snapshots", help));
                return None;
            }
        };
        let every = Duration::try_from_secs_f64(written.every_seconds.unwrap_or(EVERY_SECONDS_DEFAULT));
        let history = written.history_seconds.map(Duration::try_from_secs_f64).transpose();
        let (Ok(every), Ok(history)) = (&every, &history) else {
            let key = if every.is_err() { "snapshots.every_seconds" } else { "snapshots.history_seconds" };
            problems.push(document.problem(key, "this is no span of time", "write a number of seconds, such as 900"));
            return None;
        };
        if history.is_some() && every.is_zero() {
            let what = "without snapshots nothing of the past can be removed";
            problems.push(document.problem(
                "snapshots.history_seconds",
                what,
                "leave it out, or raise `every_seconds`",
            ));
        }
        Some(SnapshotSettings { every: *every, history: *history, url })
    }

    /// Opens the place. Credentials of a cloud come from its usual environment variables.
    pub(crate) fn store(&self, data: &Path) -> Result<Store, EngineError> {
        let Some(url) = &self.url else {
            std::fs::create_dir_all(data).map_err(|error| EngineError::io("make the data folder", data, &error))?;
            return Store::local(&data.join("snapshots"));
        };
        if url.scheme() == "file" {
            let folder = url.to_file_path().map_err(|()| unusable(url, "it is no path of this machine"))?;
            return Store::local(&folder);
        }
        // Whoever connects first says with what; if that was said already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = std::env::vars().filter(|(name, _)| is_of_a_cloud(name));
        let (objects, folder) =
            object_store::parse_url_opts(url, options.map(|(name, value)| (name.to_lowercase(), value)))
                .map_err(|error| unusable(url, &error.to_string()))?;
        Store::new(Arc::from(objects), folder.as_ref(), url.as_str())
    }
}

fn is_of_a_cloud(variable: &str) -> bool {
    ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|prefix| variable.starts_with(prefix))
}

fn unusable(url: &Url, why: &str) -> EngineError {
    let help = "check `snapshots.url`, and the environment variables of its cloud (AWS_*, AZURE_*, GOOGLE_*)";
    EngineError::new(ErrorKind::Invalid, format!("cannot keep snapshots in {url}: {why}"), help)
}

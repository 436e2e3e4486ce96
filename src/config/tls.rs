//! The table `[tls]`: the encryption of the port.

use std::path::Path;

use sinks::{Tls, TlsConfig};

use super::document::Document;
use super::problem::Problem;

/// Reads it, and the files that it names. The inner value is `None` if there is no such table.
pub(super) fn read(document: &Document<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Option<Option<Tls>> {
    let Some(table) = document.get("tls") else { return Some(None) };
    let config: TlsConfig = document.read(table, "tls", problems)?;
    let tls = Tls::new(&config, folder);
    tls.map(Some).map_err(|error| problems.push(document.problem(&error.key, &error.what, &error.help))).ok()
}

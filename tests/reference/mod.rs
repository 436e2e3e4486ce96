//! Where the data of others lie that tests are run against. They are not in this repository.
//!
//! Included by the tests of several crates, by path.

use std::io::Write;
use std::path::PathBuf;

/// A file or folder of the reference data: in the folder that `TIEOUT_REFERENCE` names, else in `../shared/reference`
/// beside the repository. `None` where it is not there; that is said on standard error, past the test's captured output.
///
/// # Panics
/// If `TIEOUT_REFERENCE` is set and it is not there: who names the folder wants the test run.
pub(crate) fn path(relative: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TIEOUT_REFERENCE").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference");
    let path = named.clone().unwrap_or_else(beside).join(relative);
    if path.exists() {
        return Some(path);
    }
    assert!(named.is_none(), "{} is not there", path.display());
    let thread = std::thread::current();
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {}: {} is not there; TIEOUT_REFERENCE names the folder of reference data",
        thread.name().unwrap_or_default(),
        path.display()
    );
    None
}

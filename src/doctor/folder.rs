//! The data folder: is it there, may it be written, is it in use, and of which format is it?

use std::path::{Path, PathBuf};

use engine::bindings::FORMAT;
use engine::inspection::{Found, Inspection};
use rustix::fs::{Access, access};

use super::finding::{Check, Finding};

const NAME: &str = "data folder";

/// What a data folder turned out to be.
pub(crate) enum Folder {
    /// Nothing that could be looked at.
    None,
    /// Another process runs on it.
    InUse,
    /// It can be looked at.
    Open(Inspection),
}

/// Opens it to be looked at.
pub(crate) fn check(data: &Path) -> (Folder, Vec<Finding>) {
    let check = Check::of(NAME, data.display());
    let mut findings = Vec::new();
    if let Some(finding) = unusable(data, &check) {
        return (Folder::None, vec![finding]);
    }
    match Found::at(data) {
        Err(error) => {
            findings.push(check.failed(error));
            (Folder::None, findings)
        }
        Ok(Found::Nothing) => {
            findings.push(check.ok("it is new: a start makes it"));
            (Folder::None, findings)
        }
        Ok(Found::InUse) => {
            findings.push(check.ok("another process runs on it; what only that one can read is not looked at"));
            (Folder::InUse, findings)
        }
        Ok(Found::Folder(inspection)) => {
            let format = inspection.format();
            findings.push(if format < FORMAT {
                let what = format!(
                    "it has format {format}: the next start upgrades it to {FORMAT}, which earlier versions refuse"
                );
                check.warning(what, "keep a backup until the new version has proved itself")
            } else {
                check.ok(format!("it can be read and written, format {format}"))
            });
            match inspection.interrupted_replay() {
                Ok(None) => {}
                Ok(Some(asked)) => {
                    let what =
                        format!("a replay was interrupted: `{asked}`; until it is done nothing else can be started");
                    findings.push(check.problem(what, "run the same replay again: it goes on where it was"));
                }
                Err(error) => findings.push(check.failed(error)),
            }
            (Folder::Open(inspection), findings)
        }
    }
}

/// Why an engine could not write to a folder.
pub(crate) fn unusable(data: &Path, check: &Check) -> Option<Finding> {
    let (nearest, is_whole) = nearest(data);
    let shown = nearest.display();
    if !nearest.is_dir() {
        let help = "give the path of a folder, or of one that can be made";
        return Some(check.problem(format!("{shown} is not a folder"), help));
    }
    let rights = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    let what = match access(&nearest, rights) {
        Ok(()) => return None,
        Err(error) if is_whole => format!("it cannot be read and written: {error}"),
        Err(error) => format!("it is not there, and cannot be made in {shown}: {error}"),
    };
    Some(check.problem(what, "give the process the right to read and write there, or set another folder"))
}

/// The folder itself, or the nearest one above it that is there; and whether it is the folder itself.
pub(crate) fn nearest(data: &Path) -> (PathBuf, bool) {
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let nearest = absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    (nearest.to_owned(), nearest == absolute)
}

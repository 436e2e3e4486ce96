//! A folder with a file of each side, of which two of three trades do not agree.

use std::fs;

const CONFIG: &str = r#"
[source.internal]
kind = "files"
path = "internal.csv"
[source.broker]
kind = "files"
path = "broker.csv"
[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["quantity"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "id"
"#;

/// The folder, with more in its configuration.
pub(crate) fn two_files(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tieout.toml"), format!("{CONFIG}{more}")).unwrap();
    fs::write(folder.path().join("internal.csv"), "id,quantity\nT1,10\nT2,20\nT3,30\n").unwrap();
    fs::write(folder.path().join("broker.csv"), "id,quantity\nT1,10\nT2,21\n").unwrap();
    folder
}

//! The files of a day.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use engine::{Archive, Positions};
use model::{Dictionary, SourceId};

use super::source::{events, generator};
use super::spec;
use crate::files::Format;
use crate::generator::{Outcome, SIDE_NAMES, Summary, truth, write_files};
use crate::layout::RecordKind;
use crate::suite::run;
use crate::{FilesSource, Scope, SourceConfig};

const FORMATS: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Parquet];

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What the sources of a written configuration are.
fn sources(summary: &Summary) -> BTreeMap<String, SourceConfig> {
    #[derive(serde::Deserialize)]
    struct Configuration {
        source: BTreeMap<String, SourceConfig>,
    }
    toml::from_str::<Configuration>(&fs::read_to_string(&summary.configuration).unwrap()).unwrap().source
}

#[test]
fn the_configuration_reads_the_files_as_what_the_sides_told() {
    let spec = spec(700, 3, 31);
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path().join("archive")).unwrap();
        let summary = write_files(&spec, folder.path(), format).unwrap();
        let configured = sources(&summary);
        assert_eq!(configured.len(), 6);
        for (name, config) in configured {
            let SourceConfig::Files(config) = config else { panic!("{config:?}") };
            let (side, kind) = name.split_once('_').unwrap();
            let record = if kind == "trades" { RecordKind::Trade } else { RecordKind::Allocation };
            let dictionary = Dictionary::new();
            let scope = Scope {
                name: &name,
                source: SourceId(5),
                attributes: &[],
                dictionary: &dictionary,
                folder: folder.path(),
            };
            let batches = run(Box::new(FilesSource::new(&config, &scope).unwrap()), Positions::new(), &archive);
            let refusal = batches.iter().flat_map(|batch| &batch.refusals).next();
            assert!(refusal.is_none(), "{name} as {format:?}: {refusal:?}");
            let told = events(run(
                Box::new(generator(spec.clone(), side, record, SourceId(5), 0)),
                Positions::new(),
                &archive,
            ));
            let read = events(batches);
            assert_eq!(read.len(), told.len(), "{name} as {format:?}");
            for (read, told) in read.iter().zip(&told) {
                assert_eq!(read, told, "{name} as {format:?}");
            }
            let path = summary.files.iter().find(|(path, _)| path.file_stem().unwrap() == name.as_str());
            assert_eq!(path.unwrap().1, told.len() as u64);
        }
    }
}

#[test]
fn the_configuration_reconciles_every_side_with_ours() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write_files(&spec(10, 3, 35), folder.path(), Format::Csv).unwrap();
    let text = fs::read_to_string(&summary.configuration).unwrap();
    let configuration: toml::Table = toml::from_str(&text).unwrap();
    let reconciliation = &configuration["reconciliation"]["trades"];
    let names = reconciliation["sides"].as_array().unwrap().iter().map(|side| side["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), SIDE_NAMES);
    for name in SIDE_NAMES {
        assert_eq!(reconciliation["allocations"][name][0].as_str(), Some(format!("{name}_allocations").as_str()));
    }
    assert_eq!(reconciliation["tolerance"][0]["basis_points"].as_str(), Some("1"));
    assert_eq!(reconciliation["tolerance"][1]["absolute"].as_str(), Some("0.01"));
}

#[test]
fn equal_specifications_give_equal_files_and_nothing_else_is_left() {
    let spec = spec(300, 2, 32);
    for format in FORMATS {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_files(&spec, one.path(), format).unwrap();
        write_files(&spec, other.path(), format).unwrap();
        // Written over what is there.
        write_files(&spec, other.path(), format).unwrap();
        assert_eq!(names(one.path()), names(other.path()));
        assert_eq!(names(one.path()).len(), 6, "{:?}", names(one.path()));
        for name in names(one.path()) {
            let [one, other] = [&one, &other].map(|folder| fs::read(folder.path().join(&name)).unwrap());
            assert!(one == other, "{name} differs");
        }
    }
}

#[test]
fn the_files_of_a_specification_are_those_of_every_version() {
    let folder = tempfile::tempdir().unwrap();
    write_files(&spec(2000, 3, 33), folder.path(), Format::Csv).unwrap();
    let hash = |name: &str| Archive::hash_of(&folder.path().join(name)).unwrap()[..16].to_owned();
    let hashes = ["internal_trades.csv", "custodian_allocations.csv", "truth.csv"].map(hash);
    // Where another hash is wanted, `GENERATION` must be raised: partitions that were read cannot be read again.
    assert_eq!(hashes, ["c0b59dfd359b4902", "fe4906d14323dd43", "5ba51eb162a2029c"]);
}

#[test]
fn the_truth_is_written_and_summed_up() {
    let spec = spec(2000, 3, 34);
    let folder = tempfile::tempdir().unwrap();
    let summary = write_files(&spec, folder.path(), Format::Jsonl).unwrap();
    let mut reader = csv::Reader::from_path(folder.path().join("truth.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for (row, truth) in rows.iter().zip(truth(&spec).unwrap()) {
        let side = SIDE_NAMES[usize::from(truth.other_side)];
        let (ours, theirs) = (truth.internal_trade_id.to_string(), truth.other_trade_id.to_string());
        let expected = [&ours, side, &theirs, truth.outcome.name(), &truth.break_type, truth.field, truth.planted];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    }
    assert_eq!(summary.outcomes.values().sum::<u64>(), rows.len() as u64);
    let matched = truth(&spec).unwrap().filter(|truth| truth.outcome == Outcome::Matched).count();
    assert_eq!(summary.outcomes["matched"], matched as u64);
    assert!(summary.outcomes.contains_key("missing_custodian"), "{:?}", summary.outcomes);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write_files(&spec(1, 2, 1), &file.join("day"), Format::Csv).unwrap_err();
    assert!(error.what.contains("cannot make the folder"), "{error}");
}

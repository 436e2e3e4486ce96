//! Durable state that is torn, damaged, of another version or out of reach: told apart, told clearly, never read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use engine::bindings::{Binding, Bindings, Bound, FORMAT};
use engine::journal::{EntryHead, Journal, Torn};
use engine::{EngineError, ErrorKind};
use redb::ReadableTable as _;

/// Opens a journal of which nothing has been bound to ticks.
fn open(folder: &Path) -> Result<(Journal, Option<Torn>), EngineError> {
    Journal::open(folder, || Ok(BTreeMap::new()))
}

fn head(number: u64) -> EntryHead {
    EntryHead { source: "late".into(), batch_id: format!("batch {number}"), first_offset: number * 10, records: 10 }
}

fn journal_of(folder: &Path, entries: u64) -> PathBuf {
    let (journal, torn) = open(folder).unwrap();
    assert_eq!(torn, None);
    for number in 0..entries {
        journal.append(head(number), format!("payload {number}\nsecond line").as_bytes()).unwrap();
    }
    journal.sync().unwrap();
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn every_entry_is_found_by_any_of_its_offsets() {
    let folder = tempfile::tempdir().unwrap();
    journal_of(folder.path(), 3);
    let (journal, _) = open(folder.path()).unwrap();
    for offset in 0..30 {
        let (found, payload) = journal.read("late", offset).unwrap().unwrap();
        assert_eq!(found, head(offset / 10));
        assert_eq!(payload, format!("payload {}\nsecond line", offset / 10).as_bytes());
    }
    assert_eq!(journal.read("late", 30).unwrap(), None);
    assert_eq!(journal.read("other", 0).unwrap(), None);
}

#[test]
fn a_torn_tail_is_reported_cut_and_never_read_wherever_it_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal_of(folder.path(), 3);
    let whole = fs::read(&path).unwrap();
    let two = tempfile::tempdir().unwrap();
    let third = fs::read(journal_of(two.path(), 2)).unwrap().len();
    for length in third + 1..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (journal, torn) = open(folder.path()).unwrap();
        let torn = torn.unwrap();
        assert_eq!((torn.position, torn.bytes), (third as u64, (length - third) as u64));
        assert_eq!(journal.heads("late", 0), [head(0), head(1)]);
        journal.append(head(2), b"again").unwrap();
        let (journal, torn) = open(folder.path()).unwrap();
        assert_eq!(torn, None);
        assert_eq!(journal.read("late", 20).unwrap().unwrap().1, b"again");
    }
}

#[test]
fn a_journal_that_died_at_birth_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal_of(folder.path(), 0);
    for length in 0..8 {
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..length]).unwrap();
        let (journal, _) = open(folder.path()).unwrap();
        assert!(journal.heads("late", 0).is_empty());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_flipped_byte_in_a_confirmed_entry_of_an_older_segment_is_an_error_and_not_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal_of(folder.path(), 2);
    fs::copy(&path, folder.path().join("0000000001.journal")).unwrap();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(30)).unwrap();
    file.write_all(&[0xff]).unwrap();
    let error = open(folder.path()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Damaged);
    assert!(error.what.contains("0000000000.journal") && error.what.contains("byte 8"), "{error}");
}

#[test]
fn damage_before_the_end_of_what_was_bound_is_an_error_and_nothing_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = journal_of(folder.path(), 3);
    let whole = fs::read(&path).unwrap();
    for (damage, bound) in [(30, 10), (30, 30), (whole.len() - 3, 30)] {
        let mut bytes = whole.clone();
        bytes[damage] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = Journal::open(folder.path(), || Ok(BTreeMap::from([("late".to_owned(), bound)]))).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Damaged, "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "what can be salvaged is left");
    }
    let mut bytes = whole.clone();
    bytes.truncate(whole.len() - 3);
    fs::write(&path, &bytes).unwrap();
    let (_, torn) = Journal::open(folder.path(), || Ok(BTreeMap::from([("late".to_owned(), 20)]))).unwrap();
    assert!(torn.is_some(), "what was bound to no tick was told to nobody");
}

#[test]
fn bindings_of_a_later_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bindings.redb");
    let bindings = Bindings::open(&path).unwrap();
    bindings.bind(7, &Binding::default(), &[]).unwrap();
    drop(bindings);
    assert_eq!(Bindings::open(&path).unwrap().last().unwrap(), 7);
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", FORMAT + 1).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = Bindings::open(&path).err().unwrap();
    assert!(error.what.contains(&format!("has format {}", FORMAT + 1)), "{error}");
}

/// A digit of a bound that is another used to be believed.
#[test]
fn a_binding_that_is_not_what_was_written_is_told_with_its_tick() {
    const BINDINGS: redb::TableDefinition<u64, &[u8]> = redb::TableDefinition::new("bindings");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bindings.redb");
    let bound = |upper| vec![Bound { source: "trades".into(), partition: "pushed".into(), upper }];
    let bindings = Bindings::open(&path).unwrap();
    bindings.bind(7, &Binding { bound: bound(120), ..Binding::default() }, &[]).unwrap();
    assert_eq!(bindings.after(0, 9).unwrap()[0].1.bound, bound(120));
    drop(bindings);
    let change = |change: &dyn Fn(String) -> String| {
        let database = redb::Database::create(&path).unwrap();
        let write = database.begin_write().unwrap();
        {
            let mut table = write.open_table(BINDINGS).unwrap();
            let text = String::from_utf8(table.get(7).unwrap().unwrap().value().to_vec()).unwrap();
            table.insert(7, change(text).as_bytes()).unwrap();
        }
        write.commit().unwrap();
    };
    change(&|text| text.replace("120", "130"));
    let error = Bindings::open(&path).and_then(|bindings| bindings.after(0, 9)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Damaged);
    assert!(error.what.contains("the binding of tick 7") && error.what.contains("not what was written"), "{error}");
    // The first format had nothing to tell it by.
    change(&|text| text[text.find('{').unwrap()..].to_owned());
    assert_eq!(Bindings::open(&path).unwrap().after(0, 9).unwrap()[0].1.bound, bound(130));
}

#[test]
fn something_that_is_no_database_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bindings.redb");
    fs::write(&path, "somebody's notes, which are longer than a header of a database would be ".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(Bindings::open(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn damaged_pages_of_the_bindings_are_an_error_or_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bindings.redb");
    let bindings = Bindings::open(&path).unwrap();
    for tick in 1..50 {
        bindings.bind(tick, &Binding::default(), &[]).unwrap();
    }
    drop(bindings);
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for place in (0..whole.len()).step_by(4096) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x41;
        fs::write(&path, &bytes).unwrap();
        match Bindings::open(&path).and_then(|bindings| bindings.after(0, 1000)) {
            Ok(list) => assert_eq!(list.len(), 49, "byte {place}"),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Damaged | ErrorKind::Unavailable), "byte {place}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

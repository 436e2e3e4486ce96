//! Which files are read, when, and how often.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::files::listing::Listing;
use crate::suite::Running;

const FOLLOW: &str = "path = \"in\"\nfollow = true\npoll_interval_ms = 20\n";
const A_FEW_POLLS: Duration = Duration::from_millis(200);

fn one(id: &str) -> String {
    format!("id,price\n{id},1\n")
}

fn ids(batch: &Batch<Record>) -> Vec<String> {
    batch.events.iter().filter_map(|event| event.record.as_ref()).map(|record| record.key().to_string()).collect()
}

#[test]
fn the_files_of_a_glob_or_folder_are_read_in_the_order_of_their_names() {
    let desk = Desk::new();
    for (name, id) in
        [("b.csv", "B"), ("a.csv", "A"), ("c.txt", "C"), (".hidden.csv", "H"), ("d.csv.part", "P"), ("e.tmp", "E")]
    {
        desk.write(name, one(id));
    }
    assert_eq!(desk.read("path = \"in/*.csv\"").ids(), ["A", "B"]);
    assert_eq!(desk.read("path = \"in\"").ids(), ["A", "B", "C"]);
    let absolute = format!("path = {:?}", desk.inbox().join("c.txt"));
    assert_eq!(desk.read(&absolute).ids(), ["C"]);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_neither_a_file_nor_a_folder_is_told_and_not_waited_for() {
    let desk = Desk::new();
    let socket = desk.inbox().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [Path::new("/dev/null"), &socket] {
        let listing = Listing::new("source.a", &path.to_string_lossy(), Path::new("")).unwrap();
        let error = listing.files().unwrap_err();
        assert_eq!(error.what, format!("{} is neither a file nor a folder", path.display()));
    }
    desk.write("a.csv", one("A"));
    assert_eq!(desk.read("path = \"in\"").ids(), ["A"]);
}

#[test]
fn the_same_content_under_another_name_is_read_once() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    desk.write("copy of a.csv", one("A"));
    let read = desk.read("path = \"in\"");
    assert_eq!(read.ids(), ["A"]);
    assert_eq!(partitions(&read.batches), [Arc::from(Archive::hash_of(&desk.inbox().join("a.csv")).unwrap())]);
}

#[test]
fn a_file_of_a_mixed_folder_is_read_as_its_content_says() {
    let desk = Desk::new();
    desk.write("a", one("A"));
    desk.write("b", "{\"id\": \"B\"}\n");
    desk.write("c", gzip(one("C").as_bytes()));
    assert_eq!(desk.read("path = \"in\"").ids(), ["A", "B", "C"]);
}

#[test]
fn a_partly_bound_file_is_continued_even_when_it_is_gone() {
    let desk = Desk::new();
    desk.write("a.csv", "id\nA\nB\nC\n");
    let first = desk.read("path = \"in\"");
    fs::remove_file(desk.inbox().join("a.csv")).unwrap();
    desk.write("z.csv", one("Z"));
    let positions = Positions::from([(first.batches[0].partition.clone(), 2)]);
    let batches = suite::run(desk.source("path = \"in\""), positions.clone(), &desk.archive);
    suite::outcomes(&batches, &positions);
    assert_eq!(batches.iter().flat_map(ids).collect::<Vec<_>>(), ["C", "Z"]);
    assert_eq!(batches[0].events[0].offset, 2);
}

#[test]
fn new_files_are_picked_up_once_they_are_whole() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    let running = Running::start(desk.source(FOLLOW), Positions::new(), &desk.archive);
    assert_eq!(ids(&running.next()), ["A"]);
    desk.write("b.csv.part", one("B"));
    desk.write(".c.csv", one("C"));
    assert!(running.is_quiet_for(A_FEW_POLLS));
    fs::rename(desk.inbox().join("b.csv.part"), desk.inbox().join("b.csv")).unwrap();
    assert_eq!(ids(&running.next()), ["B"]);
    desk.write("again.csv", one("A"));
    assert!(running.is_quiet_for(A_FEW_POLLS));
    running.stop();
}

#[test]
fn a_file_that_is_still_written_to_is_left_alone() {
    let desk = Desk::new();
    let running = Running::start(desk.source(FOLLOW.replace("20", "1000").as_str()), Positions::new(), &desk.archive);
    let mut content = "id\n".to_owned();
    for row in 0..12 {
        content.push_str(&format!("T{row}\n"));
        desk.write("slow.csv", &content);
        assert!(running.is_quiet_for(Duration::from_millis(40)));
    }
    assert_eq!(running.next().events.len(), 12);
    running.stop();
}

#[test]
fn a_followed_folder_that_was_read_before_gives_only_what_is_new() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    let before = desk.read("path = \"in\"");
    let positions = Positions::from([(before.batches[0].partition.clone(), 1)]);
    let running = Running::start(desk.source(FOLLOW), positions, &desk.archive);
    desk.write("b.csv", one("B"));
    assert_eq!(ids(&running.next()), ["B"]);
    running.stop();
}

#[test]
fn a_file_that_changes_is_read_again_whole() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    let running = Running::start(desk.source(FOLLOW), Positions::new(), &desk.archive);
    assert_eq!(ids(&running.next()), ["A"]);
    desk.write("a.csv", one("A") + "B,2\n");
    assert_eq!(ids(&running.next()), ["A", "B"]);
    running.stop();
}

#[test]
fn a_file_is_kept_before_its_records_are_given() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    let read = desk.read("path = \"in\"");
    let kept = desk.archive.path_of(&read.batches[0].partition).unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), one("A"));
}

/// What was changed in the archive used to be believed.
#[test]
fn a_kept_file_whose_content_has_changed_is_refused() {
    let desk = Desk::new();
    desk.write("a.csv", one("A"));
    let read = desk.read("path = \"in\"");
    let partition = &read.batches[0].partition;
    fs::write(desk.archive.path_of(partition).unwrap(), one("B")).unwrap();
    let source = desk.try_source("path = \"in\"").unwrap();
    let error = engine::Source::open(&source, partition, 0, &desk.archive).err().unwrap();
    assert!(error.to_string().contains("is not what was read"), "{error}");
}

#[test]
fn a_configuration_says_which_kind_of_source_it_is() {
    let text = "kind = \"files\"\npath = \"in\"\n[columns]\nid = 0\nprice = \"px\"";
    let crate::SourceConfig::Files(config) = toml::from_str(text).unwrap() else { panic!("files were expected") };
    assert!(config.unknown.is_empty());
    assert_eq!(config.layout.columns.fields.len(), 2);
}

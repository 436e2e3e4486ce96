//! The command line, end to end: the binary as a person or a script uses it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[path = "command_line/books.rs"]
mod books;

/// The binary, in a folder, without the settings and colors of whoever runs the tests.
fn tieout(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
    for setting in ["TIEOUT_DATA", "TIEOUT_LISTEN", "TIEOUT_WORKERS", "TIEOUT_ADDRESS", "RUST_LOG"] {
        command.env_remove(setting);
    }
    command.env("NO_COLOR", "1").current_dir(folder).args(args);
    command
}

/// What came of a command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(folder: &Path, args: &[&str]) -> Ran {
    ran(tieout(folder, args).output().unwrap())
}

fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Ran {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a configuration.
fn folder_with(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    folder
}

/// A folder with the example of two sides.
fn two_sides() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("examples/two-sides")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

/// Waits until something is so.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A server of the binary; killed when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let mut process =
            tieout(folder, &["run", ".", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = lines
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("it says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        Server { process, address }
    }

    fn ask(&self, args: &[&str]) -> Ran {
        run(root(), &[args, &["--address", &self.address]].concat())
    }

    /// Waits until what its sources have is in its views.
    fn wait_for_breaks(&self, count: usize) {
        let breaks = || self.ask(&["query", "breaks"]).expect(0).out.lines().count();
        eventually(&format!("{count} breaks were expected"), || breaks() == count);
    }

    fn terminate(&mut self) -> i32 {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const TWO_SIDES: &str = "\
reconciliation  side    source    trades  matched  broken  duplicates  refused  match rate
trades          broker  broker        12        3       8           1        1     25.00 %
trades          broker  internal      12        3       8           1        0     25.00 %

breaks                        count
allocation_account_mismatch       1
allocation_quantity_mismatch      1
currency_mismatch                 1
duplicate_broker                  1
duplicate_internal                1
fees_mismatch                     1
instrument_mismatch               1
missing_broker                    1
missing_internal                  1
price_mismatch                    1
quantity_mismatch                 1
settlement_date_mismatch          1
side_mismatch                     1
total                            13

dead letters: 1
";

#[test]
fn the_example_has_one_break_of_each_type_and_a_second_run_finds_the_same() {
    let folder = two_sides();
    for workers in ["1", "2"] {
        let ran = run(folder.path(), &["run", ".", "--until-complete", "--workers", workers]).expect(3);
        assert_eq!(ran.out, TWO_SIDES);
        assert!(!ran.err.contains("WARN") && !ran.err.contains("ERROR"), "{}", ran.err);
    }
}

#[test]
fn a_generated_day_is_reconciled_as_the_truth_says() {
    let folder = tempfile::tempdir().unwrap();
    for (format, sides) in [("csv", "3"), ("parquet", "2"), ("jsonl", "2")] {
        run(
            folder.path(),
            &["generate", "--out", format, "--trades", "600", "--seed", "7", "--format", format, "--sides", sides],
        )
        .expect(0);
        let mut planted = BTreeMap::<String, u64>::new();
        let mut truth = csv::Reader::from_path(folder.path().join(format).join("truth.csv")).unwrap();
        for row in truth.records().map(Result::unwrap).filter(|row| !row[4].is_empty()) {
            *planted.entry(row[4].replace("allocation_mismatch", "allocation_account_mismatch")).or_default() += 1;
        }
        let ran = run(folder.path(), &["run", format, "--until-complete"]).expect(3);
        let (_, breaks) = ran.out.split_once("breaks ").unwrap();
        let found = breaks.lines().skip(1).map_while(|line| line.split_once(' '));
        let mut found: BTreeMap<String, u64> =
            found.map(|(name, count)| (name.to_owned(), count.trim().parse().unwrap())).collect();
        assert_eq!(found.remove("total"), Some(planted.values().sum()));
        let quantities = found.remove("allocation_quantity_mismatch").unwrap_or(0);
        if quantities > 0 {
            *found.entry("allocation_account_mismatch".to_owned()).or_default() += quantities;
        }
        assert_eq!(found, planted, "{format}");
    }
}

#[test]
fn a_model_is_learned_from_known_pairs_and_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["generate", "--out", ".", "--trades", "300"]).expect(0);
    let mut truth = csv::Reader::from_path(folder.path().join("truth.csv")).unwrap();
    let mut known = "ours,theirs\n".to_owned();
    for row in truth.records().map(Result::unwrap).filter(|row| !row[0].is_empty() && !row[2].is_empty()) {
        known.push_str(&format!("{},{}\n", &row[0], &row[2]));
    }
    fs::write(folder.path().join("known.csv"), known).unwrap();
    let ran = run(folder.path(), &["learn", ".", "trades", "--known", "known.csv", "--out", "learned.toml"]).expect(0);
    assert!(ran.out.contains("precision"), "{}", ran.out);
    let mut config = fs::read_to_string(folder.path().join("tieout.toml")).unwrap();
    config.push_str("\n[[reconciliation.trades.tier]]\nkind = \"scored\"\nmodel = \"learned.toml\"\n");
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    run(folder.path(), &["run", ".", "--until-complete"]).expect(3);
    let ran = run(folder.path(), &["learn", ".", "bonds", "--out", "learned.toml"]).expect(2);
    assert!(ran.err.contains("there is no reconciliation `bonds`"), "{}", ran.err);
}

#[test]
fn the_demo_finds_what_was_planted_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let demo =
        tieout(folder.path(), &["demo", "--once", "--trades", "1500"]).env("TMPDIR", folder.path()).output().unwrap();
    let ran = ran(demo).expect(0);
    assert!(ran.err.contains("breaks that were planted are found, and 0 that were not"), "{}", ran.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_configurations_of_the_examples_are_sound() {
    for (path, expected) in [
        ("examples/two-sides", "ok: 4 sources, 1 reconciliation\n"),
        ("examples/demo.toml", "ok: 4 sources, 1 reconciliation\n"),
        ("examples/books/books.toml", "ok: 8 sources, 0 reconciliations\n"),
    ] {
        assert_eq!(run(root(), &["check", path]).expect(0).out, expected);
    }
}

#[test]
fn every_problem_is_shown_at_its_line_with_what_to_do() {
    let folder = folder_with(
        r#"workers = 0

[source.internal]
kind = "files"
path = "internal.csv"
folow = true

[source.broker]
kind = "flight"
columns = { id = "Ref", quantitty = "Qty" }

[reconciliation.equities]
sides = ["internal", "broker"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "excution_id"
"#,
    );
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    let expected = "  \
  × workers: there cannot be 0 workers
   ╭─[tieout.toml:1:1]
 1 │ workers = 0
   · ───────────
 2 │ 
   ╰────
  help: use 1 to 256, at most one a core

  × source.internal.folow: there is no setting `folow`
   ╭─[tieout.toml:6:1]
 5 │ path = \"internal.csv\"
 6 │ folow = true
   · ────────────
 7 │ 
   ╰────
  help: did you mean `follow`?

  × source.broker.columns.quantitty: there is no field `quantitty`
    ╭─[tieout.toml:10:25]
  9 │ kind = \"flight\"
 10 │ columns = { id = \"Ref\", quantitty = \"Qty\" }
    ·                         ─────────────────
 11 │ 
    ╰────
  help: did you mean `quantity`?

  × reconciliation.equities.tier[0].field: there is no field `excution_id`
    ╭─[tieout.toml:16:1]
 15 │ kind = \"identifier\"
 16 │ field = \"excution_id\"
    · ─────────────────────
    ╰────
  help: did you mean `execution_id`?
";
    assert_eq!(ran.err, expected);
    assert_eq!(ran.out, "");
}

#[test]
fn rules_of_margin_that_contradict_each_other_are_told_at_their_line() {
    let folder = folder_with(
        r#"[source.administrator]
kind = "flight"

[[margin.exposure]]
name = "otc"
origins = ["OTC SWAP"]

[[margin.exposure]]
name = "swaps"
origins = ["OTC SWAP"]
"#,
    );
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    let what = "margin.exposure[1].origins: the origin `OTC SWAP` makes the exposure `otc` already";
    assert!(ran.err.contains(what) && ran.err.contains("[tieout.toml:10:1]"), "{}", ran.err);
}

#[test]
fn a_schema_that_is_none_or_lacks_a_column_is_told_at_its_line() {
    let settings = "[source.fed]\nkind = \"kafka\"\nbrokers = \"kafka:9092\"\ntopics = [\"trades\"]\nformat = \"avro\"\n\
                    avro = { schema = \"trade.avsc\" }\ncolumns = { id = \"trade_id\", desk = { header = \"desk\" } }\n";
    let folder = folder_with(settings);
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    assert!(
        ran.err.contains("source.fed.avro.schema: cannot read ") && ran.err.contains("[tieout.toml:6:"),
        "{}",
        ran.err
    );
    let write = |schema: &str| std::fs::write(folder.path().join("trade.avsc"), schema).unwrap();
    write("{\"type\": \"record\",\n \"name\": }");
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    let told = ran.err.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("trade.avsc: this is not an Avro schema") && told.contains("at line 2 column 10"), "{told}");
    write(r#"{"type": "record", "name": "Trade", "fields": [{"name": "tradeId", "type": "string"}]}"#);
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    assert!(ran.err.contains("source.fed.columns.id: there is no field `trade_id`"), "{}", ran.err);
    assert!(ran.err.contains("[tieout.toml:7:13]") && ran.err.contains("did you mean `tradeId`?"), "{}", ran.err);
}

#[test]
fn an_attribute_that_cannot_be_told_from_another_column_is_refused() {
    let folder = folder_with("attributes = [\"desk_code\", \"desk_code\", \"price\", \"source\", \"\"]\n");
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    for told in [
        "attributes[1]: the attribute `desk_code` is there twice",
        "attributes[2]: `price` is a column of every trade already",
        "attributes[3]: `source` is a column of every trade already",
        "attributes[4]: an attribute has no name",
    ] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    let many: Vec<String> = (0..70_000).map(|number| format!("\"a{number}\"")).collect();
    let folder = folder_with(&format!("attributes = [{}]\n", many.join(", ")));
    let ran = run(folder.path(), &["check", "tieout.toml"]).expect(2);
    assert!(ran.err.contains("there cannot be 70000 attributes"), "{}", ran.err);
}

#[test]
fn what_is_not_toml_is_shown_where_it_breaks_off() {
    let folder = folder_with("listen = \n[source.a\n");
    let ran = run(folder.path(), &["run", "."]).expect(2);
    assert!(ran.err.contains("tieout.toml:1:10") && ran.err.contains("tieout.toml:2:10"), "{}", ran.err);
    let ran = run(folder.path(), &["run", "other.toml"]).expect(2);
    assert!(ran.err.contains("cannot read the configuration other.toml"), "{}", ran.err);
}

#[test]
fn a_port_or_a_folder_that_cannot_be_had_is_told_and_fails() {
    let folder = two_sides();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(folder.path(), &["run", ".", "--listen", &address]).expect(1);
    assert!(ran.err.contains(&format!("cannot listen on {address}")) && ran.err.contains("help:"), "{}", ran.err);
    assert!(!folder.path().join("tieout-data").exists(), "nothing is started when the port is taken");

    let ran = run(folder.path(), &["run", ".", "--until-complete", "--data", "tieout.toml/data"]).expect(1);
    assert!(ran.err.contains("cannot make the data folder tieout.toml/data"), "{}", ran.err);

    let server = Server::start(folder.path());
    let ran = run(folder.path(), &["run", ".", "--until-complete"]).expect(1);
    assert!(ran.err.contains("is in use by another process"), "{}", ran.err);
    drop(server);
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_only_be_read_is_told_and_fails() {
    use std::os::unix::fs::PermissionsExt;
    let folder = two_sides();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(data.join("probe"), "").is_ok() {
        println!("skipped: this user may write to any folder");
        return;
    }
    let ran = run(folder.path(), &["run", ".", "--until-complete", "--data", "data"]).expect(1);
    assert!(ran.err.contains("data"), "{}", ran.err);
}

#[test]
fn a_run_until_complete_that_cannot_be_complete_is_refused_or_fails() {
    let config = |follow: &str| format!("[source.internal]\nkind = \"files\"\npath = \"nothing.csv\"\n{follow}");
    let folder = folder_with(&config("follow = true\n"));
    let ran = run(folder.path(), &["run", ".", "--until-complete"]).expect(2);
    assert!(ran.err.contains("source `internal` goes on until it is stopped"), "{}", ran.err);
    let kafka = "[source.internal]\nkind = \"kafka\"\nbrokers = \"nowhere:9092\"\ntopics = [\"trades\"]\n";
    let ran = run(folder_with(kafka).path(), &["run", ".", "--until-complete"]).expect(2);
    assert!(ran.err.contains("source `internal` goes on until it is stopped"), "{}", ran.err);
    let folder = folder_with(&config(""));
    let ran = run(folder.path(), &["run", ".", "--until-complete"]).expect(1);
    assert!(ran.err.contains("nothing.csv"), "{}", ran.err);
}

#[test]
fn settings_of_the_command_line_win_over_the_environment_and_that_over_the_file() {
    let folder = two_sides();
    let run = |args: &[&str]| {
        let mut command = tieout(folder.path(), &[&["run", ".", "--until-complete"], args].concat());
        ran(command.env("TIEOUT_DATA", "from-environment").output().unwrap()).expect(3);
    };
    run(&["--data", "from-command-line"]);
    assert!(folder.path().join("from-command-line").is_dir() && !folder.path().join("from-environment").exists());
    run(&[]);
    assert!(folder.path().join("from-environment").is_dir() && !folder.path().join("tieout-data").exists());
}

#[test]
fn a_served_view_is_queried_exported_and_followed() {
    let folder = two_sides();
    let mut server = Server::start(folder.path());
    server.wait_for_breaks(13);

    let filter = ["--filter", r#"{"type": "price_mismatch"}"#];
    let ran = server.ask(&[&["query", "breaks"][..], &filter].concat()).expect(0);
    let row: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&row["trade_id"], &row["left_value"], &row["right_value"]),
        (&"I-103".into(), &"12.34".into(), &"12.36".into())
    );
    assert!(ran.err.starts_with("1 rows as of tick "), "{}", ran.err);
    let (tick, moment) = ran.err.trim()["1 rows as of tick ".len()..].split_once(", ").unwrap();
    let tick = tick.to_owned();
    let at_the_moment = server.ask(&["query", "breaks", "-o", "ndjson", "--as-of", moment]).expect(0);
    assert!(at_the_moment.err.contains(&format!("as of tick {tick}, {moment}")), "{}", at_the_moment.err);

    let ran = server.ask(&["query", "match_rates", "-o", "csv", "--as-of", &tick]).expect(0);
    assert!(ran.out.starts_with("reconciliation,side,source,trade_date,"), "{}", ran.out);
    let ran = server.ask(&["query", "trades", "-o", "table", "--limit", "2"]).expect(0);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&server.ask(&["query", "matches", "-o", "json"]).expect(0).out).unwrap();
    assert_eq!(rows.len(), 10);

    let file = folder.path().join("breaks.csv");
    server.ask(&["export", "breaks", "--out", file.to_str().unwrap()]).expect(0);
    assert_eq!(csv::Reader::from_path(&file).unwrap().records().count(), 13);

    // A tick of now, so that the end is still to come.
    let ran = server.ask(&["query", "breaks"]).expect(0);
    let (_, told) = ran.err.trim().split_once("as of tick ").unwrap();
    let up_to = (told.split(',').next().unwrap().parse::<u64>().unwrap() + 5_000_000).to_string();
    let ran = server.ask(&["subscribe", "breaks", "--up-to", &up_to, "--progress"]).expect(0);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["_diff"] == 1).count(), 13);
    assert!(lines.last().unwrap()["_progress"].as_u64().unwrap() <= up_to.parse().unwrap(), "{}", ran.out);

    assert!(server.ask(&["views", "-o", "csv"]).expect(0).out.contains("\ndead_letters,"));
    let ran = server.ask(&["query", "brakes"]).expect(2);
    assert!(ran.err.contains("there is no view `brakes`"), "{}", ran.err);
    assert_eq!(server.terminate(), 0);
    let ran = server.ask(&["query", "breaks"]).expect(1);
    assert!(ran.err.contains("cannot reach a server") && ran.err.contains("help:"), "{}", ran.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = two_sides();
    let server = Server::start(folder.path());
    server.wait_for_breaks(13);
    let mut process = tieout(root(), &["subscribe", "trades", "--progress", "--address", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"_tick\":"), "{first}");
    // The pipe is closed now; the next line that is written finds nobody.
    let mut err = String::new();
    process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((process.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn the_command_line_explains_itself() {
    let bash = run(root(), &["completions", "bash"]).expect(0).out;
    assert!(bash.contains("--until-complete"), "{bash}");
    for command in
        ["run", "demo", "generate", "template", "query", "subscribe", "export", "views", "check", "completions"]
    {
        let long = run(root(), &[command, "--help"]).expect(0).out;
        assert!(long.contains(&format!("tieout {command}")), "{long}");
    }
    let ran = run(root(), &["rum"]).expect(2);
    assert!(ran.err.contains("'run'"), "{}", ran.err);
    assert!(run(root(), &["--version"]).expect(0).out.starts_with("tieout "));
}

#[test]
fn a_source_that_fails_ends_the_run_and_says_why() {
    let folder = folder_with(
        "listen = \"127.0.0.1:0\"\n[source.a]\nkind = \"files\"\npath = \"in/a*\"\n[source.b]\nkind = \"flight\"\n",
    );
    let ran = run(folder.path(), &["run", "tieout.toml"]).expect(1);
    assert!(ran.err.contains("in/a*"), "{}", ran.err);
}

#[test]
fn a_closed_standard_error_is_no_reason_to_panic() {
    let folder = folder_with("nonsense = 1");
    let mut command = tieout(folder.path(), &["check", "tieout.toml"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command.stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_template_of_every_kind_is_a_file_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let listed = run(folder.path(), &["template", "--list"]).expect(0).out;
    let kinds: Vec<&str> = listed
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(':'))
        .map(|(kind, _)| kind)
        .collect();
    assert!(kinds.contains(&"trade") && kinds.contains(&"fx_rate"), "{listed}");
    let mut config = String::new();
    for kind in &kinds {
        for format in ["csv", "jsonl"] {
            let text = run(folder.path(), &["template", kind, "--format", format]).expect(0).out;
            fs::write(folder.path().join(format!("{kind}.{format}")), text).unwrap();
            config += &format!(
                "[source.{kind}_{format}]\nkind = \"files\"\npath = \"{kind}.{format}\"\nrecord = \"{kind}\"\n"
            );
        }
    }
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    run(folder.path(), &["check", "."]).expect(0);
    let ran = run(folder.path(), &["run", ".", "--until-complete"]).expect(0);
    assert!(ran.out.contains("dead letters: 0"), "{}", ran.out);

    let one = run(folder.path(), &["template", "--list", "fx_rate"]).expect(0).out;
    assert!(one.starts_with("fx_rate: ") && one.contains("rate, 12 decimals  yes, above zero"), "{one}");
    let unknown = run(folder.path(), &["template", "fxrate"]).expect(2).err;
    assert!(unknown.contains("fx_rate"), "{unknown}");
    run(folder.path(), &["template"]).expect(2);
}

#[test]
fn the_example_of_books_is_what_is_generated() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    run(folder.path(), &["generate", "--pack", "books", "--out", "made"]).expect(0);
    let names = |folder: &Path| {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = names.filter(|entry| entry.file_type().unwrap().is_file()).map(|entry| entry.file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    let example = root().join("examples/books");
    assert_eq!(names(&example), names(&made));
    for name in names(&made) {
        let (kept, made) = (fs::read_to_string(example.join(&name)), fs::read_to_string(made.join(&name)));
        assert!(kept.unwrap() == made.unwrap(), "{name:?}: tieout generate --pack books --out examples/books");
    }
    run(&made, &["run", "books.toml", "--until-complete"]).expect(0);
    let refused = run(folder.path(), &["generate", "--pack", "books", "--trades", "3", "--out", "other"]).expect(2).err;
    assert!(refused.contains("the pack `books` has no --trades"), "{refused}");
}

#[test]
fn the_book_has_the_fields_of_every_kind_of_record() {
    use connectors::layout::{RecordKind, ValueType, field_table};
    let section = |kind: &RecordKind| format!("## `{}`\n\n{}\n\n{}", kind.name(), kind.meaning(), field_table(*kind));
    let expected: Vec<String> = RecordKind::ALL.iter().map(section).collect();
    let page = fs::read_to_string(root().join("docs/src/reference/record-kinds.md")).unwrap();
    let told = page.find("## `").map_or("", |start| &page[start..]);
    assert!(told == expected.join("\n"), "after its introduction the page must be:\n{}", expected.join("\n"));

    let configuration = fs::read_to_string(root().join("docs/src/reference/configuration.md")).unwrap();
    for field in RecordKind::ALL.iter().flat_map(|kind| kind.fields()) {
        let ValueType::Code(codes) = field.value_type else { continue };
        let codes_section = configuration.split("### Codes").nth(1).unwrap();
        let row = codes_section.lines().find(|line| line.starts_with(&format!("| `{}` | ", field.name)));
        let row = row.unwrap_or_else(|| panic!("the book has no codes of `{}`", field.name));
        assert!(codes.iter().all(|code| row.contains(&format!("`{code}`"))), "{row}");
    }
}

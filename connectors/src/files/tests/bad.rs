//! Files that are not as they should be: nothing is dropped in silence, and whoever reads the refusal knows what to do.

use super::*;
use crate::suite::satisfies_the_specification;

const GOOD: &str = "T0,IBM,BUY,1,1,USD,2026-06-12";

/// A row that is refused: its field, and parts of what is said and of the help.
type Case = (&'static str, Option<&'static str>, &'static str, &'static str);

#[test]
fn a_row_that_cannot_be_used_is_refused_with_its_line_its_field_and_what_to_do() {
    let cases: &[Case] = &[
        (",IBM,BUY,1,1,USD,2026-06-12", Some("id"), "`id` is empty", "fill it in"),
        ("T1,IBM,BYU,1,1,USD,2026-06-12", Some("side"), "`BYU` is not a side", "source.internal.values.side"),
        ("T1,IBM,BUY,1.1234567,1,USD,2026-06-12", Some("qty"), "more than 6 decimals", "where it comes from"),
        ("T1,IBM,BUY,1,0.123456789,USD,2026-06-12", Some("px"), "more than 8 decimals", "where it comes from"),
        ("T1,IBM,BUY,99999999999999,1,USD,2026-06-12", Some("qty"), "too large", "source.internal.scale.quantity"),
        ("T1,IBM,BUY,1,999999999999,USD,2026-06-12", Some("px"), "too large", "source.internal.scale.price"),
        ("T1,IBM,BUY,\"1,000\",1,USD,2026-06-12", Some("qty"), "not a number", "source.internal.numbers"),
        ("T1,IBM,BUY,N/A,1,USD,2026-06-12", Some("qty"), "not a number", "source.internal.values.quantity"),
        ("T1,IBM,BUY,1,1,USX,2026-06-12", Some("ccy"), "`USX` is not", "source.internal.values.currency"),
        ("T1,IBM,BUY,1,1,USD,12/06/2026", Some("date"), "not a date written as `%Y-%m-%d`", "source.internal.dates"),
        ("T1,IBM,BUY,1,1,USD,2026-02-30", Some("date"), "not a date", "source.internal.dates"),
        ("T1,IBM,BUY,1,1,USD", None, "6 fields, 7 were expected", "every field"),
        (
            "T1,IBM,BUY,1,000,1,USD,2026-06-12",
            None,
            "8 fields, 7 were expected",
            "put a field that holds the delimiter",
        ),
        ("T1,\"IBM,BUY,1,1,USD,2026-06-12", None, "never closed", "csv.quote"),
        ("T1,\"IBM\"x,BUY,1,1,USD,2026-06-12", None, "follows a closing quote", "csv.quote"),
    ];
    for (row, field, what, help) in cases {
        let read = read_rows(&[GOOD, row, "T2,IBM,SELL,1,1,EUR,2026-06-12"], "");
        let refusal = read.only_refusal();
        assert_eq!(read.ids(), ["T0", "T2"], "{row}");
        assert_eq!((refusal.offset, refusal.line), (1, Some(3)), "{row}");
        assert_eq!(refusal.field.as_deref(), *field, "{row}");
        assert_eq!(String::from_utf8_lossy(&refusal.raw), *row);
        contains(&refusal.what, what);
        contains(&refusal.help, help);
    }
}

#[test]
fn identifiers_are_refused_when_their_check_digits_do_not_fit() {
    let settings = "identifiers = { instrument = \"cusip\", counterparty = \"lei\", reference = \"text\" }";
    let header = "id,isin,venue,instrument,counterparty";
    let cases = [
        ("T1,US0378331006,,,", "isin", "check digit", "source.internal.identifiers.isin"),
        ("T1,,xnys,,", "venue", "`xnys` is not a MIC", "source.internal.identifiers.venue"),
        ("T1,,,037833101,", "instrument", "CUSIP", "source.internal.identifiers.instrument"),
        ("T1,,,,529900T8BM49AURSDO56", "counterparty", "LEI", "source.internal.identifiers.counterparty"),
    ];
    for (row, field, what, help) in cases {
        let read =
            read("t.csv", format!("{header}\nT0,US0378331005,XNYS,037833100,529900T8BM49AURSDO55\n{row}\n"), settings);
        let refusal = read.only_refusal();
        assert_eq!(read.ids(), ["T0"]);
        assert_eq!(refusal.field.as_deref(), Some(field));
        contains(&refusal.what, what);
        contains(&refusal.help, help);
    }
}

#[test]
fn lines_are_counted_past_comments_blank_lines_and_fields_of_several_lines() {
    let content = "# one\nid,price\n\n# four\nT1,1\n\"T\n2\",2\nT3,x\n";
    let read = read("t.csv", content, "csv = { comment = \"#\" }");
    let refusal = read.only_refusal();
    assert_eq!((refusal.offset, refusal.line), (2, Some(8)));
}

#[test]
fn a_quote_that_is_left_open_costs_its_own_line_only() {
    let rows = [
        "T1,\"IBM,BUY,1,1,USD,2026-06-12",
        GOOD,
        "T3,\"IBM\",BUY,1,1,USD,2026-06-12",
        "T4,\"IBM,BUY,1,1,USD,2026-06-12",
        GOOD,
    ];
    let read = read_rows(&rows, "");
    assert_eq!(read.ids(), ["T0", "T3", "T0"]);
    let lines: Vec<Option<u64>> = read.refusals().iter().map(|refusal| refusal.line).collect();
    assert_eq!(lines, [Some(2), Some(5)]);
}

#[test]
fn a_line_without_end_is_refused_and_does_not_fill_the_memory() {
    let long = "x".repeat(3 << 20);
    let read = read_rows(&[GOOD, &long, GOOD], "");
    assert_eq!(read.ids(), ["T0", "T0"]);
    let refusal = read.only_refusal();
    contains(&refusal.what, "longer than 1048576 bytes");
    assert_eq!(refusal.raw.len(), engine::source::RAW_BYTES_MAX);
    assert_eq!(refusal.line, Some(3));
}

#[test]
fn a_last_line_that_is_too_long_is_refused_like_any_other() {
    for length in [(1 << 20) - 40, (1 << 20) + 1, (1 << 20) + 300_000] {
        let row = GOOD.replace("IBM", &"x".repeat(length));
        let read = read_rows(&[GOOD, &row], "").refusals().len();
        assert_eq!(read, usize::from(length > 1 << 20), "{length}");
    }
}

#[test]
fn bytes_of_another_encoding_refuse_their_row_only() {
    let content = [HEADER.as_bytes(), b"\nT1,M\xfcller,BUY,1,1,USD,2026-06-12\n", GOOD.as_bytes(), b"\n"].concat();
    let read = read("t.csv", content, COLUMNS);
    assert_eq!(read.ids(), ["T0"]);
    let refusal = read.only_refusal();
    contains(&refusal.what, "byte 4 of the record (0xfc) is not text in the encoding UTF-8");
    contains(&refusal.help, "windows-1252");

    let half_a_character = [0xff, 0xfe, b'i', 0, b'd', 0, b'\n', 0, 0x00, 0xd8, b'\n', 0, b'T', 0];
    let read = super::read("t.csv", half_a_character, "");
    assert_eq!(read.ids(), ["T"]);
    contains(&read.only_refusal().what, "not text in the encoding UTF-16LE");
}

#[test]
fn a_missing_column_refuses_the_file_once_and_names_the_nearest() {
    let content = format!("id,symbl,side,qty,px,ccy,date\n{GOOD}\n{GOOD}\n");
    let read = read("t.csv", &content, COLUMNS);
    let refusal = read.only_refusal();
    assert!(read.records().is_empty());
    assert_eq!((refusal.offset, refusal.line), (0, Some(1)));
    assert_eq!(refusal.raw, b"id,symbl,side,qty,px,ccy,date");
    contains(&refusal.what, "there is no column `symbol`, which `instrument` is read from");
    contains(&refusal.help, "the columns are `id`, `symbl`");
    contains(&refusal.help, "perhaps `source.internal.columns.instrument` should be \"symbl\"");
}

#[test]
fn a_column_that_is_there_twice_refuses_the_file() {
    let read = read("t.csv", format!("{HEADER},px\n{GOOD},1\n"), COLUMNS);
    contains(&read.only_refusal().what, "more than one column `px`");
}

#[test]
fn the_wrong_delimiter_is_told() {
    let read = read("t.csv", format!("{HEADER}\n{GOOD}\n").replace(',', ";"), COLUMNS);
    let refusal = read.only_refusal();
    contains(&refusal.what, "the header is one column, but ';' is in it");
    contains(&refusal.help, "set `source.internal.csv.delimiter` to \";\"");
}

#[test]
fn an_empty_file_is_refused_and_one_with_a_header_alone_is_not() {
    contains(&read("t.csv", "", COLUMNS).only_refusal().what, "the file is empty");
    contains(&read("t.csv.gz", gzip(b""), COLUMNS).only_refusal().what, "the file is empty");
    assert!(read("t.csv", HEADER, COLUMNS).batches.is_empty());
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let noise: Vec<u8> = (0..5000u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for name in ["t.csv", "t.jsonl", "t.parquet", "t"] {
        let read = read(name, &noise, COLUMNS);
        assert!(read.records().is_empty(), "{name}");
        assert!(!read.refusals().is_empty(), "{name}");
    }
}

#[test]
fn records_of_a_future_schema_are_refused() {
    let settings = format!("schema_version = {{ column = \"version\", max = 2 }}\n{COLUMNS}");
    let rows = format!("{HEADER},version\n{GOOD},2\n{GOOD},3\n{GOOD},\n{GOOD},two\n");
    let read = read("t.csv", rows, &settings);
    assert_eq!(read.records().len(), 2);
    let [newer, odd] = read.refusals()[..] else { panic!("{:?}", read.refusals()) };
    contains(&newer.what, "schema version 3, a future schema: at most 2 is known");
    contains(&newer.help, "source.internal.schema_version.max");
    contains(&odd.what, "`two` is not a schema version");
}

#[test]
fn the_records_before_the_cut_of_a_compressed_file_are_kept() {
    let whole = many_rows(30_000);
    for (name, packed) in
        [("t.csv.gz", gzip(whole.as_bytes())), ("t.csv.zst", zstd::encode_all(whole.as_bytes(), 1).unwrap())]
    {
        let cut = &packed[..packed.len() * 2 / 3];
        let read = read(name, cut, COLUMNS);
        let refusal = read.only_refusal();
        let kept = read.records().len();
        assert!((1000..30_000).contains(&kept), "{name}: {kept}");
        assert_eq!((refusal.offset, refusal.line), (kept as u64, Some(kept as u64 + 2)));
        contains(&refusal.what, &format!("cut off or damaged after {kept} records"));
        contains(&refusal.help, "send the whole file again");
        assert!(whole.as_bytes().windows(refusal.raw.len().max(1)).any(|window| window.starts_with(&refusal.raw)));

        let desk = Desk::new();
        desk.write(name, cut);
        satisfies_the_specification(|| desk.source(&config(name, COLUMNS)), &desk.archive);
    }
}

#[test]
fn a_compressed_file_cut_anywhere_gives_whole_records_then_one_refusal() {
    let whole = many_rows(40);
    let packed = gzip(whole.as_bytes());
    let lines: Vec<&str> = whole.lines().skip(1).collect();
    for length in (0..packed.len()).step_by(7) {
        let read = read("t.csv.gz", &packed[..length], COLUMNS);
        assert_eq!(read.refusals().len(), 1, "cut at {length}");
        let expected: Vec<&str> = lines.iter().take(read.records().len()).map(|line| &line[..7]).collect();
        assert_eq!(read.ids(), expected, "cut at {length}");
    }
}

#[test]
fn a_damaged_compressed_file_is_refused_where_the_damage_shows() {
    let mut packed = gzip(many_rows(30_000).as_bytes());
    let middle = packed.len() / 2;
    packed[middle] ^= 0xff;
    let read = read("t.csv.gz", packed, COLUMNS);
    let last = read.refusals().last().copied().cloned().unwrap();
    contains(&last.what, "cut off or damaged");
}

#[test]
fn a_refused_file_satisfies_the_specification() {
    let desk = Desk::new();
    desk.write("t.csv", "a,b\n1,2\n");
    satisfies_the_specification(|| desk.source(&config("t.csv", COLUMNS)), &desk.archive);
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let desk = Desk::new();
    let (sender, _receiver) = crossbeam_channel::unbounded();
    let outlet = engine::Outlet::new(0, sender);
    let context = engine::SourceContext::new(Positions::new(), outlet, desk.archive.clone(), engine::Stop::default());
    let error = desk.source(&config("none*.csv", COLUMNS)).run(context).unwrap_err();
    contains(&error.what, "in/none*.csv");
    contains(&error.help, "follow");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key_and_a_suggestion() {
    let cases = [
        ("colums = { id = \"a\" }", "source.internal.colums", "did you mean `columns`"),
        ("columns = { id = \"a\", quantty = \"q\" }", "source.internal.columns.quantty", "did you mean `quantity`"),
        ("columns = { id = \"a\", zzz = \"q\" }", "source.internal.columns.zzz", "use one of `id`, `side`"),
        ("columns = { price = \"p\" }", "source.internal.columns", "add `id = \"...\"`"),
        (
            "columns.attributes.givenname = \"g\"",
            "source.internal.columns.attributes.givenname",
            "did you mean `given_name`",
        ),
        ("constants = { currency = \"US\" }", "source.internal.constants.currency", ""),
        (
            "columns = { id = \"a\", side = \"s\" }\nconstants.side = \"buy\"",
            "source.internal.constants.side",
            "take one of them out",
        ),
        (
            "columns = { id = \"a\", side = \"s\" }\nvalues.side.K = \"bye\"",
            "source.internal.values.side.K",
            "usually written",
        ),
        ("identifiers = { price = \"isin\" }", "source.internal.identifiers.price", "take it out"),
        ("scale = { side = 2 }", "source.internal.scale.side", "only numbers"),
        ("numbers = { decimal = \"5\" }", "source.internal.numbers", "such as"),
        ("dates = [\"dd/mm/yyyy\"]", "source.internal.dates", "%d/%m/%Y"),
        ("csv = { delimiter = \"::\" }", "source.internal.csv.delimiter", "such as"),
        ("csv = { delimiter = \"\\\"\" }", "source.internal.csv.quote", "use another"),
        ("csv = { encoding = \"utf8x\" }", "source.internal.csv.encoding", "did you mean `utf-8`"),
        ("csv = { header = false }\ncolumns = { id = \"a\" }", "source.internal.columns", "number of the column"),
        ("format = \"jsonl\"\ncolumns = { id = 0 }", "source.internal.columns", "name of the member"),
        ("tombstone = { column = \"s\", values = [] }", "source.internal.tombstone.values", "at least one"),
        ("poll_interval_ms = 0", "source.internal.poll_interval_ms", "milliseconds"),
        (
            "record = \"allocation\"\ncolumns = { id = \"a\", trade = \"t\", price = \"p\" }",
            "source.internal.columns.price",
            "use one of",
        ),
    ];
    for (settings, key, help) in cases {
        let error = Desk::new().try_source(&config("t.csv", settings)).unwrap_err();
        assert_eq!(error.key, key, "{settings}: {error}");
        contains(&error.to_string(), help);
    }
}

#[test]
fn settings_of_tables_that_do_not_exist_are_refused_when_the_configuration_is_read() {
    for settings in
        ["csv = { delimeter = \";\" }", "numbers = { decimals = 2 }", "tombstone = { colum = \"a\", values = [] }"]
    {
        let error = toml::from_str::<FilesConfig>(&config("t.csv", settings)).unwrap_err().to_string();
        contains(&error, "unknown field");
    }
}

//! JSON lines.

use model::{Price, Quantity, Symbol};

use super::*;
use crate::suite::satisfies_the_specification;

const SETTINGS: &str = r#"
    [columns]
    id = "id"
    instrument = "instrument.symbol"
    quantity = "qty"
    price = "px"
    attributes.desk_note = "note"
"#;

#[test]
fn members_are_found_by_name_and_by_path_and_numbers_keep_their_digits() {
    let content = r#"{"id": "T1", "px": 0.10000001, "other": {"px": 1}, "instrument": {"isin": null, "symbol": "IBM"}, "qty": 1.5e3}
{"qty": "7", "id": 12345678901234567890, "note": "a \"b\" \u00fc", "instrument": null, "px": null}

{"id": true, "instrument.symbol": "flat", "instrument": {"symbol": "deep"}}"#;
    let read = read("t.jsonl", content, SETTINGS);
    assert_eq!(read.refusals(), Vec::<&Refusal>::new());
    let [first, second, third] = read.trades()[..] else { panic!("three trades were expected") };
    assert_eq!((first.price, first.instrument), (Price::from_scaled(10_000_001), Symbol::of("IBM")));
    assert_eq!(first.quantity, Quantity::from_scaled(1_500_000_000));
    assert_eq!(second.id, Symbol::of("12345678901234567890"));
    assert_eq!(second.attribute(1).map(|text| &**text), Some("a \"b\" ü"));
    assert!(second.price.is_none() && second.instrument.is_none());
    assert_eq!((third.id, third.instrument), (Symbol::of("true"), Symbol::of("flat")));
}

#[test]
fn a_line_that_cannot_be_used_is_refused_with_its_line() {
    let cases = [
        ("{\"id\": \"T1\"", "not a JSON object", "one whole object a line"),
        ("{\"id\": \"T1\"} {", "not a JSON object", "one whole object a line"),
        ("[1]", "not a JSON object", "one whole object a line"),
        ("\"T1\"", "not a JSON object", "one whole object a line"),
        ("{\"id\": \"T1\", \"id\": \"T2\"}", "member `id` is there twice", "one whole object"),
        ("{\"id\": [\"T1\"]}", "an object or an array", "by its path"),
        ("{\"id\": \"T1\", \"px\": 1e-9}", "more than 8 decimals", "where it comes from"),
        ("{\"id\": \"T1\", \"px\": 1e999999999}", "is not a number", "source.internal.numbers"),
        ("{\"id\": \"T1\", \"px\": 1e300}", "too large", "source.internal.scale.price"),
        ("{\"id\": \"T1\", \"instrument\": \"IBM\"}", "not a JSON object", "one whole object a line"),
        ("{\"ID\": \"T1\"}", "`id` is empty", "fill it in"),
        ("{\"id\": \"T1\", \"note\": \"\\ud800\"}", "not a JSON object", "one whole object"),
    ];
    for (line, what, help) in cases {
        let read = read("t.jsonl", format!("{{\"id\": \"T0\"}}\n{line}\n{{\"id\": \"T2\"}}\n"), SETTINGS);
        assert_eq!(read.ids(), ["T0", "T2"], "{line}");
        let refusal = read.only_refusal();
        assert_eq!((refusal.offset, refusal.line), (1, Some(2)), "{line}");
        assert_eq!(refusal.raw, line.as_bytes());
        contains(&refusal.what, what);
        contains(&refusal.help, help);
    }
}

#[test]
fn a_file_that_is_one_array_is_refused_once() {
    let read = read("t.json", "[\n{\"id\": \"T1\"},\n{\"id\": \"T2\"}\n]\n", SETTINGS);
    contains(&read.only_refusal().what, "the file is a JSON array");
}

#[test]
fn json_lines_are_known_by_their_content() {
    assert_eq!(read("feed", "{\"id\": \"T1\"}\n", SETTINGS).ids(), ["T1"]);
}

#[test]
fn json_lines_satisfy_the_specification() {
    let desk = Desk::new();
    let lines: String =
        (0..9000).map(|row| format!("{{\"id\": \"T{row}\", \"px\": {row}.{}}}\n", row % 5000)).collect();
    desk.write("t.jsonl", lines + "{\"id\": \"\"}\n{");
    satisfies_the_specification(|| desk.source(&config("t.jsonl", SETTINGS)), &desk.archive);
}

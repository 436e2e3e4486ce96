//! Separated values that are in order.

use model::{Currency, Date, Field, Price, Product, Quantity, Side, Symbol, Value};

use super::*;
use crate::suite::satisfies_the_specification;

#[test]
fn a_row_becomes_a_trade_with_every_value_in_its_place() {
    let read = read_rows(&["T1,IBM,BUY,1500,179.52,USD,2026-06-12"], "");
    let expected = Trade {
        source: SOURCE,
        id: Symbol::of("T1"),
        instrument: Symbol::of("IBM"),
        side: Side::Buy,
        quantity: Quantity::from_scaled(1_500_000_000),
        price: Price::from_scaled(17_952_000_000),
        currency: Currency::parse("USD").unwrap(),
        trade_date: Date::from_ymd(2026, 6, 12).unwrap(),
        ..Trade::default()
    };
    assert_eq!(read.trades(), [&expected]);
    let event = &read.batches[0].events[0];
    assert_eq!(event.key.bytes(), Symbol::of("T1").bytes());
    assert_eq!(event.member, 3);
}

#[test]
fn details_constants_values_and_attributes_reach_the_trade() {
    let settings = r#"
        dates = ["%d/%m/%Y", "%Y%m%d"]
        numbers = { decimal = ",", grouping = ".", parentheses_negative = true }
        csv = { delimiter = ";" }
        constants = { product = "equity", attributes.desk_note = "night" }
        values = { side = { K = "buy", V = "sell" }, gross_amount = { "-" = "" } }
        [columns]
        id = "Nr"
        side = "K/V"
        gross_amount = "Betrag"
        commission = "Provision"
        isin = "ISIN"
        trade_date = "Datum"
        execution_time = "Zeit"
        attributes.given_name = "Vorname"
    "#;
    let content = "Nr;K/V;Betrag;Provision;ISIN;Datum;Zeit;Vorname\n\
                   1;K;1.234,50;(2,5);US0378331005;31/12/2025;2025-12-31T23:59:59.5Z;Jörg\n\
                   2;V;-;;;20260102;2026-01-02 08:00:00;\n";
    let read = read("trades.csv", content, settings);
    assert_eq!(read.refusals(), Vec::<&Refusal>::new());
    let [first, second] = read.trades()[..] else { panic!("two trades were expected") };
    let number = |scaled| Value::Number { scaled, scale: 8 };
    assert_eq!(first.value(Field::GrossAmount), number(123_450_000_000));
    assert_eq!(first.value(Field::Commission), number(-250_000_000));
    assert_eq!(first.value(Field::Isin), Value::Symbol(Symbol::of("US0378331005")));
    assert_eq!(first.trade_date, Date::from_ymd(2025, 12, 31).unwrap());
    assert_eq!(first.value(Field::Attribute(0)), Value::Text("Jörg".into()));
    assert_eq!(first.value(Field::Attribute(1)), Value::Text("night".into()));
    let Value::Time(time) = first.value(Field::ExecutionTime) else { panic!("a time was expected") };
    assert_eq!(time.to_string(), "2025-12-31T23:59:59.500000Z");
    assert_eq!((first.side, second.side), (Side::Buy, Side::Sell));
    assert_eq!(second.product, Product::Equity);
    assert_eq!(second.value(Field::GrossAmount), Value::None);
    assert_eq!(second.value(Field::Attribute(0)), Value::None);
    assert_eq!(second.trade_date, Date::from_ymd(2026, 1, 2).unwrap());
}

#[test]
fn without_columns_each_field_is_read_from_the_column_of_its_name() {
    let read = read("t.csv", "price,id,note,given_name\n1.5,T1,x,Ann\n", "");
    let [trade] = read.trades()[..] else { panic!("one trade was expected") };
    assert_eq!((trade.id, trade.price), (Symbol::of("T1"), Price::from_scaled(150_000_000)));
    assert_eq!(trade.value(Field::Attribute(0)), Value::Text("Ann".into()));
}

#[test]
fn allocations_and_confirmations_are_read_too() {
    let settings = "record = \"allocation\"\n[columns]\nid = \"a\"\ntrade = \"t\"\naccount = \"acc\"\nquantity = \"q\"";
    let allocations = read("a.csv", "a,t,acc,q\nA1,T1,FUND,900\n", settings);
    let [Record::Allocation(allocation)] = allocations.records()[..] else { panic!("an allocation was expected") };
    assert_eq!((allocation.trade, allocation.quantity), (Symbol::of("T1"), Quantity::from_scaled(900_000_000)));
    assert_eq!(allocations.batches[0].events[0].member, 256 + 3);

    let settings = "record = \"confirmation\"\nconstants = { reconciliation = \"desk\" }";
    let confirmations = read("c.csv", "id,left,right,by\nC1,T1,B1,ann\n", settings);
    let [Record::Confirmation(confirmation)] = confirmations.records()[..] else {
        panic!("a confirmation was expected")
    };
    assert_eq!((confirmation.reconciliation, confirmation.by), (Symbol::of("desk"), Symbol::of("ann")));
}

#[test]
fn a_row_that_is_marked_as_cancelled_deletes_its_id_whatever_else_it_holds() {
    let settings = format!("tombstone = {{ column = \"status\", values = [\"X\"] }}\n{COLUMNS}");
    let content = format!("{HEADER},status\nT1,IBM,BUY,1,2,USD,2026-06-12,N\nT1,,?,bad,bad,,,X\n");
    let read = read("t.csv", content, &settings);
    let events = &read.batches[0].events;
    assert_eq!(events.len(), 2);
    assert_eq!((events[0].key, events[0].member), (events[1].key, events[1].member));
    assert!(events[0].record.is_some() && events[1].record.is_none());
}

#[test]
fn quotes_line_ends_marks_comments_and_blanks_are_read_as_people_write_them() {
    let cases: &[(&str, &str)] = &[
        ("\u{feff}id,price\r\nT1,1\r\nT2,2\r\n", ""),
        ("id,price\rT1,1\rT2,2", ""),
        ("\n\nid,price\n\nT1,1\n\r\nT2,2\n\n", ""),
        ("id,price\nT1,1\nT2,2", ""),
        (" id , price \n T1 ,\t1\n T2, 2 \n", ""),
        ("id,price\n\"T1\",\"1\"\n \"T2\" , \"2\" \n", ""),
        ("# made by hand\nid,price\n#,\nT1,1\nT2,2\n", "csv = { comment = \"#\" }"),
        ("Report of today\n\"\nid,price\nT1,1\nT2,2\n", "csv = { skip_lines = 2 }"),
        ("'id'|'price'\n'T1'|1\nT2|2\n", "csv = { delimiter = \"|\", quote = \"'\" }"),
        ("id\tprice\nT1\t1\nT2\t2\n", "csv = { delimiter = \"\\t\" }"),
    ];
    for (content, settings) in cases {
        let read = read("t.csv", content, settings);
        assert_eq!(read.refusals(), Vec::<&Refusal>::new(), "{content:?}");
        assert_eq!(read.ids(), ["T1", "T2"], "{content:?}");
        assert_eq!(read.trades()[1].price, Price::from_scaled(200_000_000), "{content:?}");
    }
}

#[test]
fn a_quoted_field_holds_delimiters_quotes_and_line_ends() {
    let read = read("t.csv", "id,counterparty\nT1,\"Smith, \"\"J\"\"\nInc\"\nT2,b\"c\n", "");
    let [first, second] = read.trades()[..] else { panic!("two trades were expected: {:?}", read.refusals()) };
    assert_eq!(first.counterparty, Symbol::of("Smith, \"J\"\nInc"));
    assert_eq!(second.counterparty, Symbol::of("b\"c"));
}

#[test]
fn a_tsv_file_is_separated_by_tabs() {
    assert_eq!(read("t.tsv", "id\tprice\nT1\t1\n", "").ids(), ["T1"]);
}

#[test]
fn without_a_header_columns_are_numbered() {
    let settings = "csv = { header = false }\n[columns]\nid = 1\nprice = 0";
    let read = read("t.csv", "1.5,T1,x\n2.5,T2,y\n3.5,T3\n", settings);
    assert_eq!(read.ids(), ["T1", "T2"]);
    contains(&read.only_refusal().what, "2 fields, 3 were expected");
}

#[test]
fn the_first_row_says_how_many_fields_there_are_wherever_reading_starts() {
    let desk = Desk::new();
    desk.write("t.csv", "1.5,T1,x\n2.5,T2\n3.5,T3\n4.5,T4,y\n");
    let settings = config("t.csv", "csv = { header = false }\n[columns]\nid = 1\nprice = 0");
    satisfies_the_specification(|| desk.source(&settings), &desk.archive);
    assert_eq!(desk.read(&settings).ids(), ["T1", "T4"]);
}

#[test]
fn texts_are_read_in_the_encoding_of_the_file() {
    let content = "id,counterparty\nT1,Müller & Söhne KG\nT2,b\n";
    let utf16 = |order: fn(u16) -> [u8; 2]| content.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = |mark: [u8; 2], bytes: Vec<u8>| [mark.to_vec(), bytes].concat();
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(content);
    let cases = [
        (content.as_bytes().to_vec(), ""),
        (latin.to_vec(), "csv = { encoding = \"latin1\" }"),
        (marked([0xff, 0xfe], utf16(u16::to_le_bytes)), ""),
        (marked([0xfe, 0xff], utf16(u16::to_be_bytes)), "csv = { encoding = \"utf-16\" }"),
        (utf16(u16::to_le_bytes), "csv = { encoding = \"utf-16\" }"),
    ];
    for (content, settings) in cases {
        for content in [gzip(&content), zstd::encode_all(&content[..], 1).unwrap(), content] {
            let desk = Desk::new();
            desk.write("t.csv", content);
            let read = desk.read(&config("t.csv", settings));
            let [trade, _] = read.trades()[..] else { panic!("{:?}", read.refusals()) };
            assert_eq!(desk.dictionary.text(trade.counterparty).as_deref(), Some("Müller & Söhne KG"));
        }
    }
}

#[test]
fn a_later_row_with_the_same_id_is_given_as_well() {
    let read = read_rows(&["T1,A,BUY,1,1,USD,2026-06-12", "T1,A,BUY,2,1,USD,2026-06-12"], "");
    assert_eq!(read.ids(), ["T1", "T1"]);
    assert!(read.refusals().is_empty());
}

#[test]
fn records_of_a_large_file_come_in_batches_of_one_tick() {
    let read = read("t.csv.gz", gzip(many_rows(20_000).as_bytes()), COLUMNS);
    assert_eq!(read.records().len(), 20_000);
    let continues: Vec<bool> = read.batches.iter().map(|batch| batch.continues).collect();
    assert_eq!(continues, [true, true, false]);
}

#[test]
fn separated_values_satisfy_the_specification() {
    let mut content = many_rows(9000);
    content.push_str("T,A,BUY,x,1,USD,2026-06-12\n\"open,1\nT9,A,BUY,1,1,USD,2026-06-12\n");
    for (name, content) in [("t.csv", content.clone().into_bytes()), ("t.csv.gz", gzip(content.as_bytes()))] {
        let desk = Desk::new();
        desk.write(name, content);
        desk.write("u.csv", many_rows(10));
        satisfies_the_specification(|| desk.source(&config("", COLUMNS)), &desk.archive);
    }
}

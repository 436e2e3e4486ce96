//! Parquet, and how every type of column is read. The same decoders read what is pushed over Flight.

use std::time::Instant;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use model::{Date, Field as TradeField, Price, Quantity, Side, Symbol, Value};

use super::*;
use crate::suite::satisfies_the_specification;

fn batch_of(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let nullable = |(name, array): (&str, ArrayRef)| (name.to_owned(), array, true);
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(nullable)).unwrap()
}

fn parquet(rows: &RecordBatch, row_group_rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(row_group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}

/// Reads one column as a field, beside an id; gives the values and refusals.
fn read_as(field: &str, array: ArrayRef, settings: &str) -> (Vec<Value>, Read) {
    let ids: StringArray = (0..array.len()).map(|row| Some(format!("T{row}"))).collect();
    let rows = batch_of(vec![("id", Arc::new(ids)), ("c", array)]);
    let settings = format!("{settings}\ncolumns = {{ id = \"id\", {field} = \"c\" }}");
    let read = read("t.parquet", parquet(&rows, 1000), &settings);
    let (field, attribute) = (TradeField::parse_name(field), TradeField::Attribute(0));
    let values = read.trades().iter().map(|trade| trade.value(field.unwrap_or(attribute))).collect();
    (values, read)
}

fn symbol(text: &str) -> Value {
    Value::Symbol(Symbol::of(text))
}

fn number(scaled: i128, scale: u8) -> Value {
    Value::Number { scaled, scale }
}

#[test]
fn texts_of_every_kind_are_read() {
    let texts = vec![Some("AAPL"), None, Some(""), Some("a text that is longer than sixteen bytes")];
    let dictionary: DictionaryArray<Int32Type> = texts.iter().copied().collect();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(texts.clone())),
        Arc::new(LargeStringArray::from(texts.clone())),
        Arc::new(StringViewArray::from(texts.clone())),
        Arc::new(dictionary),
    ];
    for array in arrays {
        let kind = array.data_type().clone();
        let (values, read) = read_as("instrument", array, "");
        assert!(read.refusals().is_empty());
        assert_eq!(
            values,
            [symbol("AAPL"), Value::None, Value::None, symbol("a text that is longer than sixteen bytes")],
            "{kind}"
        );
    }
}

#[test]
fn numbers_of_every_kind_are_read_exactly() {
    let decimal =
        |scale| Decimal128Array::from(vec![Some(12_500), None, Some(-1)]).with_precision_and_scale(20, scale).unwrap();
    let cases: Vec<(&str, ArrayRef, &str, [i128; 2])> = vec![
        ("quantity", Arc::new(Int64Array::from(vec![Some(125), None, Some(-1)])), "", [125_000_000, -1_000_000]),
        ("quantity", Arc::new(Int32Array::from(vec![Some(125), None, Some(-1)])), "", [125_000_000, -1_000_000]),
        ("quantity", Arc::new(Int8Array::from(vec![Some(125), None, Some(-1)])), "scale.quantity = 6", [125, -1]),
        ("price", Arc::new(UInt64Array::from(vec![Some(125), None, Some(1)])), "scale.price = 4", [1_250_000, 10_000]),
        (
            "price",
            Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-179.52)])),
            "",
            [10_000_000, -17_952_000_000],
        ),
        (
            "price",
            Arc::new(Float32Array::from(vec![Some(0.1), None, Some(-179.52)])),
            "",
            [10_000_000, -17_952_000_000],
        ),
        ("price", Arc::new(decimal(2)), "", [12_500_000_000, -1_000_000]),
        ("price", Arc::new(decimal(8)), "", [12_500, -1]),
        ("price", Arc::new(decimal(0)), "scale.price = 4", [125_000_000, -10_000]),
        ("gross_amount", Arc::new(decimal(3)), "", [1_250_000_000, -100_000]),
        (
            "price",
            Arc::new(StringArray::from(vec![Some("12500"), None, Some("-1")])),
            "scale.price = 4",
            [125_000_000, -10_000],
        ),
    ];
    for (field, array, settings, [first, third]) in cases {
        let kind = array.data_type().clone();
        let (values, read) = read_as(field, array, settings);
        assert_eq!(read.refusals(), Vec::<&Refusal>::new(), "{kind}");
        let scale = if field == "quantity" { Quantity::SCALE } else { Price::SCALE };
        assert_eq!(values, [number(first, scale), Value::None, number(third, scale)], "{kind} {settings}");
    }
}

#[test]
fn dates_and_times_of_every_kind_are_read() {
    const DAY: i64 = 86_400;
    let days = 20_000;
    let date = Value::Date(Date::from_days(days));
    let time = |micros| Value::Time(model::Timestamp::from_micros(micros));
    let seconds = i64::from(days) * DAY;
    let cases: Vec<(&str, ArrayRef, &str, Value)> = vec![
        ("trade_date", Arc::new(Date32Array::from(vec![days])), "", date.clone()),
        ("trade_date", Arc::new(Date64Array::from(vec![seconds * 1000])), "", date.clone()),
        ("trade_date", Arc::new(TimestampNanosecondArray::from(vec![seconds * 1_000_000_000])), "", date.clone()),
        ("trade_date", Arc::new(Int32Array::from(vec![20_241_004])), "dates = [\"%Y%m%d\"]", date.clone()),
        ("trade_date", Arc::new(StringArray::from(vec!["2024-10-04"])), "", date),
        ("execution_time", Arc::new(TimestampSecondArray::from(vec![seconds])), "", time(seconds * 1_000_000)),
        ("execution_time", Arc::new(TimestampMillisecondArray::from(vec![-1])), "", time(-1000)),
        ("execution_time", Arc::new(TimestampMicrosecondArray::from(vec![7]).with_timezone("+02:00")), "", time(7)),
        ("execution_time", Arc::new(TimestampNanosecondArray::from(vec![-1])), "", time(-1)),
        ("execution_time", Arc::new(Date32Array::from(vec![days])), "", time(seconds * 1_000_000)),
        ("attributes.given_name", Arc::new(Date32Array::from(vec![days])), "", Value::Text("2024-10-04".into())),
    ];
    for (field, array, settings, expected) in cases {
        let kind = array.data_type().clone();
        let (values, read) = read_as(field, array, settings);
        assert_eq!(read.refusals(), Vec::<&Refusal>::new(), "{kind}");
        assert_eq!(values, [expected], "{field} {kind}");
    }
}

#[test]
fn ids_and_codes_are_read_from_numbers_and_truth_values() {
    let whole = |text: &str| symbol(text);
    let (values, _) = read_as("reference", Arc::new(Int64Array::from(vec![0, -7, i64::MIN, i64::MAX])), "");
    assert_eq!(values, [whole("0"), whole("-7"), whole("-9223372036854775808"), whole("9223372036854775807")]);
    let (values, _) = read_as("reference", Arc::new(UInt64Array::from(vec![u64::MAX])), "");
    assert_eq!(values, [whole("18446744073709551615")]);
    let (values, _) = read_as("reference", Arc::new(Float64Array::from(vec![5.0, 0.25])), "");
    assert_eq!(values, [whole("5"), whole("0.25")]);
    let (values, _) = read_as("reference", Arc::new(BooleanArray::from(vec![true])), "");
    assert_eq!(values, [whole("true")]);
    let (values, _) = read_as(
        "side",
        Arc::new(BooleanArray::from(vec![true, false])),
        "values.side = { true = \"buy\", false = \"sell\" }",
    );
    assert_eq!(values, [Value::code(Side::Buy.code()), Value::code(Side::Sell.code())]);
    let (values, _) = read_as("side", Arc::new(Int16Array::from(vec![1, 2])), "");
    assert_eq!(values, [Value::code(Side::Buy.code()), Value::code(Side::Sell.code())]);
}

#[test]
fn a_value_that_cannot_be_held_refuses_its_row_and_shows_it() {
    let decimal = |value: i128, scale| Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap();
    let cases: Vec<(&str, ArrayRef, &str, &str)> = vec![
        ("quantity", Arc::new(Int64Array::from(vec![i64::MIN])), "", "too large"),
        ("quantity", Arc::new(Int64Array::from(vec![i64::MIN])), "scale.quantity = 6", "too large"),
        ("quantity", Arc::new(Int64Array::from(vec![1])), "scale.quantity = 7", "more than 6 decimals"),
        ("price", Arc::new(Float64Array::from(vec![0.1 + 0.2])), "", "`0.30000000000000004` has more than 8 decimals"),
        ("price", Arc::new(Float64Array::from(vec![f64::NAN])), "", "`NaN` is not a number"),
        ("price", Arc::new(Float64Array::from(vec![f64::INFINITY])), "", "`inf` is not a number"),
        ("price", Arc::new(Float64Array::from(vec![1e300])), "", "too large"),
        ("price", Arc::new(Float64Array::from(vec![1.5])), "scale.price = 4", "not a whole number"),
        ("price", Arc::new(decimal(1, 9)), "", "more than 8 decimals"),
        ("price", Arc::new(decimal(10i128.pow(37), 0)), "", "too large"),
        ("price", Arc::new(Date32Array::from(vec![1])), "", "`1970-01-02` is not a number"),
        ("trade_date", Arc::new(Date32Array::from(vec![i32::MIN])), "", "not a date in the years 1 to 9999"),
        ("trade_date", Arc::new(TimestampSecondArray::from(vec![i64::MAX])), "", "not a date in the years 1 to 9999"),
        ("trade_date", Arc::new(TimestampSecondArray::from(vec![1])), "", "is a time: a date was expected"),
        ("side", Arc::new(StringArray::from(vec!["BYU"])), "", "`BYU` is not a side"),
        ("currency", Arc::new(vec![Some("XXQ")].into_iter().collect::<DictionaryArray<Int32Type>>()), "", "XXQ"),
    ];
    for (field, array, settings, what) in cases {
        let (_, read) = read_as(field, array, settings);
        let refusal = read.only_refusal();
        contains(&refusal.what, what);
        assert_eq!((refusal.offset, refusal.line, refusal.field.as_deref()), (0, None, Some("c")));
        contains(&String::from_utf8_lossy(&refusal.raw), "\"id\":\"T0\"");
    }
}

#[test]
fn a_type_that_no_field_is_read_from_refuses_the_file() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let (_, read) = read_as("price", Arc::new(lists), "");
    contains(&read.only_refusal().what, "column `c` holds List");
}

#[test]
fn rows_without_id_of_a_future_schema_or_cancelled_are_told_apart() {
    let rows = batch_of(vec![
        ("id", Arc::new(StringArray::from(vec![Some("T0"), None, Some("T2"), Some("T3")]))),
        ("side", Arc::new(StringArray::from(vec!["BUY", "BUY", "BUY", "?"]))),
        ("status", Arc::new(StringArray::from(vec![None, None, Some("N"), Some("X")]))),
        ("version", Arc::new(Int32Array::from(vec![Some(1), None, Some(9), Some(1)]))),
    ]);
    let settings =
        "tombstone = { column = \"status\", values = [\"X\"] }\nschema_version = { column = \"version\", max = 1 }";
    let read = read("t.parquet", parquet(&rows, 1000), settings);
    assert_eq!(read.ids(), ["T0"]);
    assert_eq!(read.batches[0].events[1].record, None);
    let [unnamed, newer] = read.refusals()[..] else { panic!("{:?}", read.refusals()) };
    contains(&unnamed.what, "`id` is empty");
    contains(&newer.what, "future schema");
}

#[test]
fn a_missing_column_refuses_the_file() {
    let rows =
        batch_of(vec![("id", Arc::new(StringArray::from(vec!["T0"]))), ("prise", Arc::new(Int64Array::from(vec![1])))]);
    let read = read("t.parquet", parquet(&rows, 10), "columns = { id = \"id\", price = \"price\" }");
    contains(&read.only_refusal().help, "should be \"prise\"");
}

fn five_columns(rows: usize) -> RecordBatch {
    let count = rows as i64;
    batch_of(vec![
        ("unused", Arc::new((0..count).map(|row| Some(format!("note {row}"))).collect::<StringArray>())),
        ("price", Arc::new((0..count).map(|row| Some(1_000_000 + row % 10_000)).collect::<Int64Array>())),
        ("id", Arc::new((0..count).map(|row| Some(10_000_000 + row)).collect::<Int64Array>())),
        ("counterparty", Arc::new((0..count).map(|row| Some((row % 200) as i32)).collect::<Int32Array>())),
        ("instrument", Arc::new((0..count).map(|row| Some(row % 5_000)).collect::<Int64Array>())),
        ("quantity", Arc::new((0..count).map(|row| Some(row % 1_000 + 1)).collect::<Int64Array>())),
    ])
}

#[test]
fn parquet_satisfies_the_specification() {
    let desk = Desk::new();
    desk.write("t.parquet", parquet(&five_columns(10_000), 3_000));
    satisfies_the_specification(|| desk.source(&config("t.parquet", "scale.price = 4")), &desk.archive);
}

#[test]
fn a_parquet_file_that_was_cut_off_is_refused() {
    let whole = parquet(&five_columns(1000), 300);
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        let read = read("t.parquet", &whole[..length], "");
        contains(&read.only_refusal().what, "not a whole Parquet file");
    }
}

#[test]
fn a_damaged_parquet_file_never_takes_the_reader_down() {
    let whole = parquet(&five_columns(9000), 3000);
    for place in (4..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        damaged[place + 1] ^= 0xff;
        let desk = Desk::new();
        desk.write("t.parquet", damaged);
        let settings = config("t.parquet", "");
        let read = desk.read(&settings);
        let total: u64 = read.batches.last().map_or(0, |batch| batch.upper);
        assert!(total <= 9000 && total > 0);
        let from = total / 2;
        let partition = read.batches[0].partition.clone();
        let again = suite::run(desk.source(&settings), Positions::from([(partition, from)]), &desk.archive);
        let offsets = |batches: &[Batch<Record>]| -> Vec<u64> {
            batches
                .iter()
                .flat_map(|batch| &batch.refusals)
                .map(|refusal| refusal.offset)
                .filter(|offset| *offset >= from)
                .collect()
        };
        assert_eq!(offsets(&again), offsets(&read.batches), "the same records are refused on every reading");
    }
}

/// How fast the hot path is, in release: `cargo test --release -p tieout-connectors -- --ignored --nocapture measured`.
#[test]
#[ignore = "a measurement"]
fn measured_speed_of_decoding() {
    const ROWS: usize = 2_000_000;
    let texts = |rows: &RecordBatch| -> RecordBatch {
        let as_text = |name: &str| arrow::compute::cast(rows.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        batch_of(["price", "id", "counterparty", "instrument", "quantity"].map(|name| (name, as_text(name))).to_vec())
    };
    let floats = |rows: &RecordBatch| -> RecordBatch {
        let cents = |row: usize| Some((1_000_000 + row % 10_000) as f64 / 100.0);
        let price: Float64Array = (0..rows.num_rows()).map(cents).collect();
        let column = |name: &str| rows.column_by_name(name).unwrap().clone();
        let mut columns = vec![("price", Arc::new(price) as ArrayRef)];
        columns.extend(["id", "counterparty", "instrument", "quantity"].map(|name| (name, column(name))));
        batch_of(columns)
    };
    let rows = five_columns(ROWS);
    let csv = |rows: &RecordBatch| -> Vec<u8> {
        let texts = texts(rows);
        let column = |index: usize| texts.column(index).as_string::<i32>();
        let mut csv = b"price,id,counterparty,instrument,quantity\n".to_vec();
        for row in 0..rows.num_rows() {
            let fields: Vec<&str> = (0..5).map(|index| column(index).value(row)).collect();
            csv.extend_from_slice(fields.join(",").as_bytes());
            csv.push(b'\n');
        }
        csv
    };
    let wide = many_rows(ROWS / 4);
    let cases: Vec<(&str, &str, Vec<u8>, &str, usize)> = vec![
        ("5 integer columns, Parquet", "t.parquet", parquet(&rows, 1 << 20), "scale.price = 4", ROWS),
        ("4 integers and a float, Parquet", "t.parquet", parquet(&floats(&rows), 1 << 20), "", ROWS),
        ("5 text columns, Parquet", "t.parquet", parquet(&texts(&rows), 1 << 20), "scale.price = 4", ROWS),
        ("5 columns, CSV", "t.csv", csv(&rows), "scale.price = 4", ROWS),
        ("7 columns with date and codes, CSV", "t.csv", wide.clone().into_bytes(), COLUMNS, ROWS / 4),
        ("the same, gzip", "t.csv.gz", gzip(wide.as_bytes()), COLUMNS, ROWS / 4),
    ];
    for (name, file, content, settings, rows) in cases {
        let bytes = content.len();
        let desk = Desk::new();
        desk.write(file, content);
        let kept = desk.archive.keep(&desk.inbox().join(file)).unwrap();
        let source = desk.source(&config(file, settings));
        let mut nanos = Vec::new();
        for _ in 0..3 {
            let start = Instant::now();
            let mut reader = source.open(&kept.hash, 0, &desk.archive).unwrap();
            let mut found = 0;
            while let Some(batch) = reader.next().unwrap() {
                assert!(batch.refusals.is_empty(), "{:?}", batch.refusals[0]);
                found += batch.events.len();
            }
            assert_eq!(found, rows);
            nanos.push(start.elapsed().as_nanos() / rows as u128);
        }
        let start = Instant::now();
        assert!(source.open(&kept.hash, rows as u64, &desk.archive).unwrap().next().unwrap().is_none());
        let skipped = start.elapsed().as_nanos() as usize / rows;
        println!("{name}: {:?} ns a row, {} bytes a row, {skipped} ns to skip one", nanos, bytes / rows);
    }
}

#[test]
fn the_columns_of_a_schema_may_be_of_any_nullability_and_order() {
    let schema = Schema::new(vec![
        Field::new("execution_time", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
        Field::new("id", DataType::Utf8, false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from(vec![1_000]).with_timezone("UTC")),
        Arc::new(StringArray::from(vec!["T0"])),
    ];
    let rows = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let read = read("t.parquet", parquet(&rows, 10), "");
    assert_eq!(read.trades()[0].value(TradeField::ExecutionTime), Value::Time(model::Timestamp::from_micros(1)));
}

//! Every kind of record, from files of every format: what is read, what is refused, what deletes.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::*;
use model::{
    Amount, CostMethod, Currency, Date, LotReference, OversellPolicy, Price, Quantity, Rate, Symbol, Transaction,
    TransactionType,
};

use super::*;

const TRANSACTIONS: &str = "id,transaction_type,portfolio,security,currency,trade_date,quantity,price,gross_amount,\
    fees,fx_to_base,lots,other_security,ratio_new,ratio_old,cost_share,linked";

fn day(year: i32, month: u8, day: u8) -> Date {
    Date::from_ymd(year, month, day).unwrap()
}

fn as_transaction(record: &Record) -> &Transaction {
    match record {
        Record::Transaction(transaction) => transaction,
        record => panic!("{record:?} is not a transaction"),
    }
}

fn lot(lot: &str, quantity: Option<i64>) -> LotReference {
    let quantity = quantity.map_or(Quantity::NONE, |units| Quantity::from_scaled(units * 1_000_000));
    LotReference { lot: Symbol::of(lot), quantity }
}

#[test]
fn a_transaction_is_read_with_its_lots_and_its_ratio() {
    let content = format!(
        "{TRANSACTIONS}\n\
         T1,sell,GROWTH,ACME,USD,2026-03-16,100,52.25,5225,-0.5,0.921658986175,L1:60;L2,,,,,T2; T3\n\
         T2,SPIN_OFF,GROWTH,ACME,USD,2026-04-01,,,,,,,PARTS,1,4,0.15,\n\
         T3,BUY,GROWTH,ACME,USD,2026-04-02,1,2,2,,,,,,,,\n"
    );
    let read = read("t.csv", content, "record = \"transaction\"");
    assert_eq!(read.refusals(), Vec::<&Refusal>::new());
    let [sale, spin_off, plain] = read.records()[..] else { panic!("three were expected") };
    let (sale, spin_off, plain) = (as_transaction(sale), as_transaction(spin_off), as_transaction(plain));
    assert_eq!((sale.transaction_type, sale.trade_date), (TransactionType::Sell, day(2026, 3, 16)));
    assert_eq!((sale.portfolio, sale.security), (Symbol::of("GROWTH"), Symbol::of("ACME")));
    assert_eq!(sale.gross_amount, Amount::from_scaled(522_500_000_000));
    assert_eq!((sale.fees, sale.fx_to_base), (Amount::from_scaled(-50_000_000), Rate::from_scaled(921_658_986_175)));
    let detail = sale.detail.as_deref().unwrap();
    assert_eq!(*detail.lots, [lot("L1", Some(60)), lot("L2", None)]);
    assert_eq!(*detail.linked, [Symbol::of("T2"), Symbol::of("T3")]);
    let detail = spin_off.detail.as_deref().unwrap();
    assert_eq!((detail.ratio.new, detail.ratio.old), (lot("", Some(1)).quantity, lot("", Some(4)).quantity));
    assert_eq!((detail.other_security, detail.cost_share), (Symbol::of("PARTS"), Rate::from_scaled(150_000_000_000)));
    assert_eq!(plain.detail, None);
    assert_eq!(read.batches[0].events[0].member, 4 * 256 + 3);
}

#[test]
fn lists_are_read_from_arrays_of_json_and_from_texts_alike() {
    let lines = [
        r#"{"id": "A", "lots": "L1:60;L2", "linked": "T2;T3"}"#,
        r#"{"id": "A", "lots": [{"lot": "L1", "quantity": 60.0}, {"lot": "L2"}], "linked": ["T2", "T3"]}"#,
        r#"{"id": "A", "lots": [{"quantity": "60", "lot": "L1"}, {"lot": "L2", "quantity": null}], "linked": ["T2", "T3"]}"#,
        r#"{"id": "A", "lots": "[{\"lot\": \"L1\", \"quantity\": 60}, {\"lot\": \"L2\"}]", "linked": "[\"T2\", \"T3\"]"}"#,
    ];
    let first = read("t.jsonl", lines.join("\n"), "record = \"transaction\"");
    assert_eq!(first.refusals(), Vec::<&Refusal>::new());
    let records = first.records();
    let detail = as_transaction(records[0]).detail.as_deref().unwrap();
    assert_eq!((detail.lots.len(), detail.linked.len()), (2, 2));
    assert!(records.len() == 4 && records.iter().all(|record| *record == records[0]));

    let odd = r#"{"id": "A", "lots": [{"lot": "a;b:1", "quantity": 2}], "linked": []}"#;
    let odd = read("t.jsonl", odd, "record = \"transaction\"");
    let detail = as_transaction(odd.records()[0]).detail.as_deref().unwrap();
    assert_eq!((&*detail.lots, &*detail.linked), (&[lot("a;b:1", Some(2))][..], &[][..]));
}

#[test]
fn instruments_and_portfolios_are_read() {
    let content = "id,name,product,currency,multiplier,tick_size,maturity_date,isin\n\
        TREASURY 2031,Treasury 3.5% 2031,bond,USD,0.01,0.015625,2031-05-15,US0378331005\n";
    let instruments = read("i.csv", content, "record = \"instrument\"");
    let [Record::Instrument(instrument)] = instruments.records()[..] else { panic!("an instrument was expected") };
    assert_eq!(instrument.name, Symbol::of("Treasury 3.5% 2031"));
    assert_eq!((instrument.multiplier, instrument.maturity_date), (Quantity::from_scaled(10_000), day(2031, 5, 15)));

    // A column that is there for some of them only, and one that is left out.
    let content = "id,product,counterparty\nSWAP 7,swap,Harbour Bank\nACME,equity,\n";
    let by_row = read("i.csv", content, "record = \"instrument\"");
    let lines = r#"{"id": "SWAP 7", "product": "swap", "counterparty": "Harbour Bank"}
{"id": "ACME", "product": "equity"}"#;
    let by_line = read("i.jsonl", lines, "record = \"instrument\"");
    assert_eq!((by_row.records(), by_row.refusals().len()), (by_line.records(), by_line.refusals().len()));
    let [Record::Instrument(swap), Record::Instrument(listed)] = by_row.records()[..] else {
        panic!("two instruments were expected")
    };
    assert_eq!((swap.counterparty, listed.counterparty), (Symbol::of("Harbour Bank"), Symbol::NONE));

    let content = "id,base_currency,cost_method,oversell,inception_date\nA,EUR,Average,SHORT,2025-01-02\nB,USD,,,\n";
    let portfolios = read("p.csv", content, "record = \"portfolio\"");
    let [Record::Portfolio(first), Record::Portfolio(second)] = portfolios.records()[..] else {
        panic!("two portfolios were expected")
    };
    assert_eq!((first.cost_method, first.oversell), (Some(CostMethod::Average), Some(OversellPolicy::Short)));
    assert_eq!((second.cost_method, second.oversell), (None, None));
}

#[test]
fn observations_are_known_by_what_they_are_about() {
    let cases = [
        ("market_price", "security,price_date,price,currency", "ACME,2026-03-16,52.25,USD", "ACME,2026-03-16,1,EUR"),
        ("fx_rate", "from_currency,to_currency,rate_date,rate", "EUR,USD,2026-03-16,1.08", "EUR,USD,2026-03-16,2"),
        ("benchmark_level", "benchmark,level_date,level", "WORLD,2026-03-16,3120.45", "WORLD,2026-03-16,1"),
        ("risk_free_rate", "currency,rate_date,annual_rate", "USD,2026-03-16,0.0425", "USD,2026-03-16,-0.001"),
        ("sensitivity", "security,sensitivity_date,vega", "CALL,2026-03-16,0.25", "CALL,2026-03-16,-0.01"),
    ];
    for (kind, header, row, corrected) in cases {
        let other_day = row.replace("-16", "-17");
        let content = format!("{header}\n{row}\n{corrected}\n{other_day}\n");
        let read = read("t.csv", content, &format!("record = \"{kind}\""));
        assert_eq!(read.refusals(), Vec::<&Refusal>::new(), "{kind}");
        let [first, second, third] = &read.batches[0].events[..] else { panic!("three of {kind} were expected") };
        assert_eq!((first.key, first.member), (second.key, second.member), "{kind}");
        assert_ne!(first.record, second.record, "{kind}");
        assert_ne!(first.key, third.key, "{kind}");
    }
}

#[test]
fn a_row_deletes_with_nothing_but_what_says_which_record_it_is() {
    let cases = [
        ("transaction", "id,quantity", "T1,5", "T1,?"),
        ("instrument", "id,product", "A,EQUITY", "A,?"),
        ("portfolio", "id,base_currency", "A,USD", "A,?"),
        ("market_price", "security,price_date,price", "ACME,2026-03-16,52.25", "ACME,2026-03-16,"),
        ("fx_rate", "from_currency,to_currency,rate_date,rate", "EUR,USD,2026-03-16,1.08", "EUR,USD,2026-03-16,-"),
        ("benchmark_level", "benchmark,level_date,level", "WORLD,2026-03-16,3120.45", "WORLD,2026-03-16,?"),
        ("risk_free_rate", "currency,rate_date,annual_rate", "USD,2026-03-16,0.0425", "USD,2026-03-16,"),
        ("sensitivity", "security,sensitivity_date,vega", "CALL,2026-03-16,0.25", "CALL,2026-03-16,"),
    ];
    for (kind, header, row, deleted) in cases {
        let settings = format!("record = \"{kind}\"\ntombstone = {{ column = \"status\", values = [\"X\"] }}");
        let columns: Vec<&str> = header.split(',').collect();
        let by_row = read("t.csv", format!("{header},status\n{row},\n{deleted},X\n"), &settings);
        let values = [row, deleted].map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
        let column = |index: usize| -> ArrayRef {
            Arc::new(StringArray::from(values.each_ref().map(|row| row[index].clone()).to_vec()))
        };
        let arrays = columns.iter().enumerate().map(|(index, name)| (*name, column(index)));
        let status: ArrayRef = Arc::new(StringArray::from(vec![None, Some("X")]));
        let rows = RecordBatch::try_from_iter_with_nullable(
            arrays.chain([("status", status)]).map(|(name, array)| (name, array, true)),
        );
        let by_column = read("t.parquet", parquet(&rows.unwrap()), &settings);
        for read in [by_row, by_column] {
            assert_eq!(read.refusals(), Vec::<&Refusal>::new(), "{kind}");
            let [told, gone] = &read.batches[0].events[..] else { panic!("two of {kind} were expected") };
            assert_eq!((told.key, told.member), (gone.key, gone.member), "{kind}");
            assert!(told.record.is_some() && gone.record.is_none(), "{kind}");
        }
    }
}

fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parquet_has_types_of_its_own() {
    let columns: [(&str, ArrayRef); 4] = [
        ("from_currency", Arc::new(StringArray::from(vec!["EUR", "EUR"]))),
        ("to_currency", Arc::new(StringArray::from(vec!["USD", "USD"]))),
        ("rate_date", Arc::new(Date32Array::from(vec![20_000, 20_001]))),
        ("rate", Arc::new(Float64Array::from(vec![1.0845, 0.0]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let read = read("r.parquet", parquet(&rows), "record = \"fx_rate\"");
    let [Record::FxRate(rate)] = read.records()[..] else { panic!("a rate was expected") };
    assert_eq!((rate.rate_date, rate.rate), (Date::from_days(20_000), Rate::from_scaled(1_084_500_000_000)));
    let refusal = read.only_refusal();
    assert_eq!((refusal.offset, refusal.field.as_deref()), (1, Some("rate")));
    contains(&refusal.what, "`rate` is not above zero");
}

/// A row that is refused: the kind, the header, the row; its field, what is said, and part of the help.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

#[test]
fn a_bad_row_of_any_kind_is_refused_with_its_line_its_field_and_what_to_do() {
    const FX: &str = "from_currency,to_currency,rate_date,rate";
    let cases: &[Case] = &[
        ("transaction", "id,trade_date", ",2026-03-16", "id", "`id` is empty", "fill it in"),
        (
            "transaction",
            "id,transaction_type",
            "T,BYU",
            "transaction_type",
            "`BYU` is not a transaction type",
            "values.transaction_type",
        ),
        ("transaction", "id,side", "T,UP", "side", "`UP` is not a side", "values.side"),
        ("transaction", "id,quantity", "T,1.1234567", "quantity", "more than 6 decimals", "where it comes from"),
        (
            "transaction",
            "id,fx_to_base",
            "T,1.1234567890123",
            "fx_to_base",
            "more than 12 decimals",
            "where it comes from",
        ),
        ("transaction", "id,lots", "T,L1:60;L2:x", "lots", "`x` is not a number", "values.lots"),
        ("transaction", "id,lots", "T,L1:60;;L2", "lots", "names nothing", "leave the entry"),
        ("transaction", "id,lots", "T,[1]", "lots", "not an array of lots", "LOT1:100;LOT2:50"),
        ("transaction", "id,linked", "T,[1]", "linked", "not an array of texts", "T-17;T-18"),
        (
            "transaction",
            "id,execution_time",
            "T,noon",
            "execution_time",
            "`noon` is not a time",
            "source.internal.times",
        ),
        ("instrument", "id,product", ",BOND", "id", "`id` is empty", "fill it in"),
        ("instrument", "id,product", "A,BOMD", "product", "`BOMD` is not a product", "values.product"),
        ("instrument", "id,isin", "A,US0378331006", "isin", "check digit", "identifiers.isin"),
        ("instrument", "id,maturity_date", "A,2031-02-30", "maturity_date", "is not a date", "source.internal.dates"),
        ("portfolio", "id,base_currency", ",USD", "id", "`id` is empty", "fill it in"),
        ("portfolio", "id,base_currency", "A,USX", "base_currency", "`USX` is not", "values.base_currency"),
        (
            "portfolio",
            "id,cost_method",
            "A,cheapest",
            "cost_method",
            "use one of fifo, lifo, hifo, average, specific_lot",
            "values.cost_method",
        ),
        ("portfolio", "id,oversell", "A,maybe", "oversell", "use one of refuse, short", "values.oversell"),
        ("market_price", "security,price_date,price", ",2026-03-16,1", "security", "`security` is empty", "fill it in"),
        ("market_price", "security,price_date,price", "A,,1", "price_date", "`price_date` is empty", "fill it in"),
        ("market_price", "security,price_date,price", "A,2026-03-16,", "price", "`price` is empty", "fill it in"),
        ("market_price", "security,price_date,price", "A,2026-03-16,n/a", "price", "not a number", "values.price"),
        ("fx_rate", FX, ",USD,2026-03-16,1", "from_currency", "`from_currency` is empty", "fill it in"),
        ("fx_rate", FX, "EUR,usd,2026-03-16,1", "to_currency", "`usd` is not a currency", "values.to_currency"),
        ("fx_rate", FX, "EUR,USD,,1", "rate_date", "`rate_date` is empty", "fill it in"),
        ("fx_rate", FX, "EUR,USD,2026-03-16,", "rate", "`rate` is empty", "fill it in"),
        ("fx_rate", FX, "EUR,USD,2026-03-16,0", "rate", "`rate` is not above zero", "correct it"),
        ("fx_rate", FX, "EUR,USD,2026-03-16,-1.08", "rate", "`rate` is not above zero", "correct it"),
        ("fx_rate", FX, "EUR,USD,0026-03-16,1.08", "rate_date", "is before 1900 or after 2199", "correct it"),
        ("fx_rate", FX, "EUR,USD,9999-12-31,1.08", "rate_date", "is before 1900 or after 2199", "correct it"),
        ("instrument", "id,multiplier", "A,0", "multiplier", "`multiplier` is not above zero", "correct it"),
        ("instrument", "id,multiplier", "A,-1", "multiplier", "`multiplier` is not above zero", "correct it"),
        (
            "benchmark_level",
            "benchmark,level_date,level",
            ",2026-03-16,1",
            "benchmark",
            "`benchmark` is empty",
            "fill it in",
        ),
        ("benchmark_level", "benchmark,level_date,level", "W,2026-03-16,", "level", "`level` is empty", "fill it in"),
        (
            "risk_free_rate",
            "currency,rate_date,annual_rate",
            ",2026-03-16,1",
            "currency",
            "`currency` is empty",
            "fill it in",
        ),
        (
            "risk_free_rate",
            "currency,rate_date,annual_rate",
            "USD,16.03.2026,1",
            "rate_date",
            "is not a date",
            "source.internal.dates",
        ),
        (
            "risk_free_rate",
            "currency,rate_date,annual_rate",
            "USD,2026-03-16,5%",
            "annual_rate",
            "not a number",
            "source.internal.numbers",
        ),
    ];
    let sensitivities = [
        (",2026-03-16,1", "security", "`security` is empty", "fill it in"),
        ("A,,1", "sensitivity_date", "`sensitivity_date` is empty", "fill it in"),
        ("A,2026-03-16,", "vega", "`vega` is empty", "fill it in"),
        ("A,2026-03-16,25%", "vega", "not a number", "source.internal.numbers"),
        ("A,2026-03-16,0.123456789", "vega", "more than 8 decimals", "where it comes from"),
    ];
    let sensitivities = sensitivities
        .map(|(row, field, what, help)| ("sensitivity", "security,sensitivity_date,vega", row, field, what, help));
    for (kind, header, row, field, what, help) in cases.iter().chain(&sensitivities) {
        let read = read("t.csv", format!("{header}\n{row}\n"), &format!("record = \"{kind}\""));
        assert_eq!(read.records(), Vec::<&Record>::new(), "{kind} {row}");
        let refusal = read.only_refusal();
        assert_eq!(
            (refusal.offset, refusal.line, refusal.field.as_deref()),
            (0, Some(2), Some(*field)),
            "{kind} {row}"
        );
        contains(&refusal.what, what);
        contains(&refusal.help, help);
    }
}

#[test]
fn a_column_that_no_record_can_do_without_is_asked_for_before_anything_is_read() {
    let desk = Desk::new();
    let cases = [
        ("market_price", "columns = { security = \"s\", price_date = \"d\" }", "`price` has no column"),
        ("market_price", "columns = { security = \"s\", price = \"p\" }", "`price_date` has no column"),
        (
            "fx_rate",
            "columns = { rate = \"r\", rate_date = \"d\", from_currency = \"f\" }",
            "`to_currency` has no column",
        ),
        ("transaction", "columns = { portfolio = \"p\" }", "`id` has no column"),
    ];
    for (kind, columns, what) in cases {
        let error = desk.try_source(&config("t.csv", &format!("record = \"{kind}\"\n{columns}"))).err().unwrap();
        contains(&error.what, what);
        assert_eq!(error.key, "source.internal.columns");
    }
    let in_common = "constants = { from_currency = \"EUR\", to_currency = \"USD\" }";
    let read = read("t.csv", "rate_date,rate\n2026-03-16,1.08\n", &format!("record = \"fx_rate\"\n{in_common}"));
    let [Record::FxRate(rate)] = read.records()[..] else { panic!("a rate was expected") };
    assert_eq!(rate.from_currency, Currency::parse("EUR").unwrap());
}

#[test]
fn other_kinds_than_trades_have_no_attributes() {
    let desk = Desk::new();
    let settings = "record = \"instrument\"\ncolumns = { id = \"id\", attributes.desk_note = \"n\" }";
    let error = desk.try_source(&config("t.csv", settings)).err().unwrap();
    contains(&error.what, "only trades have attributes");
}

#[test]
fn a_sensitivity_is_read_from_rows_and_lines_alike() {
    let rows = "security,sensitivity_date,vega\nACME CALL 60,2026-03-16,0.1185\nACME CALL 60,2026-03-17,-0.02\n";
    let lines = r#"{"security": "ACME CALL 60", "sensitivity_date": "2026-03-16", "vega": 0.1185}
{"security": "ACME CALL 60", "sensitivity_date": "2026-03-17", "vega": "-0.02"}"#;
    let by_row = read("s.csv", rows, "record = \"sensitivity\"");
    let by_line = read("s.jsonl", lines, "record = \"sensitivity\"");
    assert_eq!(by_row.records(), by_line.records());
    let [Record::Sensitivity(first), Record::Sensitivity(second)] = by_row.records()[..] else {
        panic!("two sensitivities were expected")
    };
    assert_eq!((first.security, first.sensitivity_date), (Symbol::of("ACME CALL 60"), day(2026, 3, 16)));
    assert_eq!((first.vega, second.vega), (Price::from_scaled(11_850_000), Price::from_scaled(-2_000_000)));
}

#[test]
fn scales_and_formats_of_the_configuration_hold_for_every_kind() {
    let settings = "record = \"market_price\"\nscale = { price = 4 }\ndates = [\"%d.%m.%Y\"]\nvalues = { currency = { Dollar = \"USD\" } }";
    let read = read("t.csv", "security,price_date,price,currency\nACME,16.03.2026,522500,Dollar\n", settings);
    let [Record::MarketPrice(price)] = read.records()[..] else { panic!("a price was expected") };
    assert_eq!((price.price, price.price_date), (Price::from_scaled(5_225_000_000), day(2026, 3, 16)));
}

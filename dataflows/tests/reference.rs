//! How well reconciliation does through the engine on data that nobody here wrote, with known pairs and breaks. Each test
//! prints its figures; the bounds are what the product promises. Where the data are not there the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod kit;
#[path = "../../tests/reference/mod.rs"]
mod reference_data;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use dataflows::reconciliation::scoring::learn::{self, Settings};
use dataflows::reconciliation::scoring::{Model, Prepared, Scorer, TradeFields};
use model::{
    Amount, Currency, Date, Dictionary, Field, NumberFormat, Price, Quantity, Record, ScoringModel, Side, SourceId,
    Symbol, Trade, TradeBuilder, Value,
};
use operators::blocks::Side as BlockSide;

use kit::{Desk, put_all};

const SOURCES: [&str; 4] = ["internal", "broker", "internal_allocations", "broker_allocations"];

/// The rows of a file under the reference folder; `None` when it is not there.
fn read(path: &str) -> Option<Vec<Vec<String>>> {
    let path = reference_data::path(&format!("matching/{path}"))?;
    let mut reader = csv::ReaderBuilder::new().from_path(path).unwrap();
    Some(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

fn value(field: Field, text: &str, dictionary: &Dictionary) -> Value {
    let number = |scaled: Option<i128>, scale| Value::Number { scaled: scaled.unwrap(), scale };
    let format = NumberFormat::default();
    match field {
        Field::Side => Value::code(Side::parse(text).unwrap().code()),
        Field::Currency => Value::code(Currency::parse(text).unwrap().code()),
        Field::TradeDate | Field::SettlementDate => Value::Date(Date::parse(text, "%Y-%m-%d").unwrap()),
        Field::Quantity => number(Quantity::parse(text, &format).unwrap().scaled(), Quantity::SCALE),
        Field::Price => number(Price::parse(text, &format).unwrap().scaled(), Price::SCALE),
        Field::Fees | Field::NetAmount => number(Amount::parse(text, &format).unwrap().scaled(), Amount::SCALE),
        Field::Attribute(_) if text.trim().is_empty() => Value::None,
        Field::Attribute(_) => Value::Text(Arc::from(text.trim())),
        _ => Value::Symbol(dictionary.intern(text)),
    }
}

fn trade(source: u8, row: &[String], columns: &[(Field, usize)], dictionary: &Dictionary) -> Trade {
    let mut builder = TradeBuilder::new(SourceId(source));
    for (field, column) in columns {
        builder.set(*field, value(*field, &row[*column], dictionary)).unwrap();
    }
    builder.finish()
}

/// The share of `of` that is right, and the share of `all` that it is.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// What the view `matches` says: pairs with their status and score, in thousandths of a bit.
struct Match {
    ids: (String, String),
    is_matched: bool,
    score: i64,
}

fn matches(desk: &Desk) -> Vec<Match> {
    let column = |name: &str| desk.spec("matches").column(name).unwrap();
    let [left, right, status, score] = ["trade_id", "other_trade_id", "status", "score"].map(column);
    let bits = |text: &str| {
        Price::parse(text, &NumberFormat::default()).map_or(0, |bits| (bits.scaled().unwrap() / 100_000) as i64)
    };
    let one = |row: Vec<String>| Match {
        ids: (row[left].clone(), row[right].clone()),
        is_matched: row[status] == "matched",
        score: bits(&row[score]),
    };
    desk.read("matches").into_iter().map(one).collect()
}

mod trades {
    use super::*;

    const RULES: &str = r#"
        [reconciliation.r]
        sides = ["internal", "broker"]
        allocations = { internal = ["internal_allocations"], broker = ["broker_allocations"] }
        compare = ["instrument", "side", "currency", "quantity", "price", "fees", "settlement_date"]
    "#;

    const OURS: [(Field, usize); 12] = [
        (Field::Id, 0),
        (Field::ExecutionId, 2),
        (Field::TradeDate, 3),
        (Field::SettlementDate, 4),
        (Field::Instrument, 5),
        (Field::Side, 6),
        (Field::Quantity, 7),
        (Field::Price, 8),
        (Field::Fees, 11),
        (Field::Currency, 12),
        (Field::Account, 15),
        (Field::Broker, 16),
    ];
    const THEIRS: [(Field, usize); 12] = [
        (Field::Id, 0),
        (Field::ExecutionId, 1),
        (Field::TradeDate, 2),
        (Field::SettlementDate, 3),
        (Field::Instrument, 4),
        (Field::Side, 5),
        (Field::Quantity, 6),
        (Field::Price, 7),
        (Field::Fees, 10),
        (Field::Currency, 11),
        (Field::Account, 12),
        (Field::Broker, 13),
    ];

    /// Records of both sides, and the execution of every trade by its id.
    struct Day {
        trades: Vec<Trade>,
        allocations: Vec<Record>,
        executions: BTreeMap<String, String>,
    }

    fn file(name: &str) -> Option<Vec<Vec<String>>> {
        read(&format!("trades_internal_vs_broker/{name}.csv"))
    }

    fn day(dictionary: &Dictionary) -> Option<Day> {
        let (ours, theirs) = (file("internal_trades")?, file("broker_trades")?);
        let executions = ours
            .iter()
            .map(|row| (row[0].clone(), row[2].clone()))
            .chain(theirs.iter().map(|row| (row[0].clone(), row[1].clone())));
        let executions = executions.collect();
        let trades = ours
            .iter()
            .map(|row| trade(0, row, &OURS, dictionary))
            .chain(theirs.iter().map(|row| trade(1, row, &THEIRS, dictionary)));
        let allocation = |source: u8| {
            move |row: &Vec<String>| {
                Record::Allocation(model::Allocation {
                    source: SourceId(source),
                    id: dictionary.intern(&row[0]),
                    trade: dictionary.intern(&row[1]),
                    account: dictionary.intern(&row[2]),
                    quantity: Quantity::parse(&row[3], &NumberFormat::default()).unwrap(),
                })
            }
        };
        let (ours, theirs) = (file("internal_allocations")?, file("broker_allocations")?);
        let allocations = ours.iter().map(allocation(2)).chain(theirs.iter().map(allocation(3)));
        Some(Day { trades: trades.collect(), allocations: allocations.collect(), executions })
    }

    /// Breaks, each by its execution and its type.
    type Breaks = Vec<(String, String)>;

    /// The breaks that were found, and those that are expected.
    fn found_and_expected(desk: &Desk, day: &Day) -> (Breaks, Breaks) {
        let column = |name: &str| desk.spec("breaks").column(name).unwrap();
        let (kind, id) = (column("type"), column("trade_id"));
        let mut found: Breaks =
            desk.read("breaks").into_iter().map(|row| (day.executions[&row[id]].clone(), row[kind].clone())).collect();
        let name = |text: &str| {
            let text = match text {
                "MISSING_BROKER_TRADE" => "missing_broker",
                "MISSING_INTERNAL_BOOKING" => "missing_internal",
                "SYMBOL_MISMATCH" => "instrument_mismatch",
                "FEE_MISMATCH" => "fees_mismatch",
                "DUPLICATE_INTERNAL_TRADE" => "duplicate_internal",
                "DUPLICATE_BROKER_TRADE" => "duplicate_broker",
                other => return other.to_lowercase(),
            };
            text.to_owned()
        };
        let mut expected: Breaks =
            file("expected_breaks").unwrap().iter().map(|row| (row[0].clone(), name(&row[1]))).collect();
        found.sort();
        expected.sort();
        (found, expected)
    }

    #[test]
    fn every_planted_break_of_every_type_is_found_and_no_other() {
        let dictionary = Dictionary::new();
        let Some(day) = day(&dictionary) else { return };
        let toml = format!("{RULES}\n[[reconciliation.r.tier]]\nkind = \"identifier\"\nfield = \"execution_id\"");
        let mut desk = Desk::start(&toml, &SOURCES, &dictionary, 1);
        let clock = Instant::now();
        desk.tick(&[put_all(day.trades.clone()), put_all(day.allocations.clone())].concat());
        println!("trades: {} records in {:?}", day.trades.len() + day.allocations.len(), clock.elapsed());
        let (found, expected) = found_and_expected(&desk, &day);
        let types: BTreeSet<&String> = expected.iter().map(|(_, kind)| kind).collect();
        println!("trades: {} breaks of {} types found, {} expected", found.len(), types.len(), expected.len());
        assert_eq!(found, expected);
        assert_eq!((expected.len(), types.len()), (25, 11));
        assert!(desk.column("conservation", "is_conserved").iter().all(|cell| cell == "true"));
    }

    #[test]
    fn without_execution_ids_what_is_matched_is_right() {
        let dictionary = Dictionary::new();
        let Some(day) = day(&dictionary) else { return };
        let tiers = r#"
            [[reconciliation.r.tier]]
            kind = "economics"
            fields = ["instrument", "side", "quantity", "price", "trade_date", "account", "broker"]
            [[reconciliation.r.tier]]
            kind = "scored"
            model = "trades"
        "#;
        let mut desk = Desk::start(&format!("{RULES}\n{tiers}"), &SOURCES, &dictionary, 1);
        let unlinked = day.trades.iter().map(|trade| {
            let mut detail = trade.detail.as_deref().cloned().unwrap();
            detail.execution_id = Symbol::NONE;
            Trade { detail: Some(Arc::new(detail)), ..trade.clone() }
        });
        desk.tick(&put_all(unlinked));
        let matched: Vec<Match> = matches(&desk).into_iter().filter(|one| one.is_matched).collect();
        let is_right = |one: &&Match| day.executions[&one.ids.0] == day.executions[&one.ids.1];
        let right = matched.iter().filter(is_right).count();
        let (found, expected) = found_and_expected(&desk, &day);
        let hits = expected.iter().filter(|one| found.contains(one)).count();
        println!("trades without execution ids: {} matched, {right} rightly", matched.len());
        println!(
            "trades without execution ids: {hits} of {} expected breaks found, {} in all",
            expected.len(),
            found.len()
        );
        println!("not found: {:?}", expected.iter().filter(|one| !found.contains(one)).collect::<Vec<_>>());
        println!("not expected: {:?}", found.iter().filter(|one| !expected.contains(one)).collect::<Vec<_>>());
        assert!(share(right, matched.len()) >= 0.99 && matched.len() >= 490);
    }
}

/// A scored tier under a model that is learned apart and given as a record.
fn scored(template: &str, learned: &Model, dictionary: &Dictionary, attributes: &str, trades: Vec<Trade>) -> Desk {
    let toml = format!(
        "attributes = {attributes}\n[reconciliation.r]\nsides = [\"internal\", \"broker\"]\n[[reconciliation.r.tier]]\nkind = \"scored\"\nmodel = \"template\""
    );
    let mut desk = Desk::start_reading(&toml, &SOURCES, dictionary, 1, &|_| Ok(template.to_owned()));
    let text = Arc::from(learned.to_json().unwrap());
    let model = Record::Model(ScoringModel { id: Symbol::of("r/0"), version: 2, text });
    let clock = Instant::now();
    let count = trades.len();
    desk.tick(&put_all(std::iter::once(model).chain(trades.into_iter().map(Record::Trade))));
    println!("{count} trades in {:?}", clock.elapsed());
    desk
}

fn prepared(model: &Model, trades: &[Trade], side: BlockSide, dictionary: &Dictionary) -> Vec<Prepared> {
    let scorer = Scorer::new(model.clone()).unwrap();
    trades.iter().map(|trade| Prepared::new(&scorer, trade.id, &TradeFields { trade, dictionary }, side)).collect()
}

/// F1 of all pairs with a score for a match; the share of the known pairs that are matched without a look, and how many of
/// those are right.
struct Quality {
    f1: f64,
    rate: f64,
    precision: f64,
}

fn quality(name: &str, desk: &Desk, accept: i64, known: &BTreeMap<String, String>) -> Quality {
    let found = matches(desk);
    let is_right = |one: &&Match| known.get(&one.ids.0) == Some(&one.ids.1);
    let good: Vec<&Match> = found.iter().filter(|one| one.score >= accept).collect();
    let right = good.iter().filter(|one| is_right(one)).count();
    let clear: Vec<&Match> = found.iter().filter(|one| one.is_matched).collect();
    let clear_right = clear.iter().filter(|one| is_right(one)).count();
    let f1 = share(2 * right, good.len() + known.len());
    let (rate, precision) = (share(clear.len(), known.len()), share(clear_right, clear.len()));
    println!(
        "{name}: F1 {f1:.4}; matched {rate:.4} at precision {precision:.4}; {} for review",
        found.len() - clear.len()
    );
    Quality { f1, rate, precision }
}

#[test]
fn payments_are_matched_under_a_model_learned_on_earlier_ones() {
    let dictionary = Dictionary::new();
    let columns = [(Field::Id, 0), (Field::TradeDate, 1), (Field::NetAmount, 2), (Field::Reference, 3)];
    let rows = |name: &str, source: u8| -> Option<Vec<Trade>> {
        Some(
            read(&format!("transactions_dev_{name}.csv"))?
                .iter()
                .map(|row| trade(source, row, &columns, &dictionary))
                .collect(),
        )
    };
    let (Some(origins), Some(destinations), Some(known)) =
        (rows("origin", 0), rows("destination", 1), read("transactions_dev_truth.csv"))
    else {
        return;
    };
    let template_text = include_str!("../src/reconciliation/scoring/reference_tests/payments.toml");
    let template = Model::from_toml(template_text).unwrap();
    let mut dates: Vec<Date> = origins.iter().map(|trade| trade.trade_date).collect();
    dates.sort_unstable();
    let median = dates[dates.len() / 2];
    let (earlier, later): (Vec<Trade>, Vec<Trade>) = origins.into_iter().partition(|trade| trade.trade_date < median);
    let known_of = |trades: &[Trade]| -> BTreeMap<String, String> {
        let ids: BTreeSet<String> = trades.iter().map(|trade| trade.id.to_string()).collect();
        known.iter().filter(|row| ids.contains(&row[0])).map(|row| (row[0].clone(), row[1].clone())).collect()
    };

    let clock = Instant::now();
    let (left, right) = (
        prepared(&template, &earlier, BlockSide::Left, &dictionary),
        prepared(&template, &destinations, BlockSide::Right, &dictionary),
    );
    let pairs: Vec<(Symbol, Symbol)> = known_of(&earlier).iter().map(|(a, b)| (Symbol::of(a), Symbol::of(b))).collect();
    let learned = learn::from_known_pairs(&template, &left, &right, &pairs, Settings::default()).unwrap().model;
    println!("payments: learned in {:?}", clock.elapsed());

    let known = known_of(&later);
    let desk = scored(template_text, &learned, &dictionary, "[]", [later, destinations].concat());
    let quality = quality("payments", &desk, learned.thresholds.accept, &known);
    assert!(quality.f1 >= 0.95 && quality.rate >= 0.80 && quality.precision >= 0.998);
}

#[test]
fn persons_are_matched_under_a_model_learned_from_no_known_pair() {
    let dictionary = Dictionary::new();
    let columns: Vec<(Field, usize)> = std::iter::once((Field::Id, 0))
        .chain((0..10).map(|index| (Field::Attribute(index), usize::from(index) + 1)))
        .collect();
    let rows = |name: &str, source: u8| -> Option<Vec<Trade>> {
        Some(read(&format!("febrl/{name}.csv"))?.iter().map(|row| trade(source, row, &columns, &dictionary)).collect())
    };
    let (Some(left), Some(right)) = (rows("febrl4a", 0), rows("febrl4b", 1)) else { return };
    let template_text = include_str!("../src/reconciliation/scoring/reference_tests/persons.toml");
    let template = Model::from_toml(template_text).unwrap();
    let clock = Instant::now();
    let learned = learn::from_records(
        &template,
        &prepared(&template, &left, BlockSide::Left, &dictionary),
        &prepared(&template, &right, BlockSide::Right, &dictionary),
        Settings::default(),
    );
    let learned = learned.unwrap().model;
    println!("persons: learned in {:?}", clock.elapsed());

    // `rec-7-org` and `rec-7-dup-0` are the same person.
    let number = |trade: &Trade| dictionary.text(trade.id).unwrap().split('-').nth(1).unwrap().to_owned();
    let by_number: BTreeMap<String, String> =
        right.iter().map(|trade| (number(trade), dictionary.text(trade.id).unwrap().to_string())).collect();
    let known: BTreeMap<String, String> = left
        .iter()
        .map(|trade| (dictionary.text(trade.id).unwrap().to_string(), by_number[&number(trade)].clone()))
        .collect();
    let names: Vec<String> = (0..10).map(|index| format!("\"person_{index}\"")).collect();
    let desk = scored(template_text, &learned, &dictionary, &format!("[{}]", names.join(", ")), [left, right].concat());
    let quality = quality("persons", &desk, learned.thresholds.accept, &known);
    assert!(quality.f1 >= 0.97);
}

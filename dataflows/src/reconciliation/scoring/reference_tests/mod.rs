//! How well scoring does on data that nobody here wrote, with known pairs. Each test prints its figures; the bounds are what
//! the product promises. Where the data are not there the tests say so and pass.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ::model::{Amount, Date, Field, NumberFormat, Symbol};
use operators::blocks::{BLOCK_SIDE_MAX, Side};

use super::learn::{self, Learned, Quality, Settings};
use super::{Fields, Model, Prepared, Scorer};

/// A record of a reference file.
#[derive(Default)]
struct Row {
    id: String,
    texts: BTreeMap<Field, String>,
    amount: Amount,
    date: Date,
}

impl Fields for Row {
    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        self.texts.get(&field).map(|text| Cow::Borrowed(text.as_str()))
    }

    fn number(&self, field: Field) -> Option<(i128, u8)> {
        (field == Field::NetAmount).then(|| self.amount.scaled().unwrap()).map(|scaled| (scaled, Amount::SCALE))
    }

    fn date(&self, field: Field) -> Option<i32> {
        (field == Field::TradeDate && self.date != Date::NONE).then_some(self.date.0)
    }
}

/// The rows of a file under the reference folder; `None` when it is not there.
fn read(path: &str, delimiter: u8) -> Option<Vec<Vec<String>>> {
    let path = crate::reference::path(&format!("matching/{path}"))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::None).from_path(path).unwrap();
    Some(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

fn prepare(model: &Model, rows: &[Row], side: Side) -> Vec<Prepared> {
    let scorer = Scorer::new(model.clone()).unwrap();
    rows.iter().map(|row| Prepared::new(&scorer, Symbol::of(&row.id), row, side)).collect()
}

/// The most records of one side under one key.
fn largest_block(records: &[Prepared]) -> usize {
    let mut sizes: BTreeMap<Symbol, usize> = BTreeMap::new();
    records.iter().flat_map(|record| &record.keys).for_each(|key| *sizes.entry(*key).or_insert(0) += 1);
    sizes.into_values().max().unwrap_or(0)
}

fn show_blocks(name: &str, left: &[Prepared], right: &[Prepared]) {
    let (left, right) = (largest_block(left), largest_block(right));
    println!("{name}: the largest blocks have {left} and {right} records");
    assert!(left.max(right) <= BLOCK_SIDE_MAX, "{name}");
}

fn show(name: &str, learned: &Learned, quality: Quality) {
    let Quality { blocked, precision, recall, f1, clear, clear_precision } = quality;
    let thresholds = learned.model.thresholds;
    println!("{name}: blocked {blocked:.4} precision {precision:.4} recall {recall:.4} F1 {f1:.4}");
    println!("{name}: matched with a clear margin {clear:.4} at precision {clear_precision:.4}");
    println!("{name}: {} pairs learned from, {thresholds:?}", learned.pairs);
}

mod payments {
    use super::*;

    const TEMPLATE: &str = include_str!("payments.toml");

    fn rows(path: &str) -> Option<Vec<Row>> {
        let row = |row: Vec<String>| Row {
            id: row[0].clone(),
            date: Date::parse(&row[1], "%Y-%m-%d").unwrap(),
            amount: Amount::parse(&row[2], &NumberFormat::default()).unwrap(),
            texts: BTreeMap::from([(Field::Reference, row[3].clone())]),
        };
        Some(read(path, b',')?.into_iter().map(row).collect())
    }

    /// The payments cut by the median date of their origin. Both parts are matched against all destinations, so the
    /// destinations of the other part are there to be mistaken; the pairs of the later part are used for its figures only.
    struct Split {
        earlier: Vec<Row>,
        later: Vec<Row>,
        destinations: Vec<Row>,
        known_earlier: Vec<(Symbol, Symbol)>,
        known_later: Vec<(Symbol, Symbol)>,
    }

    fn split() -> Option<Split> {
        let origins = rows("transactions_dev_origin.csv")?;
        let destinations = rows("transactions_dev_destination.csv")?;
        let known = read("transactions_dev_truth.csv", b',')?;
        let mut dates: Vec<Date> = origins.iter().map(|row| row.date).collect();
        dates.sort_unstable();
        let median = dates[dates.len() / 2];
        let (earlier, later): (Vec<Row>, Vec<Row>) = origins.into_iter().partition(|row| row.date < median);
        let of = |part: &[Row]| {
            let ids: BTreeSet<&str> = part.iter().map(|row| row.id.as_str()).collect();
            known
                .iter()
                .filter(|row| ids.contains(row[0].as_str()))
                .map(|row| (Symbol::of(&row[0]), Symbol::of(&row[1])))
                .collect()
        };
        let (known_earlier, known_later) = (of(&earlier), of(&later));
        Some(Split { earlier, later, destinations, known_earlier, known_later })
    }

    #[test]
    fn weights_learned_on_earlier_payments_match_the_later_ones() {
        let Some(split) = split() else { return };
        let template = Model::from_toml(TEMPLATE).unwrap();
        let right = prepare(&template, &split.destinations, Side::Right);
        let earlier = prepare(&template, &split.earlier, Side::Left);
        let learned =
            learn::from_known_pairs(&template, &earlier, &right, &split.known_earlier, Settings::default()).unwrap();
        show("payments, earlier half", &learned, learned.quality.unwrap());

        let later = prepare(&template, &split.later, Side::Left);
        let scorer = Scorer::new(learned.model.clone()).unwrap();
        let quality = learn::quality(&scorer, &later, &right, &split.known_later);
        show("payments, later half", &learned, quality);
        show_blocks("payments, later half", &later, &right);
        assert!(quality.f1 >= 0.96, "{quality:?}");
        assert!(quality.clear >= 0.83 && quality.clear_precision >= 0.998, "{quality:?}");
    }

    #[test]
    fn weights_learned_without_any_known_pair_match_payments() {
        let Some(split) = split() else { return };
        let template = Model::from_toml(TEMPLATE).unwrap();
        let right = prepare(&template, &split.destinations, Side::Right);
        let earlier = prepare(&template, &split.earlier, Side::Left);
        let learned = learn::from_records(&template, &earlier, &right, Settings::default()).unwrap();

        let later = prepare(&template, &split.later, Side::Left);
        let quality = learn::quality(&Scorer::new(learned.model.clone()).unwrap(), &later, &right, &split.known_later);
        show("payments, no known pair", &learned, quality);
        assert!(quality.f1 >= 0.96, "{quality:?}");
    }
}

mod persons {
    use super::*;

    const TEMPLATE: &str = include_str!("persons.toml");

    fn rows(path: &str) -> Option<Vec<Row>> {
        let row = |row: Vec<String>| Row {
            id: row[0].trim().to_owned(),
            texts: (0..).map(Field::Attribute).zip(row[1..].iter().map(|text| text.trim().to_owned())).collect(),
            ..Row::default()
        };
        Some(read(path, b',')?.into_iter().map(row).collect())
    }

    /// `rec-7-org` and `rec-7-dup-0` are the same person.
    fn number(row: &Row) -> &str {
        row.id.split('-').nth(1).unwrap()
    }

    #[test]
    fn persons_are_matched_without_any_known_pair() {
        let (Some(left), Some(right)) = (rows("febrl/febrl4a.csv"), rows("febrl/febrl4b.csv")) else { return };
        let numbers: BTreeMap<&str, &Row> = right.iter().map(|row| (number(row), row)).collect();
        let known: Vec<(Symbol, Symbol)> = left
            .iter()
            .filter_map(|row| Some((Symbol::of(&row.id), Symbol::of(&numbers.get(number(row))?.id))))
            .collect();
        assert_eq!(known.len(), 5_000);
        let template = Model::from_toml(TEMPLATE).unwrap();
        let (left, right) = (prepare(&template, &left, Side::Left), prepare(&template, &right, Side::Right));

        let learned = learn::from_records(&template, &left, &right, Settings::default()).unwrap();
        let quality = learn::quality(&Scorer::new(learned.model.clone()).unwrap(), &left, &right, &known);
        show("persons, no known pair", &learned, quality);
        show_blocks("persons", &left, &right);
        assert!(quality.f1 >= 0.99, "{quality:?}");

        let learned = learn::from_known_pairs(&template, &left, &right, &known, Settings::default()).unwrap();
        show("persons, known pairs", &learned, learned.quality.unwrap());
    }
}

mod publications {
    use super::*;

    const TEMPLATE: &str = include_str!("publications.toml");

    fn rows(path: &str) -> Option<Vec<Row>> {
        let row = |row: Vec<String>| Row {
            id: row[0].clone(),
            texts: BTreeMap::from([(Field::Attribute(0), row[1].clone()), (Field::Attribute(1), row[2].clone())]),
            date: row[4].trim().parse().map_or(Date::NONE, Date),
            ..Row::default()
        };
        Some(read(path, b'%')?.into_iter().map(row).collect())
    }

    #[test]
    fn publications_are_matched_after_learning_on_half_of_them() {
        let (Some(left), Some(right)) = (rows("dblp_acm/dblp.csv"), rows("dblp_acm/acm.csv")) else { return };
        let known = read("dblp_acm/gt.csv", b'%').unwrap();
        let known = |even: bool| -> Vec<(Symbol, Symbol)> {
            let pairs = known.iter().filter(|row| row[0].parse::<usize>().unwrap().is_multiple_of(2) == even);
            pairs.map(|row| (Symbol::of(&row[0]), Symbol::of(&row[1]))).collect()
        };
        let (even, odd): (Vec<Row>, Vec<Row>) =
            left.into_iter().partition(|row| row.id.parse::<usize>().unwrap().is_multiple_of(2));
        let template = Model::from_toml(TEMPLATE).unwrap();
        let right = prepare(&template, &right, Side::Right);
        let (even, odd) = (prepare(&template, &even, Side::Left), prepare(&template, &odd, Side::Left));

        let learned = learn::from_known_pairs(&template, &even, &right, &known(true), Settings::default()).unwrap();
        let quality = learn::quality(&Scorer::new(learned.model.clone()).unwrap(), &odd, &right, &known(false));
        show("publications, other half", &learned, quality);
        show_blocks("publications", &odd, &right);
        assert!(quality.f1 >= 0.95, "{quality:?}");
    }
}

mod trades {
    use ::model::{Dictionary, SourceId, Trade, TradeBuilder, Value};

    use super::super::{TradeFields, Verdict, match_lists, trades};
    use super::*;

    /// A trade, and the execution that links it to its counterpart: known to the test only.
    fn rows(path: &str, columns: &[(Field, usize)]) -> Option<Vec<(Trade, String)>> {
        let trade = |row: &Vec<String>| {
            let mut builder = TradeBuilder::new(SourceId(0));
            for &(field, column) in columns {
                builder.set(field, value(field, &row[column])).unwrap();
            }
            builder.finish()
        };
        let execution =
            |row: &Vec<String>| row.iter().find(|text| text.starts_with("EXEC-")).cloned().unwrap_or_default();
        Some(read(path, b',')?.iter().map(|row| (trade(row), execution(row))).collect())
    }

    fn value(field: Field, text: &str) -> Value {
        match field {
            Field::Side => Value::code(::model::Side::parse(text).unwrap().code()),
            Field::Currency => Value::code(text),
            Field::TradeDate | Field::SettlementDate => Value::Date(Date::parse(text, "%Y-%m-%d").unwrap()),
            Field::Quantity | Field::Price => {
                let amount = Amount::parse(text, &NumberFormat::default()).unwrap();
                Value::Number { scaled: amount.scaled().unwrap(), scale: Amount::SCALE }
            }
            _ => Value::Symbol(Symbol::of(text)),
        }
    }

    /// The columns of the internal bookings; the broker's file lacks some, so each field has a place in both.
    const COLUMNS: [(Field, usize, usize); 10] = [
        (Field::Id, 0, 0),
        (Field::TradeDate, 3, 2),
        (Field::SettlementDate, 4, 3),
        (Field::Instrument, 5, 4),
        (Field::Side, 6, 5),
        (Field::Quantity, 7, 6),
        (Field::Price, 8, 7),
        (Field::Currency, 12, 11),
        (Field::Account, 15, 12),
        (Field::Broker, 16, 13),
    ];

    #[test]
    fn trades_without_an_execution_id_are_matched_whichever_field_differs() {
        let internal = COLUMNS.map(|(field, column, _)| (field, column));
        let Some(left) = rows("trades_internal_vs_broker/internal_trades.csv", &internal) else { return };
        let broker = COLUMNS.map(|(field, _, column)| (field, column));
        let right = rows("trades_internal_vs_broker/broker_trades.csv", &broker).unwrap();
        let (scorer, dictionary) = (Scorer::new(trades().unwrap()).unwrap(), Dictionary::new());
        let prepare = |rows: &[(Trade, String)], side| -> Vec<Prepared> {
            let fields = |trade| TradeFields { trade, dictionary: &dictionary };
            rows.iter().map(|(trade, _)| Prepared::new(&scorer, trade.id, &fields(trade), side)).collect()
        };
        let matching = match_lists(&scorer, &prepare(&left, Side::Left), &prepare(&right, Side::Right));

        let executions =
            |rows: &[(Trade, String)]| -> BTreeSet<String> { rows.iter().map(|row| row.1.clone()).collect() };
        let known = executions(&left).intersection(&executions(&right)).count();
        let correct = matching.chosen.iter().filter(|pair| left[pair.left].1 == right[pair.right].1).count();
        let clear = matching.chosen.iter().filter(|pair| pair.verdict == Verdict::Match).count();
        println!("trades: {correct} of {known} pairs, {} wrong, {clear} clear", matching.chosen.len() - correct);
        println!("trades: {} pairs scored, {} keys capped", matching.pairs, matching.capped.len());
        assert_eq!((correct, matching.chosen.len()), (known, known));
        assert!(clear >= known - 3 && matching.capped.is_empty());
    }
}

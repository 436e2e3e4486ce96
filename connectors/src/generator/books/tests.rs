//! Books are what their specification says, and are read back as they are written.

use std::collections::BTreeMap;
use std::fs;

use engine::{Archive, Positions};
use model::{Dictionary, SourceId, TransactionType};

use super::*;
use crate::{FilesConfig, FilesSource, Scope, suite};

fn books() -> Books {
    Books::new(&BooksSpec::default(), &Dictionary::new()).unwrap()
}

#[test]
fn equal_specifications_give_equal_files_and_another_seed_gives_others() {
    let write = |seed| {
        let folder = tempfile::tempdir().unwrap();
        write_books(&BooksSpec { seed, ..BooksSpec::default() }, folder.path()).unwrap();
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
            .collect::<BTreeMap<String, String>>()
    };
    let (first, again, other) = (write(1), write(1), write(2));
    assert_eq!(first, again);
    assert_eq!(first.len(), 11);
    assert_ne!(first["prices.csv"], other["prices.csv"]);
    assert_ne!(first["transactions.csv"], other["transactions.csv"]);
}

#[test]
fn the_files_are_read_as_what_they_were_written_from() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write_books(&BooksSpec::default(), folder.path()).unwrap();
    let text = fs::read_to_string(summary.configuration).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let sources: BTreeMap<String, FilesConfig> = config["source"].clone().try_into().unwrap();
    let (dictionary, archive) = (Dictionary::new(), Archive::open(folder.path().join("archive")).unwrap());
    let mut read: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for (name, config) in &sources {
        let scope =
            Scope { name, source: SourceId(0), attributes: &[], dictionary: &dictionary, folder: folder.path() };
        let batches = suite::run(Box::new(FilesSource::new(config, &scope).unwrap()), Positions::new(), &archive);
        assert!(batches.iter().all(|batch| batch.refusals.is_empty()), "{name}");
        let records = batches.into_iter().flat_map(|batch| batch.events).map(|event| event.record.unwrap());
        read.insert(name.clone(), records.collect());
    }
    let (books, source) = (books(), SourceId(0));
    assert_eq!(read["instruments"], books.instruments(source).collect::<Vec<_>>());
    assert_eq!(read["portfolios"], books.portfolios(source).collect::<Vec<_>>());
    let transactions: Vec<Record> = books.transactions(source).chain(books.late_transactions(source)).collect();
    assert_eq!(read["transactions"], transactions);
    assert_eq!(read["prices"], books.prices(source).chain(books.price_corrections(source)).collect::<Vec<_>>());
    assert_eq!(read["fx_rates"], books.fx_rates(source).collect::<Vec<_>>());
    assert_eq!(read["benchmark_levels"], books.benchmark_levels(source).collect::<Vec<_>>());
    assert_eq!(read["risk_free_rates"], books.risk_free_rates(source).collect::<Vec<_>>());
    assert_eq!(read["sensitivities"], books.sensitivities(source).collect::<Vec<_>>());
}

#[test]
fn a_correction_replaces_a_price_that_was_told() {
    let corrections: Vec<Record> = books().price_corrections(SourceId(0)).collect();
    let [Record::MarketPrice(right)] = &corrections[..] else { panic!("one correction was expected") };
    let prices: Vec<Record> = books().prices(SourceId(0)).collect();
    let same: Vec<&Record> = prices.iter().filter(|price| price.key() == corrections[0].key()).collect();
    let [Record::MarketPrice(wrong)] = &same[..] else { panic!("one price was expected") };
    assert_eq!(wrong.price.scaled().unwrap(), right.price.scaled().unwrap() * 10);
    let mut keys: Vec<_> = prices.iter().map(Record::key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), prices.len(), "no price is told twice");
}

#[test]
fn most_types_of_transactions_happen_and_no_id_is_given_twice() {
    let records: Vec<Record> =
        books().transactions(SourceId(0)).chain(books().late_transactions(SourceId(0))).collect();
    let mut types = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for record in &records {
        let Record::Transaction(transaction) = record else { panic!("{record:?}") };
        *types.entry(transaction.transaction_type).or_insert(0) += 1;
        *ids.entry(transaction.id).or_insert(0) += 1;
    }
    assert_eq!(ids.len(), records.len());
    use TransactionType as T;
    let expected = [
        T::Buy,
        T::Sell,
        T::Dividend,
        T::Interest,
        T::Deposit,
        T::Withdrawal,
        T::Fee,
        T::Tax,
        T::TransferIn,
        T::TransferOut,
        T::Split,
        T::StockDividend,
        T::Merger,
        T::SpinOff,
        T::FxSpot,
        T::Redemption,
    ];
    for kind in expected {
        assert!(types.contains_key(&kind), "{kind}: {types:?}");
    }
    let lots = records.iter().filter(|record| match record {
        Record::Transaction(transaction) => transaction.detail.as_ref().is_some_and(|detail| !detail.lots.is_empty()),
        _ => false,
    });
    assert!(lots.count() > 0);
}

#[test]
fn what_cannot_be_generated_is_refused_with_what_to_do() {
    for (spec, help) in [
        (BooksSpec { days: 0, ..BooksSpec::default() }, "1 to 10000 business days"),
        (BooksSpec { portfolios: 0, ..BooksSpec::default() }, "1 to 100000 portfolios"),
    ] {
        let error = Books::new(&spec, &Dictionary::new()).err().unwrap();
        assert!(error.help.contains(help), "{error}");
    }
    for days in [1, 31, 101, 1000] {
        Books::new(&BooksSpec { days, ..BooksSpec::default() }, &Dictionary::new())
            .unwrap()
            .transactions(SourceId(0))
            .count();
    }
}

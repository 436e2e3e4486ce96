//! What a reconciliation must say, told naively: plain loops over the records that are there now. Written from the
//! documentation, apart from the dataflow; only the scoring of pairs is shared with it, and has an oracle of its own.

#![allow(dead_code)]

mod differences;
mod pairing;
mod rules;

use std::collections::BTreeMap;

use dataflows::DataflowsConfig;
use model::{Date, Dictionary, Field, Record, Symbol, Trade, Value};

use self::rules::Leg;
use crate::kit::TextRow;

/// The views of the domain, each as the sorted text of its rows.
pub type Views = BTreeMap<&'static str, Vec<TextRow>>;

/// What became of a trade in a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has a counterpart and differs in nothing.
    Matched,
    /// It has a counterpart and differs.
    Differs,
    /// It has none.
    Missing,
    /// It is there twice.
    Duplicate,
}

/// What reconciling a leg comes to.
#[derive(Default)]
pub struct Found {
    pub matches: Vec<TextRow>,
    /// Without the tick at which they were first seen.
    pub breaks: Vec<TextRow>,
    pub fates: Vec<(Trade, Fate)>,
}

/// The oracle of a configuration.
pub struct Oracle {
    legs: Vec<Leg>,
    sources: Vec<String>,
    dictionary: Dictionary,
    /// When each break was first there.
    first_seen: BTreeMap<String, String>,
}

impl Oracle {
    pub fn new(config: &DataflowsConfig, sources: &[String], dictionary: &Dictionary) -> Oracle {
        let legs = config.reconciliation.iter().flat_map(|(name, config)| rules::legs(name, config, sources)).collect();
        Oracle { legs, sources: sources.to_vec(), dictionary: dictionary.clone(), first_seen: BTreeMap::new() }
    }

    /// All views, when these records are there and `tick` is now. `refused` counts refused records by source. Ticks must
    /// be asked for in order: the oracle remembers what it has seen.
    pub fn views(&mut self, records: &[Record], refused: &[u64], tick: &str) -> Views {
        let found: Vec<Found> =
            self.legs.iter().map(|leg| pairing::reconcile(leg, records, &self.sources, &self.dictionary)).collect();
        let mut views = Views::new();
        views.insert("trades", trades(records, &self.sources, &self.dictionary));
        views.insert("matches", found.iter().flat_map(|found| found.matches.clone()).collect());
        let mut breaks: Vec<TextRow> = found.iter().flat_map(|found| found.breaks.clone()).collect();
        views.insert("break_summary", summary(&breaks));
        for row in &mut breaks {
            row.push(self.first_seen.entry(row[0].clone()).or_insert_with(|| tick.to_owned()).clone());
        }
        views.insert("breaks", breaks);
        views.insert("match_rates", self.match_rates(&found));
        views.insert("conservation", self.conservation(&found, records, refused));
        views.values_mut().for_each(|rows| rows.sort());
        views
    }

    fn match_rates(&self, found: &[Found]) -> Vec<TextRow> {
        let mut counts: BTreeMap<Vec<String>, [u64; 3]> = BTreeMap::new();
        for (leg, found) in self.legs.iter().zip(found) {
            for (trade, fate) in &found.fates {
                let date = date_text(trade.trade_date);
                let group = vec![leg.reconciliation.clone(), leg.sides[1].clone(), self.source(trade), date];
                let [trades, paired, matched] = counts.entry(group).or_default();
                *trades += 1;
                *paired += u64::from(matches!(fate, Fate::Matched | Fate::Differs));
                *matched += u64::from(*fate == Fate::Matched);
            }
        }
        // Six decimals, cut off.
        let rate = |count: u64, of: u64| {
            let millionths = count * 1_000_000 / of;
            let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let row = |(group, [trades, paired, matched]): (Vec<String>, [u64; 3])| {
            let counts = [trades, paired, matched].map(|count| count.to_string());
            [group, counts.to_vec(), vec![rate(paired, trades), rate(matched, trades)]].concat()
        };
        counts.into_iter().map(row).collect()
    }

    fn conservation(&self, found: &[Found], records: &[Record], refused: &[u64]) -> Vec<TextRow> {
        let mut rows = Vec::new();
        for (leg, found) in self.legs.iter().zip(found) {
            for source in leg.trades.concat() {
                let is_own = |trade: &Trade| trade.source.0 == source;
                let received =
                    records.iter().filter(|record| matches!(record, Record::Trade(trade) if is_own(trade))).count()
                        as u64;
                let refused = refused.get(usize::from(source)).copied().unwrap_or(0);
                let with = |fates: &[Fate]| {
                    found.fates.iter().filter(|(trade, fate)| is_own(trade) && fates.contains(fate)).count() as u64
                };
                let (matched, broken, duplicate) =
                    (with(&[Fate::Matched]), with(&[Fate::Differs, Fate::Missing]), with(&[Fate::Duplicate]));
                assert_eq!(received, matched + broken + duplicate, "the oracle itself loses no trade");
                if received + refused > 0 {
                    let counts =
                        [received + refused, matched, broken, duplicate, refused].map(|count| count.to_string());
                    let group = vec![
                        leg.reconciliation.clone(),
                        leg.sides[1].clone(),
                        self.sources[usize::from(source)].clone(),
                    ];
                    rows.push([group, counts.to_vec(), vec!["true".to_owned()]].concat());
                }
            }
        }
        rows
    }

    fn source(&self, trade: &Trade) -> String {
        self.sources[usize::from(trade.source.0)].clone()
    }
}

fn trades(records: &[Record], sources: &[String], dictionary: &Dictionary) -> Vec<TextRow> {
    let row = |record: &Record| {
        let Record::Trade(trade) = record else { return None };
        let values = Field::ALL.iter().map(|field| value_text(&trade.value(*field), dictionary).unwrap_or_default());
        Some(std::iter::once(sources[usize::from(trade.source.0)].clone()).chain(values).collect())
    };
    records.iter().filter_map(row).collect()
}

/// By reconciliation, side, type, counterparty, desk and day: how many breaks, and how many of each severity.
fn summary(breaks: &[TextRow]) -> Vec<TextRow> {
    let mut counts: BTreeMap<Vec<String>, [u64; 5]> = BTreeMap::new();
    for row in breaks {
        let severity = ["low", "medium", "high", "critical"].iter().position(|name| *name == row[5]).unwrap();
        let group = [1, 2, 3, 9, 10, 11].map(|column| row[column].clone()).to_vec();
        let counts = counts.entry(group).or_default();
        counts[0] += 1;
        counts[1 + severity] += 1;
    }
    counts.into_iter().map(|(group, counts)| [group, counts.map(|count| count.to_string()).to_vec()].concat()).collect()
}

/// A value as people read it; `None` where nothing is known.
fn value_text(value: &Value, dictionary: &Dictionary) -> Option<String> {
    match value {
        Value::None => None,
        Value::Symbol(symbol) => Some(symbol_text(*symbol, dictionary)),
        value => Some(value.to_string()),
    }
}

fn symbol_text(symbol: Symbol, dictionary: &Dictionary) -> String {
    if symbol.is_none() {
        return String::new();
    }
    dictionary.text(symbol).map_or_else(|| symbol.to_string(), |text| text.to_string())
}

fn date_text(date: Date) -> String {
    if date == Date::NONE { String::new() } else { date.to_string() }
}

//! A small world of funds in which everything happens: batches that repeat, correct and take back each other, by two
//! sources, around the first midnight of the clock and around the change of a rule.

use std::sync::Arc;

use model::{
    Amount, AssetType, Date, Dictionary, FundAum, FundAumDay, FundExposure, FundPosition, MarginException,
    MarginSubmission, MarginValidation, Record, SourceId, Symbol, Timestamp,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::kit::{Book, Change};

pub const SOURCES: [&str; 2] = ["administrator", "manager"];
pub const LONG_MANAGER: &str = "The asset management of the house";
pub const DAY_MICROSECONDS: i64 = 86_400_000_000;

pub const RULES: &str = r#"
    [margin]
    excluded_managers = ["OF THE HOUSE"]
    swap_classifications = ["Swap"]
    exchange_option_types = ["Option"]

    [[margin.exposure]]
    name = "otc"
    origins = ["Forward", "Swap"]
    period_days_by_investor_class = { "Retail" = 1, "Qualified" = 3 }

    [[margin.exposure]]
    name = "funds abroad, and more"
    origins = ["Fund abroad"]
    period_days = 2

    [[margin.offshore]]
    classifications = ["Abroad", "Fund abroad"]

    [[margin.offshore]]
    from = "1970-01-02T00:00:00Z"
    classifications = ["Fund abroad"]
"#;

pub fn dictionary() -> Dictionary {
    let dictionary = Dictionary::new();
    dictionary.intern(LONG_MANAGER);
    dictionary
}

/// Something that happens in a tick.
#[derive(Clone, Debug)]
pub enum Happening {
    Put(Record),
    /// One of the records that are there comes again as it is.
    Replay(Index),
    Deletion(Index),
    /// All records of a batch come again in another one.
    Repeat(Index, Timestamp),
}

/// What happens in a tick, and how many hours pass before it with no input.
#[derive(Clone, Debug)]
pub struct Moment {
    pub hours: u64,
    pub happenings: Vec<Happening>,
}

fn symbols(texts: &'static [&'static str]) -> impl Strategy<Value = Symbol> {
    select(texts).prop_map(Symbol::of)
}

fn fund() -> impl Strategy<Value = Symbol> {
    symbols(&["2", "10", "F"])
}

fn source() -> impl Strategy<Value = SourceId> {
    prop_oneof![4 => Just(SourceId(0)), 1 => Just(SourceId(1))]
}

/// Around the change of the rule, and in few batches.
fn loaded_at() -> impl Strategy<Value = Timestamp> {
    select(vec![-2, 0, 1, 2]).prop_map(|day| Timestamp(day * DAY_MICROSECONDS))
}

/// In three months.
fn date() -> impl Strategy<Value = Date> {
    prop_oneof![1 => Just(Date::NONE), 8 => select(vec![-33, -32, -2, -1, 0, 1, 2, 31]).prop_map(Date)]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (date(), select(vec![0, 5_000_000])).prop_map(|(date, offset)| match Timestamp::start_of(date).micros() {
        Some(midnight) => Timestamp(midnight + offset),
        None => Timestamp::NONE,
    })
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![2 => Just(Amount::NONE), 5 => (-2i128..3).prop_map(|units| Amount::from_scaled(units * 50_000_000))]
}

fn flag() -> impl Strategy<Value = Option<bool>> {
    select(vec![None, Some(false), Some(true)])
}

fn classification() -> impl Strategy<Value = Symbol> {
    symbols(&["Forward", "Swap", "Swap", "Abroad", "Fund abroad", "Fund abroad", "Other"])
}

fn aum() -> impl Strategy<Value = Record> {
    let classes = (symbols(&["Retail", "Qualified", "Anybody", ""]), symbols(&["Stocks", "Bonds"]));
    let manager = symbols(&["Ann", LONG_MANAGER, ""]);
    (source(), fund(), classes, manager, amount(), loaded_at()).prop_map(
        |(source, fund, (investor_class, fund_class), manager, aum, loaded_at)| {
            let aum =
                FundAum { source, fund, investor_class, fund_class, manager, aum, loaded_at, ..FundAum::default() };
            Arc::new(aum).into()
        },
    )
}

fn aum_day() -> impl Strategy<Value = Record> {
    (source(), fund(), date(), amount(), amount(), loaded_at()).prop_map(
        |(source, fund, aum_date, opening_aum, closing_aum, loaded_at)| {
            let day =
                FundAumDay { source, fund, aum_date, opening_aum, closing_aum, loaded_at, ..FundAumDay::default() };
            Arc::new(day).into()
        },
    )
}

fn submission() -> impl Strategy<Value = Record> {
    (source(), fund(), time(), amount(), amount(), loaded_at()).prop_map(
        |(source, fund, submitted_at, local_margin, offshore_margin, loaded_at)| {
            let submission = MarginSubmission {
                source,
                fund,
                submitted_at,
                local_margin,
                offshore_margin,
                loaded_at,
                ..MarginSubmission::default()
            };
            Arc::new(submission).into()
        },
    )
}

fn position() -> impl Strategy<Value = Record> {
    let kinds = (symbols(&["N1", "N2"]), classification(), symbols(&["1", "2", ""]));
    let amounts = (amount(), amount(), amount(), amount());
    (source(), fund(), kinds, (date(), date()), amounts, loaded_at()).prop_map(
        |(source, fund, (nickname, classification, asset_type), (date, other), amounts, loaded_at)| {
            let (notional, value, received_leg, paid_leg) = amounts;
            // Mostly the same day.
            let position_date = if other == Date(0) { other } else { date };
            let portfolio_date = date;
            let position = FundPosition {
                source,
                fund,
                nickname,
                position_date,
                portfolio_date,
                classification,
                asset_type,
                notional,
                value,
                received_leg,
                paid_leg,
                loaded_at,
                ..FundPosition::default()
            };
            Arc::new(position).into()
        },
    )
}

fn exposure() -> impl Strategy<Value = Record> {
    (source(), fund(), classification(), loaded_at())
        .prop_map(|(source, fund, origin, loaded_at)| Arc::new(FundExposure { source, fund, origin, loaded_at }).into())
}

fn validation() -> impl Strategy<Value = Record> {
    (source(), fund(), time(), flag(), loaded_at()).prop_map(|(source, fund, validated_at, is_valid, loaded_at)| {
        let validation =
            MarginValidation { source, fund, validated_at, is_valid, loaded_at, ..MarginValidation::default() };
        Arc::new(validation).into()
    })
}

fn exception() -> impl Strategy<Value = Record> {
    (source(), fund(), any::<bool>())
        .prop_map(|(source, fund, is_accepted)| Arc::new(MarginException { source, fund, is_accepted }).into())
}

fn asset_type() -> impl Strategy<Value = Record> {
    (source(), symbols(&["1", "2"]), symbols(&["Option", "Stock"]))
        .prop_map(|(source, id, name)| Arc::new(AssetType { source, id, name, ..AssetType::default() }).into())
}

fn happening() -> impl Strategy<Value = Happening> {
    let record = prop_oneof![
        4 => aum(),
        3 => aum_day(),
        4 => submission(),
        5 => position(),
        4 => exposure(),
        2 => validation(),
        1 => exception(),
        1 => asset_type(),
    ];
    prop_oneof![
        16 => record.prop_map(Happening::Put),
        1 => any::<Index>().prop_map(Happening::Replay),
        3 => any::<Index>().prop_map(Happening::Deletion),
        1 => (any::<Index>(), loaded_at()).prop_map(|(index, at)| Happening::Repeat(index, at)),
    ]
}

/// What happens, moment by moment.
pub fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let hours = prop_oneof![2 => Just(0u64), 1 => 1..60u64];
    let moment =
        (hours, prop::collection::vec(happening(), 1..12)).prop_map(|(hours, happenings)| Moment { hours, happenings });
    prop::collection::vec(moment, 1..7)
}

/// The changes of a moment, given what is there.
pub fn changes(happenings: &[Happening], book: &Book) -> Vec<Change> {
    let mut book = book.clone();
    let mut all = Vec::new();
    for happening in happenings {
        let records = book.records();
        let chosen = |index: &Index| (!records.is_empty()).then(|| &records[index.index(records.len())]);
        let changes: Vec<Change> = match happening {
            Happening::Put(record) => vec![Change::put(record.clone())],
            Happening::Replay(index) => chosen(index).cloned().map(Change::put).into_iter().collect(),
            Happening::Deletion(index) => chosen(index).map(Change::delete).into_iter().collect(),
            Happening::Repeat(index, at) => match chosen(index) {
                Some(one) => {
                    let batch = records.iter().filter(|other| is_same_batch(one, other));
                    batch.filter_map(|record| in_batch(record, *at)).map(Change::put).collect()
                }
                None => Vec::new(),
            },
        };
        book.apply(&changes);
        all.extend(changes);
    }
    all
}

fn is_same_batch(one: &Record, other: &Record) -> bool {
    one.member() == other.member() && batch_of(one) == batch_of(other)
}

fn batch_of(record: &Record) -> Timestamp {
    match record {
        Record::FundAum(own) => own.loaded_at,
        Record::MarginSubmission(own) => own.loaded_at,
        Record::FundExposure(own) => own.loaded_at,
        Record::MarginValidation(own) => own.loaded_at,
        _ => Timestamp::NONE,
    }
}

/// The same, as another batch has it.
pub fn in_batch(record: &Record, loaded_at: Timestamp) -> Option<Record> {
    Some(match record {
        Record::FundAum(own) => Arc::new(FundAum { loaded_at, ..(**own).clone() }).into(),
        Record::MarginSubmission(own) => Arc::new(MarginSubmission { loaded_at, ..(**own).clone() }).into(),
        Record::FundExposure(own) => Arc::new(FundExposure { loaded_at, ..(**own).clone() }).into(),
        Record::MarginValidation(own) => Arc::new(MarginValidation { loaded_at, ..(**own).clone() }).into(),
        _ => return None,
    })
}

//! What the latest batches say of each fund, table by table; and which records there are in all batches.

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::{AssetType, Date, FundAum, FundFigures, Record, Symbol, Timestamp};
use operators::Arranged;

use crate::table::{AMOUNT, Sources, amount_cell, bool_cell, date_cell, spec, symbol_cell, time_cell};

/// The first day of the month of a date; [`Date::NONE`] where there is none.
pub fn month_of(date: Date) -> Date {
    date.ymd().and_then(|(year, month, _day)| Date::from_ymd(year, month, 1)).unwrap_or(Date::NONE)
}

/// Registers a view for each table: a row a record.
pub fn register<'scope>(
    by_fund: &Arranged<'scope, Key, Record>,
    records: &Arranged<'scope, Key, Record>,
    sources: &Sources,
    views: &mut Views,
) {
    let mut table =
        |spec: ViewSpec, arranged: &Arranged<'scope, Key, Record>, row: fn(&Record) -> Option<Vec<Cell>>| {
            let sources = sources.clone();
            views.derived(spec, arranged, move |_key, group, rows| {
                for (record, count) in group {
                    if let (Some(source), Some(cells)) = (record.source(), row(record)) {
                        let cells = std::iter::once(sources.cell(source)).chain(cells);
                        rows.push((Row::new(cells.collect::<Vec<_>>()), *count));
                    }
                }
            });
        };
    table(records_spec(), records, record_cells);
    table(aum_spec(), by_fund, |record| match record {
        Record::FundAum(aum) => Some(aum_cells(aum)),
        _ => None,
    });
    table(exposure_spec(), by_fund, |record| match record {
        Record::FundExposure(exposure) => Some(vec![symbol_cell(exposure.fund), symbol_cell(exposure.origin)]),
        _ => None,
    });
    table(submission_spec(), by_fund, |record| match record {
        Record::MarginSubmission(own) => Some(vec![
            symbol_cell(own.fund),
            time_cell(own.submitted_at),
            symbol_cell(own.name),
            symbol_cell(own.tax_id),
            symbol_cell(own.manager_id),
            symbol_cell(own.status),
            symbol_cell(own.methodology),
            amount_cell(own.local_margin),
            amount_cell(own.offshore_margin),
        ]),
        _ => None,
    });
    table(validation_spec(), by_fund, |record| match record {
        Record::MarginValidation(own) => Some(vec![
            symbol_cell(own.fund),
            time_cell(own.validated_at),
            symbol_cell(own.name),
            symbol_cell(own.manager),
            symbol_cell(own.finding),
            bool_cell(own.is_valid),
        ]),
        _ => None,
    });
    table(exception_spec(), by_fund, |record| match record {
        Record::MarginException(own) => Some(vec![symbol_cell(own.fund), Cell::Bool(own.is_accepted)]),
        _ => None,
    });
    table(asset_type_spec(), records, |record| match record {
        Record::AssetType(own) => Some(asset_type_cells(own)),
        _ => None,
    });
}

/// What tells the records of funds apart, whichever batch they came in.
fn record_cells(record: &Record) -> Option<Vec<Cell>> {
    let (fund, about, date, time, loaded_at) = match record {
        Record::FundAum(own) => (own.fund, Symbol::NONE, own.position_date, Timestamp::NONE, own.loaded_at),
        Record::FundAumDay(own) => (own.fund, Symbol::NONE, own.aum_date, Timestamp::NONE, own.loaded_at),
        Record::FundExposure(own) => (own.fund, own.origin, Date::NONE, Timestamp::NONE, own.loaded_at),
        Record::FundPosition(own) => (own.fund, own.nickname, own.position_date, Timestamp::NONE, own.loaded_at),
        Record::MarginSubmission(own) => {
            (own.fund, Symbol::NONE, own.submitted_at.date(), own.submitted_at, own.loaded_at)
        }
        Record::MarginValidation(own) => {
            (own.fund, Symbol::NONE, own.validated_at.date(), own.validated_at, own.loaded_at)
        }
        _ => return None,
    };
    Some(vec![
        Cell::text(record.kind()),
        Cell::Hash(record.key().bytes()),
        symbol_cell(fund),
        symbol_cell(about),
        date_cell(date),
        time_cell(time),
        time_cell(loaded_at),
    ])
}

fn records_spec() -> ViewSpec {
    use ColumnKind::{Date, Text, Time};
    let columns = [
        ("source", Text),
        ("kind", Text),
        ("record", Text),
        ("fund", Text),
        ("about", Text),
        ("date", Date),
        ("time", Time),
        ("loaded_at", Time),
    ];
    spec("fund_records", "Every record that is told of a fund, in whichever batch it came.", &columns, 3)
}

fn aum_cells(aum: &FundAum) -> Vec<Cell> {
    let nothing = FundFigures::default();
    let figures = aum.figures.as_deref().unwrap_or(&nothing);
    let mut cells: Vec<Cell> = [
        aum.fund,
        aum.name,
        aum.tax_id,
        aum.manager_id,
        aum.manager,
        aum.investor_class,
        aum.portfolio_type,
        aum.association_class,
        aum.fund_class_id,
        aum.fund_class,
        aum.restriction,
        aum.criticality,
    ]
    .map(symbol_cell)
    .to_vec();
    cells.extend([bool_cell(aum.is_closed), date_cell(aum.position_date), amount_cell(aum.aum)]);
    cells.extend(figures.values().map(amount_cell));
    cells
}

fn asset_type_cells(asset_type: &AssetType) -> Vec<Cell> {
    vec![symbol_cell(asset_type.id), symbol_cell(asset_type.name), time_cell(asset_type.loaded_at)]
}

fn aum_spec() -> ViewSpec {
    use ColumnKind::{Bool, Date, Text};
    let texts = [
        "source",
        "fund",
        "name",
        "tax_id",
        "manager_id",
        "manager",
        "investor_class",
        "portfolio_type",
        "association_class",
        "fund_class_id",
        "fund_class",
        "restriction",
        "criticality",
    ];
    let mut columns: Vec<(&str, ColumnKind)> = texts.map(|name| (name, Text)).to_vec();
    columns.extend([("is_closed", Bool), ("position_date", Date), ("aum", AMOUNT)]);
    columns.extend(FundFigures::NAMES.iter().map(|name| (*name, AMOUNT)));
    spec("fund_aum", "Every fund of the latest batch, with its assets under management.", &columns, 2)
}

fn exposure_spec() -> ViewSpec {
    let columns = ["source", "fund", "origin"].map(|name| (name, ColumnKind::Text));
    spec("fund_exposure_origins", "What each fund is exposed to, in the latest batch.", &columns, 3)
}

fn submission_spec() -> ViewSpec {
    use ColumnKind::{Text, Time};
    let columns = [
        ("source", Text),
        ("fund", Text),
        ("submitted_at", Time),
        ("name", Text),
        ("tax_id", Text),
        ("manager_id", Text),
        ("status", Text),
        ("methodology", Text),
        ("local_margin", AMOUNT),
        ("offshore_margin", AMOUNT),
    ];
    spec("margin_submissions", "The margin that managers submitted, in the latest batch.", &columns, 3)
}

fn validation_spec() -> ViewSpec {
    use ColumnKind::{Bool, Text, Time};
    let columns = [
        ("source", Text),
        ("fund", Text),
        ("validated_at", Time),
        ("name", Text),
        ("manager", Text),
        ("finding", Text),
        ("is_valid", Bool),
    ];
    spec("margin_validations", "Who looked at which submission, in the latest batch.", &columns, 3)
}

fn exception_spec() -> ViewSpec {
    let columns = [("source", ColumnKind::Text), ("fund", ColumnKind::Text), ("is_accepted", ColumnKind::Bool)];
    spec("margin_exceptions", "The funds whose margin is taken as it is.", &columns, 2)
}

fn asset_type_spec() -> ViewSpec {
    use ColumnKind::{Text, Time};
    let columns = [("source", Text), ("asset_type", Text), ("name", Text), ("loaded_at", Time)];
    spec("asset_types", "What the codes of asset types stand for.", &columns, 2)
}

//! The columns of the files: which field each holds, and what each side calls it.

use model::{Field, FieldKind};

/// How a side writes its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As we do: names like those of the fields, ISO dates, whole words.
    Ours,
    /// As others do: names in capitals and short, dates without hyphens, letters for words.
    Theirs,
}

impl Dialect {
    pub(super) fn of_side(side: u8) -> Dialect {
        if side == 0 { Dialect::Ours } else { Dialect::Theirs }
    }
}

/// A column of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) source: ColumnSource,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnSource {
    /// Whether the row is new, an amendment or a cancellation.
    Action,
    /// When the row arrived.
    ReceivedAt,
    /// A field of a trade.
    Trade(Field),
    /// A field of an allocation.
    Allocation(AllocationField),
}

/// A field of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AllocationField {
    Id,
    Trade,
    Account,
    Quantity,
}

impl AllocationField {
    /// The name in the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            AllocationField::Id => "id",
            AllocationField::Trade => "trade",
            AllocationField::Account => "account",
            AllocationField::Quantity => "quantity",
        }
    }
}

impl ColumnSource {
    /// The name of the field in the configuration; none where no field is filled.
    pub(super) fn field_name(self) -> Option<&'static str> {
        match self {
            ColumnSource::Trade(field) => Some(field.name()),
            ColumnSource::Allocation(field) => Some(field.name()),
            ColumnSource::Action | ColumnSource::ReceivedAt => None,
        }
    }

    pub(super) fn kind(self) -> FieldKind {
        match self {
            ColumnSource::Action => FieldKind::Text,
            ColumnSource::ReceivedAt => FieldKind::Time,
            ColumnSource::Trade(field) => field.kind(),
            ColumnSource::Allocation(AllocationField::Quantity) => FieldKind::Quantity,
            ColumnSource::Allocation(_) => FieldKind::Symbol,
        }
    }
}

/// Each field with our name for it and that of others; an empty name where others do not have it.
const TRADE: [(Field, &str, &str); 40] = [
    (Field::Id, "trade_id", "TradeID"),
    (Field::ExecutionId, "execution_id", "ExecID"),
    (Field::OrderId, "order_id", "ClientOrderID"),
    (Field::BlockId, "block_id", "BlockID"),
    (Field::Uti, "uti", "UTI"),
    (Field::TradeDate, "trade_date", "TradeDate"),
    (Field::SettlementDate, "settlement_date", "SettleDate"),
    (Field::Product, "product", "AssetClass"),
    (Field::Instrument, "instrument", "Symbol"),
    (Field::Isin, "isin", "ISIN"),
    (Field::Venue, "venue", "MIC"),
    (Field::Side, "side", "BuySell"),
    (Field::Quantity, "quantity", "Qty"),
    (Field::Price, "price", "Price"),
    (Field::Currency, "currency", "Ccy"),
    (Field::GrossAmount, "gross_amount", "GrossAmt"),
    (Field::AccruedInterest, "accrued_interest", "AccruedInt"),
    (Field::Commission, "commission", "Comm"),
    (Field::Fees, "fees", "Fees"),
    (Field::NetAmount, "net_amount", "NetAmt"),
    (Field::Counterparty, "counterparty", "Counterparty"),
    (Field::Broker, "broker", "ExecBroker"),
    (Field::Account, "account", "Account"),
    (Field::Portfolio, "portfolio", ""),
    (Field::Strategy, "strategy", ""),
    (Field::Desk, "desk", ""),
    (Field::Trader, "trader", ""),
    (Field::OpenClose, "open_close", "OpenClose"),
    (Field::Multiplier, "multiplier", "Multiplier"),
    (Field::Expiry, "expiry", "Expiry"),
    (Field::Strike, "strike", "Strike"),
    (Field::OptionKind, "option_kind", "PutCall"),
    (Field::Notional, "notional", "Notional"),
    (Field::NotionalCurrency, "notional_currency", "NotionalCcy"),
    (Field::Notional2, "notional_2", "Notional2"),
    (Field::NotionalCurrency2, "notional_currency_2", "Notional2Ccy"),
    (Field::FixedRate, "fixed_rate", "FixedRate"),
    (Field::EffectiveDate, "effective_date", "Effective"),
    (Field::MaturityDate, "maturity_date", "Maturity"),
    (Field::ExecutionTime, "execution_time", "ExecTime"),
];

const ALLOCATION: [(AllocationField, &str, &str); 4] = [
    (AllocationField::Id, "allocation_id", "AllocID"),
    (AllocationField::Trade, "execution_id", "ExecID"),
    (AllocationField::Account, "account", "Account"),
    (AllocationField::Quantity, "quantity", "Qty"),
];

/// The columns of a file of trades.
pub(super) fn of_trades(dialect: Dialect) -> Vec<Column> {
    with_envelope(dialect, TRADE.map(|(field, ours, theirs)| (ColumnSource::Trade(field), ours, theirs)))
}

/// The columns of a file of allocations.
pub(super) fn of_allocations(dialect: Dialect) -> Vec<Column> {
    with_envelope(dialect, ALLOCATION.map(|(field, ours, theirs)| (ColumnSource::Allocation(field), ours, theirs)))
}

/// The column that tells new rows from amended and cancelled ones.
pub(super) fn action_name(dialect: Dialect) -> &'static str {
    named(dialect, "action", "Action")
}

fn with_envelope(
    dialect: Dialect,
    fields: impl IntoIterator<Item = (ColumnSource, &'static str, &'static str)>,
) -> Vec<Column> {
    let envelope =
        [(ColumnSource::Action, "action", "Action"), (ColumnSource::ReceivedAt, "received_at", "ReceivedAt")];
    let columns = envelope
        .into_iter()
        .chain(fields)
        .map(|(source, ours, theirs)| Column { name: named(dialect, ours, theirs), source });
    columns.filter(|column| !column.name.is_empty()).collect()
}

fn named(dialect: Dialect, ours: &'static str, theirs: &'static str) -> &'static str {
    match dialect {
        Dialect::Ours => ours,
        Dialect::Theirs => theirs,
    }
}

//! Records while they are put together: which fields each kind has, and where each of them is.

use std::sync::Arc;

use model::{
    Allocation, Amount, Confirmation, Currency, Date, OpenClose, OptionKind, Price, Product, Quantity, Record, Side,
    SourceId, Symbol, Timestamp, Trade, TradeBuilder,
};

/// Where in a draft a value of type `T` goes.
pub(crate) type At<D, T> = fn(&mut D) -> &mut T;

/// Where in a draft the value of a field goes, by the type of the field.
pub(crate) enum Place<D> {
    Symbol(At<D, Symbol>),
    Quantity(At<D, Quantity>),
    Price(At<D, Price>),
    Amount(At<D, Amount>),
    Date(At<D, Date>),
    Time(At<D, Timestamp>),
    Currency(At<D, Currency>),
    Side(At<D, Side>),
    Product(At<D, Product>),
    OptionKind(At<D, OptionKind>),
    OpenClose(At<D, OpenClose>),
    Attribute(u16),
}

impl<D> Clone for Place<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for Place<D> {}

/// The same expression for a place of any type; attributes apart.
macro_rules! at_place {
    ($place:expr, $at:ident => $value:expr, $index:ident => $attribute:expr) => {
        match $place {
            Place::Symbol($at) => $value,
            Place::Quantity($at) => $value,
            Place::Price($at) => $value,
            Place::Amount($at) => $value,
            Place::Date($at) => $value,
            Place::Time($at) => $value,
            Place::Currency($at) => $value,
            Place::Side($at) => $value,
            Place::Product($at) => $value,
            Place::OptionKind($at) => $value,
            Place::OpenClose($at) => $value,
            Place::Attribute($index) => $attribute,
        }
    };
}
pub(crate) use at_place;

/// A field's name and its place.
pub(crate) type Named<D> = (&'static str, Place<D>);

/// A record while it is put together.
pub(crate) trait Draft: Clone + Send + 'static {
    /// Its fields, in groups.
    const FIELDS: &'static [&'static [Named<Self>]];
    /// The fields without which it is of no use. The first is its own id.
    const REQUIRED: &'static [(&'static str, At<Self, Symbol>)];
    /// Whether it has attributes.
    const ATTRIBUTES: bool = false;

    /// A record of which only the source is known.
    fn new(source: SourceId) -> Self;

    /// Sets an attribute.
    fn set_attribute(&mut self, _index: u16, _text: Option<Arc<str>>) {}

    /// The record.
    fn finish(self) -> Record;

    /// The place of the field of this name.
    fn place(name: &str) -> Option<Place<Self>> {
        Self::FIELDS.iter().copied().flatten().find(|(field, _)| *field == name).map(|(_, place)| *place)
    }

    /// The names of its fields.
    fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::FIELDS.iter().copied().flatten().map(|(name, _)| *name)
    }
}

macro_rules! places {
    ($draft:ident => $path:expr; $($name:ident: $kind:ident),* $(,)?) => {
        &[$((stringify!($name), Place::$kind(|$draft| &mut $path.$name))),*]
    };
}

/// The fields that a trade holds itself.
macro_rules! trade_places {
    ($draft:ident => $path:expr) => {
        places! { $draft => $path;
            id: Symbol, side: Side, product: Product, currency: Currency, instrument: Symbol, counterparty: Symbol,
            trade_date: Date, settlement_date: Date, quantity: Quantity, price: Price,
        }
    };
}

/// A trade of which no detail is known: small, and filled with no allocation.
impl Draft for Trade {
    const FIELDS: &'static [&'static [Named<Self>]] = &[trade_places!(trade => trade)];
    const REQUIRED: &'static [(&'static str, At<Self, Symbol>)] = &[("id", |trade| &mut trade.id)];

    fn new(source: SourceId) -> Self {
        Trade { source, ..Trade::default() }
    }

    fn finish(self) -> Record {
        Record::Trade(self)
    }
}

/// A trade with its details and attributes.
impl Draft for TradeBuilder {
    const FIELDS: &'static [&'static [Named<Self>]] = &[
        trade_places!(builder => builder.trade_mut()),
        places! { builder => builder.detail_mut();
            execution_id: Symbol, order_id: Symbol, block_id: Symbol, uti: Symbol, account: Symbol, portfolio: Symbol,
            strategy: Symbol, desk: Symbol, trader: Symbol, broker: Symbol, venue: Symbol, isin: Symbol, reference: Symbol,
            gross_amount: Amount, net_amount: Amount, commission: Amount, fees: Amount, accrued_interest: Amount,
            notional: Amount, notional_2: Amount, notional_currency: Currency, notional_currency_2: Currency,
            multiplier: Quantity, strike: Price, fixed_rate: Price,
            expiry: Date, effective_date: Date, maturity_date: Date,
            option_kind: OptionKind, open_close: OpenClose, execution_time: Time,
        },
    ];
    const REQUIRED: &'static [(&'static str, At<Self, Symbol>)] = &[("id", |builder| &mut builder.trade_mut().id)];
    const ATTRIBUTES: bool = true;

    fn new(source: SourceId) -> Self {
        TradeBuilder::new(source)
    }

    fn set_attribute(&mut self, index: u16, text: Option<Arc<str>>) {
        TradeBuilder::set_attribute(self, index, text);
    }

    fn finish(self) -> Record {
        Record::Trade(TradeBuilder::finish(self))
    }
}

impl Draft for Allocation {
    const FIELDS: &'static [&'static [Named<Self>]] =
        &[places! { allocation => allocation; id: Symbol, trade: Symbol, account: Symbol, quantity: Quantity }];
    const REQUIRED: &'static [(&'static str, At<Self, Symbol>)] =
        &[("id", |allocation| &mut allocation.id), ("trade", |allocation| &mut allocation.trade)];

    fn new(source: SourceId) -> Self {
        let (id, trade, account, quantity) = (Symbol::NONE, Symbol::NONE, Symbol::NONE, Quantity::NONE);
        Allocation { source, id, trade, account, quantity }
    }

    fn finish(self) -> Record {
        Record::Allocation(self)
    }
}

impl Draft for Confirmation {
    const FIELDS: &'static [&'static [Named<Self>]] = &[
        places! { confirmation => confirmation; id: Symbol, reconciliation: Symbol, left: Symbol, right: Symbol, by: Symbol },
    ];
    const REQUIRED: &'static [(&'static str, At<Self, Symbol>)] = &[
        ("id", |confirmation| &mut confirmation.id),
        ("reconciliation", |confirmation| &mut confirmation.reconciliation),
        ("left", |confirmation| &mut confirmation.left),
        ("right", |confirmation| &mut confirmation.right),
    ];

    fn new(source: SourceId) -> Self {
        let none = Symbol::NONE;
        Confirmation { source, id: none, reconciliation: none, left: none, right: none, by: none }
    }

    fn finish(self) -> Record {
        Record::Confirmation(self)
    }
}

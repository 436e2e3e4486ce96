//! Records while they are put together: which fields each kind has, and where each of them is.
//!
//! Which kinds there are, and the fields of most of them, is one table: see `kinds`.

use std::sync::Arc;

use model::{
    Amount, CostMethod, Currency, Date, Dictionary, ExposureDimension, LimitMeasure, LimitScope, LotReference,
    OpenClose, OptionKind, OversellPolicy, Price, Product, Quantity, Rate, Record, Side, SourceId, Symbol, Timestamp,
    TransactionType, Value,
};

use super::value::{FieldValue, ValueType};

/// Where in a draft a value of type `T` goes.
pub(crate) type At<D, T> = fn(&mut D) -> &mut T;

/// Where in a draft the value of a field goes, by the type of the field.
pub(crate) enum Place<D> {
    Symbol(At<D, Symbol>),
    Quantity(At<D, Quantity>),
    Price(At<D, Price>),
    Amount(At<D, Amount>),
    Rate(At<D, Rate>),
    Date(At<D, Date>),
    Time(At<D, Timestamp>),
    Currency(At<D, Currency>),
    Side(At<D, Side>),
    Product(At<D, Product>),
    OptionKind(At<D, OptionKind>),
    OpenClose(At<D, OpenClose>),
    TransactionType(At<D, TransactionType>),
    LimitScope(At<D, LimitScope>),
    Dimension(At<D, ExposureDimension>),
    LimitMeasure(At<D, LimitMeasure>),
    CostMethod(At<D, Option<CostMethod>>),
    Oversell(At<D, Option<OversellPolicy>>),
    Lots(At<D, Box<[LotReference]>>),
    Symbols(At<D, Box<[Symbol]>>),
    Truth(At<D, Option<bool>>),
    Flag(At<D, bool>),
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
            Place::Rate($at) => $value,
            Place::Date($at) => $value,
            Place::Time($at) => $value,
            Place::Currency($at) => $value,
            Place::Side($at) => $value,
            Place::Product($at) => $value,
            Place::OptionKind($at) => $value,
            Place::OpenClose($at) => $value,
            Place::TransactionType($at) => $value,
            Place::LimitScope($at) => $value,
            Place::Dimension($at) => $value,
            Place::LimitMeasure($at) => $value,
            Place::CostMethod($at) => $value,
            Place::Oversell($at) => $value,
            Place::Lots($at) => $value,
            Place::Symbols($at) => $value,
            Place::Truth($at) => $value,
            Place::Flag($at) => $value,
            Place::Attribute($index) => $attribute,
        }
    };
}
pub(crate) use at_place;

impl<D> Place<D> {
    /// What type of value goes there.
    pub(crate) fn value_type(self) -> ValueType {
        fn of<D, T: FieldValue>(_at: At<D, T>) -> ValueType {
            T::TYPE
        }
        at_place!(self, at => of(at), _index => ValueType::Text)
    }

    /// Whether nothing is known there.
    #[inline]
    pub(crate) fn is_empty(self, draft: &mut D) -> bool {
        fn is_nothing<T: FieldValue>(value: &T) -> bool {
            *value == T::default()
        }
        at_place!(self, at => is_nothing(at(draft)), _index => false)
    }

    /// Why what is there cannot be in a field of this need.
    pub(crate) fn misfit(self, draft: &mut D, need: Need) -> Option<&'static str> {
        at_place!(self, at => at(draft).misfit(need), _index => None)
    }
}

/// Whether a record is of use without a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It says which record this is, so that also a row that deletes the record must have it.
    Identity,
    /// The same, but there are records without it.
    IdentityIfKnown,
    /// No record is of use without it.
    Required,
    /// No record is of use unless it is a number above zero.
    AboveZero,
    /// The same, but it may be left empty.
    AboveZeroIfKnown,
    /// It may be left empty.
    Optional,
}

impl Need {
    /// Whether it says which record this is.
    pub const fn is_identity(self) -> bool {
        matches!(self, Need::Identity | Need::IdentityIfKnown)
    }

    /// Whether a record without it is refused.
    pub const fn is_needed(self) -> bool {
        matches!(self, Need::Identity | Need::Required | Need::AboveZero)
    }

    /// Whether it says something of what may be in the field.
    pub(crate) const fn is_checked(self) -> bool {
        self.is_needed() || matches!(self, Need::AboveZeroIfKnown)
    }

    /// What the book and the command line say of it.
    pub const fn told(self) -> &'static str {
        match self {
            Need::Identity => "says which record it is",
            Need::IdentityIfKnown => "says which record it is, where it is known",
            Need::Required => "yes",
            Need::AboveZero => "yes, above zero",
            Need::AboveZeroIfKnown => "above zero",
            Need::Optional => "",
        }
    }
}

/// A field of a kind of record.
pub(crate) struct FieldEntry<D> {
    /// Its name in the configuration and, where the configuration names no columns, of its column.
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) place: Place<D>,
    /// Its value in a record of this kind.
    pub(crate) read: fn(&Record, &Dictionary) -> Value,
    /// What it says, as a sentence.
    pub(crate) meaning: &'static str,
    /// How it is written in two records that could be.
    pub(crate) examples: [&'static str; 2],
}

impl<D> FieldEntry<D> {
    /// The same without its draft.
    pub(crate) fn description(&self) -> FieldDescription {
        let FieldEntry { name, need, place, read, meaning, examples } = *self;
        FieldDescription { name, value_type: place.value_type(), need, meaning, examples, read }
    }
}

/// A field of a kind of record, as it is told to people.
#[derive(Clone, Copy, Debug)]
pub struct FieldDescription {
    /// Its name in the configuration and, where the configuration names no columns, of its column.
    pub name: &'static str,
    /// What type of value it holds.
    pub value_type: ValueType,
    /// Whether a record is of use without it.
    pub need: Need,
    /// What it says, as a sentence.
    pub meaning: &'static str,
    /// How it is written in two records that could be; empty where it is left out.
    pub examples: [&'static str; 2],
    /// Its value in a record of this kind.
    pub(crate) read: fn(&Record, &Dictionary) -> Value,
}

/// A record while it is put together.
pub(crate) trait Draft: Clone + Send + 'static {
    /// Its fields, in groups.
    const FIELDS: &'static [&'static [FieldEntry<Self>]];
    /// Whether it has attributes.
    const ATTRIBUTES: bool = false;

    /// A record of which only the source is known.
    fn new(source: SourceId) -> Self;

    /// Sets an attribute.
    fn set_attribute(&mut self, _index: u16, _text: Option<Arc<str>>) {}

    /// The record.
    fn finish(self) -> Record;

    /// Its fields.
    fn fields() -> impl Iterator<Item = &'static FieldEntry<Self>> + Clone {
        Self::FIELDS.iter().copied().flatten()
    }

    /// The field of this name.
    fn field(name: &str) -> Option<&'static FieldEntry<Self>> {
        Self::fields().find(|field| field.name == name)
    }
}

/// Fields as a table: `name (path if it is not the name): type need [example, example] meaning;`. `$draft` and
/// `$record` are how a draft, and a record of this kind, are told where the fields are.
macro_rules! fields {
    ($kind:ident, $draft:ident => $into:expr, $record:ident => $from:expr;
     $($name:ident $(($($path:ident).+))?: $type:ident $need:ident [$($example:literal),*] $meaning:expr;)*) => {
        &[$($crate::layout::draft::FieldEntry {
            name: stringify!($name),
            need: $crate::layout::draft::Need::$need,
            place: $crate::layout::draft::Place::$type(
                |$draft| &mut $crate::layout::draft::part!($into, $name $(, $($path).+)?)
            ),
            read: |record, dictionary| match record {
                ::model::Record::$kind($record) => $crate::layout::value::FieldValue::to_value(
                    &$crate::layout::draft::part!($from, $name $(, $($path).+)?), dictionary
                ),
                _ => ::model::Value::None,
            },
            meaning: $meaning,
            examples: [$($example),*],
        }),*]
    };
}
pub(crate) use fields;

/// A part of something: by its path or, where there is none, by its name.
macro_rules! part {
    ($whole:expr, $name:ident) => { $whole.$name };
    ($whole:expr, $name:ident, $($path:ident).+) => { $whole.$($path).+ };
}
pub(crate) use part;

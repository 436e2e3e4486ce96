//! How one value is read: from a text, or from a number, a date or a time that an Arrow column holds.
//!
//! Exact or refused. What a fault says is for the person who sends the file, what it helps with for the one who
//! configured the source.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use model::identifiers::{Bic, Cusip, Figi, IdentifierError, Isin, Lei, Mic, Sedol, Uti};
use model::{
    Amount, CostMethod, Currency, Date, Dictionary, ExposureDimension, LimitMeasure, LimitScope, NumberError,
    NumberFormat, OpenClose, OptionKind, OversellPolicy, Price, Product, Quantity, Rate, Side, Symbol, Timestamp,
    TransactionType, Value,
};

use super::config::Scheme;
use super::decimal::{self, Decimal};
use super::draft::Need;
use super::fault::Fault;

const DAY_MICROS: i64 = 86_400_000_000;

/// How the values of one field are read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The path of the source's configuration, such as `source.internal`.
    pub(crate) source: Arc<str>,
    /// The name of the field in the configuration.
    pub(crate) field: Arc<str>,
    pub(crate) numbers: NumberFormat,
    pub(crate) dates: Arc<[String]>,
    pub(crate) times: Arc<[String]>,
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) scheme: Scheme,
    /// How many digits of a whole number are decimals.
    pub(crate) scale: Option<u8>,
    pub(crate) dictionary: Dictionary,
}

impl Reading {
    pub(super) fn setting(&self, name: &str) -> String {
        format!("`{}.{name}`", self.source)
    }

    fn setting_of_field(&self, name: &str) -> String {
        format!("`{}.{name}.{}`", self.source, self.field)
    }

    /// Reads a text; an empty one says that nothing is known.
    #[inline]
    pub(crate) fn text<T: FieldValue>(&self, text: &str) -> Result<T, Fault> {
        let text = match self.values.get(text) {
            Some(value) => value,
            None => text,
        };
        if text.is_empty() { Ok(T::default()) } else { T::from_text(text, self) }
    }

    /// Reads a number as JSON writes it: with a point, perhaps an exponent, no grouping.
    pub(crate) fn number<T: FieldValue>(&self, text: &str) -> Result<T, Fault> {
        if self.values.is_empty() { T::from_number(text, self) } else { self.text(text) }
    }

    #[inline]
    pub(crate) fn integer<T: FieldValue>(&self, number: i64) -> Result<T, Fault> {
        if self.values.is_empty() { T::from_integer(number, self) } else { self.text(&number.to_string()) }
    }

    #[inline]
    pub(crate) fn float<T: FieldValue>(&self, number: f64) -> Result<T, Fault> {
        if self.values.is_empty() { T::from_float(number, self) } else { self.text(&number.to_string()) }
    }

    #[inline]
    pub(crate) fn decimal<T: FieldValue>(&self, number: Decimal) -> Result<T, Fault> {
        if self.values.is_empty() { T::from_decimal(number, self) } else { self.text(&number.to_string()) }
    }

    /// Reads an array or an object of JSON.
    pub(crate) fn json<T: FieldValue>(&self, text: &str) -> Result<T, Fault> {
        T::from_json(text, self)
    }

    /// Reads a date: days from 1970-01-01.
    pub(crate) fn date<T: FieldValue>(&self, days: i32) -> Result<T, Fault> {
        match Date::from_days(days) {
            date if date.ymd().is_some() => T::from_date(date, self),
            _ => Err(beyond_calendar(days.into(), "days")),
        }
    }

    /// Reads a time: microseconds from 1970-01-01, UTC; `None` if they are more than can be counted.
    pub(crate) fn time<T: FieldValue>(&self, micros: Option<i64>) -> Result<T, Fault> {
        match micros.map(Timestamp::from_micros) {
            Some(time) if time.date().ymd().is_some() => T::from_time(time, self),
            _ => Err(beyond_calendar(micros.unwrap_or(i64::MAX), "microseconds")),
        }
    }
}

#[cold]
fn beyond_calendar(count: i64, unit: &str) -> Fault {
    let what = format!("{count} {unit} from 1970 is not a date in the years 1 to 9999");
    Fault::new(what, "correct it where it comes from, or leave it empty")
}

/// What type of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// An identifier or a name.
    Symbol,
    /// An exact decimal with [`Quantity::SCALE`] decimals.
    Quantity,
    /// An exact decimal with [`Price::SCALE`] decimals.
    Price,
    /// An exact decimal with [`Amount::SCALE`] decimals.
    Amount,
    /// An exact decimal with [`Rate::SCALE`] decimals.
    Rate,
    /// A calendar date.
    Date,
    /// A point in time.
    Time,
    /// A code of ISO 4217.
    Currency,
    /// One of a closed list of codes.
    Code(&'static [&'static str]),
    /// Lots, each with how much of it.
    Lots,
    /// Several identifiers.
    Symbols,
    /// True or false.
    Truth,
    /// Any text.
    Text,
}

impl ValueType {
    /// What it is called in the book and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            ValueType::Symbol => "symbol",
            ValueType::Quantity => "quantity",
            ValueType::Price => "price",
            ValueType::Amount => "amount",
            ValueType::Rate => "rate",
            ValueType::Date => "date",
            ValueType::Time => "time",
            ValueType::Currency => "currency",
            ValueType::Code(_) => "code",
            ValueType::Lots => "lots",
            ValueType::Symbols => "symbols",
            ValueType::Truth => "truth",
            ValueType::Text => "text",
        }
    }

    /// How many decimals it has, if it is a number.
    pub const fn decimals(self) -> Option<u8> {
        match self {
            ValueType::Quantity => Some(Quantity::SCALE),
            ValueType::Price => Some(Price::SCALE),
            ValueType::Amount => Some(Amount::SCALE),
            ValueType::Rate => Some(Rate::SCALE),
            _ => None,
        }
    }

    /// The type of the columns that hold it exactly.
    pub(crate) fn data_type(self) -> DataType {
        match (self, self.decimals()) {
            (_, Some(decimals)) => DataType::Decimal128(38, decimals as i8),
            (ValueType::Date, _) => DataType::Date32,
            (ValueType::Time, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }
}

/// A type that a field may have; its default says that nothing is known. What no type says otherwise about is read
/// through its text.
pub(crate) trait FieldValue: Clone + Default + PartialEq {
    /// Which one it is.
    const TYPE: ValueType;

    /// Reads a text, which is not empty.
    fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault>;

    /// The same as a value; a list as the text that it is read from again.
    fn to_value(&self, dictionary: &Dictionary) -> Value;

    /// Why it cannot be in a field of this need.
    fn misfit(&self, _need: Need) -> Option<&'static str> {
        None
    }

    /// Reads an array or an object of JSON.
    fn from_json(_text: &str, _reading: &Reading) -> Result<Self, Fault> {
        Err(Fault::new(
            "the value is an object or an array: a text, a number, true, false or null was expected",
            "name a member of it by its path, such as `instrument.isin`",
        ))
    }

    /// Reads a number as JSON writes it.
    fn from_number(text: &str, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(text, reading)
    }

    /// Reads a whole number.
    fn from_integer(number: i64, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(&number.to_string(), reading)
    }

    /// Reads a float by its shortest decimal text.
    fn from_float(number: f64, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(&number.to_string(), reading)
    }

    /// Reads a decimal.
    fn from_decimal(number: Decimal, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(&number.to_string(), reading)
    }

    /// Reads a date.
    fn from_date(date: Date, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(&date.to_string(), reading)
    }

    /// Reads a time.
    fn from_time(time: Timestamp, reading: &Reading) -> Result<Self, Fault> {
        Self::from_text(&time.to_string(), reading)
    }
}

impl FieldValue for Symbol {
    const TYPE: ValueType = ValueType::Symbol;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        if self.is_none() { Value::None } else { Value::Symbol(*self) }
    }

    #[inline]
    fn from_text(text: &str, reading: &Reading) -> Result<Symbol, Fault> {
        if reading.scheme != Scheme::Text {
            check_identifier(text, reading)?;
        }
        Ok(reading.dictionary.intern(text))
    }

    #[inline]
    fn from_integer(number: i64, reading: &Reading) -> Result<Symbol, Fault> {
        decimal::with_digits(number, |text| Symbol::from_text(text, reading))
    }
}

#[inline(never)]
fn check_identifier(text: &str, reading: &Reading) -> Result<(), Fault> {
    let checked = match reading.scheme {
        Scheme::Text => Ok(()),
        Scheme::Isin => Isin::parse(text).map(drop),
        Scheme::Lei => Lei::parse(text).map(drop),
        Scheme::Cusip => Cusip::parse(text).map(drop),
        Scheme::Sedol => Sedol::parse(text).map(drop),
        Scheme::Figi => Figi::parse(text).map(drop),
        Scheme::Mic => Mic::parse(text).map(drop),
        Scheme::Bic => Bic::parse(text).map(drop),
        Scheme::Uti => Uti::parse(text).map(drop),
    };
    checked.map_err(|error| bad_identifier(&error, reading))
}

#[cold]
fn bad_identifier(error: &IdentifierError, reading: &Reading) -> Fault {
    let setting = reading.setting_of_field("identifiers");
    Fault::new(
        error.to_string(),
        format!("correct it where it comes from, or set {setting} to \"text\" to take any text"),
    )
}

/// The text of an attribute.
impl FieldValue for Option<Arc<str>> {
    const TYPE: ValueType = ValueType::Text;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        self.clone().map_or(Value::None, Value::Text)
    }

    fn from_text(text: &str, _reading: &Reading) -> Result<Self, Fault> {
        Ok(Some(Arc::from(text)))
    }
}

macro_rules! numbers {
    ($($type:ident: $integer:ident),*) => {$(
        impl FieldValue for $type {
            const TYPE: ValueType = ValueType::$type;

            fn to_value(&self, _dictionary: &Dictionary) -> Value {
                self.scaled().map_or(Value::None, |scaled| Value::Number { scaled, scale: $type::SCALE })
            }

            fn misfit(&self, need: Need) -> Option<&'static str> {
                let is_above_zero = matches!(need, Need::AboveZero | Need::AboveZeroIfKnown);
                (is_above_zero && *self <= $type::ZERO).then_some("is not above zero")
            }

            fn from_text(text: &str, reading: &Reading) -> Result<$type, Fault> {
                match reading.scale {
                    None => $type::parse(text, &reading.numbers).map_err(|error| bad_number(&error, reading)),
                    Some(_) => match text.parse() {
                        Ok(number) => $type::from_decimal(Decimal { mantissa: number, scale: 0 }, reading),
                        Err(_) => Err(not_scaled(text, reading)),
                    },
                }
            }

            fn from_number(text: &str, reading: &Reading) -> Result<$type, Fault> {
                match Decimal::parse(text) {
                    Some(decimal) => $type::from_decimal(decimal, reading),
                    None => $type::parse(text, &NumberFormat::default()).map_err(|error| bad_number(&error, reading)),
                }
            }

            #[inline]
            fn from_integer(number: i64, reading: &Reading) -> Result<$type, Fault> {
                let decimals = $type::SCALE.checked_sub(reading.scale.unwrap_or(0));
                match decimals.and_then(|decimals| $integer::from(number).checked_mul(decimal::power(decimals)?.into())) {
                    Some(scaled) if scaled != $integer::MIN => Ok($type::from_scaled(scaled)),
                    _ => $type::from_decimal(Decimal { mantissa: number.into(), scale: 0 }, reading),
                }
            }

            #[inline]
            fn from_float(number: f64, reading: &Reading) -> Result<$type, Fault> {
                match (reading.scale, decimal::exactly_scaled(number, $type::SCALE)) {
                    (None, Some(scaled)) => Ok($type::from_scaled(scaled.into())),
                    _ if !number.is_finite() => Err(not_finite(number)),
                    _ => $type::from_number(&number.to_string(), reading),
                }
            }

            fn from_decimal(number: Decimal, reading: &Reading) -> Result<$type, Fault> {
                if reading.scale.is_some() && number.scale > 0 {
                    return Err(not_scaled(&number.to_string(), reading));
                }
                let scale = number.scale.saturating_add(reading.scale.unwrap_or(0).into());
                let narrow = i8::try_from(scale).unwrap_or(if scale < 0 { i8::MIN } else { i8::MAX });
                $type::from_rescaled(number.mantissa, narrow).map_err(|error| {
                    // The same error, about the number as it is usually written.
                    let written = Decimal { scale, ..number }.to_string();
                    bad_number(&$type::parse(&written, &NumberFormat::default()).err().unwrap_or(error), reading)
                })
            }
        }
    )*};
}

numbers!(Quantity: i64, Price: i64, Amount: i128, Rate: i128);

#[cold]
fn bad_number(error: &NumberError, reading: &Reading) -> Fault {
    let help = match error {
        NumberError::NotANumber { .. } => format!(
            "correct it, or say how the file writes numbers in {} and which texts mean none in {}, such as {{ \"N/A\" = \"\" }}",
            reading.setting("numbers"),
            reading.setting_of_field("values"),
        ),
        NumberError::TooManyDecimals { .. } => "correct it where it comes from".to_owned(),
        NumberError::TooLarge { .. } => {
            format!("correct it where it comes from; if it counts fractions, set {}", reading.setting_of_field("scale"))
        }
    };
    Fault::new(error.to_string(), help)
}

#[cold]
fn not_scaled(text: &str, reading: &Reading) -> Fault {
    let scale = reading.scale.unwrap_or(0);
    let what = format!("`{text}` is not a whole number: one was expected, in units of 10^-{scale}");
    Fault::new(
        what,
        format!("correct it, or take {} out if the file writes decimals", reading.setting_of_field("scale")),
    )
}

#[cold]
fn not_finite(number: f64) -> Fault {
    Fault::new(format!("`{number}` is not a number"), "correct it where it comes from, or leave it empty")
}

impl FieldValue for Date {
    const TYPE: ValueType = ValueType::Date;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        if self.is_none() { Value::None } else { Value::Date(*self) }
    }

    /// What a date tells apart is told from day to day: from a year of two digits on, that would be a series without end.
    fn misfit(&self, need: Need) -> Option<&'static str> {
        let is_of_our_time = (Date::EARLIEST..=Date::LATEST).contains(self);
        (need == Need::Identity && !is_of_our_time).then_some("is before 1900 or after 2199")
    }

    #[inline]
    fn from_text(text: &str, reading: &Reading) -> Result<Date, Fault> {
        let parsed = reading.dates.iter().find_map(|format| Date::parse(text, format).ok());
        parsed.ok_or_else(|| not_written_as(text, "date", "dates", &reading.dates, reading))
    }

    fn from_date(date: Date, _reading: &Reading) -> Result<Date, Fault> {
        Ok(date)
    }

    fn from_time(time: Timestamp, _reading: &Reading) -> Result<Date, Fault> {
        let days = time.micros().filter(|micros| micros.rem_euclid(DAY_MICROS) == 0).map(|micros| micros / DAY_MICROS);
        days.and_then(|days| i32::try_from(days).ok()).map(Date::from_days).ok_or_else(|| {
            let what =
                format!("`{time}` is a time: a date was expected, and the time of day says nothing about which one");
            Fault::new(what, "write the column as a date, or map it to a field that holds a time")
        })
    }
}

impl FieldValue for Timestamp {
    const TYPE: ValueType = ValueType::Time;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        if self.is_none() { Value::None } else { Value::Time(*self) }
    }

    fn from_text(text: &str, reading: &Reading) -> Result<Timestamp, Fault> {
        let parsed = reading.times.iter().find_map(|format| Timestamp::parse(text, format).ok());
        parsed.ok_or_else(|| not_written_as(text, "time", "times", &reading.times, reading))
    }

    fn from_date(date: Date, _reading: &Reading) -> Result<Timestamp, Fault> {
        Ok(date.days().map_or(Timestamp::NONE, |days| Timestamp::from_micros(i64::from(days) * DAY_MICROS)))
    }

    fn from_time(time: Timestamp, _reading: &Reading) -> Result<Timestamp, Fault> {
        Ok(time)
    }
}

#[cold]
fn not_written_as(text: &str, noun: &str, setting: &str, formats: &[String], reading: &Reading) -> Fault {
    let formats: Vec<String> = formats.iter().map(|format| format!("`{format}`")).collect();
    let what = format!("`{text}` is not a {noun} written as {}", formats.join(" or "));
    Fault::new(what, format!("correct it, or add its format to {}", reading.setting(setting)))
}

macro_rules! codes {
    ($($type:ident: $of:expr),* $(,)?) => {$(
        impl FieldValue for $type {
            const TYPE: ValueType = $of;

            fn to_value(&self, _dictionary: &Dictionary) -> Value {
                Value::code(self.code())
            }

            fn from_text(text: &str, reading: &Reading) -> Result<$type, Fault> {
                $type::parse(text).map_err(|error| unknown_code(&error.to_string(), reading))
            }
        }
    )*};
}

/// The codes of a list.
macro_rules! listed {
    ($type:ident) => {{
        const CODES: [&str; $type::ALL.len()] = {
            let mut codes = [""; $type::ALL.len()];
            let mut index = 0;
            while index < codes.len() {
                codes[index] = $type::ALL[index].code();
                index += 1;
            }
            codes
        };
        ValueType::Code(&CODES)
    }};
}

codes!(
    Side: listed!(Side),
    Product: listed!(Product),
    OptionKind: listed!(OptionKind),
    OpenClose: listed!(OpenClose),
    TransactionType: listed!(TransactionType),
    LimitScope: listed!(LimitScope),
    ExposureDimension: listed!(ExposureDimension),
    LimitMeasure: listed!(LimitMeasure),
    Currency: ValueType::Currency,
);

/// Policies, which are written as in the configuration.
macro_rules! policies {
    ($($type:ident: $what:literal),*) => {$(
        impl FieldValue for Option<$type> {
            const TYPE: ValueType = {
                const NAMES: [&str; $type::ALL.len()] = {
                    let mut names = [""; $type::ALL.len()];
                    let mut index = 0;
                    while index < names.len() {
                        names[index] = $type::ALL[index].name();
                        index += 1;
                    }
                    names
                };
                ValueType::Code(&NAMES)
            };

            fn to_value(&self, _dictionary: &Dictionary) -> Value {
                self.map_or(Value::None, |policy| Value::code(policy.name()))
            }

            fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault> {
                let is_named = |policy: &$type| text.trim().eq_ignore_ascii_case(policy.name());
                $type::ALL.into_iter().find(is_named).map(Some).ok_or_else(|| {
                    let known = $type::ALL.map($type::name).join(", ");
                    unknown_code(&format!("`{text}` is not {}: use one of {known}", $what), reading)
                })
            }
        }
    )*};
}

policies!(CostMethod: "a cost method", OversellPolicy: "an oversell policy");

#[cold]
fn unknown_code(what: &str, reading: &Reading) -> Fault {
    let setting = reading.setting_of_field("values");
    Fault::new(what, format!("correct it, or say in {setting} what this text stands for"))
}

impl FieldValue for Option<bool> {
    const TYPE: ValueType = ValueType::Truth;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        self.map_or(Value::None, |truth| Value::code(if truth { "true" } else { "false" }))
    }

    fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault> {
        match text.trim() {
            truth if truth.eq_ignore_ascii_case("true") || truth == "1" => Ok(Some(true)),
            truth if truth.eq_ignore_ascii_case("false") || truth == "0" => Ok(Some(false)),
            _ => Err(unknown_code(&format!("`{text}` is neither true nor false"), reading)),
        }
    }
}

/// False where nothing is known.
impl FieldValue for bool {
    const TYPE: ValueType = ValueType::Truth;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        if *self { Value::code("true") } else { Value::None }
    }

    fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault> {
        <Option<bool>>::from_text(text, reading).map(|truth| truth == Some(true))
    }
}

/// The version of the schema that a record was written with.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SchemaVersion(pub(crate) u64);

impl FieldValue for SchemaVersion {
    const TYPE: ValueType = ValueType::Text;

    fn to_value(&self, _dictionary: &Dictionary) -> Value {
        Value::Text(self.0.to_string().into())
    }

    fn from_text(text: &str, _reading: &Reading) -> Result<SchemaVersion, Fault> {
        text.parse().map(SchemaVersion).map_err(|_| {
            let what = format!("`{text}` is not a schema version: a whole number was expected");
            Fault::new(what, "correct it where it comes from")
        })
    }
}

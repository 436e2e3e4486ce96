//! One value of Avro as a column gives it: exact, by its logical type.

use std::borrow::Cow;

use apache_avro::schema::{DecimalSchema, EnumSchema};
use apache_avro::types::Value;
use apache_avro::{Schema, Uuid};

use crate::layout::{Decimal, Fault, Given};

/// More decimals than any number has: a scale beyond is a mistake, and must not become a million zeros.
const SCALE_MAX: i32 = 400;

const DAY_SECONDS: i64 = 86_400;

/// What a value is.
pub(super) enum Leaf {
    Truth,
    Integer,
    Float,
    Text,
    /// Bytes that are text.
    Bytes,
    /// With this many decimals.
    Decimal(i32),
    BigDecimal,
    Date,
    /// Counted in so many a second, from midnight.
    TimeOfDay(i64),
    Time(Unit),
    /// With the symbols that the reader knows, if that is asked.
    Symbol(Option<Symbols>),
    Uuid,
}

/// In what a time is counted, from 1970.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// The symbols that a reader knows.
pub(super) struct Symbols {
    known: Vec<String>,
    default: Option<String>,
}

impl Leaf {
    /// What a value of the writer's schema is. A logical type that only the reader's schema has holds too. `None` if it
    /// can be no column.
    pub(super) fn of(writer: &Schema, reader: Option<&Schema>) -> Option<Leaf> {
        let is_bare = matches!(
            writer,
            Schema::Int | Schema::Long | Schema::Bytes | Schema::Fixed(_) | Schema::String | Schema::Enum(_)
        );
        let schema = reader.filter(|reader| is_bare && adds_meaning(writer, reader)).unwrap_or(writer);
        Some(match schema {
            Schema::Boolean => Leaf::Truth,
            Schema::Int | Schema::Long => Leaf::Integer,
            Schema::Float | Schema::Double => Leaf::Float,
            Schema::String => Leaf::Text,
            Schema::Bytes | Schema::Fixed(_) => Leaf::Bytes,
            Schema::Decimal(DecimalSchema { scale, .. }) => {
                Leaf::Decimal(i32::try_from(*scale).ok().filter(|scale| *scale <= SCALE_MAX)?)
            }
            Schema::BigDecimal => Leaf::BigDecimal,
            Schema::Date => Leaf::Date,
            Schema::TimeMillis => Leaf::TimeOfDay(1000),
            Schema::TimeMicros => Leaf::TimeOfDay(1_000_000),
            Schema::TimestampMillis | Schema::LocalTimestampMillis => Leaf::Time(Unit::Millis),
            Schema::TimestampMicros | Schema::LocalTimestampMicros => Leaf::Time(Unit::Micros),
            Schema::TimestampNanos | Schema::LocalTimestampNanos => Leaf::Time(Unit::Nanos),
            Schema::Enum(EnumSchema { symbols, default, .. }) => {
                Leaf::Symbol(reader.map(|_| Symbols { known: symbols.clone(), default: default.clone() }))
            }
            Schema::Uuid(_) => Leaf::Uuid,
            Schema::Null
            | Schema::Array(_)
            | Schema::Map(_)
            | Schema::Union(_)
            | Schema::Record(_)
            | Schema::Duration(_)
            | Schema::Ref { .. } => return None,
        })
    }

    /// What a value gives.
    pub(super) fn read<'v>(&'v self, value: &'v Value) -> Result<Given<'v>, Fault> {
        match (self, value) {
            (_, Value::Null) => Ok(Given::NOTHING),
            (Leaf::Truth, Value::Boolean(truth)) => Ok(text(if *truth { "true" } else { "false" })),
            (Leaf::Float, Value::Double(number)) => Ok(Given::Float(*number)),
            // The float that is written the same with all its digits.
            (Leaf::Float, Value::Float(number)) => Ok(Given::Float(number.to_string().parse().unwrap_or(f64::NAN))),
            (Leaf::Text | Leaf::Uuid, Value::String(written)) => Ok(text(written)),
            (Leaf::Symbol(symbols), Value::Enum(_, written)) => known_symbol(symbols.as_ref(), written),
            (Leaf::Uuid, Value::Uuid(id)) => Ok(Given::Text(Cow::Owned(id.to_string()))),
            (Leaf::Uuid, Value::Bytes(bytes) | Value::Fixed(_, bytes)) => {
                let id =
                    Uuid::from_slice(bytes).map_err(|error| Fault::new(error.to_string(), "write its 16 bytes"))?;
                Ok(Given::Text(Cow::Owned(id.to_string())))
            }
            (Leaf::Bytes, Value::Bytes(bytes) | Value::Fixed(_, bytes)) => as_text(bytes),
            (Leaf::Decimal(scale), Value::Decimal(number)) => {
                // Of one without a digit the library gives no bytes.
                decimal(&Vec::<u8>::try_from(number).unwrap_or_default(), *scale)
            }
            (Leaf::Decimal(scale), Value::Bytes(bytes) | Value::Fixed(_, bytes)) => decimal(bytes, *scale),
            (Leaf::BigDecimal, Value::BigDecimal(number)) => {
                let (mantissa, scale) = number.as_bigint_and_exponent();
                let scale = i32::try_from(scale).ok().filter(|scale| scale.abs() <= SCALE_MAX);
                match (i128::try_from(mantissa), scale) {
                    (Ok(mantissa), Some(scale)) => Ok(Given::Decimal(Decimal { mantissa, scale })),
                    _ => Err(too_many_digits()),
                }
            }
            (leaf, value) => leaf.counted(integer(value).ok_or_else(contradicted)?),
        }
    }

    /// What a whole number stands for.
    fn counted(&self, count: i64) -> Result<Given<'static>, Fault> {
        match self {
            Leaf::Integer => Ok(Given::Integer(count)),
            Leaf::Date => i32::try_from(count).map(Given::Date).map_err(|_| contradicted()),
            Leaf::TimeOfDay(per_second) => time_of_day(count, *per_second),
            Leaf::Time(Unit::Millis) => Ok(Given::Time(count.checked_mul(1000))),
            Leaf::Time(Unit::Micros) => Ok(Given::Time(Some(count))),
            Leaf::Time(Unit::Nanos) => Ok(Given::Time(Some(count.div_euclid(1000)))),
            _ => Err(contradicted()),
        }
    }
}

/// Whether a reader's schema says of values of a bare type what they stand for.
fn adds_meaning(writer: &Schema, reader: &Schema) -> bool {
    match writer {
        Schema::Int | Schema::Long => matches!(
            reader,
            Schema::Date
                | Schema::TimeMillis
                | Schema::TimeMicros
                | Schema::TimestampMillis
                | Schema::TimestampMicros
                | Schema::TimestampNanos
                | Schema::LocalTimestampMillis
                | Schema::LocalTimestampMicros
                | Schema::LocalTimestampNanos
        ),
        Schema::Bytes | Schema::Fixed(_) => matches!(reader, Schema::Decimal(_) | Schema::Uuid(_)),
        Schema::Enum(_) => matches!(reader, Schema::Enum(_)),
        _ => false,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) | Value::Date(number) | Value::TimeMillis(number) => Some((*number).into()),
        Value::Long(number)
        | Value::TimeMicros(number)
        | Value::TimestampMillis(number)
        | Value::TimestampMicros(number)
        | Value::TimestampNanos(number)
        | Value::LocalTimestampMillis(number)
        | Value::LocalTimestampMicros(number)
        | Value::LocalTimestampNanos(number) => Some(*number),
        _ => None,
    }
}

fn text(text: &str) -> Given<'_> {
    Given::Text(Cow::Borrowed(text))
}

fn as_text(bytes: &[u8]) -> Result<Given<'_>, Fault> {
    std::str::from_utf8(bytes).map(text).map_err(|error| {
        let what = format!("the value is bytes, and byte {} of them is not text", error.valid_up_to());
        Fault::new(what, "write it as a string, or give its schema the logical type that it has")
    })
}

/// A whole number of any length, the highest byte first, in two's complement.
fn decimal(bytes: &[u8], scale: i32) -> Result<Given<'static>, Fault> {
    let Some(first) = bytes.first() else {
        return Err(Fault::new("the decimal has no digits", "write 0 as one byte, or null"));
    };
    let sign = if *first >= 0x80 { 0xff } else { 0 };
    let digits = bytes.iter().position(|byte| *byte != sign).map_or(&[][..], |start| &bytes[start..]);
    if digits.len() > size_of::<i128>() || digits.len() == size_of::<i128>() && (digits[0] >= 0x80) != (sign == 0xff) {
        return Err(too_many_digits());
    }
    let mantissa =
        digits.iter().fold(if sign == 0 { 0i128 } else { -1 }, |number, byte| number << 8 | i128::from(*byte));
    Ok(Given::Decimal(Decimal { mantissa, scale }))
}

fn time_of_day(count: i64, per_second: i64) -> Result<Given<'static>, Fault> {
    let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
    if !(0..DAY_SECONDS).contains(&seconds) {
        let what = format!("{count} from midnight, {per_second} a second, is not a time of day");
        return Err(Fault::new(what, "correct it where it comes from, or leave it empty"));
    }
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        let width = per_second.ilog10() as usize;
        text.push_str(&format!(".{fraction:0width$}"));
    }
    Ok(Given::Text(Cow::Owned(text)))
}

fn known_symbol<'v>(symbols: Option<&'v Symbols>, written: &'v str) -> Result<Given<'v>, Fault> {
    match symbols {
        Some(symbols) if !symbols.known.iter().any(|known| known == written) => match &symbols.default {
            Some(default) => Ok(text(default)),
            None => {
                let what = format!("`{written}` is none of the symbols of the schema that messages are read by");
                Err(Fault::new(what, "add it in `avro.schema`, or give the enum a default there"))
            }
        },
        _ => Ok(text(written)),
    }
}

#[cold]
fn too_many_digits() -> Fault {
    Fault::new("the number has more than 38 digits", "correct it where it comes from")
}

#[cold]
fn contradicted() -> Fault {
    Fault::new("the value is not what its schema says", "check that it was written by that schema")
}

//! Fixed-point numbers: `Quantity`, `Price`, `Amount` and `Rate`. Exact or refused, never rounded, never a float.
//!
//! Each is an integer that counts units of `10^-SCALE`. The least integer means that nothing is known, so it sorts
//! before every number. Sums and products belong to whoever knows their scale: they work on [`Quantity::scaled`] and
//! its like.

use std::fmt;
use std::io::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::number::{Misfit, NumberError, NumberFormat, read_scaled, shifted, why_not_a_number};

/// With more decimals than the largest integer has digits, a number is written with an exponent.
const SCALE_WRITTEN_MAX: usize = 38;

/// A fixed-point type over an integer.
macro_rules! fixed_point {
    ($(#[$meta:meta])* $name:ident($integer:ident), scale $scale:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($integer);

        impl $name {
            /// How many decimals are kept.
            pub const SCALE: u8 = $scale;
            /// Nothing is known. Sorts before every number.
            pub const NONE: $name = $name($integer::MIN);
            /// Zero.
            pub const ZERO: $name = $name(0);
            /// One, times `10^SCALE`.
            pub const ONE_SCALED: i128 = 10i128.pow($scale);
            /// The largest number that fits, on either side of zero.
            pub const MAX: $name = $name($integer::MAX);

            /// The number `scaled / 10^SCALE`.
            #[inline]
            pub const fn from_scaled(scaled: $integer) -> $name {
                $name(scaled)
            }

            /// The number `mantissa / 10^scale`, if it can be held exactly.
            #[inline]
            pub fn from_rescaled(mantissa: i128, scale: i8) -> Result<$name, NumberError> {
                shifted(mantissa, i32::from($scale) - i32::from(scale))
                    .and_then($name::holding)
                    .map_err(|misfit| misfit_error(misfit, &written(mantissa, scale), $name::MAX, $scale, &NumberFormat::default()))
            }

            /// Reads a number, if it can be held exactly. Zeros at the end of the decimals do not count.
            #[inline]
            pub fn parse(text: &str, format: &NumberFormat) -> Result<$name, NumberError> {
                read_scaled(text, $scale, format)
                    .and_then($name::holding)
                    .map_err(|misfit| misfit_error(misfit, text, $name::MAX, $scale, format))
            }

            /// The number times `10^SCALE`; `None` when nothing is known.
            #[inline]
            pub const fn scaled(self) -> Option<i128> {
                if self.is_none() { None } else { Some(self.0 as i128) }
            }

            /// True when nothing is known.
            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == $integer::MIN
            }

            #[inline]
            fn holding(scaled: i128) -> Result<$name, Misfit> {
                match $integer::try_from(scaled) {
                    Ok(scaled) if scaled != $integer::MIN => Ok($name(scaled)),
                    _ => Err(Misfit::TooLarge),
                }
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::NONE
            }
        }

        /// The decimals that matter, as in `-12.5` and `3`; empty when nothing is known.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.scaled().map_or(Ok(()), |scaled| write_decimal(f, scaled, $scale))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.scaled() {
                    Some(_) => write!(f, "{}({self})", stringify!($name)),
                    None => write!(f, "{}(NONE)", stringify!($name)),
                }
            }
        }

        /// The integer where machines read; where people do, the decimal as text, or nothing.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match serializer.is_human_readable() {
                    false => self.0.serialize(serializer),
                    true if self.is_none() => serializer.serialize_none(),
                    true => serializer.collect_str(self),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                if !deserializer.is_human_readable() {
                    return $integer::deserialize(deserializer).map($name);
                }
                match deserializer.deserialize_any(Written)? {
                    Some(text) => $name::parse(&text, &NumberFormat::default()).map_err(de::Error::custom),
                    None => Ok($name::NONE),
                }
            }
        }
    };
}

fixed_point! {
    /// How many units: six decimals, up to about 9 million million.
    Quantity(i64), scale 6
}

fixed_point! {
    /// The price of one unit: eight decimals, up to about 92 thousand million.
    Price(i64), scale 8
}

fixed_point! {
    /// An amount of money: eight decimals, and room for any sum of them.
    Amount(i128), scale 8
}

fixed_point! {
    /// What one unit of a currency is worth in another, or a share of a whole: twelve decimals, since a unit of some
    /// currencies is worth a hundred-thousandth of one of others.
    Rate(i128), scale 12
}

#[cold]
fn misfit_error(
    misfit: Misfit,
    text: &str,
    largest: impl fmt::Display,
    scale: u8,
    format: &NumberFormat,
) -> NumberError {
    let text = text.to_owned();
    match misfit {
        Misfit::NotANumber => NumberError::NotANumber { reason: why_not_a_number(&text, format), text },
        Misfit::TooManyDecimals => NumberError::TooManyDecimals { text, scale },
        Misfit::TooLarge => NumberError::TooLarge { text, largest: largest.to_string() },
    }
}

/// `mantissa / 10^scale` for an error message.
#[cold]
fn written(mantissa: i128, scale: i8) -> String {
    match scale {
        0 => mantissa.to_string(),
        scale => format!("{mantissa}e{}", -i16::from(scale)),
    }
}

/// Writes `scaled / 10^scale` without the zeros at its end.
pub(crate) fn write_decimal(f: &mut fmt::Formatter<'_>, scaled: i128, scale: u8) -> fmt::Result {
    let decimals = usize::from(scale);
    if decimals > SCALE_WRITTEN_MAX {
        return write!(f, "{scaled}e-{scale}");
    }
    // One more byte than the 39 digits of the largest integer, for the decimal point.
    let mut buffer = [0u8; 40];
    let mut free = &mut buffer[..];
    write!(free, "{:0width$}", scaled.unsigned_abs(), width = decimals + 1).map_err(|_| fmt::Error)?;
    let length = 40 - free.len();
    let point = length - decimals;
    buffer.copy_within(point..length, point + 1);
    buffer[point] = b'.';
    let text = std::str::from_utf8(&buffer[..=length]).map_err(|_| fmt::Error)?;
    f.pad_integral(scaled >= 0, "", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Takes the text of a number from a format that people write: a string, a whole number, or nothing.
struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as text, such as \"0.01\", so that it is exact")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: NumberFormat = NumberFormat { decimal: '.', grouping: None, parentheses_negative: false };

    fn grouped(decimal: char, grouping: char) -> NumberFormat {
        NumberFormat { decimal, grouping: Some(grouping), parentheses_negative: true }
    }

    fn price(text: &str) -> Price {
        Price::parse(text, &PLAIN).unwrap()
    }

    #[test]
    fn numbers_are_read_exactly() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("1", 100_000_000),
            ("+1", 100_000_000),
            ("-1.5", -150_000_000),
            (".5", 50_000_000),
            ("5.", 500_000_000),
            (" 1.25 ", 125_000_000),
            ("\u{2212}1", -100_000_000),
            ("0.00000001", 1),
            ("1.000000000000000000000000000000000000000000000000", 100_000_000),
            ("0000000000000000000000000000000000000000000000001", 100_000_000),
            ("92233720368.54775807", i64::MAX),
            ("-92233720368.54775807", -i64::MAX),
        ];
        for (text, scaled) in cases {
            assert_eq!(price(text), Price::from_scaled(scaled), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_each_country_writes_them() {
        let cases = [
            ("1,234,567.5", grouped('.', ',')),
            ("1.234.567,5", grouped(',', '.')),
            ("1 234 567,5", grouped(',', ' ')),
            ("1\u{a0}234\u{202f}567,5", grouped(',', ' ')),
            ("1'234'567.5", grouped('.', '\'')),
            ("1\u{2019}234\u{2019}567.5", grouped('.', '\'')),
            ("12,34,567.5", grouped('.', ',')),
            ("1234567.5", grouped('.', ',')),
        ];
        for (text, format) in cases {
            assert_eq!(Price::parse(text, &format).unwrap(), price("1234567.5"), "{text}");
        }
        assert_eq!(Price::parse("(1,234.5)", &grouped('.', ',')).unwrap(), price("-1234.5"));
        assert_eq!(Price::parse("( 0 )", &grouped('.', ',')).unwrap(), Price::ZERO);
    }

    #[test]
    fn what_cannot_be_held_is_refused_with_what_to_do() {
        let cases = [
            ("", "it is empty"),
            ("  ", "it is empty"),
            ("-", "it has no digits"),
            (".", "it has no digits"),
            ("abc", "`a` is neither a digit nor `.` before decimals"),
            ("1,5", "`,` is neither a digit nor `.` before decimals; if it separates groups, set `grouping`"),
            ("1.2.3", "more than one `.`"),
            ("--1", "`-` is neither"),
            ("1-", "`-` is neither"),
            ("1e5", "exponent"),
            ("NaN", "`N` is neither"),
            ("(1)", "set `parentheses_negative`"),
            ("\u{661}", "is neither a digit"),
            ("0.000000001", "has more than 8 decimals"),
            ("1.123456789", "has more than 8 decimals"),
            ("92233720368.54775808", "too large: the largest is 92233720368.54775807"),
            ("-92233720368.54775808", "too large"),
            ("1000000000000000000000000000000000000000000000", "too large"),
            ("0.00000000000000000000000000000000000000000000001", "has more than 8 decimals"),
            ("1.00000000000000000000000000000000000000000000001", "has more than 8 decimals"),
        ];
        for (text, part) in cases {
            let message = Price::parse(text, &PLAIN).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn groups_that_are_not_of_three_are_refused() {
        // `1,5` is one and a half to whoever wrote it, whatever the configuration says.
        for text in ["1,5", "1,50", "1234,567", ",123", "1,234,", "1,,234", "1,2,345", "1.000,5"] {
            let message = Price::parse(text, &grouped('.', ',')).unwrap_err().to_string();
            assert!(message.contains("is not a number"), "{message}");
        }
    }

    #[test]
    fn numbers_are_shown_without_idle_zeros() {
        let cases = [
            (0, "0"),
            (1, "0.00000001"),
            (-150_000_000, "-1.5"),
            (100_000_000, "1"),
            (1_000_000_000_000, "10000"),
            (-1, "-0.00000001"),
        ];
        for (scaled, text) in cases {
            assert_eq!(Price::from_scaled(scaled).to_string(), text);
        }
        assert_eq!(Price::NONE.to_string(), "");
        assert_eq!(format!("{:?} {:?}", Price::NONE, price("1.5")), "Price(NONE) Price(1.5)");
        assert_eq!(format!("[{:>8}|{:<8}]", price("-1.5"), price("1.5")), "[    -1.5|1.5     ]");
        assert_eq!(Amount::from_scaled(i128::MAX).to_string(), "1701411834604692317316873037158.84105727");
    }

    #[test]
    fn rescaling_is_exact_or_refused() {
        assert_eq!(Quantity::from_rescaled(15, 1).unwrap(), Quantity::from_scaled(1_500_000));
        assert_eq!(Quantity::from_rescaled(15, -1).unwrap(), Quantity::from_scaled(150_000_000));
        assert_eq!(Quantity::from_rescaled(1_500_000_000, 9).unwrap(), Quantity::from_scaled(1_500_000));
        assert_eq!(Amount::from_rescaled(-(10i128.pow(30)), 8).unwrap(), Amount::from_scaled(-(10i128.pow(30))));
        let message = Quantity::from_rescaled(15, 7).unwrap_err().to_string();
        assert_eq!(
            message,
            "`15e-7` has more than 6 decimals: correct it or round it at the source, it is never rounded here"
        );
        let message = Quantity::from_rescaled(1, -13).unwrap_err().to_string();
        assert_eq!(message, "`1e13` is too large: the largest is 9223372036854.775807, either side of zero");
        assert!(
            Quantity::from_rescaled(i128::from(i64::MIN), 6).is_err(),
            "the least integer means that nothing is known"
        );
    }

    #[test]
    fn nothing_known_is_not_a_number() {
        assert!(Quantity::default().is_none());
        assert_eq!(Quantity::NONE.scaled(), None);
        assert!(Amount::NONE < Amount::from_scaled(-i128::MAX));
    }

    #[test]
    fn configurations_write_numbers_as_text_or_whole_and_never_as_floats() {
        assert_eq!(serde_json::from_str::<Price>("\"0.01\"").unwrap(), price("0.01"));
        assert_eq!(serde_json::from_str::<Price>("-3").unwrap(), price("-3"));
        assert_eq!(serde_json::from_str::<Price>("null").unwrap(), Price::NONE);
        let message = serde_json::from_str::<Price>("0.01").unwrap_err().to_string();
        assert!(message.contains("expected a number as text, such as \"0.01\""), "{message}");
    }

    macro_rules! round_trips {
        ($($test:ident: $name:ident($integer:ty);)*) => {
            proptest! {$(
                #[test]
                fn $test(scaled in any::<$integer>()) {
                    let number = $name::from_scaled(scaled);
                    if !number.is_none() {
                        prop_assert_eq!($name::parse(&number.to_string(), &PLAIN).unwrap(), number);
                        prop_assert_eq!($name::from_rescaled(number.scaled().unwrap(), $name::SCALE as i8).unwrap(), number);
                    }
                    let bytes = bincode::serialize(&number).unwrap();
                    prop_assert_eq!(bincode::deserialize::<$name>(&bytes).unwrap(), number);
                    let json = serde_json::to_string(&number).unwrap();
                    prop_assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), number);
                }
            )*}
        };
    }

    round_trips! {
        a_quantity_is_read_back_as_it_was_written: Quantity(i64);
        a_price_is_read_back_as_it_was_written: Price(i64);
        an_amount_is_read_back_as_it_was_written: Amount(i128);
    }

    proptest! {
        #[test]
        fn numbers_sort_as_they_are_written(a in -10_000..10_000i64, b in -10_000..10_000i64) {
            let (left, right) = (Quantity::from_rescaled(a.into(), 2).unwrap(), Quantity::from_rescaled(b.into(), 2).unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }
    }
}

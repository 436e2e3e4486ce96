//! Exact decimals: from the text that JSON and floats write, and the fast ways to and from integers.

use std::fmt;

/// `mantissa / 10^scale`, exactly. The scale is negative when zeros were left out at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) mantissa: i128,
    pub(crate) scale: i32,
}

/// An exponent that is wider than that of any float is a mistake, and must not become a million zeros.
const SCALE_MAX: i32 = 400;

impl Decimal {
    /// Reads digits with an optional sign, point and exponent. `None` if it is something else or has too many digits.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let (sign, whole) = match whole.strip_prefix('-') {
            Some(whole) => (-1, whole),
            None => (1, whole),
        };
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let part = part.trim_end_matches('0');
        let digits = whole.bytes().chain(part.bytes());
        let mantissa = digits.clone().try_fold(0i128, |mantissa, digit| {
            let digit = char::from(digit).to_digit(10)?;
            mantissa.checked_mul(10)?.checked_add(digit.into())
        })?;
        let scale = i32::try_from(part.len()).ok()?.checked_sub(exponent)?;
        if scale.abs() > SCALE_MAX {
            return None;
        }
        Some(Decimal { mantissa: sign * mantissa, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        let decimals = usize::try_from(self.scale).unwrap_or(0);
        if decimals == 0 {
            let zeros = if self.mantissa == 0 { 0 } else { self.scale.unsigned_abs() as usize };
            return write!(f, "{digits}{:0<zeros$}", "");
        }
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, part) = padded.split_at(padded.len() - decimals);
        match part.trim_end_matches('0') {
            "" => f.write_str(whole),
            part => write!(f, "{whole}.{part}"),
        }
    }
}

/// `10^exponent`, if it fits.
#[inline]
pub(crate) fn power(exponent: u8) -> Option<i64> {
    const POWERS: [i64; 19] = {
        let mut powers = [1; 19];
        let mut exponent = 1;
        while exponent < powers.len() {
            powers[exponent] = powers[exponent - 1] * 10;
            exponent += 1;
        }
        powers
    };
    POWERS.get(usize::from(exponent)).copied()
}

/// The integer `n` for which `n / 10^scale` is the shortest decimal that reads back as this float, if `n` has at most 15
/// digits. Two decimals of at most 15 digits never read back as the same float, so there is but one such `n`; and the
/// division below is that very reading, because both its operands are exact.
#[inline]
pub(crate) fn exactly_scaled(number: f64, scale: u8) -> Option<i64> {
    const DIGITS_15: f64 = 1e15;
    let unit = power(scale)? as f64;
    let scaled = (number * unit).round();
    (scaled.abs() < DIGITS_15 && scaled / unit == number).then_some(scaled as i64)
}

/// The decimal text of an integer, with no allocation.
#[inline]
pub(crate) fn with_digits<R>(number: i64, read: impl FnOnce(&str) -> R) -> R {
    const DIGITS_MAX: usize = 20;
    let mut text = [0; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        start -= 1;
        text[start] = b'-';
    }
    read(std::str::from_utf8(&text[start..]).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        let cases = [
            ("0", 0, 0),
            ("-0.0", 0, 0),
            ("12.50", 125, 1),
            ("-3", -3, 0),
            ("1e3", 1, -3),
            ("1.5E-3", 15, 4),
            ("1e+2", 1, -2),
            (".5", 5, 1),
        ];
        for (text, mantissa, scale) in cases {
            assert_eq!(Decimal::parse(text), Some(Decimal { mantissa, scale }), "{text}");
        }
        for text in ["", "-", ".", "e5", "1e", "NaN", "inf", "1,5", "+1", "1e99999999999", "--1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_shown_without_needless_zeros() {
        let cases = [(125, 1, "12.5"), (-5, 3, "-0.005"), (100, 2, "1"), (7, -2, "700"), (0, -5, "0"), (0, 4, "0")];
        for (mantissa, scale, text) in cases {
            assert_eq!(Decimal { mantissa, scale }.to_string(), text);
        }
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for number in [0, 1, -1, 9, 10, 99, 100, i64::MAX, i64::MIN, 123_456_789_012_345] {
            with_digits(number, |text| assert_eq!(text, number.to_string()));
        }
    }

    proptest! {
        /// The fast way from a float gives what its shortest decimal text gives.
        #[test]
        fn a_float_is_scaled_as_its_text_says(mantissa in -9_999_999_999_999i64..9_999_999_999_999, decimals in 0u8..12) {
            let number: f64 = format!("{mantissa}e-{decimals}").parse().unwrap();
            let exact = Decimal::parse(&number.to_string()).unwrap();
            if let Some(scaled) = exactly_scaled(number, 8) {
                prop_assert!(exact.scale <= 8);
                prop_assert_eq!(i128::from(scaled), exact.mantissa * 10i128.pow((8 - exact.scale) as u32));
            }
        }

        #[test]
        fn any_float_is_scaled_as_its_text_says_or_not_at_all(number in any::<f64>()) {
            if let Some(scaled) = exactly_scaled(number, 6) {
                let exact = Decimal::parse(&number.to_string()).unwrap();
                prop_assert_eq!(i128::from(scaled), exact.mantissa * 10i128.pow((6 - exact.scale) as u32));
            }
        }

        #[test]
        fn shown_decimals_read_back(mantissa in any::<i64>(), scale in -18i32..20) {
            let text = Decimal { mantissa: mantissa.into(), scale }.to_string();
            let read = Decimal::parse(&text).unwrap();
            let widest = scale.max(read.scale);
            prop_assert_eq!(read.mantissa * 10i128.pow((widest - read.scale) as u32), i128::from(mantissa) * 10i128.pow((widest - scale) as u32));
        }
    }
}

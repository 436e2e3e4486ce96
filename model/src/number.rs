//! Reading decimal numbers from text, exactly.
//!
//! Numbers as machines write them (`-1234.5`) take a quick path over the bytes. Whatever that path does not
//! understand (grouping, parentheses, very many digits, nonsense) takes the slow path, which reads it or says why not.

use serde::{Deserialize, Serialize};

/// `10^0` to `10^18`: every power of ten that fits an `i64`.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// The largest power of ten that fits an `i128`.
const EXPONENT_MAX: u32 = 38;

/// How numbers are written in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberFormat {
    /// What stands before the decimals.
    pub decimal: char,
    /// What may stand between groups of digits before them. A blank means any kind of blank, `'` any apostrophe.
    pub grouping: Option<char>,
    /// Whether `(1.50)` means -1.50.
    pub parentheses_negative: bool,
}

impl Default for NumberFormat {
    fn default() -> NumberFormat {
        NumberFormat { decimal: '.', grouping: None, parentheses_negative: false }
    }
}

impl NumberFormat {
    /// What is wrong with the format itself, if anything: a character that already means something else in a number.
    pub fn problem(&self) -> Option<&'static str> {
        let taken = |character: char| character.is_ascii_digit() || "+-()".contains(character);
        if taken(self.decimal) || self.grouping.is_some_and(taken) {
            return Some(
                "digits, signs and parentheses cannot separate decimals or groups: use a point, a comma or a blank",
            );
        }
        if self.is_grouping(self.decimal) {
            return Some("the same character cannot separate both decimals and groups: use two different ones");
        }
        None
    }

    /// True for the grouping character and those that stand for the same thing in other hands.
    fn is_grouping(&self, character: char) -> bool {
        match self.grouping {
            None => false,
            Some('\'' | '\u{2019}') => matches!(character, '\'' | '\u{2019}'),
            Some(blank) if blank.is_whitespace() => character.is_whitespace(),
            Some(grouping) => character == grouping,
        }
    }
}

/// Why a text or a number is not one of the fixed-point numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a decimal number in the given format.
    #[error("`{text}` is not a number: {reason}")]
    NotANumber {
        /// What was read.
        text: String,
        /// What did not fit, and what to do.
        reason: String,
    },
    /// Digits would be lost.
    #[error("`{text}` has more than {scale} decimals: correct it or round it at the source, it is never rounded here")]
    TooManyDecimals {
        /// What was read.
        text: String,
        /// How many decimals there may be.
        scale: u8,
    },
    /// Beyond the largest number that can be held.
    #[error("`{text}` is too large: the largest is {largest}, either side of zero")]
    TooLarge {
        /// What was read.
        text: String,
        /// The largest number that fits.
        largest: String,
    },
}

/// What keeps a number from being held exactly. Callers add the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    NotANumber,
    TooManyDecimals,
    TooLarge,
}

/// `mantissa * 10^shift`, if that is a whole number that fits.
#[inline]
pub(crate) fn shifted(mantissa: i128, shift: i32) -> Result<i128, Misfit> {
    let Some(&power) = POWERS.get(shift.unsigned_abs() as usize) else {
        return shifted_far(mantissa, shift);
    };
    match i64::try_from(mantissa) {
        Ok(small) if shift >= 0 => Ok(i128::from(small) * i128::from(power)),
        Ok(small) if small % power == 0 => Ok(i128::from(small / power)),
        Ok(_) => Err(Misfit::TooManyDecimals),
        Err(_) => shifted_far(mantissa, shift),
    }
}

#[cold]
fn shifted_far(mantissa: i128, shift: i32) -> Result<i128, Misfit> {
    let misfit = if shift >= 0 { Misfit::TooLarge } else { Misfit::TooManyDecimals };
    if mantissa == 0 {
        return Ok(0);
    }
    if shift.unsigned_abs() > EXPONENT_MAX {
        return Err(misfit);
    }
    let power = 10i128.pow(shift.unsigned_abs());
    if shift >= 0 {
        return mantissa.checked_mul(power).ok_or(misfit);
    }
    if mantissa % power == 0 { Ok(mantissa / power) } else { Err(misfit) }
}

/// The number in `text` times `10^scale`.
#[inline]
pub(crate) fn read_scaled(text: &str, scale: u8, format: &NumberFormat) -> Result<i128, Misfit> {
    match read_plain(text.as_bytes(), scale, format.decimal) {
        Some(scaled) => Ok(i128::from(scaled)),
        None => read_any(text, scale, format),
    }
}

/// The quick path: an optional sign, at most 18 digits, at most one decimal separator, nothing else.
/// `None` where it does not apply, which is no judgement on the text.
#[inline]
fn read_plain(text: &[u8], scale: u8, decimal: char) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let whole_length = digits.iter().position(|&byte| u32::from(byte) == u32::from(decimal)).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(whole_length);
    let fraction = rest.get(1..).unwrap_or_default();
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    if !(1..=18).contains(&(whole.len() + fraction.len())) {
        return None;
    }
    let mut mantissa = 0i64;
    for byte in whole.iter().chain(fraction) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        mantissa = mantissa * 10 + i64::from(digit);
    }
    let scaled = mantissa.checked_mul(POWERS[missing])?;
    Some(if negative { -scaled } else { scaled })
}

/// The slow path: everything that is a number in this format.
#[cold]
fn read_any(text: &str, scale: u8, format: &NumberFormat) -> Result<i128, Misfit> {
    let (negative, digits) = split_sign(text.trim(), format).ok_or(Misfit::NotANumber)?;
    let (whole, fraction) = digits.split_once(format.decimal).unwrap_or((digits, ""));
    if !well_grouped(whole, format) || (whole.is_empty() && fraction.is_empty()) {
        return Err(Misfit::NotANumber);
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Misfit::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    let mut mantissa = 0i128;
    for digit in whole.chars().chain(fraction.chars()).filter_map(|character| character.to_digit(10)) {
        let longer = mantissa.checked_mul(10).and_then(|mantissa| mantissa.checked_add(i128::from(digit)));
        mantissa = longer.ok_or(if fraction.len() > usize::from(scale) {
            Misfit::TooManyDecimals
        } else {
            Misfit::TooLarge
        })?;
    }
    let decimals = i32::try_from(fraction.len()).map_err(|_| Misfit::TooManyDecimals)?;
    let scaled = shifted(mantissa, i32::from(scale) - decimals)?;
    Ok(if negative { -scaled } else { scaled })
}

/// Whether the number is negative, and what is left without its sign.
fn split_sign<'t>(text: &'t str, format: &NumberFormat) -> Option<(bool, &'t str)> {
    if let Some(inside) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return format.parentheses_negative.then(|| (true, inside.trim()));
    }
    if let Some(rest) = text.strip_prefix(['-', '\u{2212}']) {
        return Some((true, rest.trim_start()));
    }
    Some((false, text.strip_prefix('+').map_or(text, str::trim_start)))
}

/// True for digits, in groups of three from the right where they are grouped; groups of two may stand before those
/// (`12,34,567` in India). So `1,5` is refused where the comma groups: its writer surely meant one and a half.
fn well_grouped(whole: &str, format: &NumberFormat) -> bool {
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let mut groups = whole.rsplit(|character| format.is_grouping(character)).peekable();
    let mut wanted = 3..=3;
    while let Some(group) = groups.next() {
        let lengths = if groups.peek().is_some() { wanted } else { 1..=3 };
        if !lengths.contains(&group.len()) || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        wanted = 2..=3;
    }
    true
}

/// Why a text is not a number, for a person who has to correct it.
#[cold]
pub(crate) fn why_not_a_number(text: &str, format: &NumberFormat) -> String {
    let body = text.trim();
    if body.is_empty() {
        return "it is empty".to_owned();
    }
    if body.starts_with('(') && body.ends_with(')') && !format.parentheses_negative {
        return "it is in parentheses; if that means negative, set `parentheses_negative`".to_owned();
    }
    let Some((_, digits)) = split_sign(body, format) else {
        return "its sign is not clear".to_owned();
    };
    let allowed =
        |character: char| character.is_ascii_digit() || character == format.decimal || format.is_grouping(character);
    if let Some(character) = digits.chars().find(|character| !allowed(*character)) {
        return why_not_a_digit(character, digits, format);
    }
    if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return "it has no digits".to_owned();
    }
    if digits.matches(format.decimal).count() > 1 {
        return format!("it has more than one `{}`, which stands before the decimals", format.decimal);
    }
    "its digits are not in groups of three; check which character stands before the decimals and which between groups"
        .to_owned()
}

fn why_not_a_digit(character: char, digits: &str, format: &NumberFormat) -> String {
    let before = digits.split(character).next().unwrap_or_default();
    if matches!(character, 'e' | 'E') && before.bytes().any(|byte| byte.is_ascii_digit()) {
        return "it has an exponent, which often hides lost digits; write it out in full".to_owned();
    }
    match format.grouping {
        Some(grouping) => format!(
            "`{character}` is neither a digit, nor `{}` before decimals, nor `{grouping}` between groups",
            format.decimal
        ),
        None => format!(
            "`{character}` is neither a digit nor `{}` before decimals; if it separates groups, set `grouping`",
            format.decimal
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_path_reads_what_the_slow_path_reads(text in "[-+]?[0-9]{0,20}\\.?[0-9]{0,9}", scale in 0..10u8) {
            if let Some(scaled) = read_plain(text.as_bytes(), scale, '.') {
                prop_assert_eq!(read_any(&text, scale, &NumberFormat::default()), Ok(i128::from(scaled)));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_with_a_reason(text in "[-+(]?[0-9., e]{0,12}[)]?|.{0,8}") {
            let format = NumberFormat { grouping: Some(','), ..NumberFormat::default() };
            if read_scaled(&text, 8, &format) == Err(Misfit::NotANumber) {
                prop_assert!(!why_not_a_number(&text, &format).is_empty());
            }
        }

        #[test]
        fn shifting_there_and_back_changes_nothing(mantissa in any::<i64>(), shift in 0..=19i32) {
            let there = shifted(i128::from(mantissa), shift).unwrap();
            prop_assert_eq!(shifted(there, -shift), Ok(i128::from(mantissa)));
        }
    }

    #[test]
    fn shifting_never_loses_a_digit_or_overflows() {
        let cases = [
            (15, -1, Err(Misfit::TooManyDecimals)),
            (150, -1, Ok(15)),
            (-150, -1, Ok(-15)),
            (0, -100, Ok(0)),
            (0, 100, Ok(0)),
            (1, 38, Ok(10i128.pow(38))),
            (1, 39, Err(Misfit::TooLarge)),
            (2, 38, Err(Misfit::TooLarge)),
            (i128::MAX, 1, Err(Misfit::TooLarge)),
            (i128::MAX, -1, Err(Misfit::TooManyDecimals)),
            (10i128.pow(38), -38, Ok(1)),
            (10i128.pow(38), -39, Err(Misfit::TooManyDecimals)),
            (i128::from(i64::MIN), 18, Ok(i128::from(i64::MIN) * 10i128.pow(18))),
        ];
        for (mantissa, shift, expected) in cases {
            assert_eq!(shifted(mantissa, shift), expected, "{mantissa} * 10^{shift}");
        }
    }

    #[test]
    fn a_format_that_contradicts_itself_is_told() {
        let format = |decimal, grouping| NumberFormat { decimal, grouping, parentheses_negative: false };
        assert_eq!(NumberFormat::default().problem(), None);
        assert_eq!(format(',', Some('.')).problem(), None);
        assert!(format('.', Some('.')).problem().unwrap().contains("two different"));
        assert!(format('0', None).problem().is_some());
        assert!(format('.', Some('-')).problem().is_some());
    }
}

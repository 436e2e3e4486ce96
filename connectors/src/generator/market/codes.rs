//! Identifiers with valid check digits that belong to no one.
//!
//! Securities take their numbers from the ranges that the numbering agencies leave to users (CUSIP issuers that start
//! with `99`, SEDOLs that start with `9`), so that none is the number of a real security.

use crate::generator::random::Random;

/// What a character of an identifier is worth: digits themselves, letters 10 to 35.
fn worth(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or(0)
}

/// The digit that fills up to the next multiple of ten.
fn to_ten(sum: u32) -> u32 {
    (10 - sum % 10) % 10
}

/// The ISIN of a national number: its country in front, its check digit behind.
fn isin(country: &str, national: &str) -> String {
    let body = format!("{country}{national}");
    let digits: String = body.bytes().map(|byte| worth(byte).to_string()).collect();
    let doubled = digits.bytes().rev().enumerate().map(|(place, digit)| {
        let digit = worth(digit) * if place % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    });
    format!("{body}{}", to_ten(doubled.sum()))
}

fn cusip(body: &str) -> String {
    let sum = body.bytes().enumerate().map(|(place, byte)| {
        let value = worth(byte) * if place % 2 == 1 { 2 } else { 1 };
        value / 10 + value % 10
    });
    format!("{body}{}", to_ten(sum.sum()))
}

fn sedol(body: &str) -> String {
    let sum = body.bytes().zip([1, 3, 1, 7, 3, 9]).map(|(byte, weight)| worth(byte) * weight);
    format!("{body}{}", to_ten(sum.sum()))
}

/// The ISIN of a security of the United States, numbered within the CUSIP range for users.
pub(super) fn american_isin(ordinal: u32) -> String {
    isin("US", &cusip(&format!("99{:04}10", ordinal % 10_000)))
}

/// The ISIN of a security of `GB` or `IE`, numbered within the SEDOL range for users.
pub(super) fn british_or_irish_isin(country: &str, ordinal: u32) -> String {
    isin(country, &format!("00{}", sedol(&format!("9{:05}", ordinal % 100_000))))
}

/// An LEI whose issuer prefix `9999` is that of no issuer.
pub(super) fn lei(random: &mut Random) -> String {
    let own: String =
        (0..12).filter_map(|_| random.pick(b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")).map(char::from).collect();
    let body = format!("999900{own}");
    let remainder = format!("{body}00").bytes().fold(0, |remainder, byte| {
        let worth = worth(byte);
        (remainder * if worth >= 10 { 100 } else { 10 } + worth) % 97
    });
    format!("{body}{:02}", 98 - remainder)
}

#[cfg(test)]
mod tests {
    use model::identifiers::{Cusip, Isin, Lei, Sedol};

    use super::*;

    #[test]
    fn published_identifiers_come_out() {
        assert_eq!(isin("US", "037833100"), "US0378331005");
        assert_eq!(cusip("03783310"), "037833100");
        assert_eq!(sedol("026349"), "0263494");
    }

    #[test]
    fn every_identifier_has_the_check_digits_of_its_standard() {
        let mut random = Random::new(7);
        for ordinal in 0..2000 {
            let american = american_isin(ordinal);
            Isin::parse(&american).unwrap();
            Cusip::parse(&american[2..11]).unwrap();
            let british = british_or_irish_isin("GB", ordinal);
            Isin::parse(&british).unwrap();
            Sedol::parse(&british[4..11]).unwrap();
            Lei::parse(&lei(&mut random)).unwrap();
        }
    }
}

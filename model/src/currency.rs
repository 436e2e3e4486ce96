//! `Currency`: an ISO 4217 code, checked against the list.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::identifiers::IdentifierError;

/// ISO 4217 list one (currencies, funds and metals) as of January 2026.
const CURRENT: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD \
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR \
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD \
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF \
    XPT XSU XTS XUA XXX YER ZAR ZMW ZWG";

/// Withdrawn since 1999 (ISO 4217 list three), which old trades and bonds still name.
const WITHDRAWN: &str = "ADP ANG ATS AZM BEF BGL BGN BYB BYR CSD CUC CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF \
    LVL MGF MRO MTL MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TRL VEB VEF XEU YUM ZMK ZWD ZWL ZWN ZWR";

/// Not on any ISO list, but quoted by every bank: the renminbi as it trades outside mainland China.
const MARKET: &str = "CNH";

/// One bit for each three-letter code.
const KNOWN: [u64; (26 * 26 * 26usize).div_ceil(64)] = listed(&[CURRENT, WITHDRAWN, MARKET]);

/// A currency code; [`Currency::NONE`] when unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Currency([u8; 3]);

impl Currency {
    /// No currency.
    pub const NONE: Currency = Currency([0; 3]);

    /// Reads an ISO 4217 code in capitals: `GBp` is not a careless `GBP` but a hundredth of it.
    #[inline]
    pub fn parse(text: &str) -> Result<Currency, IdentifierError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if is_known(code) => Ok(Currency(code)),
            _ => Err(unknown(text)),
        }
    }

    /// The three letters; empty for [`Currency::NONE`].
    #[inline]
    pub fn code(&self) -> &str {
        if self.is_none() { "" } else { std::str::from_utf8(&self.0).unwrap_or_default() }
    }

    /// The three bytes, zero for [`Currency::NONE`].
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// True when no currency is known.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Currency::NONE
    }
}

/// The place of a code among all codes of three capitals.
const fn place(code: [u8; 3]) -> Option<usize> {
    let mut place = 0;
    let mut index = 0;
    while index < code.len() {
        if !code[index].is_ascii_uppercase() {
            return None;
        }
        place = place * 26 + (code[index] - b'A') as usize;
        index += 1;
    }
    Some(place)
}

/// The bits of all codes in the lists, whose codes stand four bytes apart.
const fn listed<const WORDS: usize>(lists: &[&str]) -> [u64; WORDS] {
    let mut bits = [0; WORDS];
    let mut list = 0;
    while list < lists.len() {
        let codes = lists[list].as_bytes();
        let mut at = 0;
        while at < codes.len() {
            if let Some(place) = place([codes[at], codes[at + 1], codes[at + 2]]) {
                bits[place / 64] |= 1 << (place % 64);
            }
            at += 4;
        }
        list += 1;
    }
    bits
}

fn is_known(code: [u8; 3]) -> bool {
    place(code).is_some_and(|place| KNOWN[place / 64] >> (place % 64) & 1 == 1)
}

#[cold]
fn unknown(text: &str) -> IdentifierError {
    let capitals: Option<[u8; 3]> = text.trim().to_ascii_uppercase().as_bytes().try_into().ok();
    let hint = match (text, capitals) {
        ("GBp" | "GBX" | "ZAc" | "ZAC" | "ILa" | "ILA", _) => {
            "it is a hundredth of a currency; divide the price by 100 and use the currency's own code"
        }
        (_, Some(code)) if is_known(code) => "codes are written in capitals, without blanks",
        _ => "it is not on the list of ISO 4217; use a code such as USD, or map it in the configuration",
    };
    IdentifierError::Unknown { text: text.to_owned(), standard: "a currency", hint }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", if self.is_none() { "NONE" } else { self.code() })
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.code())
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 3]>::deserialize(deserializer).map(Currency);
        }
        match String::deserialize(deserializer)?.as_str() {
            "" => Ok(Currency::NONE),
            code => Currency::parse(code).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_code_is_read_and_written_back() {
        let codes: Vec<&str> = [CURRENT, WITHDRAWN, MARKET].iter().flat_map(|list| list.split(' ')).collect();
        for code in &codes {
            assert_eq!(Currency::parse(code).unwrap().code(), *code);
        }
        let bits: u32 = KNOWN.iter().map(|word| word.count_ones()).sum();
        assert_eq!(
            bits as usize,
            codes.len(),
            "a code is listed twice, or the lists are not three letters and a blank"
        );
    }

    #[test]
    fn pence_are_not_pounds() {
        let message = Currency::parse("GBp").unwrap_err().to_string();
        assert!(message.contains("hundredth"), "{message}");
    }

    #[test]
    fn other_texts_are_refused_with_what_to_do() {
        for (text, part) in [
            ("usd", "capitals"),
            ("USD ", "capitals"),
            ("US", "ISO 4217"),
            ("", "ISO 4217"),
            ("ABC", "ISO 4217"),
            ("€", "ISO 4217"),
        ] {
            let message = Currency::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn none_is_written_as_nothing_and_is_not_read() {
        assert_eq!(Currency::NONE.to_string(), "");
        assert_eq!(Currency::default(), Currency::NONE);
        assert!(Currency::parse("\0\0\0").is_err());
    }
}

//! Separated values: a header, and a record a line.

use std::borrow::Cow;

use super::framing::{Bounds, Dialect, Frame, Malformed, RECORD_BYTES_MAX};
use crate::layout::{Fault, Given, Header, TextRow};

/// One row, cut into fields.
pub(crate) struct SeparatedRow<'a> {
    pub(crate) text: &'a str,
    pub(crate) fields: &'a [Bounds],
    pub(crate) dialect: Dialect,
}

impl SeparatedRow<'_> {
    pub(crate) fn field(&self, column: usize) -> Cow<'_, str> {
        let Some(bounds) = self.fields.get(column) else { return Cow::Borrowed("") };
        let text = self.text.get(bounds.start..bounds.end).unwrap_or_default();
        let text = if self.dialect.trim { text.trim_ascii() } else { text };
        match self.dialect.quote.map(char::from).filter(|_| bounds.doubled) {
            Some(quote) => Cow::Owned(text.replace(&format!("{quote}{quote}"), &quote.to_string())),
            None => Cow::Borrowed(text),
        }
    }

    /// The names of the columns, if this is the header.
    pub(crate) fn header(&self) -> Header {
        Header::of((0..self.fields.len()).map(|column| self.field(column).trim().to_owned()).collect())
    }
}

impl TextRow for SeparatedRow<'_> {
    #[inline]
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        Ok(Given::Text(self.field(column)))
    }
}

/// Why a row does not have as many fields as there are columns.
#[cold]
pub(crate) fn wrong_width(found: usize, expected: usize, dialect: &Dialect) -> Fault {
    let what = format!("the row has {found} fields, {expected} were expected");
    let help = match (found > expected, dialect.quote) {
        (true, Some(quote)) => format!("put a field that holds the delimiter in {}", char::from(quote)),
        (true, None) => "leave the delimiter out of the fields, or set csv.quote".to_owned(),
        (false, _) => "write every field of the row, if only as nothing between two delimiters".to_owned(),
    };
    Fault::new(what, help)
}

/// Why a line is not a row.
#[cold]
pub(crate) fn not_a_row(malformed: Malformed) -> Fault {
    match malformed {
        Malformed::OpenQuote => Fault::new(
            "a quote is opened and never closed",
            "close it, double it if it belongs to the text, or set csv.quote to \"\" if quotes mean nothing in this file",
        ),
        Malformed::AfterQuote => Fault::new(
            "something other than a delimiter follows a closing quote",
            "double a quote that belongs to the text, or set csv.quote to \"\" if quotes mean nothing in this file",
        ),
        Malformed::TooLong => Fault::new(
            format!("the record is longer than {RECORD_BYTES_MAX} bytes"),
            "close a quote that is left open, or check that lines end in a line feed",
        ),
    }
}

/// What a header with the wrong delimiter looks like: one column, with another delimiter in its name.
pub(crate) fn other_delimiter(header: &Header, dialect: &Dialect, source: &str) -> Option<Fault> {
    let [only] = &header.names[..] else { return None };
    let other = [',', ';', '\t', '|'].into_iter().find(|other| only.contains(*other))?;
    let current = dialect.delimiter.map(char::from).unwrap_or(',');
    let what = format!("the header is one column, but {other:?} is in it: the delimiter is not {current:?}");
    Some(Fault::new(what, format!("set `{source}.csv.delimiter` to {other:?}").replace('\'', "\"")))
}

/// The header that must be there is not.
pub(crate) fn no_header(frame: &Frame) -> Fault {
    let help =
        "write the names of the columns in the first line, or set csv.header to false and name columns by number";
    match frame {
        Frame::Malformed(malformed) => not_a_row(*malformed),
        Frame::Cut(damage) => cut(damage, 0),
        _ => Fault::new("there is no line that names the columns: the file is empty", help),
    }
}

/// The text ends before its time.
#[cold]
pub(crate) fn cut(damage: &str, records: u64) -> Fault {
    let what = format!("the file is cut off or damaged after {records} records: {damage}");
    Fault::new(what, "send the whole file again; the records before the cut are kept")
}

/// Bytes that are not text.
#[cold]
pub(crate) fn not_utf8(raw: &[u8], encoding: &str) -> Fault {
    let position = std::str::from_utf8(raw).err().map_or(0, |error| error.valid_up_to());
    let byte = raw.get(position).copied().unwrap_or_default();
    let what = format!("byte {position} of the record (0x{byte:02x}) is not text in the encoding {encoding}");
    Fault::new(what, "write the whole file in one encoding, and set csv.encoding to it, such as \"windows-1252\"")
}

//! Where each record of a text file ends, and where in it each field is.
//!
//! ```text
//!  window ──scan──▶ record: fields, line, bytes        a bad quote spoils one line, not the rest of the file:
//!     ▲               │                                reading goes on at the line after the one where the
//!   more bytes ◀── incomplete                          record began
//! ```
//! Separated values are read as RFC 4180 says, and as the `csv` crate does where that is silent: lines end in CR LF, LF
//! or CR; empty lines are no records; a quote inside a field that did not begin with one is an ordinary character. What
//! a reader of well-formed files does not give and this must: the bytes of a record as they came, its line, a bound on
//! its size, and a place to go on after a record that is not well formed.

use std::io;

use super::input::Input;

/// How long a record may be.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 20;

/// What separates fields and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// What stands between fields; none if a line is one field.
    pub(crate) delimiter: Option<u8>,
    pub(crate) quote: Option<u8>,
    pub(crate) comment: Option<u8>,
    /// Whether blanks around fields do not count.
    pub(crate) trim: bool,
}

impl Dialect {
    /// Each line is one field.
    pub(crate) const LINES: Dialect = Dialect { delimiter: None, quote: None, comment: None, trim: false };
}

/// Where a field is in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether quotes in it are doubled.
    pub(crate) doubled: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A record.
    Record,
    /// A line that is not a record.
    Malformed(Malformed),
    /// The text ends before its time, for this reason.
    Cut(String),
    /// The text ends.
    End,
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A quote that is not closed before the record becomes too long, or the text ends.
    OpenQuote,
    /// Something other than a delimiter after a closing quote.
    AfterQuote,
    /// Too many bytes.
    TooLong,
}

/// Reads records one after the other.
pub(crate) struct Framer {
    input: Input,
    dialect: Dialect,
    fields: Vec<Bounds>,
    line: u64,
    at_hand: Extent,
    /// Whether the line at hand goes on after what was read of it.
    line_goes_on: bool,
}

/// How far a record reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extent {
    /// Its bytes.
    content: usize,
    /// Its bytes and the end of its last line.
    length: usize,
    /// Its lines.
    lines: u64,
}

impl Framer {
    pub(crate) fn new(input: Input, dialect: Dialect) -> Framer {
        Framer { input, dialect, fields: Vec::new(), line: 1, at_hand: Extent::default(), line_goes_on: false }
    }

    /// The bytes of the record at hand.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.input.window()[..self.at_hand.content]
    }

    /// Where the fields of the record at hand are.
    pub(crate) fn fields(&self) -> &[Bounds] {
        &self.fields
    }

    /// The line, from 1, where the record at hand begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The name of the encoding of the file.
    pub(crate) fn encoding(&self) -> &'static str {
        self.input.encoding()
    }

    /// Goes on to the next record.
    pub(crate) fn advance(&mut self) -> io::Result<Frame> {
        self.leave_record()?;
        loop {
            match self.input.window().first() {
                None if self.input.ended() => return Ok(self.end()),
                None => self.input.read_more()?,
                Some(b'\n' | b'\r') => self.skip_line()?,
                Some(first) if Some(*first) == self.dialect.comment => self.skip_line()?,
                Some(_) => match self.scan_record() {
                    Scan::Incomplete if self.input.window().len() < RECORD_BYTES_MAX => self.input.read_more()?,
                    Scan::Incomplete => return Ok(self.malformed(Malformed::TooLong)),
                    Scan::Malformed(malformed) => return Ok(self.malformed(malformed)),
                    Scan::Record(extent) => return Ok(self.record(extent)),
                },
            }
        }
    }

    /// Leaves out a line, whatever it holds.
    pub(crate) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let window = self.input.window();
            let content = window.iter().position(|byte| is_line_end(*byte)).unwrap_or(window.len());
            let end = line_end_bytes(&window[content..], self.input.ended());
            self.input.consume(content);
            if let Some(end) = end {
                self.input.consume(end);
                self.line += 1;
                return Ok(());
            }
            if self.input.ended() {
                return Ok(());
            }
            self.input.read_more()?;
        }
    }

    fn leave_record(&mut self) -> io::Result<()> {
        let left = std::mem::take(&mut self.at_hand);
        self.input.consume(left.length);
        self.line += left.lines;
        if std::mem::take(&mut self.line_goes_on) { self.skip_line() } else { Ok(()) }
    }

    fn scan_record(&mut self) -> Scan {
        let window = self.input.window();
        let bounded = &window[..window.len().min(RECORD_BYTES_MAX)];
        let is_all = self.input.ended() && bounded.len() == window.len();
        self.fields.clear();
        scan(bounded, is_all, &self.dialect, &mut self.fields)
    }

    fn record(&mut self, extent: Extent) -> Frame {
        self.at_hand = extent;
        // Without the end of its line, nobody knows how the record went on.
        let is_whole = extent.content < extent.length;
        if is_whole || self.input.damage().is_none() { Frame::Record } else { self.end() }
    }

    /// The line where the record begins is at hand, or what is there of it.
    fn malformed(&mut self, malformed: Malformed) -> Frame {
        let window = self.input.window();
        if malformed == Malformed::OpenQuote && self.input.damage().is_some() {
            self.at_hand.content = window.len();
            return self.end();
        }
        let content = window.iter().position(|byte| is_line_end(*byte)).unwrap_or(window.len()).min(RECORD_BYTES_MAX);
        self.at_hand = Extent { content, length: content, lines: 0 };
        self.line_goes_on = true;
        Frame::Malformed(malformed)
    }

    fn end(&self) -> Frame {
        self.input.damage().map_or(Frame::End, |damage| Frame::Cut(damage.to_owned()))
    }
}

/// Finds the fields of a text that is one record, and how much of it the record and the end of its line take.
pub(crate) fn split(text: &[u8], dialect: &Dialect, fields: &mut Vec<Bounds>) -> Result<usize, Malformed> {
    fields.clear();
    match scan(text, true, dialect, fields) {
        Scan::Record(extent) => Ok(extent.length),
        Scan::Malformed(malformed) => Err(malformed),
        // Cannot be: all of the text is there.
        Scan::Incomplete => Err(Malformed::OpenQuote),
    }
}

#[derive(Debug)]
enum Scan {
    Record(Extent),
    Malformed(Malformed),
    /// The record goes on after the text.
    Incomplete,
}

/// Finds the end of the record at the start of `text`, and its fields. `is_all`: no more text follows.
fn scan(text: &[u8], is_all: bool, dialect: &Dialect, fields: &mut Vec<Bounds>) -> Scan {
    let mut start = 0;
    let mut lines = 1;
    loop {
        let first = if dialect.trim { dialect.after_blanks(text, start) } else { start };
        let is_quoted = dialect.quote.is_some() && text.get(first).copied() == dialect.quote;
        let field =
            if is_quoted { dialect.quoted(text, first + 1, is_all) } else { dialect.plain(text, start, is_all) };
        let (bounds, after) = match field {
            Ok(field) => field,
            Err(scan) => return scan,
        };
        if is_quoted {
            lines += count_line_ends(&text[bounds.start..bounds.end]);
        }
        fields.push(bounds);
        match text.get(after) {
            Some(byte) if !is_line_end(*byte) => start = after + 1,
            _ => {
                return match line_end_bytes(&text[after..], is_all) {
                    Some(end) => Scan::Record(Extent { content: after, length: after + end, lines }),
                    None if is_all => Scan::Record(Extent { content: after, length: after, lines }),
                    None => Scan::Incomplete,
                };
            }
        }
    }
}

impl Dialect {
    /// The field that begins at `start`, and where what ends it is.
    #[inline]
    fn plain(&self, text: &[u8], start: usize, is_all: bool) -> Result<(Bounds, usize), Scan> {
        let ends = |byte: &u8| is_line_end(*byte) || Some(*byte) == self.delimiter;
        match text[start..].iter().position(ends) {
            Some(length) => Ok((Bounds { start, end: start + length, doubled: false }, start + length)),
            None if is_all => Ok((Bounds { start, end: text.len(), doubled: false }, text.len())),
            None => Err(Scan::Incomplete),
        }
    }

    /// The field that begins after the quote before `start`.
    fn quoted(&self, text: &[u8], start: usize, is_all: bool) -> Result<(Bounds, usize), Scan> {
        let is_quote = |byte: &u8| Some(*byte) == self.quote;
        let mut from = start;
        loop {
            let Some(distance) = text[from..].iter().position(is_quote) else {
                return Err(if is_all { Scan::Malformed(Malformed::OpenQuote) } else { Scan::Incomplete });
            };
            let quote = from + distance;
            if text.get(quote + 1).is_some_and(is_quote) {
                from = quote + 2;
                continue;
            }
            let bounds = Bounds { start, end: quote, doubled: from > start };
            let after = if self.trim { self.after_blanks(text, quote + 1) } else { quote + 1 };
            return match text.get(after) {
                Some(byte) if is_line_end(*byte) || Some(*byte) == self.delimiter => Ok((bounds, after)),
                Some(_) => Err(Scan::Malformed(Malformed::AfterQuote)),
                None if is_all => Ok((bounds, after)),
                None => Err(Scan::Incomplete),
            };
        }
    }

    fn after_blanks(&self, text: &[u8], start: usize) -> usize {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') && Some(*byte) != self.delimiter;
        start + text[start..].iter().take_while(|byte| is_blank(byte)).count()
    }
}

#[inline]
fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// How many bytes end the line at the start of `text`: CR LF, LF or CR. `None` if none do, or if more text must tell.
fn line_end_bytes(text: &[u8], is_all: bool) -> Option<usize> {
    match text {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if !is_all => None,
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}

fn count_line_ends(text: &[u8]) -> u64 {
    let ends = |pair: &[u8]| pair[0] == b'\n' || (pair[0] == b'\r' && pair.get(1) != Some(&b'\n'));
    (0..text.len()).filter(|at| ends(&text[*at..])).count() as u64
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::super::separated::SeparatedRow;
    use super::*;

    fn framed(content: &[u8], dialect: Dialect) -> Vec<Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let input = Input::open(File::open(file.path()).unwrap(), encoding_rs::UTF_8).unwrap();
        let mut framer = Framer::new(input, dialect);
        let mut rows = Vec::new();
        loop {
            match framer.advance().unwrap() {
                Frame::End => return rows,
                Frame::Record => {
                    let row = SeparatedRow {
                        text: std::str::from_utf8(framer.raw()).unwrap(),
                        fields: framer.fields(),
                        dialect,
                    };
                    rows.push((0..framer.fields().len()).map(|field| row.field(field).into_owned()).collect());
                }
                frame => panic!("{frame:?}"),
            }
        }
    }

    fn read_by_the_csv_crate(content: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    const PLAIN: Dialect = Dialect { delimiter: Some(b','), quote: Some(b'"'), comment: None, trim: false };

    proptest! {
        /// What the csv crate writes is read as the csv crate reads it.
        #[test]
        fn written_fields_are_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,5}", 1..5), 0..20),
            end in prop::sample::select(vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')]),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).terminator(end).from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let content = writer.into_inner().unwrap();
            prop_assert_eq!(framed(&content, PLAIN), read_by_the_csv_crate(&content));
        }

        /// Text with no quotes is read as the csv crate reads it, whatever its lines look like.
        #[test]
        fn any_text_without_quotes_is_read(content in "[a,\r\n ]{0,40}") {
            prop_assert_eq!(framed(content.as_bytes(), PLAIN), read_by_the_csv_crate(content.as_bytes()));
        }

        /// Nothing is lost and nothing panics, whatever the bytes: each step goes forward.
        #[test]
        fn any_bytes_are_framed(content in prop::collection::vec(prop::sample::select(b"a,\"\r\n\xff #".to_vec()), 0..60), trim in any::<bool>()) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&content).unwrap();
            let input = Input::open(File::open(file.path()).unwrap(), encoding_rs::UTF_8).unwrap();
            let mut framer = Framer::new(input, Dialect { trim, comment: Some(b'#'), ..PLAIN });
            let frames = (0..=content.len()).take_while(|_| framer.advance().unwrap() != Frame::End).count();
            prop_assert!(frames <= content.len());
        }
    }
}

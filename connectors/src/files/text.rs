//! The records of a text file: separated values or JSON lines.

use std::io;

use engine::{Batch, Refusal};
use model::Record;

use super::config::{FileLayout, Format};
use super::framing::{Dialect, Frame, Framer};
use super::input::Input;
use super::json::{Members, is_an_array};
use super::separated::{SeparatedRow, cut, no_header, not_a_row, not_utf8, other_delimiter, wrong_width};
use crate::layout::{ColumnName, Fault, Header, RowDecoder};

/// Why a file cannot be read at all.
pub(crate) enum Unreadable {
    /// The disk failed.
    Disk(io::Error),
    /// The file is not what the configuration says: the refusal of all that is in it.
    Refused(Box<Refusal>),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Disk(error)
    }
}

impl Unreadable {
    pub(crate) fn refused(fault: Fault, line: Option<u64>, raw: &[u8]) -> Unreadable {
        Unreadable::Refused(Box::new(fault.refuse(0, line, raw)))
    }
}

/// The records of a text file, in order.
pub(crate) struct TextRecords {
    framer: Framer,
    shape: Shape,
    decoder: Box<dyn RowDecoder>,
}

enum Shape {
    Separated {
        dialect: Dialect,
        /// How many fields a row has: as many as the header or, where there is none, as the first row.
        width: Option<usize>,
        /// How many fields a row needs for every column that is used.
        width_min: usize,
    },
    Json(Members),
}

impl TextRecords {
    /// Reads the header of a file, if it has one.
    pub(crate) fn open(input: Input, format: Format, layout: &FileLayout) -> Result<TextRecords, Unreadable> {
        match format {
            Format::Jsonl => TextRecords::json(input, layout),
            _ if layout.header => TextRecords::separated(input, layout),
            _ => TextRecords::without_header(input, layout),
        }
    }

    fn separated(input: Input, layout: &FileLayout) -> Result<TextRecords, Unreadable> {
        let dialect = layout.dialect;
        let mut framer = Framer::new(input, dialect);
        (0..layout.skip_lines).try_for_each(|_| framer.skip_line())?;
        let frame = framer.advance()?;
        let refused = |fault: Fault| Unreadable::refused(fault, Some(framer.line()), framer.raw());
        if frame != Frame::Record {
            return Err(refused(no_header(&frame)));
        }
        let text = std::str::from_utf8(framer.raw()).map_err(|_| refused(not_utf8(framer.raw(), framer.encoding())))?;
        let header = SeparatedRow { text, fields: framer.fields(), dialect }.header();
        let decoder = layout
            .layout
            .rows(&header)
            .map_err(|fault| refused(other_delimiter(&header, &dialect, &layout.key).unwrap_or(fault)))?;
        let width = header.names.len();
        let shape = Shape::Separated { dialect, width: Some(width), width_min: width };
        Ok(TextRecords { framer, shape, decoder })
    }

    fn without_header(input: Input, layout: &FileLayout) -> Result<TextRecords, Unreadable> {
        let dialect = layout.dialect;
        let mut framer = Framer::new(input, dialect);
        (0..layout.skip_lines).try_for_each(|_| framer.skip_line())?;
        let number = |column: &ColumnName| if let ColumnName::Number(number) = column { *number } else { 0 };
        let width_min = layout.layout.column_names().iter().map(number).max().map_or(0, |last| last + 1);
        let header = Header::of((0..width_min).map(|column| format!("column {column}")).collect());
        let decoder = layout.layout.rows(&header).map_err(|fault| Unreadable::refused(fault, None, &[]))?;
        let shape = Shape::Separated { dialect, width: None, width_min };
        Ok(TextRecords { framer, shape, decoder })
    }

    fn json(mut input: Input, layout: &FileLayout) -> Result<TextRecords, Unreadable> {
        if input.first_byte()? == Some(b'[') {
            return Err(Unreadable::refused(is_an_array(), Some(1), input.window()));
        }
        let columns = layout.layout.column_names();
        let header = Header::of(columns.iter().map(ColumnName::to_string).collect());
        let decoder = layout.layout.rows(&header).map_err(|fault| Unreadable::refused(fault, None, &[]))?;
        let shape = Shape::Json(Members::new(&columns));
        Ok(TextRecords { framer: Framer::new(input, Dialect::LINES), shape, decoder })
    }

    /// Leaves out records. False if there are not so many.
    pub(crate) fn skip(&mut self, records: u64) -> io::Result<bool> {
        for _ in 0..records {
            match self.framer.advance()? {
                Frame::Record => self.learn_width(),
                Frame::Malformed(_) => {}
                Frame::Cut(_) | Frame::End => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The line, from 1, on which the record that was read or left out last begins.
    pub(crate) fn line(&self) -> u64 {
        self.framer.line()
    }

    /// Appends at most `count` records to the batch. False at the end of the file.
    pub(crate) fn read(&mut self, into: &mut Batch<Record>, count: usize) -> io::Result<bool> {
        for _ in 0..count {
            let frame = self.framer.advance()?;
            let offset = into.upper;
            let fault = match &frame {
                Frame::End => return Ok(false),
                Frame::Malformed(malformed) => Err(not_a_row(*malformed)),
                Frame::Cut(damage) => Err(cut(damage, offset)),
                Frame::Record => {
                    self.learn_width();
                    self.decode(offset, into)
                }
            };
            if let Err(fault) = fault {
                into.refusals.push(fault.refuse(offset, Some(self.framer.line()), self.framer.raw()));
            }
            into.upper += 1;
            if matches!(frame, Frame::Cut(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[inline]
    fn learn_width(&mut self) {
        if let Shape::Separated { width, width_min, .. } = &mut self.shape {
            width.get_or_insert_with(|| self.framer.fields().len().max(*width_min));
        }
    }

    fn decode(&self, offset: u64, into: &mut Batch<Record>) -> Result<(), Fault> {
        let raw = self.framer.raw();
        let text = std::str::from_utf8(raw).map_err(|_| not_utf8(raw, self.framer.encoding()))?;
        let event = match &self.shape {
            Shape::Json(members) => self.decoder.decode(&members.read(text)?, offset)?,
            Shape::Separated { dialect, width, .. } => {
                let (fields, dialect) = (self.framer.fields(), *dialect);
                match *width {
                    Some(width) if width != fields.len() => return Err(wrong_width(fields.len(), width, &dialect)),
                    _ => self.decoder.decode(&SeparatedRow { text, fields, dialect }, offset)?,
                }
            }
        };
        into.events.push(event);
        Ok(())
    }
}

//! `tieout template`: a file of a kind of record as it could be, and what each kind has.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use connectors::files::Format;
use connectors::layout::{FieldDescription, RecordKind, ValueType, template};
use engine::{EngineError, ErrorKind};

use crate::output;
use crate::process::{Failure, Outcome};

const EXAMPLES: &str = "\
A file with these columns is read by a source with `record = \"KIND\"` and no table of columns. Columns that you do not
have can be left out, unless the list says that they are needed.

Examples:
  tieout template transaction > transactions.csv
  tieout template market_price --format jsonl
  tieout template --list                         every kind with its fields
  tieout template --list fx_rate";

/// A list of more codes than this is in the book, and in what is said of a code that is none of them.
const CODES_LISTED_MAX: usize = 5;

/// Prints a file of a kind of record as it could be: the columns and two rows
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Template {
    /// The kind of record
    #[arg(required_unless_present = "list", value_parser = kinds())]
    kind: Option<String>,
    /// The format of the file
    #[arg(long, value_enum, default_value_t = TextFormat::Csv)]
    format: TextFormat,
    /// List the fields instead: their types, which are needed, and what they mean
    #[arg(long, conflicts_with = "format")]
    list: bool,
}

/// The formats of templates.
#[derive(Clone, Copy, ValueEnum)]
enum TextFormat {
    Csv,
    Jsonl,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(RecordKind::ALL.iter().map(|kind| kind.name()))
}

impl Template {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let named = self.kind.as_deref().and_then(RecordKind::named);
        let text = match (self.list, named) {
            (true, Some(kind)) => listed(kind),
            (true, None) => RecordKind::ALL.iter().map(|kind| listed(*kind)).collect::<Vec<_>>().join("\n"),
            (false, kind) => kind.and_then(|kind| template(kind, self.format.into())).ok_or_else(no_kind)?,
        };
        output::print(&text)?;
        Ok(Outcome::Done)
    }
}

impl From<TextFormat> for Format {
    fn from(format: TextFormat) -> Format {
        match format {
            TextFormat::Csv => Format::Csv,
            TextFormat::Jsonl => Format::Jsonl,
        }
    }
}

fn no_kind() -> EngineError {
    EngineError::new(ErrorKind::Invalid, "there is no kind of record of that name", "see tieout template --list")
}

/// A line for each field. Meanings come last, as long as they are.
fn listed(kind: RecordKind) -> String {
    let cells = |field: &FieldDescription| [field.name.to_owned(), type_of(field), field.need.told().to_owned()];
    let fields: Vec<([String; 3], &str)> = kind.fields().iter().map(|field| (cells(field), field.meaning)).collect();
    let width = |column: usize| fields.iter().map(|(cells, _)| cells[column].len()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    let mut text = format!("{}: {}\n", kind.name(), kind.meaning());
    for ([name, value_type, need], meaning) in &fields {
        let [first, second, third] = widths;
        text.push_str(&format!("  {name:first$}  {value_type:second$}  {need:third$}  {meaning}\n"));
    }
    text
}

fn type_of(field: &FieldDescription) -> String {
    match (field.value_type, field.value_type.decimals()) {
        (_, Some(decimals)) => format!("{}, {decimals} decimals", field.value_type.name()),
        (ValueType::Code(codes), _) if codes.len() <= CODES_LISTED_MAX => codes.join(" "),
        (value_type, _) => value_type.name().to_owned(),
    }
}

//! A schema made ready: parsed, checked, and with the places of the columns in what it describes.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use apache_avro::schema::{Name, ResolvedSchema};
use apache_avro::types::Value;
use apache_avro::{GenericSingleObjectReader, Schema};
use serde::{Deserialize, Serialize};

use super::AvroLayout;
use super::config::SchemaFile;
use super::route::{Node, Route};
use crate::ConfigError;
use crate::files::RECORD_BYTES_MAX;
use crate::layout::{Fault, guarded};

/// How deep values may be.
const HEIGHT_MAX: usize = 64;

/// A schema as it is written, with those it refers to, each after those that it refers to itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SchemaTexts {
    /// What kind of schema it is; `None` for Avro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<String>,
}

/// The schema that messages are read by.
pub(super) struct ReaderSchema {
    texts: SchemaTexts,
    schema: Schema,
}

impl ReaderSchema {
    pub(super) fn new(file: &SchemaFile, key: &str, folder: &Path) -> Result<ReaderSchema, ConfigError> {
        let error = |what: String, help: &str| ConfigError::new(format!("{key}.schema"), what, help);
        let help = "give the path of a text file that the process may read";
        let text = file.text(folder).map_err(|what| error(what, help))?;
        let texts = SchemaTexts { kind: None, text: (*text).to_owned(), references: Vec::new() };
        let told = |fault: Fault| error(format!("{}: {}", file.path(), fault.what), &fault.help);
        let schema = parse(&texts).map_err(told)?;
        Ok(ReaderSchema { texts, schema })
    }

    pub(super) fn texts(&self) -> &SchemaTexts {
        &self.texts
    }

    fn resolved(&self) -> Result<ResolvedSchema<'_>, Fault> {
        ResolvedSchema::new(&self.schema).map_err(|reason| no_schema(&reason))
    }

    /// Where the columns are in what is written by it.
    pub(super) fn routes(&self, columns: &[String], is_by_name: bool) -> Result<Vec<Route>, Fault> {
        let resolved = self.resolved()?;
        Ok(Route::all(Node::root(&self.schema, resolved.get_names()), None, columns, is_by_name))
    }
}

/// A schema made ready to read messages that were written by it.
pub(super) struct Prepared {
    reader: GenericSingleObjectReader,
    routes: Vec<Route>,
}

impl Prepared {
    pub(super) fn new(
        texts: &SchemaTexts,
        reader: Option<&ReaderSchema>,
        layout: &AvroLayout,
    ) -> Result<Prepared, Fault> {
        let schema = parse(texts)?;
        let routes = {
            let resolved = ResolvedSchema::new(&schema).map_err(|reason| no_schema(&reason))?;
            let writer = Node::root(&schema, resolved.get_names());
            let resolved = reader.map(ReaderSchema::resolved).transpose()?;
            let reader = reader.zip(resolved.as_ref());
            let reader = reader.map(|(reader, resolved)| Node::root(&reader.schema, resolved.get_names()));
            Route::all(writer, reader, &layout.columns, layout.is_by_name)
        };
        // What stands before a value was taken off already.
        let reader = GenericSingleObjectReader::builder().schema(schema).header(Vec::new()).build();
        Ok(Prepared { reader: reader.map_err(|reason| no_schema(&reason))?, routes })
    }

    pub(super) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Decodes a value, which must be all that there is.
    pub(super) fn read(&self, datum: &[u8]) -> Result<Value, Fault> {
        let mut rest = Rest(datum);
        let decoded = guarded(|| self.reader.read_value(&mut rest).map_err(|error| told(&error)));
        let value = decoded.map_err(|reason| not_written_by(&reason))?;
        match rest.0.len() {
            0 => Ok(value),
            left => Err(not_written_by(&format!("{left} bytes are left after its end"))),
        }
    }
}

/// What is left of a message. Its end is an error of its own: what the library itself finds to be an end before its time, it
/// reads as null.
struct Rest<'a>(&'a [u8]);

impl Read for Rest<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        match self.0.split_at_checked(into.len()) {
            Some((taken, rest)) => {
                into.copy_from_slice(taken);
                self.0 = rest;
                Ok(())
            }
            None => Err(io::Error::other("the message ends too early")),
        }
    }
}

/// Parses a schema, with those that it refers to put in their places.
fn parse(texts: &SchemaTexts) -> Result<Schema, Fault> {
    if let Some(kind) = texts.kind.as_deref().filter(|kind| !kind.eq_ignore_ascii_case("avro")) {
        let what = format!("the schema is one of {kind}: one of Avro was expected");
        return Err(Fault::new(what, "read this topic as what it is, or leave it out"));
    }
    let parsed = guarded(|| {
        let (mut schema, references) =
            Schema::parse_str_with_list(&texts.text, &texts.references).map_err(|error| told(&error))?;
        schema.denormalize(&references).map_err(|error| told(&error))?;
        Ok(schema)
    });
    let schema = parsed.map_err(|reason| no_schema(&reason))?;
    let resolved = ResolvedSchema::new(&schema).map_err(|reason| no_schema(&reason))?;
    height(&Node::root(&schema, resolved.get_names()), &mut Vec::new(), &mut HashMap::new())?;
    Ok(schema)
}

/// How deep the values of a schema are. A message of a few bytes must not be as deep as the stack of a thread, nor ask for
/// all memory.
fn height(node: &Node<'_>, inside: &mut Vec<Name>, known: &mut HashMap<Name, usize>) -> Result<usize, Fault> {
    let Some(node) = node.target() else { return Ok(0) };
    if node.fixed_size().is_some_and(|size| size > RECORD_BYTES_MAX) {
        return Err(not_bounded(&format!("a value of the schema has more than {RECORD_BYTES_MAX} bytes")));
    }
    let name = node.name();
    if let Some(name) = &name {
        if inside.contains(name) {
            return Err(not_bounded(&format!("in the schema a `{0}` holds another `{0}`, and so on", name.name())));
        }
        if let Some(height) = known.get(name) {
            return Ok(*height);
        }
        inside.push(name.clone());
    }
    let mut highest = 0;
    for child in node.children() {
        highest = highest.max(height(&child, inside, known)?);
    }
    if highest + 1 > HEIGHT_MAX || inside.len() > HEIGHT_MAX {
        return Err(not_bounded(&format!("values of the schema are nested more than {HEIGHT_MAX} times")));
    }
    if let Some(name) = name {
        inside.pop();
        known.insert(name, highest + 1);
    }
    Ok(highest + 1)
}

#[cold]
fn not_bounded(what: &str) -> Fault {
    Fault::new(what, "write messages by a schema with a limit on how large and how deep they are, or send them as JSON")
}

/// An error of the library with all that it follows from.
#[cold]
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !told.contains(&reason) {
            told.push_str(": ");
            told.push_str(&reason);
        }
        cause = error.source();
    }
    told
}

#[cold]
fn no_schema(reason: &dyn std::fmt::Display) -> Fault {
    Fault::new(
        format!("this is not an Avro schema: {reason}"),
        "see https://avro.apache.org/docs/ on how one is written",
    )
}

#[cold]
fn not_written_by(reason: &str) -> Fault {
    let what = format!("the message is not a value of its schema: {reason}");
    Fault::new(what, "check that it was written by that schema, and sent whole")
}

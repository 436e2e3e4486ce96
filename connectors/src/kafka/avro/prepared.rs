//! A schema made ready: parsed, checked, and with the places of the columns in what it describes.

use std::collections::HashSet;
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
use crate::layout::{Fault, guarded};

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
    let root = Node::root(&schema, resolved.get_names());
    match recursion(&root, &mut Vec::new(), &mut HashSet::new()) {
        None => Ok(schema),
        Some(name) => {
            // A message of a few bytes could be as deep as the memory of a thread.
            let what = format!("in the schema a `{name}` holds another `{name}`, without a limit on how deep");
            Err(Fault::new(what, "write records by a schema in which none holds itself"))
        }
    }
}

/// The name of a record that holds itself, if there is one.
fn recursion(node: &Node<'_>, inside: &mut Vec<Name>, done: &mut HashSet<Name>) -> Option<String> {
    let node = node.target()?;
    let name = node.schema.name().map(|name| name.fully_qualified_name(node.namespace.as_deref()).into_owned());
    if let Some(name) = &name {
        if inside.contains(name) {
            return Some(name.name().to_owned());
        }
        if !done.insert(name.clone()) {
            return None;
        }
        inside.push(name.clone());
    }
    let found = node.children().iter().find_map(|child| recursion(child, inside, done));
    if name.is_some() {
        inside.pop();
    }
    found
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

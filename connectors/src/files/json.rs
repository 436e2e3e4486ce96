//! JSON lines: an object a line. Numbers keep the digits they are written with.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::layout::{ColumnName, Fault, Given, TextRow};

/// Which members of an object are looked for: by name, or by path (`a.b` is the member `b` of the member `a`).
pub(crate) struct Members {
    /// The names that are looked for in the object itself, each once.
    names: Vec<String>,
    columns: Vec<Column>,
}

/// Where a column is: the member of that very name or, if there is none, the one at the end of a path.
struct Column {
    name: usize,
    path: Option<(usize, Vec<String>)>,
}

impl Members {
    pub(crate) fn new(columns: &[ColumnName]) -> Members {
        let mut members = Members { names: Vec::new(), columns: Vec::new() };
        for column in columns {
            let column = members.column(&column.to_string());
            members.columns.push(column);
        }
        members
    }

    fn column(&mut self, name: &str) -> Column {
        let path = name.split_once('.').map(|(head, rest)| {
            let rest = rest.split('.').map(str::to_owned).collect();
            (self.place_of(head), rest)
        });
        Column { name: self.place_of(name), path }
    }

    fn place_of(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    /// Reads the object on a line.
    pub(crate) fn read<'a>(&'a self, line: &'a str) -> Result<JsonRow<'a>, Fault> {
        self.parse(line).map_err(|error| not_an_object(&error))
    }

    /// Reads a text that is one object.
    pub(crate) fn parse<'a>(&'a self, text: &'a str) -> Result<JsonRow<'a>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let values = deserializer.deserialize_map(Object { names: &self.names })?;
        deserializer.end()?;
        Ok(JsonRow { values, members: self })
    }
}

#[cold]
fn not_an_object(error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message);
    let what = format!("the line is not a JSON object: {reason}, at column {}", error.column());
    Fault::new(what, "write one whole object a line, such as {\"id\": \"T1\", \"price\": 12.5}")
}

/// What to do about a file that is one array of objects.
pub(crate) fn is_an_array() -> Fault {
    Fault::new(
        "the file is a JSON array: one object a line was expected",
        "write each object on a line of its own, without brackets and commas around them, as `jq -c '.[]'` does",
    )
}

/// One object, with the members that are looked for.
pub(crate) struct JsonRow<'a> {
    values: Vec<Option<&'a RawValue>>,
    members: &'a Members,
}

impl TextRow for JsonRow<'_> {
    fn value(&self, column: usize) -> Result<Given<'_>, Fault> {
        let Some(column) = self.members.columns.get(column) else { return Ok(Given::NOTHING) };
        if let Some(value) = self.values[column.name] {
            return given(value);
        }
        let Some((head, path)) = &column.path else { return Ok(Given::NOTHING) };
        let mut value = self.values[*head];
        for name in path {
            value = match value {
                Some(object) => member(object, name)?,
                None => None,
            };
        }
        value.map_or(Ok(Given::NOTHING), given)
    }
}

fn member<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, Fault> {
    if object.get() == "null" {
        return Ok(None);
    }
    let mut deserializer = serde_json::Deserializer::from_str(object.get());
    let values =
        deserializer.deserialize_map(Object { names: &[name.to_owned()] }).map_err(|error| not_an_object(&error))?;
    Ok(values.into_iter().next().flatten())
}

fn given(value: &RawValue) -> Result<Given<'_>, Fault> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => text(json),
        Some(b'n') => Ok(Given::NOTHING),
        Some(b't' | b'f') => Ok(Given::Text(Cow::Borrowed(json))),
        Some(b'{' | b'[') => Ok(Given::Json(json)),
        _ => Ok(Given::Number(json)),
    }
}

fn text(json: &str) -> Result<Given<'_>, Fault> {
    let inside = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    if !inside.contains('\\') {
        return Ok(Given::Text(Cow::Borrowed(inside)));
    }
    serde_json::from_str(json).map(|text: String| Given::Text(Cow::Owned(text))).map_err(|error| not_an_object(&error))
}

/// Takes the values of these members out of an object.
struct Object<'n> {
    names: &'n [String],
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = vec![None; self.names.len()];
        let mut expected = 0;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            // Objects mostly come with their members in the same order.
            let is_next = self.names.get(expected).is_some_and(|name| *name == *key.0);
            let found = if is_next { Some(expected) } else { self.names.iter().position(|name| *name == *key.0) };
            let Some(place) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if values[place].replace(map.next_value()?).is_some() {
                return Err(A::Error::custom(format!("member `{}` is there twice", key.0)));
            }
            expected = place + 1;
        }
        Ok(values)
    }
}

/// A member's name, borrowed where it can be.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

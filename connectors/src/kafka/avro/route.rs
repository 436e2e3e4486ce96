//! Where in a value of a schema a column is, and how it is read: found once for each schema.
//!
//! A column is a path: `instrument.isin` is the field `isin` of the record in the field `instrument`; in a map the next step is
//! a key. Of a union any branch may have it. Where messages are read by another schema than they were written by, names are
//! those of the reader's: a field is looked for by its name, then by its aliases, and its default takes the place of one that
//! was not written.

use apache_avro::Schema;
use apache_avro::schema::{
    DecimalSchema, InnerDecimalSchema, Name, NamesRef, RecordField, RecordSchema, SchemaKind, UuidSchema,
};
use apache_avro::types::Value;
use engine::setting::{listed, nearest};

use super::leaf::Leaf;
use crate::layout::{Fault, Given};

/// A place in a schema.
#[derive(Clone)]
pub(super) struct Node<'s> {
    schema: &'s Schema,
    names: &'s NamesRef<'s>,
    /// Of the record that it is in.
    namespace: Option<String>,
}

impl<'s> Node<'s> {
    pub(super) fn root(schema: &'s Schema, names: &'s NamesRef<'s>) -> Node<'s> {
        Node { schema, names, namespace: None }
    }

    /// The same place, with the schema itself where there was but its name.
    pub(super) fn target(&self) -> Option<Node<'s>> {
        let Schema::Ref { name } = self.schema else { return Some(self.clone()) };
        let name = name.fully_qualified_name(self.namespace.as_deref());
        let schema = self.names.get(&*name)?;
        Some(Node { schema, names: self.names, namespace: name.namespace().map(str::to_owned) })
    }

    fn beside(&self, schema: &'s Schema) -> Node<'s> {
        Node { schema, ..self.clone() }
    }

    fn field(&self, record: &'s RecordSchema, field: &'s RecordField) -> Node<'s> {
        let name = record.name.fully_qualified_name(self.namespace.as_deref());
        Node { schema: &field.schema, names: self.names, namespace: name.namespace().map(str::to_owned) }
    }

    /// Its full name, if it has one.
    pub(super) fn name(&self) -> Option<Name> {
        self.schema.name().map(|name| name.fully_qualified_name(self.namespace.as_deref()).into_owned())
    }

    /// How many bytes each of its values has, where the schema says so.
    pub(super) fn fixed_size(&self) -> Option<usize> {
        match self.schema {
            Schema::Fixed(fixed)
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. })
            | Schema::Uuid(UuidSchema::Fixed(fixed)) => Some(fixed.size),
            _ => None,
        }
    }

    /// All that is directly in it.
    pub(super) fn children(&self) -> Vec<Node<'s>> {
        match self.schema {
            Schema::Record(record) => record.fields.iter().map(|field| self.field(record, field)).collect(),
            Schema::Union(union) => union.variants().iter().map(|variant| self.beside(variant)).collect(),
            Schema::Array(array) => vec![self.beside(&array.items)],
            Schema::Map(map) => vec![self.beside(&map.types)],
            _ => Vec::new(),
        }
    }

    /// What a writer's schema is read by: itself, or the branch of a union that is meant.
    fn branch_for(&self, writer: &Schema) -> Option<Node<'s>> {
        let node = self.target()?;
        let Schema::Union(union) = node.schema else { return Some(node) };
        let branches: Vec<Node<'s>> =
            union.variants().iter().filter_map(|variant| node.beside(variant).target()).collect();
        let is_alike = |branch: &&Node<'s>| {
            let is_same_name = match (branch.schema.name(), writer.name()) {
                (Some(name), Some(written)) => name.name() == written.name(),
                _ => true,
            };
            SchemaKind::from(branch.schema) == SchemaKind::from(writer) && is_same_name
        };
        let mut others = branches.iter().filter(|branch| !matches!(branch.schema, Schema::Null));
        let only = others.next().filter(|_| others.next().is_none());
        branches.iter().find(is_alike).or(only).cloned()
    }
}

/// Where a column is in a value.
pub(super) enum Route {
    /// Nowhere: nothing is known.
    Nothing,
    /// The value is it.
    Value(Leaf),
    /// By the branch of the union.
    Union(Vec<Route>),
    /// In the field with this number.
    Field(usize, Box<Route>),
    /// In the entry with this key.
    Entry(String, Box<Route>),
    /// In the default of the reader's schema.
    Default(Box<Value>, Box<Route>),
    /// Nowhere, which is a mistake unless another branch of a union has it.
    Missing(Box<Fault>),
    /// In something that cannot be a column.
    Unusable(Box<Fault>),
}

impl Route {
    /// Where these columns are.
    pub(super) fn all(
        writer: Node<'_>,
        reader: Option<Node<'_>>,
        columns: &[String],
        may_be_missing: bool,
    ) -> Vec<Route> {
        let find = |column: &String| {
            let path: Vec<&str> = column.split('.').collect();
            let route = route(&writer, reader.as_ref(), &path);
            if may_be_missing { route.without_what_is_missing() } else { route }
        };
        columns.iter().map(find).collect()
    }

    /// The same, but what is missing is no mistake.
    fn without_what_is_missing(self) -> Route {
        match self {
            Route::Missing(_) => Route::Nothing,
            Route::Union(routes) => Route::Union(routes.into_iter().map(Route::without_what_is_missing).collect()),
            Route::Field(field, route) => Route::Field(field, Box::new(route.without_what_is_missing())),
            Route::Entry(key, route) => Route::Entry(key, Box::new(route.without_what_is_missing())),
            route => route,
        }
    }

    /// Why no value of the schema can have the column, if none can.
    pub(super) fn problem(&self) -> Option<&Fault> {
        match self {
            Route::Missing(fault) | Route::Unusable(fault) => Some(fault),
            Route::Field(_, route) | Route::Entry(_, route) => route.problem(),
            Route::Union(routes) => {
                let mut some = routes.iter().filter(|route| !matches!(route, Route::Nothing)).peekable();
                let first = some.peek().and_then(|route| route.problem());
                first.filter(|_| some.all(|route| route.problem().is_some()))
            }
            Route::Nothing | Route::Value(_) | Route::Default(..) => None,
        }
    }

    /// What the column holds in a value.
    pub(super) fn read<'v>(&'v self, value: &'v Value) -> Result<Given<'v>, Fault> {
        match (self, value) {
            (Route::Nothing, _) => Ok(Given::NOTHING),
            (Route::Value(leaf), value) => leaf.read(value),
            (Route::Union(routes), Value::Union(branch, value)) => match routes.get(*branch as usize) {
                Some(route) => route.read(value),
                None => Ok(Given::NOTHING),
            },
            (Route::Field(field, route), Value::Record(fields)) => match fields.get(*field) {
                Some((_, value)) => route.read(value),
                None => Ok(Given::NOTHING),
            },
            (Route::Entry(key, route), Value::Map(entries)) => match entries.get(key) {
                Some(value) => route.read(value),
                None => Ok(Given::NOTHING),
            },
            (Route::Default(value, route), _) => route.read(value),
            (Route::Missing(fault) | Route::Unusable(fault), _) => Err((**fault).clone()),
            (Route::Union(_) | Route::Field(..) | Route::Entry(..), _) => {
                Err(Fault::new("the value is not what its schema says", "check that it was written by that schema"))
            }
        }
    }
}

fn route(writer: &Node<'_>, reader: Option<&Node<'_>>, path: &[&str]) -> Route {
    let Some(writer) = writer.target() else { return Route::Nothing };
    let branch = reader.and_then(|reader| reader.branch_for(writer.schema));
    match (writer.schema, path) {
        (Schema::Null, _) => Route::Nothing,
        (Schema::Union(_), _) => {
            let routes: Vec<Route> = writer.children().iter().map(|variant| route(variant, reader, path)).collect();
            of_union(routes)
        }
        (Schema::Record(record), [name, rest @ ..]) => in_record(&writer, record, branch.as_ref(), name, rest),
        (Schema::Map(map), [_, ..]) => {
            let reader = branch
                .as_ref()
                .and_then(|node| if let Schema::Map(map) = node.schema { Some(node.beside(&map.types)) } else { None });
            let values = writer.beside(&map.types);
            // A key may have dots of its own, where nothing but its value can be meant.
            let steps = if is_divided(&values) { 1 } else { path.len() };
            let (key, rest) = path.split_at(steps);
            Route::Entry(key.join("."), Box::new(route(&values, reader.as_ref(), rest)))
        }
        (Schema::Record(_) | Schema::Map(_) | Schema::Array(_), _) => unusable(writer.schema),
        (schema, []) => {
            Leaf::of(schema, branch.as_ref().map(|node| node.schema)).map_or_else(|| unusable(schema), Route::Value)
        }
        (schema, [name, ..]) => {
            let what = format!("there is no `{name}` in what is no record but {}", kind(schema));
            Route::Missing(Box::new(Fault::new(what, "end the path of the column before it")))
        }
    }
}

/// What one branch has not, another may have.
fn of_union(routes: Vec<Route>) -> Route {
    let is_found = routes.iter().any(|route| !matches!(route, Route::Nothing) && route.problem().is_none());
    let route = Route::Union(routes);
    if is_found { route.without_what_is_missing() } else { route }
}

fn in_record(writer: &Node<'_>, record: &RecordSchema, reader: Option<&Node<'_>>, name: &str, rest: &[&str]) -> Route {
    let written = |name: &str| record.fields.iter().position(|field| field.name == name);
    let in_field = |place: usize, reader: Option<Node<'_>>| {
        let field = writer.field(record, &record.fields[place]);
        Route::Field(place, Box::new(route(&field, reader.as_ref(), rest)))
    };
    let read_by =
        reader.and_then(|node| if let Schema::Record(record) = node.schema { Some((node, record)) } else { None });
    let Some((node, read_by)) = read_by else {
        return written(name).map_or_else(|| missing(record, name), |place| in_field(place, None));
    };
    let Some(field) = read_by.fields.iter().find(|field| field.name == name) else { return missing(read_by, name) };
    let inner = node.field(read_by, field);
    match written(name).or_else(|| field.aliases.iter().find_map(|alias| written(alias))) {
        Some(place) => in_field(place, Some(inner)),
        None => of_default(field, &inner, rest),
    }
}

/// The default of a field that was not written.
fn of_default(field: &RecordField, node: &Node<'_>, path: &[&str]) -> Route {
    let Some(default) = &field.default else {
        let what = format!("the field `{}` was not written, and has no default", field.name);
        return Route::Unusable(Box::new(Fault::new(
            what,
            "give it a default in the schema that messages are read by",
        )));
    };
    let value = Value::try_from(default.clone()).and_then(|value| value.resolve_with_names(node.schema, node.names));
    match value {
        Ok(value) => Route::Default(Box::new(value), Box::new(route(node, None, path))),
        Err(error) => {
            let what = format!("the default of the field `{}` is not one of its values: {error}", field.name);
            Route::Unusable(Box::new(Fault::new(what, "correct it in the schema that messages are read by")))
        }
    }
}

#[cold]
fn missing(record: &RecordSchema, name: &str) -> Route {
    let fields = || record.fields.iter().map(|field| field.name.as_str());
    let what = format!("there is no field `{name}` in the record `{}`", record.name.name());
    let help = match nearest(name, fields()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "its fields are {}; if others of its versions have it, name a schema in `avro.schema` that gives it a default",
            listed(fields())
        ),
    };
    Route::Missing(Box::new(Fault::new(what, help)))
}

#[cold]
fn unusable(schema: &Schema) -> Route {
    let help = "name a text, a number, a date, a time or a truth value in it by its path, such as `instrument.isin`";
    Route::Unusable(Box::new(Fault::new(format!("the value is {}", kind(schema)), help)))
}

/// Whether a schema has places inside that a path can lead to.
fn is_divided(node: &Node<'_>) -> bool {
    let Some(node) = node.target() else { return false };
    match node.schema {
        Schema::Record(_) | Schema::Map(_) => true,
        Schema::Union(_) => node.children().iter().any(is_divided),
        _ => false,
    }
}

fn kind(schema: &Schema) -> String {
    match schema {
        Schema::Record(record) => format!("the record `{}`", record.name.name()),
        Schema::Map(_) => "a map".to_owned(),
        Schema::Array(_) => "an array".to_owned(),
        Schema::Duration(_) => "a duration".to_owned(),
        schema => format!("of the type {schema}"),
    }
}

//! The plan of a layout for one kind of record: which column fills which place, and how it is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Dictionary, NumberFormat, SourceId, Symbol};

use super::config::{ByField, ColumnName, LayoutConfig, Scheme, Text};
use super::draft::{At, Draft, FieldEntry, Need, Place, at_place};
use super::fault::Fault;
use super::rows::{Given, set};
use super::value::{FieldValue, Reading};
use crate::ConfigError;

/// A layout's configuration with what it stands in: all that plans are made from.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    /// The path of the source's configuration, such as `source.internal`.
    pub(crate) key: Arc<str>,
    pub(crate) source: SourceId,
    pub(crate) attributes: Arc<[String]>,
    pub(crate) dictionary: Dictionary,
    pub(crate) config: LayoutConfig,
}

/// A column and the place that it fills.
pub(crate) struct FieldPlan<D> {
    pub(crate) column: ColumnName,
    pub(crate) place: Place<D>,
    pub(crate) reading: Reading,
}

/// How rows become records of one kind.
pub(crate) struct Plan<D: 'static> {
    /// The fields, those that say which record this is first.
    pub(crate) fields: Vec<FieldPlan<D>>,
    /// How many of the fields say which record this is.
    pub(crate) identity: usize,
    /// The fields in which not everything may be, or not nothing; what says which record this is first.
    pub(crate) checked: Vec<&'static FieldEntry<D>>,
    /// A record of which only the source and the constants are known.
    pub(crate) template: D,
    pub(crate) tombstone: Option<Tombstone>,
    pub(crate) schema_version: Option<SchemaVersions>,
}

/// Which rows delete their record.
pub(crate) struct Tombstone {
    pub(crate) column: ColumnName,
    pub(crate) values: Vec<Symbol>,
    pub(crate) reading: Reading,
}

/// Which rows are too new.
pub(crate) struct SchemaVersions {
    pub(crate) column: ColumnName,
    pub(crate) max: u64,
    pub(crate) reading: Reading,
}

/// The name of a field as the configuration writes it.
#[derive(Clone, Copy)]
enum Name<'a> {
    Field(&'a str),
    Attribute(&'a str),
}

impl Name<'_> {
    fn path(self) -> String {
        match self {
            Name::Field(name) => name.to_owned(),
            Name::Attribute(name) => format!("attributes.{name}"),
        }
    }
}

impl<T> ByField<T> {
    fn get(&self, name: Name<'_>) -> Option<&T> {
        match name {
            Name::Field(name) => self.fields.get(name),
            Name::Attribute(name) => self.attributes.get(name),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Name<'_>, &T)> {
        let fields = self.fields.iter().map(|(name, value)| (Name::Field(name), value));
        fields.chain(self.attributes.iter().map(|(name, value)| (Name::Attribute(name), value)))
    }
}

impl<D: Draft> Plan<D> {
    /// The plan for these columns, every name and text of which is checked.
    pub(crate) fn new(basis: &Basis, columns: &ByField<ColumnName>) -> Result<Plan<D>, ConfigError> {
        let config = &basis.config;
        basis.check_names::<D, _>("columns", columns)?;
        basis.check_names::<D, _>("constants", &config.constants)?;
        basis.check_names::<D, _>("values", &config.values)?;
        basis.check_names::<D, _>("identifiers", &config.identifiers)?;
        basis.check_names::<D, _>("scale", &config.scale)?;
        let mut checked: Vec<_> = D::fields().filter(|field| field.need.is_checked()).collect();
        checked.sort_by_key(|field| field.need);
        let is_identity = |name: &&String| D::field(name).is_some_and(|field| field.need.is_identity());
        let plan = Plan {
            fields: basis.fields(columns)?,
            identity: columns.fields.keys().filter(is_identity).count(),
            checked,
            template: basis.template(columns)?,
            tombstone: basis.tombstone()?,
            schema_version: basis.schema_version(),
        };
        for required in plan.checked.iter().filter(|field| field.need.is_needed()).map(|field| field.name) {
            if !columns.fields.contains_key(required) && !config.constants.fields.contains_key(required) {
                let what = format!("`{required}` has no column, and no record is of use without it");
                return Err(basis.error(
                    "columns",
                    &what,
                    &format!("add `{required} = \"...\"` with the name of its column"),
                ));
            }
        }
        Ok(plan)
    }
}

impl Basis {
    fn error(&self, setting: &str, what: &str, help: &str) -> ConfigError {
        ConfigError::new(format!("{}.{setting}", self.key), what, help)
    }

    /// Checks what does not depend on columns.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(problem) = self.config.numbers.problem() {
            return Err(self.error("numbers", problem, "such as { decimal = \",\", grouping = \".\" }"));
        }
        for (setting, formats) in [("dates", &self.config.dates), ("times", &self.config.times)] {
            if let Some(format) = formats.iter().find(|format| !format.contains('%')) {
                let what = format!("`{format}` is not a format: it has no `%`");
                return Err(self.error(setting, &what, "write it as `%Y-%m-%d` or `%d/%m/%Y %H:%M:%S`"));
            }
        }
        Ok(())
    }

    fn check_names<D: Draft, T>(&self, setting: &str, by_field: &ByField<T>) -> Result<(), ConfigError> {
        by_field.iter().try_for_each(|(name, _)| self.place::<D>(setting, name).map(drop))
    }

    fn place<D: Draft>(&self, setting: &str, name: Name<'_>) -> Result<Place<D>, ConfigError> {
        let key = format!("{}.{setting}.{}", self.key, name.path());
        match name {
            Name::Field(name) => match D::field(name) {
                Some(field) => Ok(field.place),
                None => Err(ConfigError::unknown(key, "field", name, D::fields().map(|field| field.name))),
            },
            Name::Attribute(attribute) if D::ATTRIBUTES => {
                let index = self.attributes.iter().position(|known| known == attribute);
                let place = index.and_then(|index| u16::try_from(index).ok()).map(Place::Attribute);
                let known = self.attributes.iter().map(String::as_str);
                place.ok_or_else(|| ConfigError::unknown(key, "attribute", attribute, known))
            }
            Name::Attribute(_) => Err(ConfigError::new(
                key,
                "only trades have attributes",
                "use one of the record's own fields, or take it out",
            )),
        }
    }

    /// The fields with their columns, those that say which record this is first: they are what a tombstone needs.
    fn fields<D: Draft>(&self, columns: &ByField<ColumnName>) -> Result<Vec<FieldPlan<D>>, ConfigError> {
        let need = |name: Name<'_>| match name {
            Name::Field(name) => D::field(name).map_or(Need::Optional, |field| field.need),
            Name::Attribute(_) => Need::Optional,
        };
        let mut named: Vec<_> = columns.iter().collect();
        named.sort_by_key(|(name, _)| need(*name));
        named.into_iter().map(|(name, column)| self.field(name, column)).collect()
    }

    fn field<D: Draft>(&self, name: Name<'_>, column: &ColumnName) -> Result<FieldPlan<D>, ConfigError> {
        if self.config.constants.get(name).is_some() {
            let what = format!("`{}` has both a column and a constant", name.path());
            return Err(self.error(&format!("constants.{}", name.path()), &what, "take one of them out"));
        }
        let place = self.place("columns", name)?;
        Ok(FieldPlan { column: column.clone(), place, reading: self.reading(name, place)? })
    }

    fn template<D: Draft>(&self, columns: &ByField<ColumnName>) -> Result<D, ConfigError> {
        let mut template = D::new(self.source);
        for (name, Text(text)) in self.config.constants.iter() {
            if columns.get(name).is_some() {
                continue;
            }
            let place = self.place("constants", name)?;
            let reading = self.reading(name, place)?;
            set(place, &mut template, &Given::Text(text.into()), &reading)
                .map_err(|fault| self.error(&format!("constants.{}", name.path()), &fault.what, &fault.help))?;
        }
        Ok(template)
    }

    fn tombstone(&self) -> Result<Option<Tombstone>, ConfigError> {
        let Some(config) = &self.config.tombstone else { return Ok(None) };
        if config.values.is_empty() {
            return Err(self.error(
                "tombstone.values",
                "there is no value that deletes",
                "name at least one, or take the table out",
            ));
        }
        let reading = self.plain_reading("tombstone");
        let values = config.values.iter().map(|Text(text)| reading.dictionary.intern(text)).collect();
        Ok(Some(Tombstone { column: config.column.clone(), values, reading }))
    }

    fn schema_version(&self) -> Option<SchemaVersions> {
        let config = self.config.schema_version.as_ref()?;
        Some(SchemaVersions {
            column: config.column.clone(),
            max: config.max,
            reading: self.plain_reading("schema_version"),
        })
    }

    fn reading<D>(&self, name: Name<'_>, place: Place<D>) -> Result<Reading, ConfigError> {
        let values = self.config.values.get(name).into_iter().flatten();
        let reading = Reading {
            values: values.map(|(from, Text(to))| (from.clone(), to.clone())).collect(),
            scheme: self.scheme(name, place)?,
            scale: self.scale(name, place)?,
            ..self.plain_reading(&name.path())
        };
        self.check_values(name, place, &reading)?;
        Ok(reading)
    }

    fn scheme<D>(&self, name: Name<'_>, place: Place<D>) -> Result<Scheme, ConfigError> {
        match (self.config.identifiers.get(name), place) {
            (None, _) => Ok(scheme_of(name)),
            (Some(scheme), Place::Symbol(_)) => Ok(*scheme),
            (Some(_), _) => {
                let what = format!("`{}` is not a symbol, so it cannot be an identifier", name.path());
                Err(self.error(&format!("identifiers.{}", name.path()), &what, "take it out"))
            }
        }
    }

    fn scale<D>(&self, name: Name<'_>, place: Place<D>) -> Result<Option<u8>, ConfigError> {
        let scale = self.config.scale.get(name).copied();
        let is_number = place.value_type().decimals().is_some();
        if scale.is_some_and(|scale| !is_number || scale > SCALE_MAX) {
            let what = format!("`{}` cannot have this scale", name.path());
            let help = format!("only numbers have one, of at most {SCALE_MAX} decimals");
            return Err(self.error(&format!("scale.{}", name.path()), &what, &help));
        }
        Ok(scale)
    }

    /// What the texts of a file stand for must itself be readable.
    fn check_values<D>(&self, name: Name<'_>, place: Place<D>, reading: &Reading) -> Result<(), ConfigError> {
        for (from, to) in &reading.values {
            at_place!(place, at => readable(at, to, reading), _index => Ok(())).map_err(|fault| {
                let key = format!("values.{}.{from}", name.path());
                self.error(&key, &fault.what, "write what the text stands for as this field is usually written")
            })?;
        }
        Ok(())
    }

    fn plain_reading(&self, field: &str) -> Reading {
        let plain = Reading::plain(&self.key, field, &self.dictionary);
        let or = |formats: &[String], defaults| if formats.is_empty() { defaults } else { formats.into() };
        Reading {
            numbers: self.config.numbers,
            dates: or(&self.config.dates, plain.dates),
            times: or(&self.config.times, plain.times),
            ..plain
        }
    }
}

impl Reading {
    /// Of a field of which the configuration says nothing.
    pub(crate) fn plain(key: &str, field: &str, dictionary: &Dictionary) -> Reading {
        let owned = |formats: &[&str]| formats.iter().map(|format| (*format).to_owned()).collect();
        Reading {
            source: Arc::from(key),
            field: Arc::from(field),
            numbers: NumberFormat::default(),
            dates: owned(&DATES),
            times: owned(&TIMES),
            values: BTreeMap::new(),
            scheme: Scheme::Text,
            scale: None,
            dictionary: dictionary.clone(),
        }
    }
}

fn readable<D, T: FieldValue>(_at: At<D, T>, text: &str, reading: &Reading) -> Result<(), Fault> {
    if text.is_empty() { Ok(()) } else { T::from_text(text, reading).map(drop) }
}

/// The formats that are tried when none are configured.
const DATES: [&str; 1] = ["%Y-%m-%d"];
const TIMES: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%:z"];

const SCALE_MAX: u8 = 18;

/// The identifier that a field must be unless the configuration says otherwise.
fn scheme_of(name: Name<'_>) -> Scheme {
    match name {
        Name::Field("isin") => Scheme::Isin,
        Name::Field("uti") => Scheme::Uti,
        Name::Field("venue") => Scheme::Mic,
        _ => Scheme::Text,
    }
}

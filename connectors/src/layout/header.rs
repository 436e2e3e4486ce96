//! Finding the columns that a plan names among those that a file has.

use super::config::{Beside, ColumnName};
use super::draft::Draft;
use super::fault::Fault;
use super::plan::Plan;
use engine::setting::{listed, nearest};

/// The names of the columns of a file, a line of JSON or a batch.
pub(crate) struct Header {
    pub(crate) names: Vec<String>,
    /// What stands beside a message and is used: numbered after the columns.
    pub(crate) beside: Vec<Beside>,
}

/// Where the columns of a plan were found: by number, in the order of the plan's fields.
pub(crate) struct Found {
    pub(crate) fields: Vec<usize>,
    pub(crate) tombstone: Option<usize>,
    pub(crate) schema_version: Option<usize>,
}

impl Found {
    /// Finds every column of the plan, or says which there are not.
    pub(crate) fn new<D: Draft>(plan: &Plan<D>, header: &Header) -> Result<Found, Fault> {
        let mut missing = Vec::new();
        let mut find = |column: &ColumnName, used_for: &str| {
            header.find(column).unwrap_or_else(|problem| {
                missing.push(format!("{problem}, which {used_for} is read from"));
                0
            })
        };
        let found = Found {
            fields: plan
                .fields
                .iter()
                .map(|field| find(&field.column, &format!("`{}`", field.reading.field)))
                .collect(),
            tombstone: plan.tombstone.as_ref().map(|tombstone| find(&tombstone.column, "the tombstone")),
            schema_version: plan.schema_version.as_ref().map(|version| find(&version.column, "the schema version")),
        };
        if missing.is_empty() { Ok(found) } else { Err(header.lacks(&missing, plan)) }
    }

    /// Every column that is used, each once, in order.
    pub(crate) fn used(&self) -> Vec<usize> {
        let mut used: Vec<usize> =
            self.fields.iter().copied().chain(self.tombstone).chain(self.schema_version).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Counts columns as if only these were there. They must be all that are used.
    pub(crate) fn keep_only(&mut self, kept: &[usize]) {
        let renumber = |column: &mut usize| *column = kept.binary_search(column).unwrap_or(*column);
        self.fields.iter_mut().chain(&mut self.tombstone).chain(&mut self.schema_version).for_each(renumber);
    }
}

impl Header {
    /// Of columns with these names.
    pub(crate) fn of(names: Vec<String>) -> Header {
        Header { names, beside: Vec::new() }
    }

    /// The names of all columns, by number, as faults tell them.
    pub(crate) fn all_names(&self) -> Vec<String> {
        self.names.iter().cloned().chain(self.beside.iter().map(Beside::to_string)).collect()
    }

    /// The number of a column, or what is wrong with it.
    fn find(&self, column: &ColumnName) -> Result<usize, String> {
        match column {
            ColumnName::Number(number) if *number < self.names.len() => Ok(*number),
            ColumnName::Number(number) => Err(format!("there is no column number {number}")),
            ColumnName::Beside(beside) => {
                let place = self.beside.iter().position(|known| known == beside);
                place.map(|place| self.names.len() + place).ok_or_else(|| format!("there is no {beside}"))
            }
            ColumnName::Name(name) => {
                let mut same = (0..self.names.len()).filter(|column| self.names[*column] == *name);
                match (same.next(), same.next()) {
                    (Some(column), None) => Ok(column),
                    (Some(_), Some(_)) => Err(format!("there is more than one column `{name}`")),
                    (None, _) => Err(format!("there is no column `{name}`")),
                }
            }
        }
    }

    #[cold]
    fn lacks<D: Draft>(&self, missing: &[String], plan: &Plan<D>) -> Fault {
        let names = || self.names.iter().map(String::as_str);
        let mut help = format!("the columns are {}", listed(names()));
        for field in &plan.fields {
            let ColumnName::Name(name) = &field.column else { continue };
            let Some(near) = nearest(name, names()).filter(|near| near != name) else { continue };
            if !names().any(|known| known == name) {
                let (source, field) = (&field.reading.source, &field.reading.field);
                help.push_str(&format!("; perhaps `{source}.columns.{field}` should be \"{near}\""));
            }
        }
        Fault::new(missing.join("; "), help)
    }
}

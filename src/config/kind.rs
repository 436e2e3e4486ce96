//! The key `kind` of a table, which says what else is in it.

use serde::de::DeserializeOwned;
use toml::de::DeValue;

use super::document::{Document, Step, Value, remove_at};
use super::problem::{Problem, did_you_mean};

/// A table that has a kind.
pub(super) struct Kinded<'a, 't> {
    pub(super) document: &'a Document<'t>,
    /// Where it is, such as `source.internal`.
    pub(super) path: &'a str,
    /// What it is called, such as `source`.
    pub(super) noun: &'a str,
    pub(super) table: &'a Value<'t>,
}

impl Kinded<'_, '_> {
    /// Its kind, which is one of these.
    pub(super) fn kind(&self, kinds: &'static [&'static str]) -> Result<&'static str, Problem> {
        let DeValue::Table(table) = self.table.get_ref() else {
            let (section, _) = self.path.split_once('.').unwrap_or((self.path, ""));
            let help = format!("write [{section}.<name>] above its settings");
            return Err(self.document.problem(self.path, "this is not a table", &help));
        };
        let path = format!("{}.kind", self.path);
        let written: Vec<String> = kinds.iter().map(|kind| format!("kind = \"{kind}\"")).collect();
        let help = format!("add one of {}", written.join(", "));
        let missing = format!("it does not say what `kind` of {} it is", self.noun);
        let given = table.get("kind").ok_or_else(|| self.document.problem(self.path, &missing, &help))?;
        let DeValue::String(given) = given.get_ref() else {
            return Err(self.document.problem(&path, "this is not a text", &help));
        };
        let unknown = || {
            let what = format!("there is no kind of {} `{given}`", self.noun);
            self.document.problem(&path, &what, &did_you_mean(given, kinds))
        };
        kinds.iter().copied().find(|known| known == given).ok_or_else(unknown)
    }

    /// All else that is in it.
    pub(super) fn rest<T: DeserializeOwned>(&self, problems: &mut Vec<Problem>) -> Option<T> {
        let mut table = self.table.clone();
        remove_at(table.get_mut(), &[Step::Key("kind".to_owned())]);
        self.document.read(&table, self.path, problems)
    }
}

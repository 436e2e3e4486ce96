//! The names of the free attributes: each is a column of the view `trades` beside the fields.

use std::collections::HashSet;

use model::Field;

use super::document::Document;
use super::problem::Problem;

/// How many attributes there may be.
const MAX: usize = 1000;

/// Tells of every name that could not be told from another column. `None` if there are so many that no more can be said.
pub(super) fn check(names: &[String], document: &Document<'_>, problems: &mut Vec<Problem>) -> Option<()> {
    if names.len() > MAX {
        let what = format!("there cannot be {} attributes", names.len());
        problems.push(document.problem("attributes", &what, &format!("use at most {MAX}")));
        return None;
    }
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        let (what, help) = if name.is_empty() {
            ("an attribute has no name".to_owned(), "give it one, or take it out")
        } else if is_column(name) {
            (format!("`{name}` is a column of every trade already"), "use that, or call the attribute otherwise")
        } else if !seen.insert(name) {
            (format!("the attribute `{name}` is there twice"), "take one of them out")
        } else {
            continue;
        };
        problems.push(document.problem(&format!("attributes[{index}]"), &what, help));
    }
    Some(())
}

fn is_column(name: &str) -> bool {
    name == "source" || Field::ALL.iter().any(|field| field.name() == name)
}

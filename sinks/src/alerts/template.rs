//! Texts in which `{column}` stands for the value of a column; `{{` and `}}` are braces.

use engine::row::Shown;
use engine::{Row, Texts, ViewSpec};

/// A text, checked against the columns of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(usize),
}

/// What is wrong with a text, and what to do.
pub(super) type Wrong = (String, String);

impl Template {
    /// Reads a text. Columns must be those of the view.
    pub(super) fn parse(text: &str, view: &ViewSpec) -> Result<Template, Wrong> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push_str(&rest[..1]);
                rest = &rest[2..];
                continue;
            }
            let name = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
            let Some(name) = name else {
                let help = "write {column} for the value of a column, and {{ or }} for a brace";
                return Err(("there is a brace without its other half".to_owned(), help.to_owned()));
            };
            let column = column(name, view)?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Column(column));
            rest = &rest[name.len() + 2..];
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Template(parts))
    }

    /// The text for a row.
    pub(super) fn of(&self, row: &Row, view: &ViewSpec, texts: &dyn Texts) -> String {
        let shown = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(column) => {
                Shown { cell: &row.cells()[*column], kind: view.columns[*column].kind, texts }.to_string()
            }
        };
        self.0.iter().map(shown).collect()
    }
}

/// The place of a column.
pub(super) fn column(name: &str, view: &ViewSpec) -> Result<usize, Wrong> {
    view.column(name).ok_or_else(|| {
        let names: Vec<&str> = view.columns.iter().map(|column| column.name.as_str()).collect();
        let what = format!("view `{}` has no column `{name}`", view.name);
        (what, format!("its columns are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Cell, Column, ColumnKind, NoTexts};

    fn view() -> ViewSpec {
        let columns = vec![Column::new("id", ColumnKind::Text), Column::new("amount", ColumnKind::Fixed(2))];
        ViewSpec { name: "v".into(), about: String::new(), columns, key: vec![0] }
    }

    #[test]
    fn columns_stand_for_their_values_and_doubled_braces_for_braces() {
        let row = Row::new([Cell::text("{T1}"), Cell::fixed(150)]);
        for (text, expected) in [
            ("{id}: {amount} {{net}}", "{T1}: 1.5 {net}"),
            ("plain", "plain"),
            ("{id}{id}", "{T1}{T1}"),
            ("", ""),
            ("{{{id}}}", "{{T1}}"),
        ] {
            assert_eq!(Template::parse(text, &view()).unwrap().of(&row, &view(), &NoTexts), expected);
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_told_before_anything_starts() {
        assert!(Template::parse("{no}", &view()).unwrap_err().0.contains("no column `no`"));
        for text in ["{id", "id}", "{", "a } b"] {
            assert!(Template::parse(text, &view()).unwrap_err().0.contains("other half"), "{text}");
        }
    }
}

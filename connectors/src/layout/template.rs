//! Templates: a file of a kind of record as it could be, for whoever has to write one.

use std::fmt::Write;

use super::draft::FieldDescription;
use super::kinds::RecordKind;
use crate::files::Format;

/// A header and two records as CSV, or two records as JSON lines: every field by its own name, so that the file is read
/// without a table of columns. `None` for Parquet, which is not text.
pub fn template(kind: RecordKind, format: Format) -> Option<String> {
    let fields = kind.fields();
    let mut text = String::new();
    match format {
        Format::Csv => {
            push_line(&mut text, fields.iter().map(|field| field.name));
            for record in [0, 1] {
                push_line(&mut text, fields.iter().map(|field| field.examples[record]));
            }
        }
        Format::Jsonl => {
            for record in [0, 1] {
                push_object(&mut text, &fields, record);
            }
        }
        Format::Parquet => return None,
    }
    Some(text)
}

/// The table of a kind's fields, in Markdown, as the book has it.
pub fn field_table(kind: RecordKind) -> String {
    let mut table = "| field | type | needed | meaning |\n|---|---|---|---|\n".to_owned();
    for field in kind.fields() {
        let (name, value_type, need, meaning) = (field.name, field.value_type.name(), field.need.told(), field.meaning);
        // Writing to a string does not fail.
        let _ = writeln!(table, "| `{name}` | {value_type} | {need} | {meaning} |");
    }
    table
}

fn push_line(text: &mut String, cells: impl Iterator<Item = &'static str>) {
    crate::generator::push_csv_texts(text, cells);
}

fn push_object(text: &mut String, fields: &[FieldDescription], record: usize) {
    let mut separator = "{";
    for field in fields {
        let value = field.examples[record];
        if value.is_empty() {
            continue;
        }
        let value = match field.value_type.decimals() {
            Some(_) => value.to_owned(),
            None => serde_json::Value::from(value).to_string(),
        };
        let _ = write!(text, "{separator}\"{}\": {value}", field.name);
        separator = ", ";
    }
    text.push_str("}\n");
}

#[cfg(test)]
mod tests {
    use model::{Dictionary, Record, SourceId};

    use super::super::Header;
    use super::super::any_record::{Texts, layout_of};
    use super::*;
    use crate::files::Members;
    use crate::layout::{ColumnName, Layout};

    fn of_lines(layout: &Layout, names: &[String], template: &str) -> Vec<Record> {
        let members = Members::new(&names.iter().cloned().map(ColumnName::Name).collect::<Vec<_>>());
        let decoder = layout.rows(&Header::of(names.to_vec())).unwrap();
        let record = |line: &str| {
            let row = members.read(line).unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
            decoder.decode(&row, 0).unwrap_or_else(|fault| panic!("{line}: {fault:?}")).record.unwrap()
        };
        template.lines().map(record).collect()
    }

    #[test]
    fn a_template_is_read_as_it_stands_in_both_formats_and_shows_what_is_needed() {
        for kind in RecordKind::ALL {
            let dictionary = Dictionary::new();
            let layout = layout_of(*kind, SourceId(0), &dictionary);
            let csv = template(*kind, Format::Csv).unwrap();
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
            assert_eq!(names, kind.fields().iter().map(|field| field.name).collect::<Vec<_>>());
            let decoder = layout.rows(&Header::of(names.clone())).unwrap();
            let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
            let of_rows: Vec<Record> =
                rows.map(|row| decoder.decode(&Texts(row), 0).unwrap().record.unwrap()).collect();
            assert_eq!(of_rows.len(), 2, "{}", kind.name());
            assert_ne!(of_rows[0].key(), of_rows[1].key(), "{}", kind.name());
            assert_eq!(of_lines(&layout, &names, &template(*kind, Format::Jsonl).unwrap()), of_rows, "{}", kind.name());
            for field in kind.fields() {
                assert!(!field.need.is_needed() || field.examples.iter().all(|example| !example.is_empty()));
                assert!(!field.meaning.is_empty() && !field.meaning.contains('|'), "{}", field.name);
            }
        }
    }
}

//! How values are written as text, in a side's dialect, and how texts become lines of CSV.

use std::fmt::Write;

use model::{Dictionary, Value};

use super::columns::Dialect;

/// Adds the text of a value; nothing where nothing is known.
pub(super) fn push_value(text: &mut String, value: &Value, dialect: Dialect, dictionary: &Dictionary) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::None => Ok(()),
        Value::Symbol(symbol) => match symbol.inline_text() {
            Some(inline) => text.write_str(inline),
            None => text.write_str(dictionary.text(*symbol).as_deref().unwrap_or_default()),
        },
        Value::Code(_) => match (dialect, value.code_text().unwrap_or_default()) {
            (Dialect::Theirs, "BUY") => text.write_str("B"),
            (Dialect::Theirs, "SELL") => text.write_str("S"),
            (_, code) => text.write_str(code),
        },
        Value::Number { .. } => write!(text, "{value}"),
        Value::Date(date) => match (dialect, date.ymd()) {
            (Dialect::Theirs, Some((year, month, day))) => write!(text, "{year:04}{month:02}{day:02}"),
            _ => write!(text, "{date}"),
        },
        Value::Time(time) => write!(text, "{time}"),
        Value::Text(whole) => text.write_str(whole),
    };
}

/// Adds a line of CSV; each cell is added by `push`, and put in quotes if it needs them.
pub(super) fn push_csv_line<T>(
    line: &mut String,
    cells: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T),
) {
    let mut is_first = true;
    for cell in cells {
        if !is_first {
            line.push(',');
        }
        is_first = false;
        let start = line.len();
        push(line, cell);
        if line[start..].contains(['"', ',', '\n', '\r']) {
            let quoted = line[start..].replace('"', "\"\"");
            line.truncate(start);
            line.extend(["\"", &quoted, "\""]);
        }
    }
    line.push('\n');
}

/// Adds a line of CSV from texts.
pub(crate) fn push_csv_texts<'a>(line: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    push_csv_line(line, texts, |line, text| line.push_str(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_only_where_csv_needs_it() {
        let mut line = String::new();
        push_csv_texts(&mut line, ["a", "", "b,c", "say \"no\"", "d e"]);
        assert_eq!(line, "a,,\"b,c\",\"say \"\"no\"\"\",d e\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(row.iter().collect::<Vec<_>>(), ["a", "", "b,c", "say \"no\"", "d e"]);
    }
}

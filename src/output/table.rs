//! A table for people.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// How wide a cell may be before it is cut.
const CELL_CHARS_MAX: usize = 40;

/// A table; the columns that `is_number` names are aligned to the right.
pub(crate) fn table<'a>(header: &[&str], is_number: &[bool], rows: impl Iterator<Item = Vec<String>> + 'a) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let aligned = |texts: Vec<String>| {
        let cell = |(text, is_number): (String, &bool)| {
            let alignment = if *is_number { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(cut(text)).set_alignment(alignment)
        };
        texts.into_iter().zip(is_number).map(cell).collect::<Vec<_>>()
    };
    table.set_header(aligned(header.iter().map(|name| (*name).to_owned()).collect()));
    for row in rows {
        table.add_row(aligned(row));
    }
    // Between columns, not before the first.
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// On one line, and not too long.
fn cut(text: String) -> String {
    let is_short = text.chars().nth(CELL_CHARS_MAX).is_none();
    if is_short && !text.contains(char::is_control) {
        return text;
    }
    let mut cut: String = text.chars().take(if is_short { CELL_CHARS_MAX } else { CELL_CHARS_MAX - 1 }).collect();
    cut = cut.replace(char::is_control, " ");
    if !is_short {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_to_the_right_and_long_texts_are_cut() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["b".repeat(50), "1000".to_owned()]];
        let text = table(&["name", "n"], &[false, true], rows.into_iter());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].ends_with("    1"), "{text}");
        assert!(lines[2].contains("b…") && lines[2].ends_with("1000"), "{text}");
    }
}

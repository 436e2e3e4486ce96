//! A report as a workbook: a sheet for each section, with numbers and dates that a spreadsheet knows as such.
//!
//! A section that always has one row is written from top to bottom, a name and a value a line; the others as a table with a header that
//! stays in sight. What is not known is an empty cell. A number has the 15 digits that spreadsheets keep.

use engine::row::Shown;
use engine::{Cell, Column, ColumnKind, NoTexts, Rows, Tick, ViewSpec};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::write::Part;

/// How wide a column may become, in characters.
const WIDTH_CHARS_MAX: usize = 48;
const WIDTH_CHARS_MIN: usize = 8;

/// A spreadsheet counts days from 1899-12-30; before 1900-03-01 it counts a day that never was.
const EPOCH_DAYS: f64 = 25_569.0;
const FIRST_DAY: f64 = 61.0;

/// The workbook, as the bytes of its file: the same sections at the same tick are the same bytes.
pub(super) fn workbook(sections: &[Part], tick: Tick) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let seconds = i64::try_from(tick / 1_000_000).unwrap_or(i64::MAX);
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_timestamp(seconds)?));
    for Part { spec, rows, is_one_row } in sections {
        let sheet = book.add_worksheet().set_name(&spec.name)?;
        match rows.as_slice() {
            [(row, _)] if *is_one_row => write_list(sheet, spec, row.cells())?,
            _ => write_table(sheet, spec, rows)?,
        }
    }
    book.save_to_buffer()
}

fn write_list(sheet: &mut Worksheet, spec: &ViewSpec, cells: &[Cell]) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    for (place, (cell, column)) in (0u32..).zip(cells.iter().zip(&spec.columns)) {
        sheet.write_with_format(place, 0, &column.name, &bold)?;
        write_cell(sheet, (place, 1), cell, column, &format_of(column))?;
    }
    sheet.set_column_width(0, width(spec.columns.iter().map(|column| column.name.chars().count())))?;
    sheet.set_column_width(
        1,
        width(cells.iter().zip(&spec.columns).map(|(cell, column)| shown(cell, column).chars().count())),
    )?;
    Ok(())
}

fn write_table(sheet: &mut Worksheet, spec: &ViewSpec, rows: &Rows) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    for (place, column) in (0u16..).zip(&spec.columns) {
        let format = format_of(column);
        sheet.write_with_format(0, place, &column.name, &bold)?;
        let cells = || rows.iter().map(|(row, _)| &row.cells()[usize::from(place)]);
        for (line, cell) in (1u32..).zip(cells()) {
            write_cell(sheet, (line, place), cell, column, &format)?;
        }
        let texts = cells().map(|cell| shown(cell, column).chars().count());
        sheet.set_column_width(place, width(texts.chain([column.name.chars().count()])))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    if let (Ok(last), false) = (u32::try_from(rows.len()), spec.columns.is_empty()) {
        sheet.autofilter(0, 0, last, spec.columns.len() as u16 - 1)?;
    }
    Ok(())
}

fn write_cell(
    sheet: &mut Worksheet,
    (line, place): (u32, u16),
    cell: &Cell,
    column: &Column,
    format: &Format,
) -> Result<(), XlsxError> {
    match (cell, column.kind) {
        (Cell::Null, _) => {}
        (Cell::Bool(value), _) => drop(sheet.write_boolean(line, place, *value)?),
        (Cell::Int(value), _) => drop(sheet.write_number_with_format(line, place, *value as f64, format)?),
        (Cell::Fixed(value), ColumnKind::Fixed(scale)) => {
            let number = i128::from(*value) as f64 / 10f64.powi(scale.into());
            sheet.write_number_with_format(line, place, number, format)?;
        }
        (Cell::Date(days), _) if f64::from(*days) + EPOCH_DAYS >= FIRST_DAY => {
            sheet.write_number_with_format(line, place, f64::from(*days) + EPOCH_DAYS, format)?;
        }
        (Cell::Time(micros), _) => {
            let days = *micros as f64 / 86_400_000_000.0;
            sheet.write_number_with_format(line, place, days + EPOCH_DAYS, format)?;
        }
        // Always as a text: one that begins with `=` is no formula.
        _ => drop(sheet.write_string(line, place, shown(cell, column))?),
    }
    Ok(())
}

/// Ratios that are no shares of anything: nobody reads a Sharpe ratio in per cent.
const NO_SHARES: [&str; 13] = [
    "beta",
    "calmar",
    "correlation",
    "down_capture",
    "excess_kurtosis",
    "herfindahl_hirschman_index",
    "information_ratio",
    "omega",
    "sharpe",
    "skewness",
    "sortino",
    "up_capture",
    "up_down_capture",
];

/// How the numbers of a column are shown; the cell has all digits.
fn format_of(column: &Column) -> Format {
    let name = column.name.as_str();
    let pattern = match column.kind {
        ColumnKind::Bool | ColumnKind::Text => "General",
        ColumnKind::Int => "0",
        ColumnKind::Date => "yyyy-mm-dd",
        ColumnKind::Time => "yyyy-mm-dd hh:mm:ss",
        ColumnKind::Fixed(_) if name.contains("price") => "#,##0.00######",
        ColumnKind::Fixed(8) => "#,##0.00",
        ColumnKind::Fixed(10) if NO_SHARES.contains(&name) => "0.00",
        ColumnKind::Fixed(10) => "0.00%",
        ColumnKind::Fixed(6) => "#,##0.######",
        ColumnKind::Fixed(_) => "0.0###########",
    };
    Format::new().set_num_format(pattern)
}

fn shown(cell: &Cell, column: &Column) -> String {
    Shown { cell, kind: column.kind, texts: &NoTexts }.to_string()
}

fn width(chars: impl Iterator<Item = usize>) -> f64 {
    let widest = chars.max().unwrap_or(0);
    (widest.clamp(WIDTH_CHARS_MIN, WIDTH_CHARS_MAX) + 2) as f64
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use engine::Row;

    use super::*;

    fn part(rows: Vec<Vec<Cell>>, name: &str, is_one_row: bool) -> Part {
        use ColumnKind::{Date, Fixed, Int, Text, Time};
        let columns = [
            ("security", Text),
            ("value", Fixed(8)),
            ("weight", Fixed(10)),
            ("date", Date),
            ("opened", Time),
            ("lots", Int),
        ];
        let columns = columns.map(|(name, kind)| Column::new(name, kind)).to_vec();
        let spec = ViewSpec { name: name.into(), about: String::new(), columns, key: Vec::new() };
        Part { spec, rows: rows.into_iter().map(|cells| (Row::new(cells), 1)).collect(), is_one_row }
    }

    fn file(book: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(book)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn numbers_and_dates_are_such_and_what_is_missing_is_empty() {
        let full = vec![
            Cell::text("=1+1"),
            Cell::fixed(-123_450_000_000),
            Cell::fixed(2_500_000_000),
            Cell::Date(20_000),
            Cell::Time(1_728_000_000_000_000 + 43_200_000_000),
            Cell::Int(7),
        ];
        let sections =
            [part(vec![full.clone(), vec![Cell::Null; 6]], "holdings", false), part(vec![full], "overview", true)];
        let book = workbook(&sections, 1_728_000_000_000_000).unwrap();
        let names = file(&book, "xl/workbook.xml");
        assert!(names.contains("name=\"holdings\"") && names.contains("name=\"overview\""), "{names}");
        let sheet = file(&book, "xl/worksheets/sheet1.xml");
        // 2024-10-04, and noon of that day; none of them a formula, and nothing in the row where nothing is known.
        for told in ["<v>-1234.5</v>", "<v>0.25</v>", "<v>45569</v>", "<v>45569.5</v>", "<v>7</v>", "ySplit=\"1\""] {
            assert!(sheet.contains(told), "{told}: {sheet}");
        }
        assert!(!sheet.contains("<f>") && !sheet.contains("r=\"A3\""), "{sheet}");
        let styles = file(&book, "xl/styles.xml");
        assert!(styles.contains("yyyy-mm-dd") && styles.contains("hh:mm:ss"), "{styles}");
        let list = file(&book, "xl/worksheets/sheet2.xml");
        assert!(list.contains("r=\"B2\"") && !list.contains("r=\"C1\""), "a name and a value a line: {list}");
    }

    #[test]
    fn a_sharpe_ratio_is_not_told_in_per_cent() {
        let ratio = |name: &str| format_of(&Column::new(name, ColumnKind::Fixed(10)));
        assert_eq!(ratio("weight"), Format::new().set_num_format("0.00%"));
        assert_eq!(ratio("sharpe"), Format::new().set_num_format("0.00"));
    }

    #[test]
    fn the_same_report_is_the_same_bytes() {
        let sections = [part(Vec::new(), "transactions", false)];
        assert_eq!(
            workbook(&sections, 1_728_000_000_000_000).unwrap(),
            workbook(&sections, 1_728_000_000_000_000).unwrap()
        );
    }
}

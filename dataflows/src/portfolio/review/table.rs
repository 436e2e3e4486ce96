//! Tables, and the few ways in which a report makes one of another: select, group, weigh, sort.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use engine::{Cell, Column, ColumnKind, Row, Rows, ViewSpec};

use crate::table::{RATIO, RATIO_SCALE, number_cell};

/// A column that a table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column `{0}`")]
pub struct MissingColumn(pub String);

/// Rows with columns: those of a view, or what was made of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// What is told of the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How many there are.
    Count,
    /// In how many of them this column is not known.
    CountMissing(&'static str),
    /// The sum of what is known of this column; nothing where nothing is.
    Sum(&'static str),
}

/// In which order rows stand by a column; what is not known is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The least first.
    Up(&'static str),
    /// The greatest first.
    Down(&'static str),
}

impl Table {
    /// A table without rows.
    pub fn empty(columns: &[(&str, ColumnKind)]) -> Table {
        Table { columns: columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect(), rows: Vec::new() }
    }

    /// The rows of a view; one that is there twice is twice in the table.
    pub fn of(spec: &ViewSpec, rows: &Rows) -> Table {
        let repeated =
            |(row, count): &(Row, isize)| std::iter::repeat_n(row.cells().to_vec(), (*count).max(0) as usize);
        Table { columns: spec.columns.clone(), rows: rows.iter().flat_map(repeated).collect() }
    }

    /// It as a view that has a name, to be written as views are.
    pub fn named(&self, name: &str, about: &str) -> (ViewSpec, Rows) {
        let spec =
            ViewSpec { name: name.to_owned(), about: about.to_owned(), columns: self.columns.clone(), key: Vec::new() };
        (spec, self.rows.iter().map(|cells| (Row::new(cells.clone()), 1)).collect())
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Result<usize, MissingColumn> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| MissingColumn(name.to_owned()))
    }

    /// The cells of a column.
    pub fn cells(&self, name: &str) -> Result<impl Iterator<Item = &Cell>, MissingColumn> {
        let place = self.place(name)?;
        Ok(self.rows.iter().map(move |row| &row[place]))
    }

    /// Only these columns, in this order.
    pub fn select(&self, names: &[&str]) -> Result<Table, MissingColumn> {
        let places = names.iter().map(|name| self.place(name)).collect::<Result<Vec<_>, _>>()?;
        let columns = places.iter().map(|place| self.columns[*place].clone()).collect();
        let row = |cells: &Vec<Cell>| places.iter().map(|place| cells[*place].clone()).collect();
        Ok(Table { columns, rows: self.rows.iter().map(row).collect() })
    }

    /// All columns but this one.
    pub fn without(&self, name: &str) -> Result<Table, MissingColumn> {
        self.place(name)?;
        let names: Vec<&str> =
            self.columns.iter().map(|column| column.name.as_str()).filter(|own| *own != name).collect();
        self.select(&names)
    }

    /// Only the rows of which a column is as wanted.
    pub fn only(&self, name: &str, wants: impl Fn(&Cell) -> bool) -> Result<Table, MissingColumn> {
        let place = self.place(name)?;
        let rows = self.rows.iter().filter(|row| wants(&row[place])).cloned().collect();
        Ok(Table { columns: self.columns.clone(), rows })
    }

    /// With one more column, after the others, that follows from another.
    pub fn with(
        mut self,
        name: &str,
        kind: ColumnKind,
        of: &str,
        cell: impl Fn(&Cell) -> Cell,
    ) -> Result<Table, MissingColumn> {
        let place = self.place(of)?;
        self.columns.push(Column::new(name, kind));
        self.rows.iter_mut().for_each(|row| row.push(cell(&row[place])));
        Ok(self)
    }

    /// One row for all rows with the same cells in the columns `by`, with what is told of them.
    pub fn group(&self, by: &[&str], measures: &[(&str, Measure)]) -> Result<Table, MissingColumn> {
        let keys = by.iter().map(|name| self.place(name)).collect::<Result<Vec<_>, _>>()?;
        let mut columns: Vec<Column> = keys.iter().map(|place| self.columns[*place].clone()).collect();
        let mut of = Vec::with_capacity(measures.len());
        for (name, measure) in measures {
            let (place, kind) = match measure {
                Measure::Count => (0, ColumnKind::Int),
                Measure::CountMissing(column) => (self.place(column)?, ColumnKind::Int),
                Measure::Sum(column) => (self.place(column)?, self.columns[self.place(column)?].kind),
            };
            columns.push(Column::new(*name, kind));
            of.push((*measure, place));
        }
        let mut groups: BTreeMap<Vec<Cell>, Vec<&Vec<Cell>>> = BTreeMap::new();
        for row in &self.rows {
            groups.entry(keys.iter().map(|place| row[*place].clone()).collect()).or_default().push(row);
        }
        let row = |(mut key, rows): (Vec<Cell>, Vec<&Vec<Cell>>)| {
            key.extend(of.iter().map(|(measure, place)| measure.of(rows.iter().map(|row| &row[*place]))));
            key
        };
        Ok(Table { columns, rows: groups.into_iter().map(row).collect() })
    }

    /// With the share of each row in the sum of a column, as a ratio; what is not known has none.
    pub fn weighed(mut self, of: &str, name: &str) -> Result<Table, MissingColumn> {
        let values: Vec<Option<i128>> = self.cells(of)?.map(number).collect();
        self.columns.push(Column::new(name, RATIO));
        for (row, share) in self.rows.iter_mut().zip(shares(&values)) {
            row.push(number_cell(share));
        }
        Ok(self)
    }

    /// In this order; rows that are equal in it stay as they are.
    pub fn sorted(mut self, by: &[Order]) -> Result<Table, MissingColumn> {
        for order in by.iter().rev() {
            match order {
                Order::Up(name) => {
                    let place = self.place(name)?;
                    self.rows.sort_by(|one, other| known_first(&one[place], &other[place], Ordering::Less));
                }
                Order::Down(name) => {
                    let place = self.place(name)?;
                    self.rows.sort_by(|one, other| known_first(&one[place], &other[place], Ordering::Greater));
                }
            }
        }
        Ok(self)
    }

    /// The rows of another table, of the same columns, after its own.
    pub fn and(mut self, other: Table) -> Table {
        debug_assert_eq!(self.columns, other.columns, "tables of the same columns");
        self.rows.extend(other.rows);
        self
    }

    /// The sum of what is known of a column; nothing where there are rows, and nothing of them is.
    pub fn known(&self, name: &str) -> Result<Option<i128>, MissingColumn> {
        let known: Vec<i128> = self.cells(name)?.filter_map(number).collect();
        let sum = known.iter().try_fold(0i128, |sum, value| sum.checked_add(*value));
        Ok(sum.filter(|_| self.rows.is_empty() || !known.is_empty()))
    }

    /// The sum of a column; nothing where something of it is not known.
    pub fn total(&self, name: &str) -> Result<Option<i128>, MissingColumn> {
        Ok(self.cells(name)?.map(number).try_fold(0i128, |sum, value| sum.checked_add(value?)))
    }

    /// How many rows are not known in a column.
    pub fn missing(&self, name: &str) -> Result<usize, MissingColumn> {
        Ok(self.cells(name)?.filter(|cell| **cell == Cell::Null).count())
    }

    /// The cell of the first row in which a column is known.
    pub fn first(&self, name: &str) -> Result<Cell, MissingColumn> {
        Ok(self.cells(name)?.find(|cell| **cell != Cell::Null).cloned().unwrap_or(Cell::Null))
    }
}

impl Measure {
    fn of<'a>(self, cells: impl Iterator<Item = &'a Cell>) -> Cell {
        match self {
            Measure::Count => Cell::Int(cells.count() as i64),
            Measure::CountMissing(_) => Cell::Int(cells.filter(|cell| **cell == Cell::Null).count() as i64),
            Measure::Sum(_) => cells.fold(Cell::Null, |sum, cell| match (sum, cell) {
                (sum, Cell::Null) => sum,
                (Cell::Null, cell) => cell.clone(),
                (Cell::Int(sum), Cell::Int(value)) => Cell::Int(sum.saturating_add(*value)),
                (sum, cell) => {
                    number_cell(number(&sum).zip(number(cell)).and_then(|(sum, value)| sum.checked_add(value)))
                }
            }),
        }
    }
}

/// The number in a cell, as it is scaled.
fn number(cell: &Cell) -> Option<i128> {
    match cell {
        Cell::Int(value) => Some((*value).into()),
        Cell::Fixed(value) => Some((*value).into()),
        _ => None,
    }
}

fn known_first(one: &Cell, other: &Cell, first: Ordering) -> Ordering {
    match (one, other) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Greater,
        (_, Cell::Null) => Ordering::Less,
        _ if first == Ordering::Less => one.cmp(other),
        _ => other.cmp(one),
    }
}

/// The shares of values in their sum, in units of a ratio. They are rounded so that they add up to one: what is left after all
/// were rounded down goes, a unit each, to those that lost most by it. None where the values add up to nothing.
fn shares(values: &[Option<i128>]) -> Vec<Option<i128>> {
    const ONE: i128 = 10i128.pow(RATIO_SCALE as u32);
    let total = values.iter().flatten().try_fold(0i128, |sum, value| sum.checked_add(*value)).unwrap_or(0);
    let parts: Option<Vec<Option<(i128, i128)>>> = values
        .iter()
        .map(|value| {
            let Some(value) = value else { return Some(None) };
            let scaled = value.checked_mul(ONE)?.checked_mul(total.signum())?;
            let whole = total.checked_abs()?;
            Some(Some((scaled.checked_div_euclid(whole)?, scaled.checked_rem_euclid(whole)?)))
        })
        .collect();
    let Some(parts) = parts else { return vec![None; values.len()] };
    let mut shares: Vec<Option<i128>> = parts.iter().map(|part| part.map(|(share, _)| share)).collect();
    let left = ONE - shares.iter().flatten().sum::<i128>();
    let mut lost: Vec<(Reverse<i128>, usize)> =
        parts.iter().enumerate().filter_map(|(place, part)| Some((Reverse((*part)?.1), place))).collect();
    lost.sort_unstable();
    for (_, place) in lost.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] = shares[place].map(|share| share + 1);
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: i128 = 10_000_000_000;

    #[test]
    fn shares_add_up_to_one_and_what_is_not_known_has_none() {
        const THIRD: i128 = ONE / 3;
        type Values = &'static [Option<i128>];
        let cases: [(Values, Values); 6] = [
            (&[Some(1), Some(1), Some(1)], &[Some(THIRD + 1), Some(THIRD), Some(THIRD)]),
            (&[Some(3), None, Some(1)], &[Some(ONE / 4 * 3), None, Some(ONE / 4)]),
            (&[Some(-1), Some(-3)], &[Some(ONE / 4), Some(ONE / 4 * 3)]),
            (&[Some(3), Some(-1)], &[Some(ONE / 2 * 3), Some(-ONE / 2)]),
            (&[Some(1), Some(-1)], &[None, None]),
            (&[None], &[None]),
        ];
        for (values, expected) in cases {
            assert_eq!(shares(values), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_of_anything_add_up_to_one_and_are_less_than_a_unit_off(
            values in prop::collection::vec(prop::option::weighted(0.9, -1_000_000_000_000i128..1_000_000_000_000), 1..40)
        ) {
            let total: i128 = values.iter().flatten().sum();
            let shares = shares(&values);
            if total != 0 && values.iter().any(Option::is_some) {
                prop_assert_eq!(shares.iter().flatten().sum::<i128>(), ONE);
                for (value, share) in values.iter().zip(&shares) {
                    prop_assert_eq!(value.is_some(), share.is_some());
                    if let (Some(value), Some(share)) = (value, share) {
                        prop_assert!((share * total - value * ONE).abs() <= total.abs(), "{} {}", value, share);
                    }
                }
            }
        }
    }

    fn table() -> Table {
        let mut table = Table::empty(&[("class", ColumnKind::Text), ("value", ColumnKind::Fixed(2))]);
        let row = |class: &str, value: Option<i128>| vec![Cell::text(class), number_cell(value)];
        table.rows = vec![row("b", Some(250)), row("a", None), row("a", Some(100)), row("c", None), row("b", Some(50))];
        table
    }

    #[test]
    fn groups_sum_what_is_known_and_count_what_is_not() {
        let measures =
            [("value", Measure::Sum("value")), ("rows", Measure::Count), ("missing", Measure::CountMissing("value"))];
        let grouped = table().group(&["class"], &measures).unwrap();
        let row = |class: &str, value: Option<i128>, rows: i64, missing: i64| {
            vec![Cell::text(class), number_cell(value), Cell::Int(rows), Cell::Int(missing)]
        };
        assert_eq!(grouped.rows, [row("a", Some(100), 2, 1), row("b", Some(300), 2, 0), row("c", None, 1, 1)]);
        let sorted = grouped.weighed("value", "weight").unwrap().sorted(&[Order::Down("value")]).unwrap();
        let weights: Vec<_> = sorted.select(&["class", "weight"]).unwrap().rows;
        assert_eq!(weights[0], [Cell::text("b"), Cell::fixed(ONE / 4 * 3)]);
        assert_eq!(weights[2], [Cell::text("c"), Cell::Null]);
    }

    #[test]
    fn a_total_is_not_known_where_a_part_of_it_is_not() {
        assert_eq!((table().known("value"), table().total("value")), (Ok(Some(400)), Ok(None)));
        let known = table().only("value", |cell| *cell != Cell::Null).unwrap();
        assert_eq!((known.total("value"), table().missing("value")), (Ok(Some(400)), Ok(2)));
        assert_eq!(table().known("price"), Err(MissingColumn("price".into())));
    }
}

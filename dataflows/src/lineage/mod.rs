//! Lineage: on which rows of other views a row rests, and in the end on which records.
//!
//! ```text
//!  row of a view ──▶ steps of its view ──▶ filters of other views ──▶ rows ──▶ … ──▶ rows that are records: business keys
//! ```
//! It is data: for each view the [`Step`]s that lead on, each with the view that it leads to and how the columns of its rows
//! follow from the row at hand. Whoever reads views can follow them, at any tick. A step may lead to more than the row rests
//! on, and says so in its words; never to less.

mod graph;
mod record;

use model::Date;
use serde_json::{Map, Value, json};

pub use graph::LINEAGES;
pub use record::{RecordKey, record_of};

/// How the rows of a view came about.
pub struct Lineage {
    /// The view.
    pub view: &'static str,
    /// The columns that tell a person most about a row.
    pub tells: &'static [&'static str],
    /// On what its rows rest; nothing where they are records themselves.
    pub steps: &'static [Step],
}

/// From a row to rows that it rests on.
#[derive(Clone, Copy)]
pub struct Step {
    /// What these rows are, in words.
    pub what: &'static str,
    /// Their view.
    pub view: &'static str,
    /// How the columns of that view follow from the row.
    pub on: &'static [(&'static str, Of)],
    /// That they are of a group which the row names.
    pub group: Option<Group>,
    /// Rows of another view whose likes do not count.
    pub except: Option<&'static Except>,
    /// It leads nowhere unless all of this is true of the row.
    pub when: &'static [When],
    /// How much is told of them.
    pub told: Told,
    /// Where it goes on from each of them, beside the steps of their own view. Of rows that are counted this is not told, but
    /// they rest on it all the same.
    pub then: &'static [Step],
}

/// A row that names one of several columns, its dimension, and what is in it.
#[derive(Clone, Copy)]
pub struct Group {
    /// The column of the row that names a column of the rows that it leads to.
    pub dimension: &'static str,
    /// The column of the row which says what is in that, also where it is not known.
    pub value: &'static str,
    /// The dimension in which all are one.
    pub all: &'static str,
}

/// Something that may be true of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This column is known.
    Known(&'static str),
    /// This column is not known.
    Unknown(&'static str),
    /// This column is one of these texts.
    Is(&'static str, &'static [&'static str]),
    /// This column is none of these texts.
    Not(&'static str, &'static [&'static str]),
}

/// How a column follows from the row at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// It is what this column of the row is. Where that is not known there is nothing to be found.
    Same(&'static str),
    /// It is what this column of the row is, also where that is not known.
    SameOrMissing(&'static str),
    /// It is what this column of the row is, or anything where that is not known.
    SameIfKnown(&'static str),
    /// It is not known.
    Missing,
    /// It is this text.
    Is(&'static str),
    /// It is true.
    True,
    /// It is not before what this column of the row is.
    From(&'static str),
    /// It is not after what this column of the row is.
    To(&'static str),
    /// It is the day before the one that this column of the row is.
    DayBefore(&'static str),
    /// It is a day of the year and the month that these columns of the row are.
    Within(&'static str, &'static str),
    /// It is a day of the month of which this column of the row is a day.
    InMonth(&'static str),
    /// Of all that agree in the rest, it is the last.
    Latest,
    /// Of all that agree in the rest, it is the last that is not after the day of the tick.
    Last,
    /// Of all that agree in the rest and are not after what this column of the row is, it is the last.
    LastTo(&'static str),
    /// Of all that agree in the rest and are before what this column of the row is, it is the last.
    LastBefore(&'static str),
    /// As [`Of::Same`], of the row that the step before began at.
    SameAbove(&'static str),
    /// As [`Of::To`], of the row that the step before began at.
    ToAbove(&'static str),
    /// Of all that agree in the rest and are not after what this column is, of the row that the step before began at, it is
    /// the last.
    LastToAbove(&'static str),
}

/// Rows that do not count, because there are rows of another view for them.
pub struct Except {
    /// That view.
    pub view: &'static str,
    /// How the rows of that view are found from the row at hand.
    pub on: &'static [(&'static str, &'static str)],
    /// Which of its columns agree with which of the rows that do not count.
    pub agree: &'static [(&'static str, &'static str)],
}

/// How much is told of the rows of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Each, and on what it rests.
    Rows,
    /// Each, but not on what it rests.
    RowsAlone,
    /// How many there are.
    Count,
    /// Nothing, but of what they lead to.
    Through,
}

/// The lineage of a view; `None` where it is not told.
pub fn of_view(view: &str) -> Option<&'static Lineage> {
    lineages().find(|lineage| lineage.view == view)
}

/// All lineages, one after the other.
pub fn lineages() -> impl Iterator<Item = &'static Lineage> {
    LINEAGES.into_iter().flatten()
}

impl Step {
    /// The filter that finds its rows, from the columns of the row at hand as JSON, and of the row that the step before began
    /// at. `None` where there is nothing to find.
    pub fn filter(&self, row: &Map<String, Value>, above: &Map<String, Value>, today: &str) -> Option<Value> {
        if !self.when.iter().all(|when| when.is_true_of(row)) {
            return None;
        }
        let mut filter: Map<String, Value> = Map::new();
        let mut and = |column: &str, comparison: &str, value: Value| {
            let comparisons = filter.entry(column).or_insert_with(|| json!({}));
            comparisons[comparison] = value;
        };
        let known_of = |row: &Map<String, Value>, column| row.get(column).filter(|value| !value.is_null()).cloned();
        let known = |column: &'static str| known_of(row, column);
        for (column, of) in self.on {
            match of {
                Of::Same(own) => and(column, "eq", known(own)?),
                Of::SameOrMissing(own) => and(column, "eq", row.get(*own).cloned().unwrap_or(Value::Null)),
                Of::SameIfKnown(own) => {
                    if let Some(value) = known(own) {
                        and(column, "eq", value);
                    }
                }
                Of::Missing => and(column, "eq", Value::Null),
                Of::Is(text) => and(column, "eq", (*text).into()),
                Of::True => and(column, "eq", true.into()),
                Of::From(own) => and(column, "ge", known(own)?),
                Of::To(own) | Of::LastTo(own) => and(column, "le", known(own)?),
                Of::SameAbove(own) => and(column, "eq", known_of(above, own)?),
                Of::LastToAbove(own) | Of::ToAbove(own) => and(column, "le", known_of(above, own)?),
                Of::LastBefore(own) => and(column, "lt", known(own)?),
                Of::DayBefore(own) => and(column, "eq", date_of(&known(own)?)?.add_days(-1).to_string().into()),
                Of::Latest => {}
                Of::Last => and(column, "le", today.into()),
                Of::Within(year, month) => {
                    let [from, to] = month_of(known(year)?.as_i64()?, known(month)?.as_i64()?);
                    and(column, "ge", from);
                    and(column, "lt", to);
                }
                Of::InMonth(own) => {
                    let (year, month, _) = date_of(&known(own)?)?.ymd()?;
                    let [from, to] = month_of(year.into(), month.into());
                    and(column, "ge", from);
                    and(column, "lt", to);
                }
            }
        }
        if let Some(group) = &self.group {
            let dimension = known(group.dimension)?;
            let dimension = dimension.as_str().filter(|dimension| *dimension != group.all);
            if let Some(dimension) = dimension {
                and(dimension, "eq", row.get(group.value).cloned().unwrap_or(Value::Null));
            }
        }
        Some(Value::Object(filter))
    }

    /// The column of which only the last is wanted.
    pub fn last_by(&self) -> Option<&'static str> {
        self.on
            .iter()
            .find(|(_, of)| {
                matches!(of, Of::Last | Of::Latest | Of::LastTo(_) | Of::LastBefore(_) | Of::LastToAbove(_))
            })
            .map(|(column, _)| *column)
    }

    /// Takes away what the filter found and does not count: because of rows of another view, or because it is not the last.
    pub fn keep<R>(&self, rows: &mut Vec<R>, because: &[R], columns: impl Fn(&R) -> &Map<String, Value>) {
        if let Some(except) = self.except {
            rows.retain(|own| !because.iter().any(|because| except.excludes(columns(because), columns(own))));
        }
        if let Some(column) = self.last_by() {
            // Dates and times are compared as they are written.
            let text = |row: &R| columns(row).get(column).and_then(Value::as_str).map(str::to_owned);
            let last = rows.iter().filter_map(text).max();
            rows.retain(|row| text(row) == last);
        }
    }
}

impl When {
    fn is_true_of(&self, row: &Map<String, Value>) -> bool {
        let text = |column: &str| row.get(column).and_then(Value::as_str);
        let is_known = |column: &str| row.get(column).is_some_and(|value| !value.is_null());
        match self {
            When::Known(column) => is_known(column),
            When::Unknown(column) => !is_known(column),
            When::Is(column, texts) => text(column).is_some_and(|text| texts.contains(&text)),
            When::Not(column, texts) => text(column).is_none_or(|text| !texts.contains(&text)),
        }
    }
}

fn date_of(value: &Value) -> Option<Date> {
    Date::parse(value.as_str()?, "%Y-%m-%d").ok()
}

/// The first days of a month and of the next.
fn month_of(year: i64, month: i64) -> [Value; 2] {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    [(year, month), next].map(|(year, month)| format!("{year:04}-{month:02}-01").into())
}

impl Except {
    /// The filter that finds the rows for which others do not count.
    pub fn filter(&self, row: &Map<String, Value>) -> Value {
        let same = |(column, own): &(&str, &str)| ((*column).to_owned(), row.get(*own).cloned().unwrap_or(Value::Null));
        Value::Object(self.on.iter().map(same).collect())
    }

    /// Whether a row does not count because of another.
    pub fn excludes(&self, because: &Map<String, Value>, row: &Map<String, Value>) -> bool {
        self.agree.iter().all(|(column, own)| because.get(*column) == row.get(*own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Value) -> Map<String, Value> {
        if let Value::Object(row) = value { row } else { panic!("{value}") }
    }

    fn step(on: &'static [(&'static str, Of)]) -> Step {
        Step { what: "rows", view: "others", on, group: None, except: None, when: &[], told: Told::Rows, then: &[] }
    }

    #[test]
    fn a_step_becomes_a_filter_of_the_view_it_leads_to() {
        let own = row(
            json!({"portfolio": "P", "desk": null, "from": "2026-01-01", "to": "2026-03-31", "year": 2025, "month": 12}),
        );
        let cases: [(&[(&str, Of)], Value); 9] = [
            (&[("portfolio", Of::Same("portfolio"))], json!({"portfolio": {"eq": "P"}})),
            (&[("desk", Of::SameOrMissing("desk"))], json!({"desk": {"eq": null}})),
            (
                &[("date", Of::From("from")), ("date", Of::To("to"))],
                json!({"date": {"ge": "2026-01-01", "le": "2026-03-31"}}),
            ),
            (&[("date", Of::Within("year", "month"))], json!({"date": {"ge": "2025-12-01", "lt": "2026-01-01"}})),
            (
                &[("is_paid", Of::True), ("class", Of::Is("income"))],
                json!({"is_paid": {"eq": true}, "class": {"eq": "income"}}),
            ),
            (&[("date", Of::Last)], json!({"date": {"le": "2026-11-26"}})),
            (&[("date", Of::DayBefore("from"))], json!({"date": {"eq": "2025-12-31"}})),
            (&[("date", Of::InMonth("to"))], json!({"date": {"ge": "2026-03-01", "lt": "2026-04-01"}})),
            (
                &[("desk", Of::SameIfKnown("desk")), ("date", Of::LastBefore("to")), ("time", Of::Missing)],
                json!({"date": {"lt": "2026-03-31"}, "time": {"eq": null}}),
            ),
        ];
        for (on, expected) in cases {
            let on: &'static [(&'static str, Of)] = Box::leak(on.to_vec().into_boxed_slice());
            assert_eq!(step(on).filter(&own, &Map::new(), "2026-11-26"), Some(expected));
        }
        assert_eq!(step(&[("desk", Of::Same("desk"))]).filter(&own, &own, ""), None, "what is not known leads nowhere");
        let last = step(&[("a", Of::SameAbove("portfolio")), ("date", Of::LastToAbove("to"))]);
        let expected = json!({"a": {"eq": "P"}, "date": {"le": "2026-03-31"}});
        assert_eq!(last.filter(&Map::new(), &own, ""), Some(expected));
        let unless = Step { when: &[When::Unknown("year")], ..step(&[]) };
        assert_eq!((unless.filter(&own, &own, ""), unless.filter(&Map::new(), &own, "")), (None, Some(json!({}))));
        let group = Some(Group { dimension: "dimension", value: "group", all: "total" });
        let of_group = Step { group, ..step(&[]) };
        let cases = [("sector", json!({"sector": {"eq": "tech"}})), ("total", json!({}))];
        for (dimension, expected) in cases {
            let own = row(json!({"dimension": dimension, "group": "tech"}));
            assert_eq!(of_group.filter(&own, &own, ""), Some(expected));
        }
        assert_eq!(step(&[("a", Of::Same("portfolio")), ("date", Of::LastToAbove("to"))]).last_by(), Some("date"));
    }

    #[test]
    fn rows_that_another_view_excludes_do_not_count() {
        let except = Except { view: "refused", on: &[("portfolio", "portfolio")], agree: &[("transaction", "id")] };
        assert_eq!(except.filter(&row(json!({"portfolio": "P"}))), json!({"portfolio": "P"}));
        assert!(except.excludes(&row(json!({"transaction": "T1"})), &row(json!({"id": "T1"}))));
        assert!(!except.excludes(&row(json!({"transaction": "T1"})), &row(json!({"id": "T2"}))));
    }
}

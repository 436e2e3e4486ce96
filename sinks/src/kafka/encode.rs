//! Ticks as messages.

use engine::{EngineError, ErrorKind, Row, Rows, Texts, Tick, ViewSpec};

use super::config::Mode;
use super::sink::Message;
use crate::json::members;

/// The messages of a tick, in the order of their keys.
pub(super) fn messages<'a>(
    mode: Mode,
    view: &'a ViewSpec,
    tick: Tick,
    rows: &'a Rows,
    texts: &'a dyn Texts,
) -> Box<dyn Iterator<Item = Result<Message, EngineError>> + 'a> {
    match mode {
        Mode::Changes => Box::new(rows.iter().map(move |(row, diff)| {
            let columns = members(view, row, texts);
            let value = format!("{{\"_tick\":{tick},\"_diff\":{diff},{columns}}}");
            Ok(Message { key: view.key_text(row, texts), value: Some(value.into_bytes()) })
        })),
        Mode::Upserts => {
            // Rows of one key are next to each other.
            let keyed: Vec<(String, &(Row, isize))> =
                rows.iter().map(|change| (view.key_text(&change.0, texts), change)).collect();
            let of_keys = keyed.chunk_by(|one, other| one.0 == other.0);
            let messages: Vec<_> = of_keys.map(|changes| upsert(view, tick, changes, texts)).collect();
            Box::new(messages.into_iter())
        }
    }
}

/// What the changes of one key within a tick come to.
fn upsert(
    view: &ViewSpec,
    tick: Tick,
    changes: &[(String, &(Row, isize))],
    texts: &dyn Texts,
) -> Result<Message, EngineError> {
    let key = changes.first().map(|(key, _)| key.clone()).unwrap_or_default();
    let mut added = changes.iter().filter(|(_, (_, diff))| *diff > 0);
    let taken = changes.iter().filter(|(_, (_, diff))| *diff < 0);
    let (one, more) = (added.next(), added.next());
    let is_single = more.is_none() && one.is_none_or(|(_, (_, diff))| *diff == 1);
    if !is_single || taken.map(|(_, (_, diff))| diff).sum::<isize>() < -1 {
        let what = format!("view `{}` has several rows under the key `{key}` at tick {tick}", view.name);
        return Err(EngineError::new(ErrorKind::Invalid, what, "write it with mode = \"changes\""));
    }
    let value = one.map(|(_, (row, _))| format!("{{\"_tick\":{tick},{}}}", members(view, row, texts)).into_bytes());
    Ok(Message { key, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Cell, Column, ColumnKind, NoTexts};
    fn encoded(mode: Mode, rows: &[(&str, i128, isize)]) -> Result<Vec<(String, String)>, EngineError> {
        let columns = vec![Column::new("id", ColumnKind::Text), Column::new("amount", ColumnKind::Fixed(2))];
        let view = ViewSpec { name: "v".into(), about: String::new(), columns, key: vec![0] };
        let row = |id: &str, amount| Row::new([Cell::text(id), Cell::fixed(amount)]);
        let rows: Rows = rows.iter().map(|(id, amount, diff)| (row(id, *amount), *diff)).collect();
        let text = |message: Message| (message.key, String::from_utf8(message.value.unwrap_or_default()).unwrap());
        messages(mode, &view, 7, &rows, &NoTexts).map(|message| message.map(text)).collect()
    }

    #[test]
    fn a_change_is_a_message_with_its_tick_and_difference_and_exact_numbers() {
        let expected = [
            ("a", r#"{"_tick":7,"_diff":-1,"id":"a","amount":1.5}"#),
            ("a", r#"{"_tick":7,"_diff":2,"id":"a","amount":-12345678901234567.89}"#),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let changes = [("a", 150, -1), ("a", -1_234_567_890_123_456_789, 2)];
        assert_eq!(encoded(Mode::Changes, &changes).unwrap(), expected);
    }

    #[test]
    fn an_upsert_is_the_row_from_then_on_or_nothing() {
        let changes = [("a", 100, -1), ("a", 200, 1), ("b", 300, -1), ("c", 400, 1)];
        let expected =
            [("a", r#"{"_tick":7,"id":"a","amount":2}"#), ("b", ""), ("c", r#"{"_tick":7,"id":"c","amount":4}"#)];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(encoded(Mode::Upserts, &changes).unwrap(), expected);
    }

    #[test]
    fn a_key_with_several_rows_is_no_upsert() {
        for changes in [[("a", 1, 1), ("a", 2, 1)], [("a", 1, 2), ("b", 2, 1)], [("a", 1, -1), ("a", 2, -1)]] {
            let error = encoded(Mode::Upserts, &changes).unwrap_err();
            assert!(error.what.contains("several rows under the key `a`"), "{error}");
        }
    }
}

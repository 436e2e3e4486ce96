//! Episodes: rows of a view that follow from no later state, so that a snapshot keeps them whole.
//!
//! ```text
//!  in the view         key │ first │ last │ the cells of the worst row …
//!  in a snapshot       key │ first │ last │ the cells of the worst row, with their texts, as JSON
//! ```
//! A text by its symbol could not be read again where nothing else names it any more, so a snapshot holds texts.

use std::sync::Arc;

use operators::episodes::Episode;

use crate::row::{Cell, Key, Row, Texts};

/// The row of a view: the key, the tick at which the episode began, that at which it ended, and the cells of its worst row.
pub fn row_of(key: Key, episode: &Episode<Row>) -> Row {
    let Episode { first, last, worst } = episode;
    let own = [Cell::Hash(key.bytes()), Cell::tick(*first), last.map_or(Cell::Null, Cell::tick)];
    Row::new(own.into_iter().chain(worst.cells().iter().cloned()).collect::<Vec<_>>())
}

/// A row of such a view as one of a snapshot.
pub(crate) fn kept(row: &Row, texts: &dyn Texts) -> Result<Row, serde_json::Error> {
    let (own, worst) = row.cells().split_at(row.cells().len().min(3));
    let worst: Vec<Cell> = worst.iter().map(|cell| with_text(cell, texts)).collect();
    let worst = Cell::text(serde_json::to_string(&worst)?);
    Ok(Row::new(own.iter().cloned().chain([worst]).collect::<Vec<_>>()))
}

fn with_text(cell: &Cell, texts: &dyn Texts) -> Cell {
    let text = if let Cell::Symbol(symbol) = cell { texts.text(*symbol) } else { None };
    text.map_or_else(|| cell.clone(), Cell::Text)
}

/// The episode of a row of a snapshot; says what is wrong with one that is none.
pub(crate) fn remembered(row: &Row) -> Result<(Key, Episode<Row>), String> {
    let [key, Cell::Time(first), last, Cell::Text(worst)] = row.cells() else {
        return Err(format!("an episode is made of a key, two ticks and a row, not of {:?}", row.cells()));
    };
    let last = match last {
        Cell::Null => None,
        Cell::Time(last) => Some(*last as u64),
        other => return Err(format!("an episode ends at a tick, not at {other:?}")),
    };
    let worst: Vec<Cell> = serde_json::from_str(worst).map_err(|error| format!("the row of an episode: {error}"))?;
    Ok((key_of(key)?, Episode { first: *first as u64, last, worst: Row::new(worst) }))
}

fn key_of(cell: &Cell) -> Result<Key, String> {
    let text: &Arc<str> = match cell {
        Cell::Hash(bytes) => return Ok(Key::from_bytes(*bytes)),
        Cell::Text(text) => text,
        other => return Err(format!("the key of an episode is {other:?}")),
    };
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    let number = number.ok_or_else(|| format!("the key of an episode is `{text}`, not 32 hexadecimal digits"))?;
    Ok(Key::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows one symbol.
    struct OneText;

    impl Texts for OneText {
        fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
            (symbol == [7; 16]).then(|| Arc::from("a text that is longer than a symbol"))
        }
    }

    #[test]
    fn what_a_snapshot_keeps_of_an_episode_is_the_episode_with_its_texts() {
        let key = Key::from_bytes([9; 16]);
        let worst = |name| Row::new([name, Cell::Null, Cell::fixed(-5), Cell::Int(3), Cell::text("said \"so\"")]);
        for last in [None, Some(20)] {
            let episode = Episode { first: 10, last, worst: worst(Cell::Symbol([7; 16])) };
            let kept = kept(&row_of(key, &episode), &OneText).unwrap();
            let spec = crate::system::SystemView::Episodes.spec();
            let rows = spec.arrays(&[&kept], &crate::row::NoTexts);
            let read = spec.rows_of(&arrow::array::RecordBatch::try_new(spec.schema(), rows).unwrap()).unwrap();
            let expected = Episode { worst: worst(Cell::text("a text that is longer than a symbol")), ..episode };
            assert_eq!(remembered(&read[0]), Ok((key, expected)));
        }
    }

    #[test]
    fn a_row_that_is_no_episode_is_told_of() {
        let row = |key: &str, worst: &str| Row::new([Cell::text(key), Cell::tick(1), Cell::Null, Cell::text(worst)]);
        assert!(remembered(&row("07", "[]")).unwrap_err().contains("`07`, not 32"));
        assert!(remembered(&row(&"0".repeat(32), "{")).unwrap_err().contains("the row of an episode"));
        assert!(remembered(&Row::new([Cell::Null])).unwrap_err().contains("made of a key"));
    }
}

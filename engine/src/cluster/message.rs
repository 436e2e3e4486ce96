//! What is said over a control link once the cluster runs.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bincode::Options;
use operators::Tick;
use operators::upsert::Upsert;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame;
use crate::error::EngineError;
use crate::kept::{Piece, Place, Restored, Table};
use crate::row::Key;
use crate::view::Change;
use crate::worker::{Answer, ReadWhat, SystemRow};

/// The size of the longest message. A row is far shorter: the largest pushed batch has 64 MiB.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// How many rows a message takes.
pub(super) const MESSAGE_ROWS_MAX: usize = 1024;

/// What the head tells a member. A worker is meant by its place in the member.
#[derive(Serialize, Deserialize)]
pub(super) enum Order<R> {
    /// Texts that what comes from here on may name.
    Texts(Vec<Arc<str>>),
    /// Take these at this tick, and if it `closes`, nothing more of it.
    Release { worker: usize, tick: Tick, events: Vec<Upsert<Key, R>>, system: Vec<(SystemRow, isize)>, closes: bool },
    /// Nothing comes before this tick any more.
    Advance { worker: usize, tick: Tick },
    /// Read a view.
    Read { worker: usize, question: u64, view: usize, what: ReadWhat, follow: bool, filter: Option<String> },
    /// Nobody follows this view any more.
    Unfollow { worker: usize, view: usize },
    /// Keep what there was at this tick, or no longer.
    Hold { worker: usize, tick: Option<Tick> },
    /// Give a piece of what is kept.
    Piece { worker: usize, question: u64, table: Table, at: Tick, from: Place, limit: usize },
    /// Take back what a snapshot held.
    Restore { worker: usize, restored: Restored },
    /// Nothing before this tick can be read.
    Begin { worker: usize, tick: Tick },
    /// Stop; and why, if the head has failed.
    Stop { worker: usize, failure: Option<EngineError> },
}

/// What a member tells the head. A worker is meant by its place among all.
#[derive(Serialize, Deserialize)]
pub(super) enum Told<R> {
    /// Changes that belong to this worker's next report.
    Changes { worker: usize, changes: Vec<Change> },
    /// Every tick before `frontier` is complete with this worker; the last of its changes.
    Report { worker: usize, frontier: Tick, changes: Vec<Change> },
    /// Rows are taken.
    Taken { rows: usize },
    /// An answer, or a part of it.
    Answered { question: u64, answer: Result<Answer, EngineError>, is_last: bool },
    /// A piece of what is kept.
    Piece { question: u64, piece: Piece<R> },
    /// All workers have ended in order. The last message.
    Done,
    /// It cannot go on. The last message.
    Failed(EngineError),
}

fn encoding() -> impl Options {
    bincode::DefaultOptions::new()
}

/// Writes a message.
pub(super) fn write(link: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = encoding().serialize(message).map_err(io::Error::other)?;
    frame::write(link, &body, MESSAGE_BYTES_MAX)
}

/// Reads a message. An error of kind `UnexpectedEof` is the end of the link.
pub(super) fn read<T: DeserializeOwned>(link: &mut impl Read) -> io::Result<T> {
    let body = frame::read(link, MESSAGE_BYTES_MAX)?;
    encoding().deserialize(&body).map_err(io::Error::other)
}

/// Rows in parts of which each fits a message, and whether it is the last; of no rows, one part.
pub(super) fn parts<T, E>(rows: Vec<T>, mut each: impl FnMut(Vec<T>, bool) -> Result<(), E>) -> Result<(), E> {
    if rows.len() <= MESSAGE_ROWS_MAX {
        return each(rows, true);
    }
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let part = rows.by_ref().take(MESSAGE_ROWS_MAX).collect();
        each(part, rows.len() == 0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_parts_that_fit_and_the_last_one_says_so() {
        for (count, expected) in [
            (0, &[(0, true)][..]),
            (1, &[(1, true)]),
            (MESSAGE_ROWS_MAX, &[(MESSAGE_ROWS_MAX, true)]),
            (MESSAGE_ROWS_MAX + 1, &[(MESSAGE_ROWS_MAX, false), (1, true)]),
            (2 * MESSAGE_ROWS_MAX, &[(MESSAGE_ROWS_MAX, false), (MESSAGE_ROWS_MAX, true)]),
        ] {
            let (mut sizes, mut all) = (Vec::new(), Vec::new());
            let each = |part: Vec<usize>, is_last| {
                sizes.push((part.len(), is_last));
                all.extend(part);
                Ok::<_, io::Error>(())
            };
            parts((0..count).collect(), each).unwrap();
            assert_eq!(sizes, expected);
            assert!(all.into_iter().eq(0..count), "none is missing, and they are in order");
        }
    }

    #[test]
    fn a_message_is_read_back_and_half_of_one_is_the_end_of_the_link() {
        let upsert = Upsert { key: Key::of(&7), member: 3, tick: 5, order: 9, value: Some(-1i64) };
        let order =
            Order::Release { worker: 1, tick: 5, events: vec![upsert.clone()], system: Vec::new(), closes: true };
        let mut link = Vec::new();
        write(&mut link, &order).unwrap();
        let Order::Release { worker: 1, tick: 5, events, system, closes: true } = read(&mut link.as_slice()).unwrap()
        else {
            panic!("another order");
        };
        assert_eq!((events, system.len()), (vec![upsert], 0));
        let half = read::<Order<i64>>(&mut &link[..link.len() - 1]).err().unwrap();
        assert_eq!(half.kind(), io::ErrorKind::UnexpectedEof);
        let foreign = read::<Told<i64>>(&mut [0, 0, 0, 1, 99].as_slice()).err().unwrap();
        assert_ne!(foreign.kind(), io::ErrorKind::UnexpectedEof);
    }
}

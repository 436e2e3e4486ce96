//! `Shared`: a collection with several readers, none of which gets a copy of it.
//!
//! Input      rows.
//! Output     what readers make of each row, which they see and do not own.
//! Update     O(1) a row and reader.
//! Order      of no order.
//! Bounds     none: a tick's rows are let go of when the last reader has seen them.
//!
//! A stream with two readers copies all its rows for one of them. Where most want a part of a wide row, or few of the rows,
//! this is more than what they do with it.
//!
//! # Example
//! ```
//! use operators::{shared::Shared, testing};
//! let outputs = testing::run(vec![vec![(('a', 2), 1)], vec![(('a', 2), -1), (('b', 3), 1)]], |input| {
//!     let shared = Shared::of(input);
//!     shared.map(|(name, _)| *name).concat(shared.flat_map(|(_, number)| (*number > 2).then_some('#')))
//! });
//! assert_eq!(outputs, vec![vec![('a', 1)], vec![('#', 1), ('a', -1), ('b', 1)]]);
//! ```

use std::rc::Rc;

use differential_dataflow::AsCollection;
use differential_dataflow::difference::Multiply;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::rc::SharedStream;
use timely::dataflow::{Scope, Stream};

use crate::add_up::add_up;
use crate::arrangement::{Collection, Data, Difference, Tick};

/// The rows of a message.
type Rows<D, R> = Rc<Vec<(D, Tick, R)>>;

/// Rows that several read.
pub struct Shared<'scope, D, R = isize>(Stream<'scope, Tick, Rows<D, R>>);

impl<'scope, D: Data, R: Difference> Shared<'scope, D, R> {
    /// The rows of a collection.
    pub fn of(collection: Collection<'scope, D, R>) -> Self {
        Shared(collection.inner.shared())
    }

    /// The rows that each row is made into, as often as it is there.
    pub fn flat_map<I>(&self, logic: impl Fn(&D) -> I + 'static) -> Collection<'scope, I::Item, R>
    where
        I: IntoIterator<Item: Data>,
    {
        self.read("FlatMap", move |row, diff, give| {
            logic(row).into_iter().for_each(|made| give(made, diff.clone()));
        })
    }

    /// The row that each row is made into.
    pub fn map<O: Data>(&self, logic: impl Fn(&D) -> O + 'static) -> Collection<'scope, O, R> {
        self.read("Map", move |row, diff, give| give(logic(row), diff.clone()))
    }

    /// The row and the difference that each row is made into: so much of it, as often as it is there.
    pub fn weigh<O: Data, S>(&self, logic: impl Fn(&D) -> (O, S) + 'static) -> Collection<'scope, O, S::Output>
    where
        S: Multiply<R, Output: Difference>,
    {
        self.read("Weigh", move |row, diff, give| {
            let (made, difference) = logic(row);
            give(made, difference.multiply(diff));
        })
    }

    /// The scope that they are in.
    pub fn scope(&self) -> Scope<'scope, Tick> {
        self.0.scope()
    }

    /// Adds up by groups: `adds(row, difference, add)`, with a call of `add` for each group.
    pub(crate) fn add_up<G: Data, S: Difference>(
        &self,
        name: &str,
        adds: impl Fn(&D, &R, &mut dyn FnMut(G, S)) + 'static,
    ) -> Collection<'scope, G, S> {
        add_up(self.0.clone(), name, move |rows, add| {
            for (row, tick, diff) in rows.iter() {
                adds(row, diff, &mut |group, more| add(*tick, group, more));
            }
        })
    }

    fn read<O: Data, S: Difference>(
        &self,
        name: &str,
        logic: impl Fn(&D, &R, &mut dyn FnMut(O, S)) + 'static,
    ) -> Collection<'scope, O, S> {
        let made = self.0.clone().unary(Pipeline, name, move |_capability, _info| {
            move |input, output| {
                input.for_each(|capability, rows| {
                    let mut session = output.session(&capability);
                    for (row, tick, diff) in rows.iter() {
                        logic(row, diff, &mut |made, difference| session.give((made, *tick, difference)));
                    }
                });
            }
        });
        made.as_collection()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::assert_incremental;

    type Row = (u8, i128);

    fn read<'s>(rows: Collection<'s, Row>) -> Collection<'s, (u8, i128)> {
        let shared = Shared::of(rows);
        let twice =
            shared.flat_map(|(group, value)| (*value > 0).then_some([(*group, 1), (*group, 2)]).into_iter().flatten());
        let once = shared.map(|(group, value)| (*group, -value));
        let counted = shared.weigh(|(group, value)| ((*group, 100), *value as isize));
        twice.concat(once).concat(counted)
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_reader_sees_all_rows(ticks in churn::churn((0..3u8, -2..3i128))) {
            assert_incremental(ticks, read, |_, rows| {
                let of_row = |((group, value), count): &(Row, isize)| {
                    let twice = [((*group, 1), *count), ((*group, 2), *count)].into_iter().filter(|_| *value > 0);
                    twice.chain([((*group, -value), *count), ((*group, 100), *value as isize * count)]).collect::<Vec<_>>()
                };
                rows.iter().flat_map(of_row).collect()
            });
        }
    }
}

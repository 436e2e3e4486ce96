//! `part_in_five`: rows of one of five kinds, each moved on to those of its kind.
//!
//! Input      rows; a function that says of which kind a row is, and what it is there.
//! Output     five collections.
//! Update     O(1) a row.
//! Order      of no order.
//! Bounds     no state.
//!
//! Readers that filter would each go over all rows, and copy those that they want.
//!
//! # Example
//! ```
//! use operators::{part::{OneOfFive, part_in_five}, testing};
//! let outputs = testing::run(vec![vec![((0, 7), 1), ((4, 8), 1)], vec![((4, 8), -1)]], |input| {
//!     let (first, .., fifth) = part_in_five(input, "parts", |(kind, value)| match kind {
//!         0 => OneOfFive::First(value),
//!         1 => OneOfFive::Second(value),
//!         2 => OneOfFive::Third(value),
//!         3 => OneOfFive::Fourth(value),
//!         _ => OneOfFive::Fifth(value),
//!     });
//!     first.map(|value: i32| ('a', value)).concat(fifth.map(|value: i32| ('e', value)))
//! });
//! # let _: Vec<Vec<((char, i32), isize)>> = outputs.clone();
//! assert_eq!(outputs, vec![vec![(('a', 7), 1), (('e', 8), 1)], vec![(('e', 8), -1)]]);
//! ```

use differential_dataflow::AsCollection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::operate::FrontierInterest;

use crate::arrangement::{Collection, Data, Difference, Tick};

/// A row of one of five kinds.
#[allow(missing_docs)]
pub enum OneOfFive<A, B, C, D, E> {
    First(A),
    Second(B),
    Third(C),
    Fourth(D),
    Fifth(E),
}

/// The rows of each kind.
pub type Five<'scope, A, B, C, D, E, R> = (
    Collection<'scope, A, R>,
    Collection<'scope, B, R>,
    Collection<'scope, C, R>,
    Collection<'scope, D, R>,
    Collection<'scope, E, R>,
);

/// Moves each row on to those of its kind.
pub fn part_in_five<'scope, T: Data, R: Difference, A: Data, B: Data, C: Data, D: Data, E: Data>(
    rows: Collection<'scope, T, R>,
    name: &str,
    kind: impl Fn(T) -> OneOfFive<A, B, C, D, E> + 'static,
) -> Five<'scope, A, B, C, D, E, R> {
    let mut builder = OperatorBuilder::new(name.to_owned(), rows.scope());
    let mut input = builder.new_input(rows.inner, Pipeline);
    builder.set_notify_for(0, FrontierInterest::Never);
    let (mut first, first_stream) = output(&mut builder);
    let (mut second, second_stream) = output(&mut builder);
    let (mut third, third_stream) = output(&mut builder);
    let (mut fourth, fourth_stream) = output(&mut builder);
    let (mut fifth, fifth_stream) = output(&mut builder);
    builder.build(move |_capabilities| {
        move |_frontiers| {
            let (mut first, mut second, mut third) = (first.activate(), second.activate(), third.activate());
            let (mut fourth, mut fifth) = (fourth.activate(), fifth.activate());
            input.for_each_time(|time, rows| {
                let (mut first, mut second) = (first.session(&time), second.session(&time));
                let (mut third, mut fourth) = (third.session(&time), fourth.session(&time));
                let mut fifth = fifth.session(&time);
                for (row, tick, diff) in rows.flat_map(|rows| rows.drain(..)) {
                    match kind(row) {
                        OneOfFive::First(row) => first.give((row, tick, diff)),
                        OneOfFive::Second(row) => second.give((row, tick, diff)),
                        OneOfFive::Third(row) => third.give((row, tick, diff)),
                        OneOfFive::Fourth(row) => fourth.give((row, tick, diff)),
                        OneOfFive::Fifth(row) => fifth.give((row, tick, diff)),
                    }
                }
            });
        }
    });
    (
        first_stream.as_collection(),
        second_stream.as_collection(),
        third_stream.as_collection(),
        fourth_stream.as_collection(),
        fifth_stream.as_collection(),
    )
}

/// The rows of a message.
type Rows<D, R> = Vec<(D, Tick, R)>;

/// Where an operator gives rows, and where they go.
type Output<'scope, D, R> =
    (OutputBuilder<Tick, CapacityContainerBuilder<Rows<D, R>>>, Stream<'scope, Tick, Rows<D, R>>);

fn output<'scope, D: Data, R: Difference>(builder: &mut OperatorBuilder<'scope, Tick>) -> Output<'scope, D, R> {
    let (output, stream) = builder.new_output();
    (OutputBuilder::from(output), stream)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::assert_incremental;

    type Row = (u8, u8);

    /// Each row, with the name of the part that it came out of.
    fn parts<'s>(rows: Collection<'s, Row>) -> Collection<'s, (char, u8)> {
        let (first, second, third, fourth, fifth) = part_in_five(rows, "parts", |(kind, value)| match kind {
            0 => OneOfFive::First(value),
            1 => OneOfFive::Second(value),
            2 => OneOfFive::Third(value),
            3 => OneOfFive::Fourth(value),
            _ => OneOfFive::Fifth(value),
        });
        let named = |part: Collection<'s, u8>, name: char| part.map(move |value| (name, value));
        named(first, 'a')
            .concat(named(second, 'b'))
            .concat(named(third, 'c'))
            .concat(named(fourth, 'd'))
            .concat(named(fifth, 'e'))
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_row_is_in_the_part_of_its_kind(ticks in churn::churn((0..5u8, 0..3u8))) {
            assert_incremental(ticks, parts, |_, rows| {
                rows.iter().map(|((kind, value), count)| (((b'a' + kind) as char, *value), *count)).collect()
            });
        }
    }
}

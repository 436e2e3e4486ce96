//! `derive_each`: the rows and the sums that a pure function derives from each row.
//!
//! Input      a collection; a pure function from one row to rows and to sums. What [`derive`](mod@crate::derive) is for
//!            groups, for rows that are each a group of their own: no arrangement is read.
//! Output     two collections: the rows, and `(name, Sums)` added up over the rows.
//! Update     the function runs once for a changed row: O(1).
//! Order      independent of arrival order.
//! Bounds     no state.
//!
//! # Example
//! ```
//! use operators::{derive_each::derive_each, testing};
//! let outputs = testing::run(vec![vec![(3u64, 1)], vec![(3, -1), (4, 1)]], |input| {
//!     let (doubled, _count) = derive_each(input, "doubled", |number, out| {
//!         out.row(number * 2);
//!         out.add((), 0, 1);
//!     });
//!     doubled
//! });
//! assert_eq!(outputs, vec![vec![(6, 1)], vec![(6, -1), (8, 1)]]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use differential_dataflow::difference::{IsZero, Semigroup};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::operate::FrontierInterest;

use crate::arrangement::{Collection, Data, Tick};
use crate::derive::Derived;
use crate::sums::Sums;

/// Derives rows and sums from each row by itself.
pub fn derive_each<'scope, T, D, S, L>(
    collection: Collection<'scope, T>,
    name: &str,
    mut logic: L,
) -> (Collection<'scope, D>, Collection<'scope, S, Sums>)
where
    T: Data,
    D: Data,
    S: Data,
    L: FnMut(&T, &mut Derived<'_, D, S>) + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), collection.inner.scope());
    let mut input = builder.new_input(collection.inner, Pipeline);
    let (rows_output, rows_stream) = builder.new_output();
    let (sums_output, sums_stream) = builder.new_output();
    let mut rows_output = OutputBuilder::<_, CapacityContainerBuilder<Vec<(D, Tick, isize)>>>::from(rows_output);
    let mut sums_output = OutputBuilder::<_, CapacityContainerBuilder<Vec<(S, Tick, Sums)>>>::from(sums_output);
    // A row needs no more than itself: no frontier to wait for.
    builder.set_notify_for(0, FrontierInterest::Never);

    builder.build(move |_capabilities| {
        let mut derived = Vec::new();
        move |_frontiers| {
            let mut rows_output = rows_output.activate();
            let mut sums_output = sums_output.activate();
            input.for_each(|capability, updates| {
                let mut sums: BTreeMap<(Tick, S), Sums> = BTreeMap::new();
                let mut session = rows_output.session(&capability);
                for (row, tick, diff) in updates.drain(..) {
                    let mut own = BTreeMap::new();
                    logic(&row, &mut Derived { times: diff, rows: &mut derived, sums: &mut own });
                    session.give_iterator(derived.drain(..).map(|(row, diff)| (row, tick, diff)));
                    own.into_iter().for_each(|(name, own)| sums.entry((tick, name)).or_default().plus_equals(&own));
                }
                let changed = sums.into_iter().filter(|(_, sums)| !sums.is_zero());
                let mut session = sums_output.session(&capability);
                session.give_iterator(changed.map(|((tick, name), sums)| (name, tick, sums)));
            });
        }
    });
    (rows_stream.as_collection(), sums_stream.as_collection())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::sum_by::arrange_sums;
    use crate::testing::{Changes, assert_incremental, sums_as_rows};

    type Row = (u8, u8);

    /// The double of each row, and how many rows there are of each key.
    fn doubled<'s>(rows: Collection<'s, Row>) -> (Collection<'s, Row>, Collection<'s, u8, Sums>) {
        derive_each(rows, "doubled", |(key, value), out| {
            out.row((*key, value * 2));
            out.add(*key, 0, 1);
        })
    }

    fn counted<'s>(rows: Collection<'s, Row>) -> Collection<'s, (u8, i128)> {
        sums_as_rows(&arrange_sums(doubled(rows).1, "counts", |key| *key), |key, sums| (*key, sums.0[0]))
    }

    fn counts_of(rows: &[(Row, isize)]) -> Changes<(u8, i128)> {
        let mut counts = BTreeMap::new();
        rows.iter().for_each(|((key, _), count)| *counts.entry(*key).or_insert(0) += *count as i128);
        counts.into_iter().map(|row| (row, 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_row_gives_its_own_rows(ticks in churn::churn((0..4u8, 0..4u8))) {
            let rows = |_, rows: &[(Row, isize)]| rows.iter().map(|((key, value), count)| ((*key, value * 2), *count)).collect();
            assert_incremental(ticks, |input| doubled(input).0, rows);
        }

        #[test]
        fn each_row_adds_to_the_sums(ticks in churn::churn((0..4u8, 0..4u8))) {
            assert_incremental(ticks, counted, |_, rows| counts_of(rows));
        }
    }
}

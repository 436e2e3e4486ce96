//! `sum_by`: exact sums by group, carried in the difference.
//!
//! Input      a collection of rows; a function from a row to its group and what the row adds to the group's sums.
//! Output     an arrangement `group → ()` whose difference is the group's [`Sums`].
//! Update     O(1) + log: no group is ever read back.
//! Order      independent of arrival order: addition of integers.
//! Bounds     a group whose sums are all zero is gone.
//!
//! # Example
//! ```
//! use operators::{Sums, sum_by::sum_by, testing};
//! let outputs = testing::run(vec![vec![(('a', 5i128), 1), (('a', 7), 1), (('b', 1), 1)], vec![(('a', 5), -1)]], |input| {
//!     let totals = sum_by(input, "quantity", |(product, quantity)| (*product, Sums::of(0, *quantity)));
//!     testing::sums_as_rows(&totals, |product, sums| (*product, sums.0[0]))
//! });
//! assert_eq!(outputs[0], vec![(('a', 12), 1), (('b', 1), 1)]);
//! assert_eq!(outputs[1], vec![(('a', 7), 1), (('a', 12), -1)]);
//! ```

use differential_dataflow::AsCollection;
use timely::dataflow::operators::vec::Map;

use crate::arrangement::{Arranged, Collection, Data, Key, arrange};
use crate::sums::Sums;

/// Sums what each row adds to its group.
pub fn sum_by<'scope, D: Data, G: Key>(
    collection: Collection<'scope, D>,
    name: &str,
    mut adds: impl FnMut(&D) -> (G, Sums) + 'static,
) -> Arranged<'scope, G, (), Sums> {
    let sums = collection.inner.map(move |(row, tick, diff)| {
        let (group, sums) = adds(&row);
        (group, tick, sums.times(diff as i128))
    });
    arrange_sums(sums.as_collection(), name)
}

/// Arranges sums that are already named by their group.
pub fn arrange_sums<'scope, G: Key>(sums: Collection<'scope, G, Sums>, name: &str) -> Arranged<'scope, G, (), Sums> {
    arrange(sums.map(|group| (group, ())), name)
}

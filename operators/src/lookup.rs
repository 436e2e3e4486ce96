//! `lookup`: rows with what a reference says about their key.

use crate::arrangement::{Arranged, Collection, Data, Key};

/// Rows that have a reference, with each value found: `logic(key, row, value)`.
#[allow(clippy::unimplemented)]
pub fn lookup<'scope, K: Key, D: Data, V: Data, O: Data>(
    _rows: &Arranged<'scope, K, D>,
    _reference: &Arranged<'scope, K, V>,
    _name: &str,
    _logic: impl FnMut(&K, &D, &V) -> O + 'static,
) -> Collection<'scope, O> {
    unimplemented!("signature only")
}

/// Like [`lookup`], and rows that have no reference once, with `None`.
#[allow(clippy::unimplemented)]
pub fn lookup_left<'scope, K: Key, D: Data, V: Data, O: Data>(
    _rows: &Arranged<'scope, K, D>,
    _reference: &Arranged<'scope, K, V>,
    _name: &str,
    _logic: impl FnMut(&K, &D, Option<&V>) -> O + 'static,
) -> Collection<'scope, O> {
    unimplemented!("signature only")
}

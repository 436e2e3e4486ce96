//! `deadline`: rows that become true when the clock passes.

use crate::arrangement::{Collection, Key, Tick};

/// Shows each row from the tick it is due, or at once if that has passed.
#[allow(clippy::unimplemented)]
pub fn deadline<'scope, D: Key>(_rows: Collection<'scope, (D, Tick)>, _name: &str) -> Collection<'scope, D> {
    unimplemented!("signature only")
}

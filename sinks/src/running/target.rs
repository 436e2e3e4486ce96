//! Where a sink writes.

use engine::{EngineError, Rows, Tick, ViewSpec};

use super::Around;
use crate::stopping::Stopping;

/// Whole ticks of a view, to be written in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The rows of each tick, in order.
    pub ticks: Vec<(Tick, Rows)>,
    /// Whether the (only) tick is not what changed, but all there is.
    pub is_snapshot: bool,
    /// Every change before this is in the portion, or was before it.
    pub frontier: Tick,
}

impl Portion {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.ticks.iter().map(|(_, rows)| rows.len()).sum()
    }
}

/// Why a target could not do what it was asked for.
#[derive(Debug)]
pub enum Trouble {
    /// It may go well another time. The target is opened again before it is asked for anything else.
    Passes(EngineError),
    /// It will not go well until somebody has done something about it.
    Fatal(EngineError),
}

/// Where a sink writes: something that keeps rows, and how far they reach, together.
pub trait Target: Send {
    /// Is told, before all else, which view is written here, and what is around.
    fn begin(&mut self, view: &ViewSpec, around: &Around) -> Result<(), EngineError>;

    /// Connects, also after trouble, and says how far it is written: every change before this tick is there for good, and
    /// none of it or after it. `None` if nothing was ever written. What was begun before and did not come to an end is not
    /// there, and never will be.
    fn open(&mut self, stopping: &Stopping) -> Result<Option<Tick>, Trouble>;

    /// Writes a portion and how far it reaches, in one step. After trouble it may be there or not: [`Target::open`] says.
    /// When it is time to stop, a target that would have to wait gives up with [`Trouble::Passes`].
    fn write(&mut self, portion: &Portion, stopping: &Stopping) -> Result<(), Trouble>;
}

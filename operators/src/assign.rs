//! `assign`: one-to-one matching of scored candidate edges.

use serde::{Deserialize, Serialize};

use crate::arrangement::{Collection, Data, Key};

/// A candidate: `left` and `right` might belong together. Better is the greater `score`, then the greater `tie`, then
/// the lesser `left`, then the lesser `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge<P, N> {
    /// Edges are compared within a part only; a part is kept on one worker.
    pub part: P,
    /// How well the two fit.
    pub score: i64,
    /// What decides between equal scores.
    pub tie: i64,
    /// One end; a namespace of its own.
    pub left: N,
    /// The other end; a namespace of its own.
    pub right: N,
}

/// An edge that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Matched<P, N> {
    /// The edge.
    pub edge: Edge<P, N>,
    /// The best score by which either end might have gone with another partner, whether or not that is matched.
    pub runner_up: Option<i64>,
}

/// Chooses edges: the best of all, then the best of those that touch no chosen edge, and so on.
#[allow(clippy::unimplemented)]
pub fn assign<'scope, P: Key, N: Data>(
    _edges: Collection<'scope, Edge<P, N>>,
    _name: &str,
) -> Collection<'scope, Matched<P, N>> {
    unimplemented!("signature only")
}

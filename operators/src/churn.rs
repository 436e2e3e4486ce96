//! Random histories for property tests: rows that come and go, and at the end everything is retracted.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::testing::Changes;

/// How property tests of dataflows run: each case starts several dataflows, so there are few of them.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() }
}

/// Ticks in which rows are inserted, several times perhaps, and retracted.
pub(crate) fn churn<D: Clone + std::fmt::Debug>(
    row: impl Strategy<Value = D>,
) -> impl Strategy<Value = Vec<Changes<D>>> {
    let step = prop_oneof![3 => row.prop_map(Step::Insert), 2 => any::<Index>().prop_map(Step::Retract)];
    prop::collection::vec(prop::collection::vec(step, 0..10), 1..8).prop_map(play)
}

#[derive(Clone, Debug)]
enum Step<D> {
    Insert(D),
    Retract(Index),
}

fn play<D: Clone>(ticks: Vec<Vec<Step<D>>>) -> Vec<Changes<D>> {
    let mut live: Vec<D> = Vec::new();
    let mut history = Vec::new();
    for steps in ticks {
        let mut changes = Vec::new();
        for step in steps {
            match step {
                Step::Insert(row) => {
                    live.push(row.clone());
                    changes.push((row, 1));
                }
                Step::Retract(index) if !live.is_empty() => {
                    changes.push((live.swap_remove(index.index(live.len())), -1));
                }
                Step::Retract(_) => {}
            }
        }
        history.push(changes);
    }
    history.push(live.into_iter().map(|row| (row, -1)).collect());
    history
}

//! Sums of parts in the shapes that matter: the fixed one of 16-way trees, and any other.

use proptest::prelude::*;

/// Where a list is cut in parts, as fractions of it.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..1.0f64, 0..4)
}

/// The sum by sixteens, of sixteens, of sixteens…
pub(crate) fn sixteen<M: Clone>(points: &[M], none: &M, then: &impl Fn(&M, &M) -> M) -> M {
    let mut level = points.to_vec();
    while level.len() > 1 {
        let sum = |part: &[M]| part[1..].iter().fold(part[0].clone(), |sum, next| then(&sum, next));
        level = level.chunks(16).map(sum).collect();
    }
    level.pop().unwrap_or_else(|| none.clone())
}

/// Checks that parts can be summed up: nothing changes nothing, to the last bit; the fixed shape gives the same bits
/// when parts of it are taken from earlier sums; and any other bracketing gives the same up to rounding.
pub(crate) fn check<M: Clone>(
    points: &[M],
    none: M,
    cuts: &[f64],
    then: impl Fn(&M, &M) -> M,
    numbers: impl Fn(&M) -> Vec<f64>,
) -> Result<(), TestCaseError> {
    let bits = |sum: &M| numbers(sum).into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let fixed = sixteen(points, &none, &then);
    prop_assert_eq!(bits(&then(&none, &fixed)), bits(&fixed));
    prop_assert_eq!(bits(&then(&fixed, &none)), bits(&fixed));

    let kept: Vec<M> = points.chunks(16).map(|part| sixteen(part, &none, &then)).collect();
    prop_assert_eq!(bits(&sixteen(&kept, &none, &then)), bits(&fixed));

    let mut places: Vec<usize> = cuts.iter().map(|cut| (cut * points.len() as f64) as usize).collect();
    places.extend([0, points.len()]);
    places.sort_unstable();
    let parts = places.windows(2).map(|ends| sixteen(&points[ends[0]..ends[1]], &none, &then));
    let from_right = parts.rev().fold(none.clone(), |sum, part| then(&part, &sum));
    let straight = points.iter().fold(none, |sum, point| then(&sum, point));
    assert_near(&numbers(&straight), &numbers(&from_right))?;
    assert_near(&numbers(&straight), &numbers(&fixed))
}

/// Checks that numbers agree to nine digits.
pub(crate) fn assert_near(a: &[f64], b: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0), "{} {}", a, b);
    }
    Ok(())
}

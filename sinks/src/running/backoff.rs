//! How long to wait before something is tried again: longer each time, and not the same for all.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(200);

/// Waits that grow.
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits of at most `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Backoff { next: FIRST.min(longest), longest }
    }

    /// How long to wait now: between half of the wait whose turn it is and all of it, so that those who fail together do
    /// not all come back together.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        let part = RandomState::new().hash_one(0) % 1024;
        wait / 2 + wait / 2 * part as u32 / 1024
    }

    /// It went well: the next failure is the first again.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_less_than_half_of_it() {
        let longest = Duration::from_secs(3);
        let mut backoff = Backoff::new(longest);
        for expected in [200, 400, 800, 1600, 3000, 3000].map(Duration::from_millis) {
            let wait = backoff.next();
            assert!(wait >= expected / 2 && wait <= expected, "{wait:?} of {expected:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}

//! How often a group is started again, and how soon.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many deaths within [`WINDOW`] are too many.
pub(super) const DEATHS_MAX: usize = 10;

/// How long a death is remembered.
const WINDOW: Duration = Duration::from_secs(600);

/// The pause after the first death. It doubles with each one.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A group that has run for so long has recovered from the deaths before.
const RECOVERED: Duration = Duration::from_secs(60);

/// The deaths that are remembered.
#[derive(Default)]
pub(super) struct Restarts {
    deaths: VecDeque<Instant>,
    pause: Option<Duration>,
}

impl Restarts {
    /// How long to wait after a death of a group that ran for `age`; `None` if it has died too often.
    pub(super) fn pause_after(&mut self, age: Duration) -> Option<Duration> {
        self.pause_at(Instant::now(), age)
    }

    fn pause_at(&mut self, now: Instant, age: Duration) -> Option<Duration> {
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| now.duration_since(*death) > WINDOW) {
            self.deaths.pop_front();
        }
        if self.deaths.len() >= DEATHS_MAX {
            return None;
        }
        let doubled = self.pause.filter(|_| age < RECOVERED).map_or(PAUSE_MIN, |pause| (pause * 2).min(PAUSE_MAX));
        self.pause = Some(doubled);
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YOUNG: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let (mut restarts, mut now) = (Restarts::default(), Instant::now());
        let mut pauses = Vec::new();
        while let Some(pause) = restarts.pause_at(now, YOUNG) {
            pauses.push(pause.as_millis());
            now += pause + YOUNG;
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    }

    #[test]
    fn a_group_that_dies_now_and_then_is_started_again_for_ever_and_soon() {
        let (mut restarts, mut now) = (Restarts::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(restarts.pause_at(now, WINDOW), Some(PAUSE_MIN));
            now += WINDOW / 5;
        }
    }
}

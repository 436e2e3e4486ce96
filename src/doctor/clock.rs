//! The machine's clock against the last tick of the data folder: ticks never go back, clocks may.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::Tick;

use super::amounts::duration;
use super::finding::{Check, Finding};

/// So much may ticks be ahead of the clock without a word: clocks are corrected all the time.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// 2025-01-01: a clock before it was never set.
const NOT_SET_BEFORE: Duration = Duration::from_secs(1_735_689_600);

/// Now, as a tick.
pub(crate) fn now() -> Tick {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as Tick
}

/// Whether the clock has gone back.
pub(crate) fn check(last: Option<Tick>) -> Finding {
    let check = Check::of("clock", "");
    let now = Duration::from_micros(now());
    if now < NOT_SET_BEFORE {
        return check.problem("this machine's clock is not set", "set it; ticks are taken from it");
    }
    let Some(last) = last.map(Duration::from_micros) else { return check.ok("it is set") };
    match last.checked_sub(now).filter(|ahead| *ahead > AHEAD_MAX) {
        None => check.ok(format!("the last tick is {} old", duration(now.saturating_sub(last)))),
        Some(ahead) => check.warning(
            format!(
                "it has gone back: the last tick is {} ahead of it. New ticks follow that one closely, and tell no time until the clock has caught up",
                duration(ahead)
            ),
            "set the clock (chrony, ntpd); or wait until it has caught up before starting, if ticks are to tell the time",
        ),
    }
}

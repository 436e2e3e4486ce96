//! Bytes and durations, as people say them.

use std::time::Duration;

/// Bytes in the largest unit of which there is at least one.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let power = (bytes.ilog2() as usize / 10).min(UNITS.len());
    format!("{:.1} {}", bytes as f64 / 1024_f64.powi(power as i32), UNITS[power - 1])
}

/// A number and its noun, one or several.
pub(crate) fn count(count: impl Into<u64>, noun: &str) -> String {
    match count.into() {
        1 => format!("1 {noun}"),
        count if noun.ends_with("ch") => format!("{count} {noun}es"),
        count => format!("{count} {noun}s"),
    }
}

/// A duration in the largest unit of which there is at least one.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match [(86_400, "day"), (3600, "hour"), (60, "minute")].into_iter().find(|(unit, _)| seconds >= *unit) {
        Some((unit, noun)) => count(seconds / unit, noun),
        None if seconds == 0 && !duration.is_zero() => format!("{} seconds", duration.as_secs_f64()),
        None => count(seconds, "second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_said_in_the_largest_unit() {
        for (given, said) in [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (3 << 29, "1.5 GiB")] {
            assert_eq!(bytes(given), said);
        }
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        assert_eq!(
            [count(1_u64, "batch"), count(2_u64, "batch"), count(0_u64, "file")],
            ["1 batch", "2 batches", "0 files"]
        );
        for (seconds, said) in [(1, "1 second"), (59, "59 seconds"), (7260, "2 hours"), (172_800, "2 days")] {
            assert_eq!(duration(Duration::from_secs(seconds)), said);
        }
        assert_eq!(duration(Duration::from_millis(50)), "0.05 seconds");
    }
}

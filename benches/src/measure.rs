//! CPU time, memory and load, as the operating system counts them.

use std::time::Duration;

/// The CPU time, user and system, that this process has used.
pub fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    ticks(&stat)
}

/// The CPU time that another process has used.
pub fn cpu_of(process: u32) -> Duration {
    ticks(&std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default())
}

/// The CPU time of each thread, by its name; threads of one name together.
pub fn cpu_by_thread() -> std::collections::BTreeMap<String, Duration> {
    let mut threads = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name);
        *threads.entry(name.to_owned()).or_default() += ticks(&stat);
    }
    threads
}

// A clock tick is 10 ms on every Linux that we know of.
fn ticks(stat: &str) -> Duration {
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// The largest resident size so far, in megabytes.
pub fn peak_mb() -> u64 {
    status("VmHWM:") / 1024
}

/// The resident size now, in megabytes.
pub fn resident_mb() -> u64 {
    status("VmRSS:") / 1024
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The load average of the last minute: to be printed beside every figure.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

/// The value below which `share` of the values lie. Sorts them.
pub fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// How long ticks were with the workers, from their release until their changes were with readers, since this was made.
pub struct TickDurations {
    metric: prometheus::Histogram,
    before: Vec<u64>,
    seconds_before: f64,
}

impl TickDurations {
    /// From now on.
    pub fn of(engine: &engine::Engine) -> Self {
        let metric = engine.reader().metrics().tick_duration.clone();
        let before = counts(&metric).into_iter().map(|(_, count)| count).collect();
        let seconds_before = metric.get_sample_sum();
        TickDurations { metric, before, seconds_before }
    }

    /// The sum of the durations of all ticks.
    pub fn total(&self) -> Duration {
        Duration::from_secs_f64(self.metric.get_sample_sum() - self.seconds_before)
    }

    /// The duration below which `share` of the ticks were, as exactly as the buckets of the metric tell: within a quarter.
    pub fn percentile(&self, share: f64) -> Duration {
        let since: Vec<(f64, u64)> = counts(&self.metric)
            .into_iter()
            .zip(&self.before)
            .map(|((upper, count), before)| (upper, count - before))
            .collect();
        let wanted = since.last().map_or(0.0, |(_, count)| *count as f64 * share);
        let (mut lower, mut below) = (0.0, 0.0);
        for (upper, count) in since {
            let count = count as f64;
            if count > below && count >= wanted {
                return Duration::from_secs_f64(lower + (upper - lower) * (wanted - below) / (count - below));
            }
            (lower, below) = (upper, count);
        }
        Duration::from_secs_f64(lower)
    }
}

/// For each bucket its upper bound, and how many observations are not above it.
fn counts(metric: &prometheus::Histogram) -> Vec<(f64, u64)> {
    use prometheus::core::Metric;
    let metric = metric.metric();
    metric.get_histogram().get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect()
}

/// The middle one of some values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// In microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A number from the command line, by its place; the usual one if it is not given.
pub fn argument(place: usize, usual: u64) -> u64 {
    std::env::args().nth(place).map_or(usual, |text| text.parse().expect("a whole number"))
}

//! What is read from files, and read anew when they change: certificates, keys and secrets are replaced while we run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::setting::SettingError;

/// How long at least from one look at the files to the next.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(500);

/// What makes it of the files.
type Read<T> = Box<dyn Fn() -> Result<T, SettingError> + Send + Sync>;

/// Something that is read from files. When they cannot be used any more, what was read last stays.
pub(crate) struct Reloaded<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    read: Read<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    stamps: Vec<Stamp>,
    looked: Instant,
}

/// When a file was changed and how large it is; `None` if it is not there.
type Stamp = Option<(SystemTime, u64)>;

impl<T> Reloaded<T> {
    /// Reads it for the first time. `what` it is, for the log.
    pub(crate) fn new(
        what: &'static str,
        paths: Vec<PathBuf>,
        read: impl Fn() -> Result<T, SettingError> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let stamps = stamps(&paths);
        let state = State { value: Arc::new(read()?), stamps, looked: Instant::now() };
        Ok(Reloaded { what, paths, read: Box::new(read), state: Mutex::new(state) })
    }

    /// As the files have it, give or take half a second.
    pub(crate) fn get(&self) -> Arc<T> {
        let mut state = self.state.lock();
        if state.looked.elapsed() >= LOOK_INTERVAL_MIN {
            state.looked = Instant::now();
            // Before they are read: a change meanwhile is seen the next time.
            let stamps = stamps(&self.paths);
            if stamps != state.stamps {
                state.stamps = stamps;
                match (self.read)() {
                    Ok(value) => {
                        state.value = Arc::new(value);
                        tracing::info!("{} read anew", self.what);
                    }
                    Err(error) => tracing::warn!(
                        error = error.what,
                        "{} cannot be read anew: what was read before is still used",
                        self.what
                    ),
                }
            }
        }
        Arc::clone(&state.value)
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let there = std::fs::metadata(path).ok()?;
        Some((there.modified().ok()?, there.len()))
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_on_disk_is_read_anew_and_what_is_broken_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let from = path.clone();
        let number = move || {
            let text = std::fs::read_to_string(&from).unwrap_or_default();
            text.parse::<u32>().map_err(|_| SettingError::new("number", "not a number", ""))
        };
        let reloaded = Reloaded::new("the number", vec![path.clone()], number).unwrap();
        assert_eq!(*reloaded.get(), 1);
        let after_a_while = || {
            reloaded.state.lock().looked -= LOOK_INTERVAL_MIN;
            *reloaded.get()
        };
        std::fs::write(&path, "broken").unwrap();
        assert_eq!(after_a_while(), 1);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(after_a_while(), 1);
        std::fs::write(&path, "22").unwrap();
        assert_eq!(after_a_while(), 22);
        assert_eq!(after_a_while(), 22);
    }
}

//! One line on the terminal that is written anew as things go on.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(1);

/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[2K";

/// Waits for some work, and meanwhile shows how it goes, where standard error is a terminal.
pub(crate) async fn with_status_line<T>(work: impl Future<Output = T>, line: impl AsyncFn() -> String) -> T {
    tokio::pin!(work);
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let shown = Shown;
    loop {
        let next_line = async {
            tokio::time::sleep(INTERVAL).await;
            line().await
        };
        tokio::select! {
            result = &mut work => return result,
            text = next_line => shown.write(&text),
        }
    }
}

/// A line that is cleared when it is dropped.
struct Shown;

impl Shown {
    fn write(&self, text: &str) {
        // A terminal that is gone needs no status.
        let _ = write!(io::stderr(), "{CLEAR}{text}");
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.write("");
    }
}

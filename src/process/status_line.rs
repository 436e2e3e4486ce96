//! One line on the terminal that is written anew as things go on.

use std::io::{self, IsTerminal, Write};

/// One line on the terminal that is written anew. Where standard error is no terminal, nothing is written.
pub(crate) struct StatusLine {
    is_shown: bool,
}

/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[2K";

impl StatusLine {
    /// No line yet.
    pub(crate) fn new() -> Self {
        StatusLine { is_shown: io::stderr().is_terminal() }
    }

    /// Whether there is a terminal to show it.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Writes the line anew.
    pub(crate) fn show(&self, text: &str) {
        if self.is_shown {
            // A terminal that is gone needs no status.
            let _ = write!(io::stderr(), "{CLEAR}{text}");
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.show("");
    }
}

//! Why a value, a row or a file cannot be used, before it is known where it stood.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::Refusal;
use engine::source::RAW_BYTES_MAX;

/// What is wrong, with which field, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field, as the file names it.
    pub(crate) field: Option<String>,
    /// What was wrong, and what was expected.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) help: String,
}

impl Fault {
    #[cold]
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { field: None, what: what.into(), help: help.into() }
    }

    /// The same fault, found in this field.
    pub(crate) fn in_field(mut self, field: &str) -> Fault {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }

    /// The refusal of the record at `offset`.
    pub(crate) fn refuse(self, offset: u64, line: Option<u64>, raw: &[u8]) -> Refusal {
        let raw = raw[..raw.len().min(RAW_BYTES_MAX)].to_vec();
        Refusal { offset, line, field: self.field, raw, what: self.what, help: self.help }
    }
}

/// Damaged content is data: what goes wrong in its decoding must not take the thread down.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("its content contradicts itself".to_owned()))
}

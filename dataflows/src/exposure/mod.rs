//! Exposure: what funds are exposed to, and what is asked of them for it.
//!
//! - [`margin`]: whether the margin that managers submit for their funds is there, in time and validated.

pub mod margin;

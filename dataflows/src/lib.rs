//! The graphs of finance: one folder a domain.

//! What comes in: one folder a source or format.

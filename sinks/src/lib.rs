//! What goes out: Flight and files.

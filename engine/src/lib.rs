//! Ticks, bindings, journal, workers, views and how they are read; knows no finance.

//! `tieout cluster`: all processes of a cluster, on one machine, started together and started again together.

pub(crate) mod member;
mod place;

pub(crate) use place::Place;

//! What is measured, and the peers it is measured against: the data of the workloads, and how time and memory are read.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod books;
pub mod books_day;
pub mod desk;
pub mod engines;
pub mod measure;
pub mod operator_times;
pub mod parquet_files;
pub mod persons;
pub mod positions;
pub mod process;
pub mod w1;
pub mod w1_whole;

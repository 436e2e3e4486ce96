//! Serves an engine that knows nothing of finance, for clients in other languages to be tried on.
//!
//! ```text
//! cargo run -p tieout-sinks --example toy_server -- 127.0.0.1:8815
//! ```
//! It prints the address it listens on, and ends when its standard input does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]

use std::io::Read;

use sinks::{LISTEN_DEFAULT, Security, bind, serve};

#[path = "../src/toy.rs"]
mod toy;

#[tokio::main]
async fn main() -> Result<(), engine::EngineError> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let engine = toy::start(folder.path());
    engine.reader().status().ready().await?;
    let listening = bind(&listen, Security::this_machine()).await?;
    println!("{}", listening.address());
    serve(engine.reader().clone(), engine.ingest().clone(), listening, end_of_input()).await?;
    engine.shutdown();
    Ok(())
}

async fn end_of_input() {
    let wait = || std::io::stdin().read_to_end(&mut Vec::new());
    let _ = tokio::task::spawn_blocking(wait).await;
}

//! The command line of Tieout: one file a subcommand.
//!
//! ```text
//!  run, demo, replay ──▶ config ──▶ engine ──▶ served: Flight, metrics, health on one port
//!  cluster ────────────▶ run, once for each process of a cluster
//!  query, subscribe, ──▶ Flight client ──▶ standard output, or a file
//!  export, views, report,
//!  explain
//!  doctor, health ─────▶ what is wrong with a set-up, and whether a server lives
//!  check, generate, template, learn, completions
//! ```
//! Data goes to standard output, all else to standard error. Exit codes: 0 done, 1 failed, 2 usage or configuration,
//! 3 ran and breaks remain.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod check;
mod cluster;
mod completions;
mod config;
mod demo;
mod doctor;
mod explain;
mod export;
mod generate;
mod health;
mod learn;
mod output;
mod process;
mod query;
mod replay;
mod report;
mod run;
mod subscribe;
mod summary;
mod template;
mod views;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use process::{Failure, LogFormat, Outcome};

// Workers allocate small rows all the time, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 ran and breaks remain.";

/// Reconciles trades as they come in, and keeps every number right.
#[derive(Parser)]
#[command(name = "tieout", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    /// How the log on standard error is written; RUST_LOG says how much of it
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Cluster(cluster::Cluster),
    Replay(replay::Replay),
    Demo(demo::Demo),
    Generate(generate::Generate),
    Template(template::Template),
    Query(query::Query),
    Subscribe(subscribe::Subscribe),
    Export(export::Export),
    Views(views::ListViews),
    Report(report::Report),
    Explain(explain::Explain),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Health(health::Health),
    Learn(learn::Learn),
    Completions(completions::Completions),
}

impl Command {
    fn run(self, log_format: LogFormat) -> Result<Outcome, Failure> {
        match self {
            Command::Run(run) => run.run(),
            Command::Cluster(cluster) => cluster.run(log_format),
            Command::Replay(replay) => replay.run(),
            Command::Demo(demo) => demo.run(),
            Command::Generate(generate) => generate.run(),
            Command::Template(template) => template.run(),
            Command::Query(query) => query.run(),
            Command::Subscribe(subscribe) => subscribe.run(),
            Command::Export(export) => export.run(),
            Command::Views(views) => views.run(),
            Command::Report(report) => report.run(),
            Command::Explain(explain) => explain.run(),
            Command::Check(check) => check.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Health(health) => health.run(),
            Command::Learn(learn) => learn.run(),
            Command::Completions(completions) => completions.run(),
        }
    }
}

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let cli = Cli::parse();
    process::start_logging(cli.log_format);
    process::exit_code(&cli.command.run(cli.log_format))
}

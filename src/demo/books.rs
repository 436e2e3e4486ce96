//! `tieout demo --pack books`: portfolios over a year and a half, and then what was told late about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use connectors::generator::books::{BooksSpec, write_books};
use engine::{EngineError, Reader, Request, Subscription, Tick, Update};

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome, Service, Stopping, block_on, gathered, tell};
use crate::summary::Summary;

/// The files that are told late, and what is in them.
const LATE: [(&str, &str); 2] = [
    ("transactions_late.csv", "a purchase that was agreed long ago"),
    ("prices_corrected.csv", "the right price of a day on which it was ten times too high"),
];

/// How often it is looked whether all is read.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The views in which the changes are counted.
const FOLLOWED: [&str; 4] = ["lots", "valuations", "portfolio_timeseries", "performance"];

/// Makes the books, runs them, and tells what comes late; serves them until it is stopped if there is an address.
pub(super) fn show(seed: u64, listen: Option<String>, data: Option<PathBuf>) -> Result<Outcome, Failure> {
    let made =
        tempfile::tempdir().map_err(|error| EngineError::io("make a folder in", &std::env::temp_dir(), &error))?;
    let spec = BooksSpec { seed, ..BooksSpec::default() };
    let (configuration, told) = Told::new(&spec, made.path()).map_err(Failure::of_request)?;
    let mut config = Config::parse("books.toml", &following(&configuration)?, &told.files)?;
    config.settings.data = data.unwrap_or_else(|| made.path().join("data"));
    block_on(serve(config, listen, told))
}

/// The configuration, with its files followed: some come later.
fn following(configuration: &Path) -> Result<String, EngineError> {
    let text = fs::read_to_string(configuration).map_err(|error| EngineError::io("read", configuration, &error))?;
    Ok(text.replace("kind = \"files\"\n", "kind = \"files\"\nfollow = true\npoll_interval_ms = 100\n"))
}

async fn serve(config: Config, listen: Option<String>, told: Told) -> Result<Outcome, Failure> {
    let mut stopping = Stopping::listen()?;
    let mut service = Service::start(config, listen.as_deref(), None, None).await?;
    let reader = service.reader().clone();
    let address = service.address().map(|address| address.to_string());
    let result = tokio::select! {
        result = tell_it_all(&reader, address, &told) => result,
        error = service.failed() => {
            service.abandon();
            return Err(error.into());
        }
        asked = stopping.asked() => asked.map(|()| Outcome::Done).map_err(Failure::from),
    };
    service.stop().await?;
    result
}

async fn tell_it_all(reader: &Reader, address: Option<String>, told: &Told) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    reader.status().ready().await?;
    let mut days = Following::new(reader, "portfolio_timeseries").await?;
    told.is_read(reader, 0).await;
    output::print(&Summary::read(reader).await?.to_string())?;
    tell(format_args!("{} records were read and valued in {:.1} s", told.first, begun.elapsed().as_secs_f64()));
    days.skip(reader).await?;
    for (index, (name, what)) in LATE.iter().enumerate() {
        let mut others = Vec::new();
        for view in FOLLOWED {
            others.push(Following::new(reader, view).await?);
        }
        told.place(name)?;
        told.is_read(reader, index + 1).await;
        let tick = days.next_change().await?;
        let mut changed = Vec::new();
        for following in &mut others {
            changed.push(format!("{} rows of {}", following.count_at(tick).await?, following.view));
        }
        tell(format_args!("\nnow came {what} ({name}): it changed {}", changed.join(", ")));
    }
    output::print(&format!("\n{}", Summary::read(reader).await?))?;
    let Some(address) = address else { return Ok(Outcome::Done) };
    tell(format_args!("\nthe views are served on {address} until you press Ctrl-C\n{}", what_to_try(&address)));
    std::future::pending().await
}

/// What is told, and when.
struct Told {
    /// Where it is read.
    files: PathBuf,
    /// Where the files are that come late.
    kept_back: PathBuf,
    /// How many records there are at first.
    first: u64,
    /// How many each of the late files has.
    late: Vec<u64>,
}

impl Told {
    /// Makes the books, and keeps back what comes late.
    fn new(spec: &BooksSpec, folder: &Path) -> Result<(PathBuf, Told), EngineError> {
        let (files, kept_back) = (folder.join("books"), folder.join("late"));
        let made = write_books(spec, &files)?;
        fs::create_dir(&kept_back).map_err(|error| EngineError::io("make the folder", &kept_back, &error))?;
        let is = |path: &Path, name: &str| path.file_name().is_some_and(|file| file == name);
        let rows_of = |name: &str| made.files.iter().filter(|(path, _)| is(path, name)).map(|(_, rows)| rows).sum();
        let late: Vec<u64> = LATE.iter().map(|(name, _)| rows_of(name)).collect();
        let all: u64 = made.files.iter().map(|(_, rows)| rows).sum();
        let told = Told { first: all - late.iter().sum::<u64>(), files, kept_back, late };
        for (name, _) in LATE {
            rename(&told.files.join(name), &told.kept_back.join(name))?;
        }
        Ok((made.configuration, told))
    }

    /// A late file comes.
    fn place(&self, name: &str) -> Result<(), EngineError> {
        rename(&self.kept_back.join(name), &self.files.join(name))
    }

    /// Waits until all records are read, with so many of the late files.
    async fn is_read(&self, reader: &Reader, late: usize) {
        let wanted = self.first + self.late[..late].iter().sum::<u64>();
        while gathered(reader, "tieout_source_records_total") < wanted {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), EngineError> {
    fs::rename(from, to).map_err(|error| EngineError::io("move a file to", to, &error))
}

/// A view that is followed.
struct Following {
    view: &'static str,
    subscription: Subscription,
    /// The changes that were read while something else was looked for.
    read: Vec<(Tick, usize)>,
}

impl Following {
    async fn new(reader: &Reader, view: &'static str) -> Result<Following, EngineError> {
        let request = Request { view: view.to_owned(), ..Request::default() };
        Ok(Following { view, subscription: reader.subscribe(&request).await?, read: Vec::new() })
    }

    /// Lets go of all changes up to now.
    async fn skip(&mut self, reader: &Reader) -> Result<(), EngineError> {
        *self = Following::new(reader, self.view).await?;
        Ok(())
    }

    /// The tick of the next change.
    async fn next_change(&mut self) -> Result<Tick, EngineError> {
        loop {
            if let Some(Update::Changes(tick, _)) = self.subscription.next().await? {
                return Ok(tick);
            }
        }
    }

    /// How many rows changed at a tick: each counts once, however it changed.
    async fn count_at(&mut self, tick: Tick) -> Result<usize, EngineError> {
        loop {
            match self.subscription.next().await? {
                Some(Update::Changes(at, rows)) => {
                    self.read.push((at, rows.iter().filter(|(_, diff)| *diff > 0).count()))
                }
                Some(Update::Progress(frontier)) if frontier > tick => break,
                Some(_) => continue,
                None => break,
            }
            if self.read.iter().any(|(at, _)| *at >= tick) {
                break;
            }
        }
        Ok(self.read.iter().filter(|(at, _)| *at == tick).map(|(_, count)| count).sum())
    }
}

fn what_to_try(address: &str) -> String {
    format!(
        r#"
In another terminal:

  tieout query performance --address {address}
  tieout query portfolio_timeseries --filter '{{"portfolio": "PORTFOLIO 1"}}' --address {address}
  tieout query stress --filter '{{"dimension": "counterparty"}}' --address {address}
  tieout subscribe valuations --address {address}
"#
    )
}

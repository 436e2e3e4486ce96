//! The sources: are their files there, do their brokers and schema registries answer, and is what was read of a topic still there?

use std::fs::File;
use std::thread;
use std::time::Duration;

use connectors::kafka::{Look, ReadSoFar};
use connectors::{FilesConfig, FilesSource, KafkaConfig, KafkaSource, Scope, SourceConfig};
use engine::inspection::Replayed;

use super::amounts::count;
use super::finding::{Check, Finding};
use crate::config::Config;

const NAME: &str = "source";

/// How long the brokers of a source have for all that is asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many files are opened.
const OPENED_MAX: usize = 10_000;

/// Looks at all of them at once: those whose brokers are away keep nobody waiting but themselves.
pub(crate) fn check(config: &Config, replayed: Option<&Replayed>) -> Vec<Finding> {
    let look = |scope: Scope<'_>, source: &SourceConfig| match source {
        SourceConfig::Files(files) => look_at_files(files, &scope),
        SourceConfig::Kafka(kafka) => look_at_topics(kafka, &scope, replayed),
        SourceConfig::Flight(_) => vec![Check::of(NAME, scope.name).ok("it takes what is pushed to it")],
        SourceConfig::Generator(_) => vec![Check::of(NAME, scope.name).ok("it invents a market day")],
    };
    let sources = config.source_configs.iter().map(|(number, source)| (config.scope(*number), source));
    thread::scope(|threads| {
        let looking: Vec<_> = sources.map(|(scope, source)| threads.spawn(move || look(scope, source))).collect();
        looking.into_iter().flat_map(|looking| looking.join().unwrap_or_default()).collect()
    })
}

fn look_at_files(config: &FilesConfig, scope: &Scope<'_>) -> Vec<Finding> {
    let check = Check::of(NAME, scope.name);
    let source = match FilesSource::new(config, scope) {
        Ok(source) => source,
        Err(error) => return vec![check.problem(error.what, error.help)],
    };
    let files = match source.files() {
        Ok(files) => files,
        Err(error) => return vec![check.failed(error)],
    };
    let place = source.place().display();
    if files.is_empty() {
        return vec![if config.follow {
            let help = "nothing, if they are to come; else check the path";
            check.warning(format!("there is no file {place} yet; it is waited for"), help)
        } else {
            check.problem(format!("there is no file {place}"), "check the path; set `follow = true` to wait for files")
        }];
    }
    let unreadable = files.iter().take(OPENED_MAX).filter_map(|file| Some((file, File::open(file).err()?)));
    let unreadable: Vec<_> = unreadable.collect();
    match unreadable.first() {
        None => vec![check.ok(format!("{} at {place}", count(files.len() as u64, "file")))],
        Some((file, error)) => vec![check.problem(
            format!("{} of {} cannot be read: {}: {error}", unreadable.len(), files.len(), file.display()),
            "let the process read them",
        )],
    }
}

fn look_at_topics(config: &KafkaConfig, scope: &Scope<'_>, replayed: Option<&Replayed>) -> Vec<Finding> {
    let check = Check::of(NAME, scope.name);
    let read = replayed.map_or_else(Vec::new, |replayed| read_so_far(scope.name, replayed));
    let source = match KafkaSource::new(config, scope) {
        Ok(source) => source,
        Err(error) => return vec![check.problem(error.what, error.help)],
    };
    let mut findings = match source.look(&read, PATIENCE) {
        Ok(look) => told(&check, look, !read.is_empty()),
        Err(error) => vec![check.failed(error)],
    };
    findings.extend(source.look_at_registry().map(|answer| match answer {
        Ok(address) => check.ok(format!("the schema registry {address} answers")),
        Err(error) => check.failed(error),
    }));
    findings
}

fn read_so_far(source: &str, replayed: &Replayed) -> Vec<ReadSoFar> {
    let of_it = replayed.upto.iter().filter(|((name, _), _)| name == source);
    let read = |(place, upper): (&(String, std::sync::Arc<str>), &u64)| ReadSoFar {
        partition: place.1.to_string(),
        replayed_from: replayed.from.get(place).copied().unwrap_or(0),
        upper: *upper,
    };
    of_it.map(read).collect()
}

fn told(check: &Check, look: Look, was_read: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let partitions: usize = look.topics.iter().map(|(_, partitions)| partitions).sum();
    let topics: Vec<String> = look.topics.iter().map(|(topic, _)| topic.clone()).collect();
    let mut what = format!("{} with {}", count(look.brokers as u64, "broker"), count(partitions as u64, "partition"));
    if !topics.is_empty() {
        what.push_str(&format!(" of {}", topics.join(", ")));
    }
    if was_read {
        what.push_str(&format!("; {} not read yet", count(look.lag_records, "message")));
    }
    findings.push(check.ok(what));
    findings.extend(look.missing.iter().map(|topic| {
        let help = "make it, or correct `topics`; it is waited for";
        check.warning(format!("there is no topic `{topic}` on the brokers"), help)
    }));
    if look.topics.is_empty() && look.missing.is_empty() {
        findings.push(check.warning("no topic matches `topic_pattern`", "correct it; topics to come are found"));
    }
    if let Some(first) = look.forgotten.first() {
        let what = format!(
            "the brokers no longer have all that was read ({first}): ticks of that time cannot be computed again"
        );
        findings.push(check.warning(what, "raise `retention.ms` and `retention.bytes` of the topic"));
    }
    findings.extend(look.lost.into_iter().map(|error| check.failed(error)));
    findings
}

//! The address: is it free, or does a server answer there, and how does that fare?

use std::net::{TcpListener, ToSocketAddrs};
use std::time::Duration;

use engine::{EngineError, ErrorKind};

use super::amounts::{count, duration};
use super::clock::now;
use super::finding::{Check, Finding};
use crate::process::{Failure, block_on};

/// How long a server has for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The frontier follows the clock; so far behind it is stuck, or files are being read.
const FRONTIER_AGE_MAX: Duration = Duration::from_secs(10);

/// The most that is read of an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) is_success: bool,
    pub(crate) text: String,
}

/// Looks at the address that is configured.
pub(crate) fn check(listen: &str, is_in_use: bool) -> Vec<Finding> {
    let check = Check::of("address", listen);
    if listen.ends_with(":0") {
        return vec![check.ok("any free port is taken")];
    }
    match TcpListener::bind(listen) {
        Ok(_) if is_in_use => vec![check.warning(
            "a process runs on the data folder, but nobody listens here",
            "it may still start; or it listens elsewhere: give its address with --listen",
        )],
        Ok(_) => vec![check.ok("it is free")],
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => taken(&check, listen, is_in_use),
        Err(error) => {
            let help = "set `listen` (or --listen) to an address of this machine, and a port that the process may take";
            vec![check.problem(format!("cannot listen here: {error}"), help)]
        }
    }
}

fn taken(check: &Check, listen: &str, is_in_use: bool) -> Vec<Finding> {
    let ready = match ask(listen, "/readyz") {
        Ok(answer) if answer.text.starts_with("ready") || answer.text.starts_with("not ready") => answer,
        Ok(_) | Err(_) => {
            let help = "stop it, or set `listen` (or --listen) to another address";
            return vec![check.problem("another program listens here, which is no tieout", help)];
        }
    };
    if !is_in_use {
        let help = "stop it, or set `listen` (or --listen) to another address";
        return vec![check.problem("a tieout with another data folder listens here", help)];
    }
    if !ready.is_success {
        let help = "wait while it replays its past; if it has failed, mend what it says and start it again";
        return vec![check.problem(format!("the server is {}", ready.text.trim()), help)];
    }
    let mut findings = vec![check.ok("the server is ready")];
    findings.extend(measured(listen));
    findings
}

/// What the metrics of a running server tell of it.
fn measured(listen: &str) -> Vec<Finding> {
    let metrics = Check::of("metrics", listen);
    match ask(listen, "/metrics") {
        Ok(answer) if answer.is_success => {
            let mut findings = vec![frontier(listen, &answer.text)];
            let lag = sum(&answer.text, "tieout_source_lag_records");
            findings.extend(lag.map(|lag| metrics.ok(format!("{} of Kafka not read yet", count(lag, "message")))));
            let failures = sum(&answer.text, "tieout_snapshot_failures_total").filter(|failures| *failures > 0);
            let help = "see the log of the server for why; the next start replays more";
            let failed =
                |failures| metrics.warning(format!("{} could not be taken", count(failures, "snapshot")), help);
            findings.extend(failures.map(failed));
            findings
        }
        Ok(_) => vec![metrics.ok("not looked at: the server gives them only to those who show a token")],
        Err(Failure::Failed(error) | Failure::Usage(error)) => vec![metrics.failed(error)],
        Err(_) => vec![metrics.problem("the server does not give them", "see its log")],
    }
}

/// How old the frontier is.
fn frontier(listen: &str, metrics: &str) -> Finding {
    let check = Check::of("frontier", listen);
    let Some(seconds) = sum(metrics, "tieout_frontier_seconds") else {
        return check.problem("the server does not tell its frontier", "it may be of another version");
    };
    let age = Duration::from_micros(now()).saturating_sub(Duration::from_secs(seconds));
    if age > FRONTIER_AGE_MAX {
        let help = "nothing while files are read, which takes one tick; else see the log of the server, and the load of the machine";
        return check.warning(format!("the views are {} behind the clock", duration(age)), help);
    }
    check.ok("the views follow the clock")
}

/// The sum of a metric over its labels; nothing if it is not there.
fn sum(metrics: &str, name: &str) -> Option<u64> {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix(name)?;
        let (_, value) = rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' '))??;
        value.parse().ok()
    };
    let values: Vec<f64> = metrics.lines().filter_map(value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() as u64)
}

/// Asks a server on this machine, encrypted or not. Nothing secret is sent, so it need not prove who it is.
pub(crate) fn ask(listen: &str, path: &str) -> Result<Answer, Failure> {
    let address = near(listen);
    block_on(async {
        // Whoever connects first says with what; if that was said already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(ANSWER_TIMEOUT)
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| unanswered(&address, &error))?;
        let mut last = None;
        for scheme in ["http", "https"] {
            match get(&client, &format!("{scheme}://{address}{path}")).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_connect() && scheme == "http" && is_refused(&error) => {
                    return Err(unanswered(&address, &error).into());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(EngineError::stopped, |error| unanswered(&address, &error)).into())
    })
}

async fn get(client: &reqwest::Client, url: &str) -> Result<Answer, reqwest::Error> {
    let mut response = client.get(url).send().await?;
    let is_success = response.status().is_success();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await?.filter(|_| bytes.len() < ANSWER_BYTES_MAX) {
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer { is_success, text: String::from_utf8_lossy(&bytes).into_owned() })
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
        if error.downcast_ref::<std::io::Error>().is_some_and(refused) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn unanswered(address: &str, error: &reqwest::Error) -> EngineError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = format!("no server answers at {address}: {cause}");
    EngineError::new(
        ErrorKind::Unavailable,
        what,
        "start one with `tieout run`, or give the address that it listens on",
    )
}

/// The address at which what listens there can be asked from this machine.
fn near(listen: &str) -> String {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "8815"));
    let all = |address: std::net::SocketAddr| address.ip().is_unspecified();
    match listen.to_socket_addrs().ok().and_then(|mut found| found.find(|address| all(*address))) {
        Some(address) if address.is_ipv6() => format!("[::1]:{port}"),
        Some(_) => format!("127.0.0.1:{port}"),
        None => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_told_from_others_that_begin_alike() {
        let metrics =
            "# TYPE lag gauge\nlag{partition=\"a b\"} 3\nlag{partition=\"c\"} 4\nlag_old 100\nage 1764122691\n";
        assert_eq!(
            [sum(metrics, "lag"), sum(metrics, "age"), sum(metrics, "la")],
            [Some(7), Some(1_764_122_691), None]
        );
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in
            [("0.0.0.0:8815", "127.0.0.1:8815"), ("[::]:8815", "[::1]:8815"), ("127.0.0.2:1", "127.0.0.2:1")]
        {
            assert_eq!(near(listen), asked);
        }
    }
}

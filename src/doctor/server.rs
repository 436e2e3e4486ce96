//! The address: is it free, or does a server answer there, and how does that fare?

use std::net::{TcpListener, ToSocketAddrs};
use std::time::Duration;

use engine::{EngineError, ErrorKind};

use super::amounts::duration;
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
    vec![check.ok("the server is ready"), frontier(listen)]
}

/// How old the frontier of a running server is.
fn frontier(listen: &str) -> Finding {
    let check = Check::of("frontier", listen);
    let metrics = match ask(listen, "/metrics") {
        Ok(answer) if answer.is_success => answer.text,
        Ok(_) => return check.ok("not looked at: the server gives its metrics only to those who show a token"),
        Err(Failure::Failed(error) | Failure::Usage(error)) => return check.failed(error),
        Err(_) => return check.problem("the server does not give its metrics", "see its log"),
    };
    let seconds = metrics.lines().find_map(|line| line.strip_prefix("tieout_frontier_seconds ")?.trim().parse().ok());
    let Some(seconds) = seconds.map(|seconds: f64| Duration::from_secs(seconds as u64)) else {
        return check.problem("the server does not tell its frontier", "it may be of another version");
    };
    let age = Duration::from_micros(now()).saturating_sub(seconds);
    if age > FRONTIER_AGE_MAX {
        let help = "nothing while files are read, which takes one tick; else see the log of the server, and the load of the machine";
        return check.warning(format!("the views are {} behind the clock", duration(age)), help);
    }
    check.ok("the views follow the clock")
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
    fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in
            [("0.0.0.0:8815", "127.0.0.1:8815"), ("[::]:8815", "[::1]:8815"), ("127.0.0.2:1", "127.0.0.2:1")]
        {
            assert_eq!(near(listen), asked);
        }
    }
}

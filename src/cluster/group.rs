//! The processes of a cluster as children of this one.
//!
//! A child ends in order when its standard input ends: so it is asked to stop, and so none is left behind if this process
//! is killed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind};
use tokio::time::sleep;

use crate::process::{LogFormat, Outcome, tell};

/// How often it is looked whether a process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How long the others are waited for when one has ended.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// The processes, by their number.
pub(super) struct Group {
    children: Vec<Process>,
    started: Instant,
}

struct Process {
    child: Child,
    /// Closed to have it stop.
    stdin: Option<ChildStdin>,
    status: Option<ExitStatus>,
}

/// How a group has ended.
pub(super) enum Ended {
    /// As process 0 has.
    InOrder(Outcome),
    /// This process says that it cannot run so.
    Misused(usize),
    /// A process has died.
    Died(String),
}

impl Group {
    /// Starts the processes with their arguments.
    pub(super) fn start(
        processes: usize,
        log_format: LogFormat,
        arguments: impl Fn(usize) -> Vec<OsString>,
    ) -> Result<Group, EngineError> {
        let mut group = Group { children: Vec::new(), started: Instant::now() };
        for process in 0..processes {
            group.children.push(Process::start(process, log_format, arguments(process))?);
        }
        Ok(group)
    }

    /// How long ago it was started.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until process 0 has ended, or another one has died.
    pub(super) async fn ended(&mut self) -> Result<Ended, EngineError> {
        loop {
            for number in 0..self.children.len() {
                let Some(status) = self.children[number].look()? else { continue };
                match (status.code(), number) {
                    (Some(0), 0) => return Ok(Ended::InOrder(self.end_as(Outcome::Done).await)),
                    (Some(3), 0) => return Ok(Ended::InOrder(self.end_as(Outcome::BreaksRemain).await)),
                    // Process 0 has ended it, and ends itself.
                    (Some(0), _) => {}
                    (Some(2), _) => return Ok(Ended::Misused(number)),
                    _ => return self.died(number).await.map(Ended::Died),
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Which process has died, when this one has: by a signal rather than because of another one.
    async fn died(&mut self, noticed: usize) -> Result<String, EngineError> {
        sleep(LOOK_INTERVAL).await;
        let mut died = noticed;
        for (number, process) in self.children.iter_mut().enumerate() {
            if process.look()?.is_some_and(|status| status.code().is_none()) {
                died = number;
            }
        }
        let status = self.children[died].look()?.map(|status| status.to_string()).unwrap_or_default();
        Ok(format!("process {died} has died ({status})"))
    }

    /// Has process 0 stop in order, and the others with it.
    pub(super) async fn stop(&mut self) -> Result<Ended, EngineError> {
        self.children[0].stdin = None;
        match self.ended().await? {
            // It was about to end anyway.
            Ended::Died(died) => {
                self.end().await;
                Err(EngineError::new(ErrorKind::Unavailable, format!("while stopping, {died}"), "nothing is lost"))
            }
            ended => Ok(ended),
        }
    }

    async fn end_as(&mut self, outcome: Outcome) -> Outcome {
        self.end().await;
        outcome
    }

    /// Waits until all have ended; kills those that do not.
    pub(super) async fn end(&mut self) {
        let since = Instant::now();
        while since.elapsed() < ENDING_MAX && !self.children.iter_mut().all(Process::has_ended) {
            sleep(LOOK_INTERVAL).await;
        }
        self.children.iter_mut().for_each(Process::kill);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.children.iter_mut().for_each(Process::kill);
    }
}

impl Process {
    fn start(number: usize, log_format: LogFormat, arguments: Vec<OsString>) -> Result<Process, EngineError> {
        let failed = |error: std::io::Error| {
            let what = format!("cannot start process {number}: {error}");
            EngineError::new(ErrorKind::Unavailable, what, "raise the limit on processes")
        };
        let stdout = if number == 0 { Stdio::inherit() } else { Stdio::null() };
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["--log-format", log_format.name()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (stdin, log) = (child.stdin.take(), child.stderr.take());
        tell(format_args!("process {number} is {}", child.id()));
        let process = Process { child, stdin, status: None };
        let prefix = if log_format == LogFormat::Text { format!("[{number}] ") } else { String::new() };
        let pass_on = move || log.into_iter().for_each(|log| pass_on(log, &prefix));
        std::thread::Builder::new().name(format!("log of {number}")).spawn(pass_on).map_err(failed)?;
        Ok(process)
    }

    fn look(&mut self) -> Result<Option<ExitStatus>, EngineError> {
        if self.status.is_none() {
            self.status = self.child.try_wait().map_err(|error| {
                EngineError::new(ErrorKind::Unavailable, format!("cannot see how a process fares: {error}"), "")
            })?;
        }
        Ok(self.status)
    }

    fn has_ended(&mut self) -> bool {
        self.look().is_ok_and(|status| status.is_some())
    }

    fn kill(&mut self) {
        if !self.has_ended() {
            // It may end at this moment.
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
    }
}

/// Passes on what a process logs, line by line, until it has ended.
fn pass_on(log: ChildStderr, prefix: &str) {
    for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
        tell(format_args!("{prefix}{}", String::from_utf8_lossy(&line)));
    }
}

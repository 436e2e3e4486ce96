//! How the processes find each other: the head waits for all members, then every two of them are linked.
//!
//! A member calls the head for its control link, and waits until the head has all of them and names the formation. Then each
//! process calls those with a lower number, for what workers exchange, and is called by those with a higher one. Everyone
//! listens before it calls anyone, so a call waits where nobody answers yet.

use std::io::{self, ErrorKind as IoErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::greeting::{Greeting, PROTOCOL, Purpose, Refusal, Unwelcome, answer, greet, receive, send};
use super::peers::{Link, Peers};
use super::secret::{Nonce, nonce};
use super::{ClusterConfig, gone};
use crate::error::{EngineError, ErrorKind};

/// How long a machine may take to answer a call.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How often one who waits looks again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// How long a machine may be silent before it is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The links of a process, once the cluster has formed.
pub(crate) struct Joined {
    /// For what workers exchange.
    pub(crate) peers: Peers,
    /// At the head: the control links of the members, in their order.
    pub(crate) members: Vec<Link>,
    /// At a member: its control link.
    pub(crate) head: Option<Link>,
}

impl Joined {
    /// One process alone.
    pub(crate) fn alone(workers: usize) -> Self {
        Joined { peers: Peers::alone(workers), members: Vec::new(), head: None }
    }
}

impl ClusterConfig {
    /// Waits for the other processes, and links all of them. Each has this many workers.
    pub(crate) fn join(&self, workers: usize) -> Result<Joined, EngineError> {
        let until = Instant::now() + self.forming_max;
        let joining = Joining { cluster: self, workers, until, listener: self.listen(until)? };
        if self.process == 0 { joining.lead() } else { joining.be_led() }
    }

    fn listen(&self, until: Instant) -> Result<TcpListener, EngineError> {
        use IoErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        let own = self.hosts.get(self.process);
        let failed = |error| {
            let what = format!("cannot listen on {own} for the other processes: {error}");
            let help =
                "the hosts must have an address of this machine for this process, and nothing else may listen there";
            EngineError::new(ErrorKind::Unavailable, what, help)
        };
        let listener = loop {
            match TcpListener::bind(own) {
                Ok(listener) => break listener,
                // A name may take a while to be known.
                Err(error)
                    if Instant::now() < until
                        && ![AddrInUse, AddrNotAvailable, PermissionDenied].contains(&error.kind()) =>
                {
                    pause(RETRY_INTERVAL);
                }
                Err(error) => return Err(failed(error)),
            }
        };
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }
}

/// A call that was welcome: its link, and who calls.
type Call = (TcpStream, Greeting);

/// A process on its way into the cluster.
struct Joining<'a> {
    cluster: &'a ClusterConfig,
    workers: usize,
    until: Instant,
    listener: TcpListener,
}

impl Joining<'_> {
    fn lead(self) -> Result<Joined, EngineError> {
        let processes = self.cluster.processes();
        let mut members: Vec<Option<TcpStream>> = (0..processes).map(|_| None).collect();
        loop {
            // One that has gone again may come back.
            members.iter_mut().for_each(|member| *member = member.take().filter(is_open));
            let Some(missing) = (1..processes).find(|process| members[*process].is_none()) else { break };
            let (link, greeting) = self.called(&self.cluster.name(missing), &[], |greeting| {
                self.check(greeting, Purpose::Control, None)?;
                match &members[greeting.from] {
                    Some(link) if is_open(link) => {
                        let what = format!("process {} is there already", greeting.from);
                        Err(Refusal::for_now(what))
                    }
                    _ => Ok(()),
                }
            })?;
            tracing::info!("{} is there", self.cluster.name(greeting.from));
            members[greeting.from] = Some(link);
        }
        let formation = nonce()?;
        for (process, link) in (0..).zip(&mut members) {
            let Some(link) = link else { continue };
            send(link, &formation).map_err(|error| gone(&self.cluster.name(process), &error.to_string()))?;
        }
        let controls: Vec<_> =
            (0..).zip(&members).filter_map(|(process, link)| Some((process, link.as_ref()?))).collect();
        let peers = self.exchange(formation, &controls)?;
        let members = (0..).zip(members).filter_map(|(process, link)| link.map(|link| (process, link)));
        let members = members.map(|(process, link)| self.link(process, link)).collect::<Result<_, _>>()?;
        Ok(Joined { peers, members, head: None })
    }

    fn be_led(self) -> Result<Joined, EngineError> {
        let link = self.call(0, Purpose::Control, None, &[])?;
        tracing::info!("{} is there; waiting for the others", self.cluster.name(0));
        let formation = receive(&link, self.until).map_err(|error| match error.kind() {
            IoErrorKind::WouldBlock | IoErrorKind::TimedOut => self.late("all other processes"),
            _ => gone(&self.cluster.name(0), &error.to_string()),
        })?;
        let peers = self.exchange(formation, &[(0, &link)])?;
        Ok(Joined { peers, members: Vec::new(), head: Some(self.link(0, link)?) })
    }

    /// Links this process with every other one, for what workers exchange, while the control links are open.
    fn exchange(&self, formation: Nonce, controls: &[(usize, &TcpStream)]) -> Result<Peers, EngineError> {
        let own = self.cluster.process;
        let mut links: Vec<Option<TcpStream>> = (0..self.cluster.processes()).map(|_| None).collect();
        for (process, link) in links.iter_mut().enumerate().take(own) {
            *link = Some(self.call(process, Purpose::Exchange, Some(formation), controls)?);
        }
        while let Some(missing) = (own + 1..links.len()).find(|process| links[*process].is_none()) {
            let (link, greeting) = self.called(&self.cluster.name(missing), controls, |greeting| {
                self.check(greeting, Purpose::Exchange, Some(formation))
            })?;
            links[greeting.from] = Some(link);
        }
        let link = |(process, link): (usize, Option<TcpStream>)| link.map(|link| self.link(process, link)).transpose();
        let links = links.into_iter().enumerate().map(link).collect::<Result<_, _>>()?;
        Ok(Peers { workers: self.workers, process: own, links, status: None })
    }

    /// Calls a process until it welcomes this one.
    fn call(
        &self,
        process: usize,
        purpose: Purpose,
        formation: Option<Nonce>,
        controls: &[(usize, &TcpStream)],
    ) -> Result<TcpStream, EngineError> {
        let who = self.cluster.name(process);
        let mut told = String::new();
        loop {
            let greeting = self.greeting(process, purpose, formation)?;
            let (problem, interval) = match self.try_call(process, &greeting) {
                Ok(link) => return Ok(link),
                Err(Unwelcome::Refused(refusal)) if !refusal.may_pass => return Err(refusal.error(&who)),
                // Each time is told at the other end.
                Err(Unwelcome::Refused(refusal)) => (refusal.what, 10 * RETRY_INTERVAL),
                Err(Unwelcome::Failed(error)) => (error.to_string(), RETRY_INTERVAL),
            };
            self.check_open(controls)?;
            if problem != told {
                tracing::info!("waiting for {who}: {problem}");
                told = problem;
            }
            if Instant::now() > self.until {
                let late = self.late(&who);
                return Err(EngineError { what: format!("{}: {told}", late.what), ..late });
            }
            pause(interval);
        }
    }

    fn try_call(&self, process: usize, greeting: &Greeting) -> Result<TcpStream, Unwelcome> {
        let mut link = connect(self.cluster.hosts.get(process))?;
        greet(&mut link, greeting, &self.cluster.secret)?;
        Ok(link)
    }

    /// Waits until a process calls that is welcome.
    fn called(
        &self,
        missing: &str,
        controls: &[(usize, &TcpStream)],
        check: impl Fn(&Greeting) -> Result<(), Refusal>,
    ) -> Result<Call, EngineError> {
        loop {
            match self.try_called(&check) {
                Ok(Some(called)) => return Ok(called),
                Ok(None) if Instant::now() > self.until => return Err(self.late(missing)),
                Ok(None) => {
                    self.check_open(controls)?;
                    pause(RETRY_INTERVAL / 10);
                }
                Err((from, Unwelcome::Refused(refusal))) => {
                    tracing::warn!("refused a process at {from}: {}", refusal.what)
                }
                Err((from, Unwelcome::Failed(error))) => tracing::warn!("a call from {from} came to nothing: {error}"),
            }
        }
    }

    fn try_called(
        &self,
        check: &impl Fn(&Greeting) -> Result<(), Refusal>,
    ) -> Result<Option<Call>, (SocketAddr, Unwelcome)> {
        // A call that is lost before it is taken is nobody's.
        let Ok((mut link, from)) = self.listener.accept() else { return Ok(None) };
        let mut welcome = || {
            link.set_nonblocking(false)?;
            answer(&mut link, &self.cluster.secret, check)
        };
        match welcome() {
            Ok(greeting) => Ok(Some((link, greeting))),
            Err(unwelcome) => Err((from, unwelcome)),
        }
    }

    fn greeting(&self, to: usize, purpose: Purpose, formation: Option<Nonce>) -> Result<Greeting, EngineError> {
        Ok(Greeting {
            protocol: PROTOCOL,
            purpose,
            from: self.cluster.process,
            to,
            processes: self.cluster.processes(),
            workers: self.workers,
            program: self.cluster.program.clone(),
            configuration: self.cluster.configuration.clone(),
            formation,
            nonce: nonce()?,
        })
    }

    /// Whether one who greets belongs here, and runs the same as this process does.
    fn check(&self, greeting: &Greeting, purpose: Purpose, formation: Option<Nonce>) -> Result<(), Refusal> {
        let cluster = self.cluster;
        let differs = |what: &str, theirs: &dyn std::fmt::Display, own: &dyn std::fmt::Display, help: &str| {
            Err(Refusal::new(format!("{what} differs: {theirs} there, {own} in process {}", cluster.process), help))
        };
        let one_program = "install the same build everywhere";
        if greeting.protocol != PROTOCOL {
            return differs("the version of the links", &greeting.protocol, &PROTOCOL, one_program);
        }
        if greeting.program != cluster.program {
            return differs("the program", &greeting.program, &cluster.program, one_program);
        }
        if greeting.configuration != cluster.configuration {
            let help = "give all processes the same configuration file, and the same scoring models";
            return differs("the configuration", &greeting.configuration, &cluster.configuration, help);
        }
        if greeting.processes != cluster.processes() {
            let help = "give all processes the same hosts";
            return differs("the number of processes", &greeting.processes, &cluster.processes(), help);
        }
        if greeting.workers != self.workers {
            let help = "give all processes the same number of workers";
            return differs("the number of workers", &greeting.workers, &self.workers, help);
        }
        if greeting.to != cluster.process || greeting.from <= cluster.process || greeting.from >= cluster.processes() {
            let what = format!(
                "process {} called for process {}, and this is process {}",
                greeting.from, greeting.to, cluster.process
            );
            return Err(Refusal::new(
                what,
                "give all processes the same hosts, in the same order, and each a number of its own",
            ));
        }
        if greeting.purpose != purpose || greeting.formation != formation {
            return Err(Refusal::for_now(format!("process {} is forming another cluster", cluster.process)));
        }
        Ok(())
    }

    fn link(&self, process: usize, link: TcpStream) -> Result<Link, EngineError> {
        let who = self.cluster.name(process);
        match lasting(&link) {
            Ok(()) => Ok(Link { tcp: link, who: Arc::from(who) }),
            Err(error) => Err(gone(&who, &error.to_string())),
        }
    }

    fn check_open(&self, controls: &[(usize, &TcpStream)]) -> Result<(), EngineError> {
        match controls.iter().find(|(_, link)| !is_open(link)) {
            Some((process, _)) => Err(gone(&self.cluster.name(*process), "it closed a link while the cluster formed")),
            None => Ok(()),
        }
    }

    fn late(&self, missing: &str) -> EngineError {
        let what = format!("{missing} did not come within {} seconds", self.cluster.forming_max.as_secs());
        EngineError::new(ErrorKind::Unavailable, what, "start all processes of the hosts at about the same time")
    }
}

/// Nobody tells it to stop: a process that is asked to while it looks for the others just ends.
#[allow(clippy::disallowed_methods)]
fn pause(interval: Duration) {
    thread::sleep(interval);
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::other(format!("{host} has no address"));
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(link) => return Ok(link),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Whether the other end has not been closed.
fn is_open(link: &TcpStream) -> bool {
    let peeked = link.set_nonblocking(true).and_then(|()| link.peek(&mut [0]));
    let is_blocking = link.set_nonblocking(false).is_ok();
    is_blocking && peeked.map_or_else(|error| error.kind() == IoErrorKind::WouldBlock, |bytes| bytes > 0)
}

/// Waits for as long as the other machine is there: a process may be held up, a machine may not be silent.
fn lasting(link: &TcpStream) -> io::Result<()> {
    link.set_read_timeout(None)?;
    link.set_write_timeout(None)?;
    link.set_nodelay(true)?;
    let socket = SockRef::from(link);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE_MAX / 3).with_interval(SILENCE_MAX / 6))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE_MAX))?;
    Ok(())
}

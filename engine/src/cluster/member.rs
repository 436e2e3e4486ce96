//! A member: workers that carry out what the head tells them, and nothing that is durable.

use std::convert::Infallible;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use operators::{Data, Tick};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::head::why;
use super::message::{Order, Told, parts, read, write};
use super::peers::{Link, Peers};
use super::{ClusterConfig, failed, gone};
use crate::crew::{Around, Crew, Reports};
use crate::engine::spawn;
use crate::error::{EngineError, ErrorKind};
use crate::filter;
use crate::row::{Texts, ViewSpec};
use crate::status::Status;
use crate::view::Change;
use crate::way::Way;
use crate::worker::{Answer, AskedPiece, Command, Graph, Read, Release, Reply};

/// How many messages may wait to be sent to the head before workers wait.
const MESSAGES_MAX: usize = 64;

/// How long a member that has failed waits until the head has been told.
const LAST_WORD_MAX: Duration = Duration::from_millis(500);

/// How a member runs: as the head does.
pub struct MemberConfig {
    /// Its cluster, and its place there: not the first.
    pub cluster: ClusterConfig,
    /// How many workers each process has.
    pub workers: usize,
    /// How far back views can be read.
    pub retention: Duration,
}

/// A member that runs. It ends when the head says so; when anything fails, the process must end.
pub struct Member {
    status: Arc<Status>,
    /// Sends the last message: why it cannot go on.
    tell_failure: TellFailure,
    /// Closed when the last message has been sent.
    told: oneshot::Receiver<Infallible>,
    ended: oneshot::Receiver<()>,
}

/// Hides what the records are. Says whether there was room for the message.
type TellFailure = Box<dyn Fn(EngineError) -> bool + Send + Sync>;

impl Member {
    /// Waits for the other processes, and starts the workers.
    pub fn start<R: Data + Send + Sync>(
        config: MemberConfig,
        graph: impl Graph<R>,
        texts: Arc<dyn Texts>,
    ) -> Result<Member, EngineError> {
        let status = Arc::new(Status::new(Vec::new()));
        let joined = config.cluster.join(config.workers)?;
        let Some(Link { tcp, who }) = joined.head else {
            let what = "process 0 is the head, not a member";
            return Err(EngineError::new(ErrorKind::Invalid, what, "start it as the engine"));
        };
        let (tell, telling) = bounded(MESSAGES_MAX);
        let (telling_ends, told) = oneshot::channel();
        let writer = spawn("to head", {
            let (link, who, status) = (
                tcp.try_clone().map_err(|error| gone(&who, &error.to_string()))?,
                Arc::clone(&who),
                Arc::clone(&status),
            );
            move || {
                if let Err(error) = send_all(link, &telling) {
                    status.fail(gone(&who, &error.to_string()));
                }
                drop(telling_ends);
            }
        })?;
        let reports = Arc::new(FarReports { tell: tell.clone() });
        let around = Around { reports, status: Arc::clone(&status) };
        let peers = Peers { status: Some(Arc::clone(&status)), ..joined.peers };
        let crew = Crew::start(peers, config.retention, graph, around)?;
        let orders = Orders { workers: crew.workers, specs: crew.specs, texts, tell: tell.clone() };
        let reader = spawn("from head", {
            let status = Arc::clone(&status);
            move || match orders.carry_out_all(tcp) {
                Ok(None) => {}
                Ok(Some(error)) => status.fail(failed(&who, error)),
                Err(error) => status.fail(gone(&who, &why(&error))),
            }
        })?;
        let (end, ended) = oneshot::channel();
        spawn("member", {
            let (status, tell) = (Arc::clone(&status), tell.clone());
            move || end_in_order([crew.thread, reader], &tell, writer, &status, end)
        })?;
        status.set_ready();
        let tell_failure = Box::new(move |error| tell.try_send(Told::<R>::Failed(error)).is_ok());
        Ok(Member { status, tell_failure, told, ended })
    }

    /// Waits until the head has ended it in order, or anything has failed.
    pub async fn ended(&mut self) -> Result<(), EngineError> {
        let error = tokio::select! {
            error = self.status.failed() => error,
            ended = &mut self.ended => match ended {
                Ok(()) => return Ok(()),
                Err(_) => self.status.failure().unwrap_or_else(EngineError::stopped),
            },
        };
        // So that the head can say more than that this process has gone. It may have gone itself, or not be listening.
        if (self.tell_failure)(error.clone()) {
            let _ = timeout(LAST_WORD_MAX, &mut self.told).await;
        }
        Err(error)
    }
}

/// Waits for the workers, says to the head that they have ended, and that this process has.
fn end_in_order<R>(
    working: [JoinHandle<()>; 2],
    tell: &Sender<Told<R>>,
    writer: JoinHandle<()>,
    status: &Status,
    end: oneshot::Sender<()>,
) {
    let have_ended = working.into_iter().all(|thread| thread.join().is_ok());
    if have_ended && !status.has_failed() {
        let _ = tell.send(Told::Done);
        if writer.join().is_ok() && !status.has_failed() {
            let _ = end.send(());
        }
    }
}

/// Sends what is to be told, up to the last message.
fn send_all<R: Data>(link: TcpStream, telling: &Receiver<Told<R>>) -> io::Result<()> {
    let mut link = BufWriter::new(link);
    loop {
        let next = match telling.try_recv() {
            Err(TryRecvError::Empty) => {
                link.flush()?;
                telling.recv().ok()
            }
            next => next.ok(),
        };
        let Some(told) = next else { return link.flush() };
        write(&mut link, &told)?;
        if matches!(told, Told::Done | Told::Failed(_)) {
            return link.flush();
        }
    }
}

/// Tells the head what the workers have done.
struct FarReports<R> {
    tell: Sender<Told<R>>,
}

// When the link has broken nobody takes it, and the status tells.
impl<R: Data + Send + Sync> Reports for FarReports<R> {
    fn report(&self, worker: usize, frontier: Tick, changes: Vec<Change>) {
        let _ = parts(changes, |changes, is_last| {
            let changes =
                if is_last { Told::Report { worker, frontier, changes } } else { Told::Changes { worker, changes } };
            self.tell.send(changes)
        });
    }

    fn taken(&self, rows: usize) {
        if rows > 0 {
            let _ = self.tell.send(Told::Taken { rows });
        }
    }
}

/// What the head tells this member.
struct Orders<R> {
    workers: Vec<Way<R>>,
    specs: Vec<ViewSpec>,
    texts: Arc<dyn Texts>,
    tell: Sender<Told<R>>,
}

impl<R: Data + Send + Sync> Orders<R> {
    /// Carries out what comes until each worker has been told to stop; gives why, if the head has failed.
    fn carry_out_all(self, link: TcpStream) -> io::Result<Option<EngineError>> {
        let mut link = BufReader::new(link);
        let mut stopped = 0;
        let mut failure = None;
        while stopped < self.workers.len() {
            match read(&mut link)? {
                Order::Texts(texts) => texts.iter().for_each(|text| self.texts.keep(text)),
                Order::Release { worker, tick, events, system, closes } => {
                    let events = if events.is_empty() { Vec::new() } else { vec![events] };
                    self.give(worker, Command::Release(Release { tick, events, system, closes }))?;
                }
                Order::Advance { worker, tick } => self.give(worker, Command::Advance(tick))?,
                Order::Read { worker, question, view, what, follow, filter } => {
                    let reply = self.reply(question);
                    let filter = filter.map(|filter| {
                        let written = serde_json::from_str(&filter)?;
                        let spec = self.specs.get(view).ok_or_else(|| io::Error::other("there is no such view"))?;
                        filter::parse(&written, spec, &self.texts).map_err(io::Error::other)
                    });
                    let filter = filter.transpose()?;
                    self.give(worker, Command::Read(Read { view, what, follow, filter, reply }))?;
                }
                Order::Unfollow { worker, view } => self.give(worker, Command::Unfollow(view))?,
                Order::Hold { worker, tick } => self.give(worker, Command::Hold(tick))?,
                Order::Begin { worker, tick } => self.give(worker, Command::Begin(tick))?,
                Order::Restore { worker, restored } => self.give(worker, Command::Restore(Arc::new(restored)))?,
                Order::Piece { worker, question, table, at, from, limit } => {
                    let tell = self.tell.clone();
                    let reply = Arc::new(move |piece| drop(tell.send(Told::Piece { question, piece })));
                    self.give(worker, Command::Piece(AskedPiece { table, at, from, limit, reply }))?;
                }
                Order::Stop { worker, failure: why } => {
                    failure = failure.or(why);
                    stopped += 1;
                    self.give(worker, Command::Stop)?;
                }
            }
        }
        Ok(failure)
    }

    fn give(&self, worker: usize, command: Command<R>) -> io::Result<()> {
        let way = self.workers.get(worker).ok_or_else(|| io::Error::other(format!("there is no worker {worker}")))?;
        way.send(command);
        Ok(())
    }

    /// Sends an answer to the head: in parts, each as soon as there is room for it.
    fn reply(&self, question: u64) -> Reply {
        let tell = self.tell.clone();
        let answered = move |answer, is_last| tell.send(Told::Answered { question, answer, is_last });
        Arc::new(move |answer| {
            let _ = match answer {
                Ok(Answer::Rows(rows)) => parts(rows, |rows, is_last| answered(Ok(Answer::Rows(rows)), is_last)),
                Ok(Answer::Changes(changes)) => {
                    parts(changes, |changes, is_last| answered(Ok(Answer::Changes(changes)), is_last))
                }
                Err(error) => answered(Err(error), true),
            };
        })
    }
}

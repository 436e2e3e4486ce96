//! The head's end of the control links: one thread a member that sends commands, and one that takes what comes back.
//!
//! What waits to be sent is bounded as what waits for a local worker is: the binder releases no more while too many rows are
//! not taken, and a row of a member is taken when the member says so.

use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, TryRecvError, unbounded};
use operators::Data;
use parking_lot::Mutex;

use super::message::{Order, Told, parts, read, write};
use super::peers::Link;
use super::{failed, gone};
use crate::crew::{Around, Reports};
use crate::engine::spawn;
use crate::error::{EngineError, ErrorKind};
use crate::kept::{Piece, Restored};
use crate::row::Texts;
use crate::status::Status;
use crate::view::Change;
use crate::way::Way;
use crate::worker::{Answer, AskedPiece, Command, Read, Release, Reply};

/// The workers of the members, and the threads that link them with the head.
pub(crate) struct Far<R> {
    pub(crate) workers: Vec<Way<R>>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

/// Questions that a member has not answered whole yet, by their number, with what has come of the answers.
type Questions = Arc<Mutex<HashMap<u64, (Reply, Option<Answer>)>>>;

/// Who waits for which piece of what a member keeps.
type AskedPieces<R> = Arc<Mutex<HashMap<u64, Arc<dyn Fn(Piece<R>) + Send + Sync>>>>;

/// Starts the threads of the links. Each member has this many workers.
pub(crate) fn link<R: Data + Send + Sync>(
    members: Vec<Link>,
    workers: usize,
    around: &Around,
    texts: &Arc<dyn Texts>,
) -> Result<Far<R>, EngineError> {
    let mut far = Far { workers: Vec::new(), threads: Vec::new() };
    for (member, Link { tcp, who }) in (1..).zip(members) {
        let (questions, pieces) = (Questions::default(), AskedPieces::default());
        let (to_member, commands) = unbounded();
        let outgoing = tcp.try_clone().map_err(|error| gone(&who, &error.to_string()))?;
        let mut orders = Orders {
            link: BufWriter::new(outgoing),
            commands,
            texts: texts.follow(),
            questions: Arc::clone(&questions),
            pieces: Arc::clone(&pieces),
            asked: 0,
            status: Arc::clone(&around.status),
        };
        let answers = Answers {
            reports: Arc::clone(&around.reports),
            workers: member * workers..(member + 1) * workers,
            questions,
            pieces,
        };
        far.workers.extend((0..workers).map(|worker| Way::There(to_member.clone(), worker)));
        let (status, to) = (Arc::clone(&around.status), Arc::clone(&who));
        far.threads.push(spawn("to member", move || {
            if let Err(error) = orders.send_all(workers) {
                status.fail(gone(&to, &error.to_string()));
            }
        })?);
        let status = Arc::clone(&around.status);
        far.threads.push(spawn("from member", move || match answers.take_all(tcp) {
            Ok(None) => {}
            Ok(Some(error)) => status.fail(failed(&who, error)),
            Err(error) => status.fail(gone(&who, &why(&error))),
        })?);
    }
    Ok(far)
}

/// Why a link has ended, for people.
pub(super) fn why(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof { "it closed a link".to_owned() } else { error.to_string() }
}

/// What goes to a member.
struct Orders<R> {
    link: BufWriter<TcpStream>,
    commands: Receiver<(usize, Command<R>)>,
    texts: mpsc::Receiver<Arc<str>>,
    questions: Questions,
    pieces: AskedPieces<R>,
    asked: u64,
    status: Arc<Status>,
}

impl<R: Data + Send + Sync> Orders<R> {
    /// Sends commands until each of the workers has been told to stop.
    fn send_all(&mut self, workers: usize) -> io::Result<()> {
        let mut stopped = 0;
        while stopped < workers {
            let next = match self.commands.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.link.flush()?;
                    self.commands.recv().ok()
                }
                next => next.ok(),
            };
            // The engine is dropped without having been stopped: the process ends.
            let Some((worker, command)) = next else { break };
            stopped += usize::from(matches!(command, Command::Stop));
            self.send(worker, command)?;
        }
        self.link.flush()
    }

    fn send(&mut self, worker: usize, command: Command<R>) -> io::Result<()> {
        match command {
            Command::Release(release) => {
                self.send_texts()?;
                self.send_release(worker, release)
            }
            Command::Advance(tick) => self.write(&Order::Advance { worker, tick }),
            Command::Read(Read { view, what, follow, filter, reply }) => {
                let (question, filter) = (self.asked, filter.map(|filter| filter.written.to_string()));
                self.asked += 1;
                self.questions.lock().insert(question, (reply, None));
                self.write(&Order::Read { worker, question, view, what, follow, filter })
            }
            Command::Unfollow(view) => self.write(&Order::Unfollow { worker, view }),
            Command::Hold(tick) => self.write(&Order::Hold { worker, tick }),
            Command::Begin(tick) => self.write(&Order::Begin { worker, tick }),
            Command::Piece(AskedPiece { table, at, from, limit, reply }) => {
                let question = self.asked;
                self.asked += 1;
                self.pieces.lock().insert(question, reply);
                self.write(&Order::Piece { worker, question, table, at, from, limit })
            }
            Command::Restore(restored) => {
                // The texts that episodes name.
                self.send_texts()?;
                match &*restored {
                    Restored::FirstSeen(part, entries) => parts(entries.clone(), |entries, _| {
                        self.write(&Order::Restore { worker, restored: Restored::FirstSeen(*part, entries) })
                    }),
                    Restored::Episodes(tick, episodes) => parts(episodes.clone(), |episodes, _| {
                        self.write(&Order::Restore { worker, restored: Restored::Episodes(*tick, episodes) })
                    }),
                }
            }
            Command::Stop => {
                let failure = self.status.failure();
                self.write(&Order::Stop { worker, failure })
            }
        }
    }

    /// The texts of a record were kept before it was given to the engine: they are among these, or were before.
    fn send_texts(&mut self) -> io::Result<()> {
        let texts: Vec<Arc<str>> = self.texts.try_iter().collect();
        if texts.is_empty() { Ok(()) } else { parts(texts, |texts, _| self.write(&Order::Texts(texts))) }
    }

    fn send_release(&mut self, worker: usize, release: Release<R>) -> io::Result<()> {
        let Release { tick, mut events, system, closes } = release;
        let part = |events, system, closes| Order::Release { worker, tick, events, system, closes };
        if !system.is_empty() {
            parts(system, |rows, _| self.write(&part(Vec::new(), rows, false)))?;
        }
        let last = events.pop().unwrap_or_default();
        for events in events {
            parts(events, |events, _| self.write(&part(events, Vec::new(), false)))?;
        }
        parts(last, |events, is_last| self.write(&part(events, Vec::new(), closes && is_last)))
    }

    fn write(&mut self, order: &Order<R>) -> io::Result<()> {
        write(&mut self.link, order)
    }
}

/// What comes from a member.
struct Answers<R> {
    reports: Arc<dyn Reports>,
    /// The member's workers, by their place among all.
    workers: std::ops::Range<usize>,
    questions: Questions,
    pieces: AskedPieces<R>,
}

impl<R: Data> Answers<R> {
    /// Takes what comes until the member has ended in order; gives why, if it has failed.
    fn take_all(self, link: TcpStream) -> io::Result<Option<EngineError>> {
        let mut link = BufReader::new(link);
        let mut changes: HashMap<usize, Vec<Change>> = HashMap::new();
        loop {
            match read::<Told<R>>(&mut link)? {
                Told::Changes { worker, changes: part } => changes.entry(worker).or_default().extend(part),
                Told::Report { worker, frontier, changes: last } => {
                    if !self.workers.contains(&worker) {
                        return Err(io::Error::other(format!("it reports of worker {worker}, which it has not")));
                    }
                    let mut all = changes.remove(&worker).unwrap_or_default();
                    all.extend(last);
                    self.reports.report(worker, frontier, all);
                }
                Told::Taken { rows } => self.reports.taken(rows),
                Told::Answered { question, answer, is_last } => self.answered(question, answer, is_last),
                Told::Piece { question, piece } => {
                    let asked = self.pieces.lock().remove(&question);
                    if let Some(reply) = asked {
                        reply(piece);
                    }
                }
                Told::Done => return Ok(None),
                Told::Failed(error) => return Ok(Some(error)),
            }
        }
    }

    fn answered(&self, question: u64, part: Result<Answer, EngineError>, is_last: bool) {
        let mut questions = self.questions.lock();
        let Some((reply, so_far)) = questions.remove(&question) else { return };
        let answer = part.and_then(|part| match so_far {
            Some(so_far) => joined(so_far, part),
            None => Ok(part),
        });
        match answer {
            Ok(answer) if !is_last => drop(questions.insert(question, (reply, Some(answer)))),
            answer => {
                drop(questions);
                reply(answer);
            }
        }
    }
}

fn joined(so_far: Answer, part: Answer) -> Result<Answer, EngineError> {
    match (so_far, part) {
        (Answer::Rows(mut rows), Answer::Rows(part)) => {
            rows.extend(part);
            Ok(Answer::Rows(rows))
        }
        (Answer::Changes(mut changes), Answer::Changes(part)) => {
            changes.extend(part);
            Ok(Answer::Changes(changes))
        }
        _ => Err(EngineError::new(ErrorKind::Damaged, "the parts of an answer do not belong together", "")),
    }
}

//! The way to one worker: commands that are sent arrive in their order.

use std::thread::Thread;

use crossbeam_channel::Sender;

use crate::worker::Command;

/// The way to one worker, wherever it is.
pub(crate) enum Way<R> {
    /// A thread of this process.
    Here(Sender<Command<R>>, Thread),
    /// A worker of another process, by its place there: over the link to that process.
    There(Sender<(usize, Command<R>)>, usize),
}

impl<R> Way<R> {
    /// Gives the worker a command. Of one that has died the status tells.
    pub(crate) fn send(&self, command: Command<R>) {
        match self {
            Way::Here(worker, thread) => {
                let _ = worker.send(command);
                thread.unpark();
            }
            Way::There(link, worker) => {
                let _ = link.send((*worker, command));
            }
        }
    }
}

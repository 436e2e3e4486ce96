//! The delivery of a channel: what waits in the outbox is sent, in order, and then marked as dealt with.

use std::sync::Arc;
use std::time::Duration;

use engine::{EngineError, ErrorKind};

use super::alert::Letter;
use super::channel::{Channel, Untaken};
use super::outbox::{Fate, Outbox};
use super::raise::now_seconds;
use crate::running::{Around, Backoff, Runs};

/// How long to wait at most before a letter is sent again, unless its channel says otherwise.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How often at least a letter is tried, however old it is.
const ATTEMPTS_MIN: u32 = 3;

/// A channel, and the outbox that it is fed from.
pub(super) struct Delivery {
    /// What it is called in metrics and messages.
    pub(super) label: String,
    pub(super) channel_name: String,
    pub(super) channel: Box<dyn Channel>,
    pub(super) outbox: Arc<Outbox>,
    /// The alerts that are sent here.
    pub(super) alerts: Vec<String>,
}

impl Runs for Delivery {
    fn name(&self) -> &str {
        &self.label
    }

    fn run(self: Box<Self>, around: Around) -> Result<(), EngineError> {
        Delivering { delivery: *self, around, is_open: false, attempts: 0 }.run()
    }
}

struct Delivering {
    delivery: Delivery,
    around: Around,
    is_open: bool,
    /// How often the first letter that waits was tried.
    attempts: u32,
}

impl Delivering {
    fn run(&mut self) -> Result<(), EngineError> {
        let mut backoff = Backoff::new(BACKOFF_MAX);
        let mut changes = self.delivery.outbox.changes();
        while !self.around.stopping.is_stopping() {
            changes.mark_unchanged();
            let letters =
                self.delivery.outbox.waiting(&self.delivery.channel_name, self.delivery.channel.letters_max())?;
            self.show()?;
            if letters.is_empty() && self.is_open {
                let mut stopping = self.around.stopping.clone();
                self.around.runtime.block_on(async {
                    tokio::select! {
                        () = stopping.stopped() => {}
                        // The outbox is kept here too: it does not go away.
                        _ = changes.changed() => {}
                    }
                });
                continue;
            }
            match self.deliver(&letters) {
                Ok(()) => {
                    self.attempts = 0;
                    backoff.reset();
                }
                Err(Untaken::Fatal(error)) => return Err(error),
                Err(Untaken::Never(error)) => {
                    self.bury(&letters, &error)?;
                    backoff.reset();
                }
                Err(Untaken::Later(error, after)) => {
                    if self.around.stopping.is_stopping() {
                        return Ok(());
                    }
                    self.is_open = false;
                    self.attempts += 1;
                    self.around.failed(&self.delivery.label, &error);
                    if self.is_too_old(&letters) {
                        self.bury(&letters, &error)?;
                    } else if self.around.wait(after.unwrap_or_default().max(backoff.next())) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Connects if need be, sends letters that have not been taken yet, and marks them.
    fn deliver(&mut self, letters: &[(u64, Letter)]) -> Result<(), Untaken> {
        let taken = if self.is_open { 0 } else { self.open()? };
        self.is_open = true;
        let Some((last, _)) = letters.last() else { return Ok(()) };
        let fresh: Vec<Letter> =
            letters.iter().filter(|(number, _)| *number >= taken).map(|(_, letter)| letter.clone()).collect();
        if !fresh.is_empty() {
            self.delivery.channel.send(&fresh, last + 1, &self.around)?;
            crash_point!("outbox.sent");
        }
        let fates: Vec<_> = letters.iter().map(|(number, _)| (*number, Fate::Sent)).collect();
        self.done(&fates).map_err(Untaken::Fatal)?;
        let channel = &[self.delivery.channel_name.as_str()];
        self.around.metrics.alerts_sent.with_label_values(channel).inc_by(fresh.len() as u64);
        self.around.metrics.rows.with_label_values(&[self.delivery.label.as_str()]).inc_by(fresh.len() as u64);
        Ok(())
    }

    /// Connects; gives the number before which all letters have been taken.
    fn open(&mut self) -> Result<u64, Untaken> {
        let taken = self.delivery.channel.open(&self.around)?.unwrap_or(0);
        let name = &self.delivery.channel_name;
        let known = self.delivery.outbox.next_number(name).map_err(Untaken::Fatal)?;
        if taken <= known {
            return Ok(taken);
        }
        // Letters would be taken for others that had their numbers before, and not be sent.
        let what = format!("channel `{name}` has taken {taken} alerts, and the outbox has had {known} of them only");
        let help =
            "the data folder is older than what was sent: use the one that sent it, or give the channel a new topic";
        Err(Untaken::Fatal(EngineError::new(ErrorKind::Damaged, what, help)))
    }

    fn is_too_old(&self, letters: &[(u64, Letter)]) -> bool {
        let Some(give_up_after) = self.delivery.channel.give_up_after() else { return false };
        let age = letters.first().map_or(0, |(_, letter)| now_seconds().saturating_sub(letter.put_seconds));
        self.attempts >= ATTEMPTS_MIN && age >= give_up_after.as_secs()
    }

    /// Gives the first letter up.
    fn bury(&mut self, letters: &[(u64, Letter)], error: &EngineError) -> Result<(), EngineError> {
        let Some((number, letter)) = letters.first() else { return Ok(()) };
        tracing::error!(channel = self.delivery.channel_name, id = letter.id, body = letter.body, %error, "an alert is dead");
        self.attempts = 0;
        self.done(&[(*number, Fate::Dead)])
    }

    fn done(&self, fates: &[(u64, Fate)]) -> Result<(), EngineError> {
        self.delivery.outbox.done(&self.delivery.channel_name, fates, now_seconds())
    }

    /// Shows how many wait, and how far all is sent.
    fn show(&self) -> Result<(), EngineError> {
        let Delivery { outbox, channel_name, alerts, .. } = &self.delivery;
        let (waiting, dead) = outbox.counts()?.get(channel_name).copied().unwrap_or_default();
        let channel = &[channel_name.as_str()];
        self.around.metrics.alerts_waiting.with_label_values(channel).set(waiting as i64);
        self.around.metrics.alerts_dead.with_label_values(channel).set(dead as i64);
        if let Some(frontier) = outbox.sent_before(channel_name, alerts)? {
            self.around.complete_before(frontier);
        }
        Ok(())
    }
}

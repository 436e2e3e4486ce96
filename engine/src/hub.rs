//! The hub: joins what the workers report, and hands each complete tick to those who follow a view.
//!
//! A tick is complete when every worker's frontier has passed it. Its changes are consolidated then, once, so that what
//! readers get does not depend on how the work was spread.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;
use differential_dataflow::consolidation::consolidate;
use operators::Tick;

use crate::frontier::Frontier;
use crate::mailbox::Mailboxes;
use crate::metrics::Metrics;
use crate::view::Rows;
use crate::worker::Report;

/// Joins the workers' reports until they end.
pub fn run(workers: usize, reports: &Receiver<Report>, frontier: &Frontier, mailboxes: &Mailboxes, metrics: &Metrics) {
    let mut frontiers = vec![0; workers];
    let mut pending: BTreeMap<(Tick, usize), Rows> = BTreeMap::new();
    for report in reports {
        frontiers[report.worker] = report.frontier;
        for change in report.changes {
            pending.entry((change.tick, change.view)).or_default().push((change.row, change.diff));
        }
        let complete = frontiers.iter().copied().min().unwrap_or(0);
        if complete <= frontier.get() {
            continue;
        }
        while let Some(entry) = pending.first_entry().filter(|entry| entry.key().0 < complete) {
            let ((tick, view), mut rows) = entry.remove_entry();
            consolidate(&mut rows);
            mailboxes.deliver(view, tick, &rows);
        }
        metrics.ticks_end(complete);
        mailboxes.progress(complete);
        frontier.set(complete);
    }
}

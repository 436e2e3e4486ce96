//! Which operators of a worker take the time: how often each was scheduled, and for how long.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder};
use timely::worker::Worker;

/// The times of the operators of a worker since they were last told.
#[derive(Clone, Default)]
pub struct OperatorTimes(Rc<RefCell<Times>>);

#[derive(Default)]
struct Times {
    names: HashMap<usize, String>,
    /// What was scheduled and has not stopped: its id, when, and what of that time went to operators in it.
    open: Vec<(usize, Duration, Duration)>,
    taken: HashMap<usize, Taken>,
}

#[derive(Clone, Copy, Default)]
struct Taken {
    times: u64,
    own: Duration,
}

impl OperatorTimes {
    /// Of a worker that has no dataflows yet.
    pub fn of(worker: &Worker) -> Self {
        let times = Self::default();
        let (log, into) = (worker.log_register(), times.clone());
        log.expect("the worker logs").insert::<TimelyEventBuilder, _>("timely", move |_time, events| {
            let mut times = into.0.borrow_mut();
            events.iter().flatten().for_each(|(at, event)| times.take(*at, event));
        });
        times
    }

    /// Forgets what there was so far.
    pub fn begin(&self, worker: &Worker) {
        Self::flush(worker);
        self.0.borrow_mut().taken.clear();
    }

    /// Prints the operators that took the most since `begin`, for each of `rounds`.
    pub fn print(&self, worker: &Worker, operators: usize, rounds: u64) {
        Self::flush(worker);
        let times = self.0.borrow();
        let mut taken: Vec<_> = times.taken.iter().collect();
        taken.sort_by_key(|(_, taken)| std::cmp::Reverse(taken.own));
        let per_round = |time: Duration| time.as_secs_f64() * 1e6 / rounds as f64;
        let total: Duration = taken.iter().map(|(_, taken)| taken.own).sum();
        let scheduled: u64 = taken.iter().map(|(_, taken)| taken.times).sum();
        println!(
            "  {} operators, {} of them scheduled, {:.1} times in a round; {:.1} us in a round",
            times.names.len(),
            taken.len(),
            scheduled as f64 / rounds as f64,
            per_round(total)
        );
        for (id, taken) in taken.into_iter().take(operators) {
            let name = times.names.get(id).map_or("", String::as_str);
            let scheduled = taken.times as f64 / rounds as f64;
            println!("  {:>10.1} us {scheduled:>8.1} times  {name} ({id})", per_round(taken.own));
        }
    }

    fn flush(worker: &Worker) {
        worker.log_register().expect("the worker logs").flush();
    }
}

impl Times {
    fn take(&mut self, at: Duration, event: &TimelyEvent) {
        match event {
            TimelyEvent::Operates(operator) => {
                self.names.insert(operator.id, operator.name.clone());
            }
            TimelyEvent::Schedule(event) if event.start_stop == StartStop::Start => {
                self.open.push((event.id, at, Duration::ZERO));
            }
            TimelyEvent::Schedule(_) => {
                let Some((id, begun, within)) = self.open.pop() else { return };
                let whole = at - begun;
                if let Some((_, _, within)) = self.open.last_mut() {
                    *within += whole;
                }
                let taken = self.taken.entry(id).or_default();
                taken.times += 1;
                taken.own += whole.saturating_sub(within);
            }
            _ => {}
        }
    }
}

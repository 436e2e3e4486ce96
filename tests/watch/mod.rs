//! Observers of a server that dies and comes back: they follow its views over Flight, and check at every tick what must hold
//! at every tick.
//!
//! ```text
//!  server ──▶ follower of each view ──(view, tick, rows)──▶ books: all views at one tick ──▶ invariants
//!               │ reconnects with from_tick; what it holds is compared with a snapshot as of that tick
//! ```
//! Two of them watch, with different habits: one always follows, one reads a few messages and is away for a while. In the end
//! both must have seen the very same rows at the very same ticks. Only who is behind by more rows than a day has is told of
//! several ticks as one.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

mod follower;
mod invariants;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::live::Server;
use follower::{Followed, Follower};

/// The views that are watched: those of which what must hold can be said.
pub(crate) const WATCHED: [&str; 5] = ["trades", "matches", "breaks", "break_summary", "conservation"];

/// How long nothing may be heard before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);

/// A row, by column.
pub(crate) type Cells = BTreeMap<String, String>;

/// The rows of a view, by their keys.
pub(crate) type Held = BTreeMap<String, Cells>;

/// How an observer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// It always follows, and connects again as soon as it can.
    Faithful,
    /// It reads a few messages, lets go of its connection, and comes back later.
    Wandering,
}

/// Where the server is now, and up to which tick there is something to be seen, once that is known.
#[derive(Clone, Default)]
struct Place {
    address: String,
    until: Option<u64>,
}

/// What a follower has seen of a view.
struct Sight {
    view: usize,
    /// All before this tick is whole.
    frontier: u64,
    /// What the view holds since a tick, if it was not so before.
    changed: Option<(u64, Arc<Held>)>,
    /// Whether it begins anew: what was in between has not been seen.
    is_anew: bool,
}

/// What the observers have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Ticks at which the invariants were looked at.
    pub(crate) ticks: usize,
    /// Subscriptions that went on from a tick.
    pub(crate) resumed: usize,
    /// Those of which the state was compared with a snapshot as of that tick.
    pub(crate) compared: usize,
    /// Subscriptions that had to begin anew, because the past had been removed.
    pub(crate) anew: usize,
}

/// The observers of a server.
pub(crate) struct Watch {
    place: watch::Sender<Place>,
    observers: [Observer; 2],
}

/// One of them.
struct Observer {
    ends: JoinHandle<(Seen, Vec<Followed>)>,
    /// All before this tick has been looked at.
    done: watch::Receiver<u64>,
}

impl Watch {
    /// Begins to watch.
    pub(crate) fn begin(server: &Server) -> Watch {
        let (place, _) = watch::channel(Place { address: server.address.clone(), until: None });
        let observers = [Habit::Faithful, Habit::Wandering].map(|habit| {
            let (telling, done) = watch::channel(0);
            Observer { ends: tokio::spawn(observe(habit, place.subscribe(), telling)), done }
        });
        Watch { place, observers }
    }

    /// Begins to watch, and waits until everybody has seen what is there now.
    pub(crate) async fn begun(server: &Server) -> Watch {
        let mut watch = Watch::begin(server);
        for observer in &mut watch.observers {
            observer.reached(0).await;
        }
        watch
    }

    /// The server has been started again, and listens elsewhere.
    pub(crate) fn moved(&self, server: &Server) {
        self.place.send_modify(|place| place.address.clone_from(&server.address));
    }

    /// Waits until the faithful one has seen a tick.
    pub(crate) async fn saw(&mut self, tick: u64) {
        self.observers[0].reached(tick).await;
    }

    /// Waits until all observers have seen everything up to a tick; they must have seen the same.
    pub(crate) async fn end(self, until: u64) -> [Seen; 2] {
        self.place.send_modify(|place| place.until = Some(until));
        let [faithful, wandering] = self.observers;
        let ended = [faithful.ends.await, wandering.ends.await];
        let [(faithful, one), (wandering, other)] = ended.map(|ended| ended.expect(FOUND));
        for (view, (one, other)) in WATCHED.iter().zip(one.iter().zip(&other)) {
            assert_eq!(one.differs_from(other), None, "the observers have seen something else in `{view}`");
        }
        [faithful, wandering]
    }
}

impl Observer {
    async fn reached(&mut self, tick: u64) {
        let reached = timeout(PATIENCE, self.done.wait_for(|done| *done > tick)).await;
        reached.expect("the observers get further").expect(FOUND);
    }
}

const FOUND: &str = "an observer has found something: see above";

/// Follows all views, and looks at them tick by tick.
async fn observe(habit: Habit, place: watch::Receiver<Place>, telling: watch::Sender<u64>) -> (Seen, Vec<Followed>) {
    let (sights, mut seen_now) = mpsc::channel(1024);
    let mut followers = JoinSet::new();
    for view in 0..WATCHED.len() {
        followers.spawn(Follower::new(view, habit, place.clone(), sights.clone()).follow());
    }
    drop(sights);
    let (mut books, mut seen, mut followed) = (Books::default(), Seen::default(), Vec::new());
    loop {
        let next = async {
            tokio::select! {
                Some(ended) = followers.join_next() => {
                    // Whoever has found something ends all.
                    followed.push(ended.expect(FOUND));
                    true
                }
                sight = seen_now.recv() => match sight {
                    Some(sight) => {
                        seen.ticks += books.take(sight);
                        telling.send_replace(books.done);
                        true
                    }
                    None => !followers.is_empty(),
                },
            }
        };
        if !timeout(PATIENCE, next).await.expect("the observers hear something") {
            break;
        }
    }
    followed.sort_by_key(|followed| followed.view);
    for each in &followed {
        seen.resumed += each.resumed;
        seen.compared += each.compared;
        seen.anew += each.anew;
    }
    (seen, followed)
}

/// All views, at each tick that is whole in all of them.
#[derive(Default)]
struct Books {
    views: [Page; WATCHED.len()],
    /// All before this tick has been looked at.
    done: u64,
    /// Before this tick some view was not followed.
    begun: u64,
}

/// What is known of a view.
#[derive(Default)]
struct Page {
    frontier: u64,
    now: Arc<Held>,
    /// What it holds since later ticks.
    later: BTreeMap<u64, Arc<Held>>,
}

impl Books {
    /// Takes what was seen; gives at how many ticks everything could be looked at.
    fn take(&mut self, sight: Sight) -> usize {
        let page = &mut self.views[sight.view];
        page.frontier = page.frontier.max(sight.frontier);
        if let Some((tick, held)) = sight.changed {
            if sight.is_anew {
                self.begun = self.begun.max(tick);
            }
            page.later.insert(tick, held);
        }
        let whole = self.views.iter().map(|page| page.frontier).min().unwrap();
        let ticks: BTreeSet<u64> =
            self.views.iter().flat_map(|page| page.later.range(..whole).map(|(tick, _)| *tick)).collect();
        let mut looked = 0;
        for tick in ticks {
            assert!(tick >= self.done, "tick {tick} comes after everything before {} was whole", self.done);
            self.views.iter_mut().for_each(|page| page.now = page.later.remove(&tick).unwrap_or(page.now.clone()));
            if tick >= self.begun {
                let [trades, matches, breaks, summary, conservation] = self.views.each_ref().map(|page| &*page.now);
                invariants::check(tick, trades, matches, breaks, summary, conservation);
                looked += 1;
            }
        }
        self.done = self.done.max(whole);
        looked
    }
}

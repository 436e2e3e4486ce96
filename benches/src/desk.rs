//! The graphs of books without an engine around them, with their inputs, at a tick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dataflows::portfolio::inputs::{Inputs, LevelOf, PriceOf, RateOf, RiskFreeOf, VegaOf};
use dataflows::portfolio::{Books, BooksConfig, keep_books};
use differential_dataflow::AsCollection;
use engine::{Cell, ViewSpec, Views};
use model::{Instrument, Limit, Portfolio, Transaction};
use operators::{Data, Tick, nothing};
use timely::dataflow::InputHandle;
use timely::dataflow::operators::vec::Input;
use timely::worker::Worker;

use crate::measure::{cpu, load, micros, percentile};
use crate::operator_times::OperatorTimes;

type Handle<T> = InputHandle<Tick, timely::container::CapacityContainerBuilder<Vec<(T, Tick, isize)>>>;

/// The graphs with their inputs, at a tick.
pub struct Desk<'a> {
    worker: &'a mut Worker,
    transactions: Handle<Arc<Transaction>>,
    portfolios: Handle<Arc<Portfolio>>,
    instruments: Handle<Arc<Instrument>>,
    prices: Handle<PriceOf>,
    fx_rates: Handle<RateOf>,
    benchmark_levels: Handle<LevelOf>,
    risk_free_rates: Handle<RiskFreeOf>,
    vegas: Handle<VegaOf>,
    limits: Handle<Arc<Limit>>,
    views: Views,
    tick: Tick,
    changes_followed: usize,
    /// How many operators to print, and their times; with `OPERATORS` in the environment.
    operators: Option<(usize, OperatorTimes)>,
}

/// 2027-01-01: all days have come.
const NOW: Tick = 1_798_761_600_000_000;

fn handle<T: Data>() -> Handle<T> {
    Handle::new()
}

impl<'a> Desk<'a> {
    /// The graphs of a configuration that says nothing, with nothing in them.
    pub fn new(worker: &'a mut Worker) -> Self {
        let operators = std::env::var("OPERATORS").ok().map(|text| text.parse().expect("OPERATORS is a whole number"));
        let operators = operators.map(|operators| (operators, OperatorTimes::of(worker)));
        let books = Books::new(&BooksConfig::default(), &BTreeMap::new()).unwrap();
        let mut views = Views::default();
        let (mut transactions, mut portfolios, mut instruments, mut prices) = (handle(), handle(), handle(), handle());
        let (mut fx_rates, mut benchmark_levels, mut risk_free_rates, mut vegas, mut limits) =
            (handle(), handle(), handle(), handle(), handle());
        worker.dataflow(|scope| {
            let inputs = Inputs {
                transactions: scope.input_from(&mut transactions).as_collection(),
                portfolios: scope.input_from(&mut portfolios).as_collection(),
                instruments: scope.input_from(&mut instruments).as_collection(),
                prices: scope.input_from(&mut prices).as_collection(),
                fx_rates: scope.input_from(&mut fx_rates).as_collection(),
                benchmark_levels: scope.input_from(&mut benchmark_levels).as_collection(),
                risk_free_rates: scope.input_from(&mut risk_free_rates).as_collection(),
                vegas: scope.input_from(&mut vegas).as_collection(),
                limits: scope.input_from(&mut limits).as_collection(),
            };
            drop(keep_books(&books, &["books".to_owned()], inputs, nothing(scope), &mut views));
        });
        let mut desk = Desk {
            worker,
            transactions,
            portfolios,
            instruments,
            prices,
            fx_rates,
            benchmark_levels,
            risk_free_rates,
            vegas,
            limits,
            views,
            tick: 0,
            changes_followed: 0,
            operators,
        };
        desk.advance_to(NOW);
        desk
    }

    fn advance_to(&mut self, tick: Tick) {
        self.tick = tick;
        self.transactions.advance_to(tick);
        self.portfolios.advance_to(tick);
        self.instruments.advance_to(tick);
        self.prices.advance_to(tick);
        self.fx_rates.advance_to(tick);
        self.benchmark_levels.advance_to(tick);
        self.risk_free_rates.advance_to(tick);
        self.vegas.advance_to(tick);
        self.limits.advance_to(tick);
    }

    /// Tells of a portfolio.
    pub fn portfolio(&mut self, record: Arc<Portfolio>) {
        self.portfolios.send((record, self.tick, 1));
    }

    /// Tells of a transaction.
    pub fn transaction(&mut self, record: Arc<Transaction>) {
        self.transactions.send((record, self.tick, 1));
    }

    /// Tells of a price, or takes it back.
    pub fn price(&mut self, row: PriceOf, diff: isize) {
        self.prices.send((row, self.tick, diff));
    }

    /// Closes the tick, and works until all views have it and those who follow one have its changes.
    pub fn close(&mut self) -> Duration {
        let begun = Instant::now();
        let closed = self.tick;
        self.advance_to(closed + 1);
        while self.views.frontier() <= closed {
            self.worker.step();
        }
        self.changes_followed += self.views.take_changes().len();
        begun.elapsed()
    }

    /// What an engine does while it is idle.
    pub fn tidy(&mut self) {
        let frontier = self.views.frontier();
        while self.views.compact_next(frontier - 1, frontier) {}
        for _ in 0..3 {
            self.worker.step();
        }
    }

    /// Follows a view from here on.
    pub fn follow(&mut self, view: &str) {
        let (place, _) = self.view(view);
        self.views.follow(place, true);
    }

    /// How many changes of followed views there were.
    pub fn changes_followed(&self) -> usize {
        self.changes_followed
    }

    /// What each portfolio's exposure comes to, by portfolio, in units of an amount, after the last tick that was closed.
    pub fn net_exposures(&mut self) -> BTreeMap<Cell, i128> {
        let (place, spec) = self.view("exposures");
        let [scope, portfolio, dimension, net] =
            ["scope", "portfolio", "dimension", "net"].map(|column| spec.column(column).unwrap());
        let (of_portfolio, total) = (Cell::text("portfolio"), Cell::text("total"));
        let mut values = BTreeMap::new();
        self.views.snapshot(place, self.tick - 1, &mut |row, count| {
            let cells = row.cells();
            if cells[scope] == of_portfolio && cells[dimension] == total {
                let Cell::Fixed(net) = cells[net] else { panic!("no value in {row:?}") };
                *values.entry(cells[portfolio].clone()).or_default() += i128::from(net) * count as i128;
            }
        });
        values
    }

    fn view(&self, name: &str) -> (usize, ViewSpec) {
        self.views.specs().into_iter().enumerate().find(|(_, spec)| spec.name == name).unwrap()
    }

    /// Forgets which operators took the time so far.
    fn begin_operators(&self) {
        if let Some((_, times)) = &self.operators {
            times.begin(self.worker);
        }
    }

    /// Prints which operators took the time of so many rounds, if that is wanted.
    pub fn print_operators(&self, rounds: u64) {
        if let Some((operators, times)) = &self.operators {
            times.print(self.worker, *operators, rounds);
        }
    }

    /// Makes a change in a tick of its own, again and again, and prints what that took.
    pub fn measure(&mut self, what: &str, rounds: u64, mut change: impl FnMut(&mut Self, u64)) {
        self.begin_operators();
        let (mut times, cpu_before) = (Vec::new(), cpu());
        for round in 0..rounds {
            change(self, round);
            times.push(self.close());
            self.tidy();
        }
        let used = cpu() - cpu_before;
        let [p50, p99] = [0.5, 0.99].map(|share| micros(percentile(&mut times, share)) / 1000.0);
        println!(
            "{what}, n = {rounds}: p50 {p50:.2} ms, p99 {p99:.2} ms; all of them {:.2} s CPU with tidying, load average {}",
            used.as_secs_f64(),
            load()
        );
        self.print_operators(rounds);
    }
}

//! W3 in the graphs of books, without an engine around them: portfolios valued from day to day and their returns.
//!
//! `books [portfolios] [instruments] [held] [days] [rounds]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::books::{FIRST_DAY, Size, portfolio_record, price, price_of, purchase};
use benches::measure::{argument, cpu, load, micros, peak_mb, percentile, resident_mb};
use dataflows::portfolio::inputs::{Inputs, PriceOf, RateOf, VegaOf};
use dataflows::portfolio::{Books, BooksConfig, keep_books};
use differential_dataflow::AsCollection;
use engine::Views;
use model::{Currency, Instrument, Limit, Portfolio, Symbol, Transaction};
use operators::{Data, Tick};
use timely::dataflow::InputHandle;
use timely::dataflow::operators::vec::Input;
use timely::worker::Worker;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Handle<T> = InputHandle<Tick, timely::container::CapacityContainerBuilder<Vec<(T, Tick, isize)>>>;

/// The graphs with their inputs, at a tick.
struct Desk<'a> {
    worker: &'a mut Worker,
    transactions: Handle<Arc<Transaction>>,
    portfolios: Handle<Arc<Portfolio>>,
    instruments: Handle<Arc<Instrument>>,
    prices: Handle<PriceOf>,
    fx_rates: Handle<RateOf>,
    benchmark_levels: Handle<(Symbol, i32, i64)>,
    risk_free_rates: Handle<(Currency, i32, i128)>,
    vegas: Handle<VegaOf>,
    limits: Handle<Arc<Limit>>,
    views: Views,
    tick: Tick,
}

/// 2027-01-01: all days have come.
const NOW: Tick = 1_798_761_600_000_000;

fn handle<T: Data>() -> Handle<T> {
    Handle::new()
}

impl<'a> Desk<'a> {
    fn new(worker: &'a mut Worker) -> Self {
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
            drop(keep_books(&books, &["books".to_owned()], inputs, &mut views));
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

    fn price(&mut self, row: PriceOf, diff: isize) {
        self.prices.send((row, self.tick, diff));
    }

    /// Closes the tick, and works until all views have it.
    fn close(&mut self) -> Duration {
        let begun = Instant::now();
        let closed = self.tick;
        self.advance_to(closed + 1);
        while self.views.frontier() <= closed {
            self.worker.step();
        }
        begun.elapsed()
    }

    /// What an engine does while it is idle.
    fn tidy(&mut self) {
        let frontier = self.views.frontier();
        while self.views.compact_next(frontier - 1, frontier) {}
        for _ in 0..3 {
            self.worker.step();
        }
    }
}

fn main() {
    let size = Size {
        portfolios: argument(1, 1000),
        instruments: argument(2, 10_000),
        held: argument(3, 250),
        days: argument(4, 750) as i32,
    };
    let rounds = argument(5, 200);
    timely::execute(timely::Config::thread(), move |worker| run(worker, size, rounds)).unwrap();
}

fn run(worker: &mut Worker, size: Size, rounds: u64) {
    let mut desk = Desk::new(worker);
    let (cpu_before, begun) = (cpu(), Instant::now());
    for number in 0..size.portfolios {
        desk.portfolios.send((portfolio_record(number), desk.tick, 1));
        for holding in 0..size.held {
            desk.transactions.send((purchase(&size, number, holding, 0), desk.tick, 1));
        }
    }
    for instrument in 0..size.instruments {
        for day in 0..size.days {
            desk.price(price_of(instrument, day, price(instrument, day)), 1);
        }
    }
    let made = cpu() - cpu_before;
    desk.close();
    println!(
        "W3 {size:?}: load {:.3} s wall, {:.3} s CPU ({:.3} s of it to make the records), peak {} MB, load average {}",
        begun.elapsed().as_secs_f64(),
        (cpu() - cpu_before).as_secs_f64(),
        made.as_secs_f64(),
        peak_mb(),
        load()
    );
    desk.tidy();
    println!("resident {} MB", resident_mb());

    told("a price of 700 days ago", rounds, &mut desk, |desk, round| {
        let (instrument, day) = (round * 7919 % size.instruments, size.days - 1 - 700.min(size.days - 1));
        desk.price(price_of(instrument, day, price(instrument, day)), -1);
        desk.price(price_of(instrument, day, price(instrument, day) + 10_000), 1);
    });
    told("a purchase that is dated back by 700 days", rounds, &mut desk, |desk, round| {
        let day = size.days - 1 - 700.min(size.days - 1);
        let late = purchase(&size, round % size.portfolios, round % size.held, day);
        desk.transactions.send((late, desk.tick, 1));
    });
    told("the close of a day", 10, &mut desk, |desk, round| {
        for instrument in 0..size.instruments {
            let day = size.days + round as i32;
            desk.price(price_of(instrument, day, price(instrument, day)), 1);
        }
    });
    println!("at the end: resident {} MB, peak {} MB; first day {FIRST_DAY}", resident_mb(), peak_mb());
}

fn told(what: &str, rounds: u64, desk: &mut Desk<'_>, change: impl Fn(&mut Desk<'_>, u64)) {
    let mut times = Vec::new();
    for round in 0..rounds {
        change(desk, round);
        times.push(desk.close());
        desk.tidy();
    }
    let [p50, p99] = [0.5, 0.99].map(|share| micros(percentile(&mut times, share)) / 1000.0);
    println!("{what}, n = {rounds}: p50 {p50:.2} ms, p99 {p99:.2} ms, load average {}", load());
}

//! W3 in the graphs of books, without an engine around them: portfolios valued from day to day and their returns.
//!
//! `books [portfolios] [instruments] [held] [days] [rounds]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use benches::books::{FIRST_DAY, Size, portfolio_record, price, price_of, purchase};
use benches::desk::Desk;
use benches::measure::{argument, cpu, load, peak_mb, resident_mb};
use timely::worker::Worker;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let size = Size::asked(Size { portfolios: 1000, instruments: 10_000, held: 250, days: 750 });
    let rounds = argument(5, 200);
    timely::execute(timely::Config::thread(), move |worker| run(worker, size, rounds)).unwrap();
}

fn run(worker: &mut Worker, size: Size, rounds: u64) {
    let mut desk = Desk::new(worker);
    let (cpu_before, begun) = (cpu(), Instant::now());
    for number in 0..size.portfolios {
        desk.portfolio(portfolio_record(number));
        for holding in 0..size.held {
            desk.transaction(purchase(&size, number, holding, 0));
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
    desk.print_operators(1);
    desk.tidy();
    println!("resident {} MB", resident_mb());

    desk.measure("a price of 700 days ago", rounds, |desk, round| {
        let (instrument, day) = (round * 7919 % size.instruments, size.days - 1 - 700.min(size.days - 1));
        desk.price(price_of(instrument, day, price(instrument, day)), -1);
        desk.price(price_of(instrument, day, price(instrument, day) + 10_000), 1);
    });
    desk.measure("a purchase that is dated back by 700 days", rounds, |desk, round| {
        let day = size.days - 1 - 700.min(size.days - 1);
        desk.transaction(purchase(&size, round % size.portfolios, round % size.held, day));
    });
    desk.measure("the close of a day", 10, |desk, round| {
        for instrument in 0..size.instruments {
            let day = size.days + round as i32;
            desk.price(price_of(instrument, day, price(instrument, day)), 1);
        }
    });
    println!("at the end: resident {} MB, peak {} MB; first day {FIRST_DAY}", resident_mb(), peak_mb());
}

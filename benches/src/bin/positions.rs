//! W2 in the graphs of books, without an engine around them: positions of many trades, and what they are exposed to when
//! prices change.
//!
//! `positions [trades] [instruments] [portfolios] [ticks]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Instant;

use benches::books::{portfolio, price, price_of};
use benches::desk::Desk;
use benches::measure::{argument, cpu, load, peak_mb, resident_mb};
use benches::positions::{Size, portfolio_that_may_be_short, transaction};
use dataflows::table::symbol_cell;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let size = Size { trades: argument(1, 1_000_000), instruments: argument(2, 10_000), portfolios: argument(3, 1000) };
    let ticks = argument(4, 1000);
    timely::execute(timely::Config::thread(), move |worker| run(&mut Desk::new(worker), size, ticks)).unwrap();
}

fn run(desk: &mut Desk<'_>, size: Size, ticks: u64) {
    let mut prices: Vec<i64> = (0..size.instruments).map(|instrument| price(instrument, 0)).collect();
    bulk(desk, size, &prices);
    check(desk, size, &prices);

    desk.measure("a price", ticks, |desk, round| change_price(desk, &mut prices, round));
    let together = |desk: &mut Desk<'_>, prices: &mut Vec<i64>| {
        (0..1000.min(size.instruments)).for_each(|place| change_price(desk, prices, place));
    };
    desk.measure("a thousand prices", 10, |desk, _| together(desk, &mut prices));
    check(desk, size, &prices);
    println!("resident {} MB, peak {} MB", resident_mb(), peak_mb());

    desk.follow("exposures");
    let rounds = (ticks / 20).max(1);
    desk.measure("a price, exposures followed", rounds, |desk, round| change_price(desk, &mut prices, round));
    println!("{} changes of exposures a price", desk.changes_followed() as u64 / rounds);
    desk.measure("a thousand prices, exposures followed", 3, |desk, _| together(desk, &mut prices));
    check(desk, size, &prices);
    println!("at the end: resident {} MB, peak {} MB", resident_mb(), peak_mb());
}

/// Loads all portfolios, trades and prices in one tick.
fn bulk(desk: &mut Desk<'_>, size: Size, prices: &[i64]) {
    let (cpu_before, begun) = (cpu(), Instant::now());
    (0..size.portfolios).for_each(|number| desk.portfolio(portfolio_that_may_be_short(number)));
    (0..size.trades).for_each(|number| desk.transaction(transaction(number, size.traded(number))));
    for (instrument, price) in (0..).zip(prices) {
        desk.price(price_of(instrument, 0, *price), 1);
    }
    let made = cpu() - cpu_before;
    desk.close();
    let (wall, used) = (begun.elapsed(), cpu() - cpu_before);
    println!(
        "W2 {size:?}: load {:.3} s wall, {:.3} us CPU a trade ({:.3} us of it to make the records), peak {} MB, load average {}",
        wall.as_secs_f64(),
        used.as_secs_f64() * 1e6 / size.trades as f64,
        made.as_secs_f64() * 1e6 / size.trades as f64,
        peak_mb(),
        load()
    );
    desk.print_operators(1);
    desk.tidy();
    println!("resident {} MB", resident_mb());
}

/// One instrument costs 0.0001 more.
fn change_price(desk: &mut Desk<'_>, prices: &mut [i64], round: u64) {
    let instrument = round * 7919 % prices.len() as u64;
    let price = &mut prices[instrument as usize];
    desk.price(price_of(instrument, 0, *price), -1);
    *price += 10_000;
    desk.price(price_of(instrument, 0, *price), 1);
}

/// The exposures must be what the trades come to at these prices.
fn check(desk: &mut Desk<'_>, size: Size, prices: &[i64]) {
    let expected: BTreeMap<_, _> =
        (0..).zip(size.net_values(prices)).map(|(number, value)| (symbol_cell(portfolio(number)), value)).collect();
    assert!(desk.net_exposures() == expected, "exposures differ from the trades at these prices");
}

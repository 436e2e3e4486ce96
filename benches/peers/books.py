"""W3 in NumPy, DuckDB and Polars, beside Tieout's graphs of books, in the same run.

    python3 books.py target/release/books [portfolios] [instruments] [held] [days] [rounds]

Tieout keeps every value current; these compute all values of all portfolios and days, and the return of each portfolio over
all days, once. So their time is also what one corrected price or one late purchase costs them. NumPy is dense: arrays of all
prices and holdings, ready in memory. DuckDB and Polars hold tables in memory. All three give the same returns.
"""

import argparse
import os
import statistics
import subprocess
import time


def data(size):
    import numpy as np

    portfolios, instruments, held, days = size
    random = np.random.default_rng(7)
    prices = random.integers(1_000, 11_000, size=(instruments, days)) / 100
    step = max(instruments // held, 1)
    numbers = np.arange(portfolios)[:, None] * 7 + np.arange(held)[None, :] * step
    holdings = numbers % instruments
    quantities = (np.arange(portfolios)[:, None] + np.arange(held)[None, :]) % 90 + 10
    return prices, holdings, quantities.astype(np.float64)


def numpy_returns(prices, holdings, quantities):
    import numpy as np

    values = np.empty((len(holdings), prices.shape[1]))
    for portfolio, (held, units) in enumerate(zip(holdings, quantities)):
        values[portfolio] = units @ prices[held]
    daily = values[:, 1:] / values[:, :-1]
    return daily.prod(axis=1) - 1


def tables(prices, holdings, quantities):
    import numpy as np
    import pyarrow as pa

    instruments, days = prices.shape
    of_prices = pa.table(
        {
            "instrument": np.repeat(np.arange(instruments, dtype=np.int32), days),
            "day": np.tile(np.arange(days, dtype=np.int32), instruments),
            "price": prices.ravel(),
        }
    )
    of_holdings = pa.table(
        {
            "portfolio": np.repeat(np.arange(len(holdings), dtype=np.int32), holdings.shape[1]),
            "instrument": holdings.ravel().astype(np.int32),
            "quantity": quantities.ravel(),
        }
    )
    return of_prices, of_holdings


def duckdb_returns(prices, holdings):
    import duckdb

    connection = duckdb.connect()
    connection.register("prices", prices)
    connection.register("holdings", holdings)
    rows = connection.execute(
        """
        with days as (
            select portfolio, day, sum(quantity * price) as value
            from holdings join prices using (instrument) group by portfolio, day
        ),
        daily as (select portfolio, value / lag(value) over (partition by portfolio order by day) as growth from days)
        select portfolio, product(growth) - 1 from daily where growth is not null group by portfolio order by portfolio
        """
    ).fetchall()
    connection.close()
    return [growth for _, growth in rows]


def polars_returns(prices, holdings):
    import polars as pl

    days = (
        pl.from_arrow(holdings).lazy().join(pl.from_arrow(prices).lazy(), on="instrument")
        .group_by("portfolio", "day").agg(value=(pl.col("quantity") * pl.col("price")).sum())
        .sort("portfolio", "day")
        .with_columns(growth=pl.col("value") / pl.col("value").shift(1).over("portfolio"))
        .group_by("portfolio").agg(growth=pl.col("growth").product() - 1).sort("portfolio")
    )
    return days.collect(engine="streaming")["growth"].to_list()


def measure(name, compute, rounds):
    walls, cpus, returns = [], [], None
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        returns = compute()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    print(
        f"{name}: medians of {rounds}: {statistics.median(walls):.3f} s wall, {statistics.median(cpus):.3f} s CPU, "
        f"load average {os.getloadavg()[0]:.2f}",
        flush=True,
    )
    return returns


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    for name, usual in [("portfolios", 1000), ("instruments", 10_000), ("held", 250), ("days", 750), ("rounds", 3)]:
        parser.add_argument(name, type=int, nargs="?", default=usual)
    asked = parser.parse_args()
    size = (asked.portfolios, asked.instruments, asked.held, asked.days)
    subprocess.run([asked.program, *map(str, size)], check=True)
    dense = data(size)
    expected = measure("NumPy, dense", lambda: numpy_returns(*dense), asked.rounds)
    of_prices, of_holdings = tables(*dense)
    for name, compute in [("DuckDB", duckdb_returns), ("Polars", polars_returns)]:
        try:
            found = measure(name, lambda: compute(of_prices, of_holdings), asked.rounds)
        except ImportError:
            print(f"skipped: {name} is not installed (pip install -r requirements.txt)")
            continue
        assert max(abs(ours - theirs) for ours, theirs in zip(expected, found)) < 1e-9, name


if __name__ == "__main__":
    main()

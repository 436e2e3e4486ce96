"""W3 in NumPy, DuckDB and Polars, beside Tieout's graphs of books, in the same run.

    python3 books.py target/release/books [portfolios] [instruments] [held] [days] [rounds]

Tieout keeps every value current; these compute all values of all portfolios and days, and the return of each portfolio over
all days, once. So their time is also what one corrected price or one late purchase costs them. NumPy is dense: arrays of all
prices and holdings, ready in memory. DuckDB and Polars hold tables in memory. All three give the same returns.
"""

import argparse
import subprocess

import numpy as np

from measuring import installed, measure


def data(size):
    portfolios, instruments, held, days = size
    random = np.random.default_rng(7)
    prices = random.integers(1_000, 11_000, size=(instruments, days)) / 100
    step = max(instruments // held, 1)
    numbers = np.arange(portfolios)[:, None] * 7 + np.arange(held)[None, :] * step
    holdings = numbers % instruments
    quantities = (np.arange(portfolios)[:, None] + np.arange(held)[None, :]) % 90 + 10
    return prices, holdings, quantities.astype(np.float64)


def numpy_returns(prices, holdings, quantities):
    values = np.empty((len(holdings), prices.shape[1]))
    for portfolio, (held, units) in enumerate(zip(holdings, quantities)):
        values[portfolio] = units @ prices[held]
    daily = values[:, 1:] / values[:, :-1]
    return daily.prod(axis=1) - 1


def tables(prices, holdings, quantities):
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


def duckdb_returns(of_prices, of_holdings):
    """Gives what computes the returns."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("create table prices as from of_prices; create table holdings as from of_holdings")
    # Groups by small integers lie in an array then, and not in a hash table: a third of the time.
    connection.execute("set perfect_ht_threshold = 24")
    query = """
        with days as (
            select portfolio, day, sum(quantity * price) as value
            from holdings join prices using (instrument) group by portfolio, day
        ),
        daily as (select portfolio, value / lag(value) over (partition by portfolio order by day) as growth from days)
        select portfolio, product(growth) - 1 from daily where growth is not null group by portfolio order by portfolio
    """
    return lambda: [growth for _, growth in connection.execute(query).fetchall()]


def polars_returns(of_prices, of_holdings):
    """Gives what computes the returns: by some days at a time, since all products at once take 5 GB and three times as long."""
    import polars as pl

    prices, holdings = pl.from_arrow(of_prices), pl.from_arrow(of_holdings)
    days_at_once, last = 50, prices["day"].max()

    def values(first):
        some = prices.lazy().filter(pl.col("day").is_between(first, first + days_at_once - 1))
        value = (pl.col("quantity") * pl.col("price")).sum()
        joined = holdings.lazy().join(some, on="instrument")
        return joined.group_by("portfolio", "day").agg(value=value).collect(engine="streaming")

    def returns():
        days = pl.concat([values(first) for first in range(0, last + 1, days_at_once)]).lazy().sort("portfolio", "day")
        growth = pl.col("value") / pl.col("value").shift(1).over("portfolio")
        of_portfolios = days.with_columns(growth=growth).group_by("portfolio").agg(growth=pl.col("growth").product() - 1)
        return of_portfolios.sort("portfolio").collect()["growth"].to_list()

    return returns


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    for name, usual in [("portfolios", 1000), ("instruments", 10_000), ("held", 250), ("days", 750), ("rounds", 3)]:
        parser.add_argument(name, type=int, nargs="?", default=usual)
    asked = parser.parse_args()
    size = (asked.portfolios, asked.instruments, asked.held, asked.days)
    subprocess.run([asked.program, *map(str, size)], check=True)
    dense = data(size)
    expected = measure(f"{installed('numpy')}, dense", lambda: numpy_returns(*dense), asked.rounds)
    of_tables = tables(*dense)
    for module, prepare in [("duckdb", duckdb_returns), ("polars", polars_returns)]:
        if name := installed(module):
            found = measure(name, prepare(*of_tables), asked.rounds)
            assert max(abs(ours - theirs) for ours, theirs in zip(expected, found, strict=True)) < 1e-9, name


if __name__ == "__main__":
    main()

"""W2 in NumPy, DuckDB and Polars, beside Tieout's graphs of books, in the same run.

    python3 positions.py target/release/positions [trades] [instruments] [portfolios] [rounds]

Tieout keeps lots, and what exposures by twelve dimensions are sums of; these compute what is long and short in each
portfolio, and no more. The bulk is from trades in memory to positions and that. After a price has changed, they compute it
again from the positions. NumPy is dense: a matrix of all portfolios and instruments; there a price is also a column of it, and
what only this column changes can be written by hand. All give the same values.
"""

import argparse
import subprocess

import numpy as np

from measuring import installed, measure


def data(size):
    """Portfolio, instrument and units of each trade, and the prices."""
    trades, instruments, portfolios = size
    random = np.random.default_rng(7)
    units = random.integers(10, 100, trades) * random.choice([1, 1, -1], trades)
    of_trades = random.integers(0, portfolios, trades), random.integers(0, instruments, trades), units.astype(np.float64)
    return of_trades, random.integers(1_000, 11_000, instruments) / 100


class Dense:
    """NumPy."""

    def __init__(self, trades, prices, portfolios):
        self.trades, self.prices, self.portfolios = trades, prices.copy(), portfolios

    def bulk(self):
        portfolio, instrument, units = self.trades
        places, count = portfolio * len(self.prices) + instrument, self.portfolios * len(self.prices)
        positions = np.bincount(places, weights=units, minlength=count).reshape(self.portfolios, -1)
        self.long, self.short = np.maximum(positions, 0), np.maximum(-positions, 0)
        return self.exposures()

    def exposures(self):
        self.current = np.stack([self.long @ self.prices, self.short @ self.prices], axis=1)
        return self.current

    def change(self, instrument):
        self.prices[instrument] += 0.0001
        return self.exposures()

    def change_column(self, instrument):
        self.prices[instrument] += 0.0001
        self.current[:, 0] += self.long[:, instrument] * 0.0001
        self.current[:, 1] += self.short[:, instrument] * 0.0001
        return self.current


class DuckDb:
    """DuckDB."""

    EXPOSURES = """
        select sum(greatest(units, 0) * price), sum(greatest(-units, 0) * price)
        from positions join prices using (instrument) group by portfolio order by portfolio
    """

    def __init__(self, trades, prices, _portfolios):
        import duckdb
        import pyarrow as pa

        of_trades = pa.table(dict(zip(["portfolio", "instrument", "units"], trades)))
        of_prices = pa.table({"instrument": np.arange(len(prices)), "price": prices})
        self.connection = duckdb.connect()
        self.connection.execute("create table trades as from of_trades; create table prices as from of_prices")
        del of_trades, of_prices

    def bulk(self):
        self.connection.execute(
            "create or replace table positions as "
            "select portfolio, instrument, sum(units) as units from trades group by portfolio, instrument"
        )
        return self.exposures()

    def exposures(self):
        columns = self.connection.execute(self.EXPOSURES).fetchnumpy()
        return np.stack(list(columns.values()), axis=1)

    def change(self, instrument):
        self.connection.execute("update prices set price = price + 0.0001 where instrument = ?", [instrument])
        return self.exposures()


class Polars:
    """Polars."""

    def __init__(self, trades, prices, _portfolios):
        import polars as pl

        self.pl = pl
        self.trades = pl.DataFrame(dict(zip(["portfolio", "instrument", "units"], trades)))
        self.prices = pl.DataFrame({"instrument": np.arange(len(prices)), "price": prices})

    def bulk(self):
        grouped = self.trades.lazy().group_by("portfolio", "instrument").agg(self.pl.col("units").sum())
        self.positions = grouped.collect()
        return self.exposures()

    def exposures(self):
        units, price = self.pl.col("units"), self.pl.col("price")
        sides = [(side.clip(lower_bound=0) * price).sum().alias(name) for name, side in [("long", units), ("short", -units)]]
        joined = self.positions.lazy().join(self.prices.lazy(), on="instrument")
        return joined.group_by("portfolio").agg(sides).sort("portfolio").collect().select("long", "short").to_numpy()

    def change(self, instrument):
        is_it, price = self.pl.col("instrument") == instrument, self.pl.col("price")
        self.prices = self.prices.with_columns(self.pl.when(is_it).then(price + 0.0001).otherwise(price).alias("price"))
        return self.exposures()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    for name, usual in [("trades", 1_000_000), ("instruments", 10_000), ("portfolios", 1000), ("rounds", 20)]:
        parser.add_argument(name, type=int, nargs="?", default=usual)
    asked = parser.parse_args()
    size = (asked.trades, asked.instruments, asked.portfolios)
    subprocess.run([asked.program, *map(str, size)], check=True)
    trades, prices = data(size)
    found = {}
    for module, peer in [("numpy", Dense), ("duckdb", DuckDb), ("polars", Polars)]:
        if name := installed(module):
            desk = peer(trades, prices, asked.portfolios)
            measure(f"{name}, bulk", desk.bulk, 3)
            changed = (round * 7919 % asked.instruments for round in range(asked.rounds))
            found[name] = measure(f"{name}, a price", lambda: desk.change(next(changed)), asked.rounds).copy()
            if module == "numpy":
                changed = (round * 7919 % asked.instruments for round in range(asked.rounds))
                measure(f"{name}, a price, its column alone", lambda: desk.change_column(next(changed)), asked.rounds)
                assert np.allclose(desk.current.copy(), desk.exposures(), rtol=1e-9), "by column"
    expected = next(iter(found.values()))
    for name, exposures in found.items():
        assert np.allclose(exposures, expected, rtol=1e-12), name


if __name__ == "__main__":
    main()

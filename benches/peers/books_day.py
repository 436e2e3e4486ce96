"""The day of 100,000 transactions in DuckDB and Polars, on the files that Tieout has read, in the same run.

    python3 books_day.py target/release/books_day [portfolios] [instruments] [bought] [days] [rounds]

Tieout keeps books: lots, valuations, exposures, returns, risk. These read the same files, and compute what each portfolio is
worth on each day, once. Prices and rates hold until the next ones. The sum of all must be that of plain arithmetic.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

from measuring import installed, measure

QUERY = """
    with dates as (
        select unnest(generate_series(min(price_date), max(price_date), interval 1 day))::date as date
        from read_csv($folder || '/market_prices.csv')
    ),
    rates as (
        select from_currency, to_currency, rate_date, rate from read_csv($folder || '/fx_rates.csv')
    ),
    pairs as (select distinct from_currency, to_currency from rates),
    rates_by_day as (
        select asked.from_currency, asked.to_currency, asked.date, rate
        from (from pairs cross join dates) asked asof join rates on asked.from_currency = rates.from_currency
            and asked.to_currency = rates.to_currency and asked.date >= rates.rate_date
    ),
    prices as (from read_csv($folder || '/market_prices.csv')),
    instruments as (from read_csv($folder || '/instruments.csv')),
    prices_by_day as (
        select asked.id as security, asked.currency, asked.date, price
        from (from instruments cross join dates) asked
            asof join prices on asked.id = prices.security and asked.date >= prices.price_date
    ),
    held as (
        select portfolio, security, base_currency, trade_date, quantity
        from read_csv($folder || '/transactions.csv') t join read_csv($folder || '/portfolios.csv') p on t.portfolio = p.id
    ),
    values_by_currency as (
        select portfolio, base_currency, currency, date, sum(quantity * price) as value
        from held join prices_by_day p on held.security = p.security and date >= trade_date
        group by portfolio, base_currency, currency, date
    )
    select portfolio, v.date, sum(value * coalesce(rate, 1)) as value
    from values_by_currency v left join rates_by_day r
        on currency = from_currency and base_currency = to_currency and v.date = r.date
    group by portfolio, v.date
"""


def duckdb_values(folder):
    import duckdb

    with duckdb.connect() as connection:
        values = connection.execute(QUERY, {"folder": folder}).fetchnumpy()["value"]
    return len(values), values.sum()


def polars_values(folder):
    import polars as pl

    def scan(name):
        return pl.scan_csv(f"{folder}/{name}.csv", try_parse_dates=True)

    prices = scan("market_prices").select("security", "price_date", "price").sort("price_date").collect().lazy()
    days = prices.select(date=pl.date_ranges(pl.col("price_date").min(), pl.col("price_date").max()).explode())
    rates = scan("fx_rates").sort("rate_date")
    pairs = rates.select("from_currency", "to_currency").unique()
    rates_by_day = pairs.join(days, how="cross").sort("date").join_asof(
        rates, left_on="date", right_on="rate_date", by=["from_currency", "to_currency"], check_sortedness=False
    ).select("from_currency", "to_currency", "date", "rate")
    instruments = scan("instruments").select("currency", security="id")
    prices_by_day = instruments.join(days, how="cross").sort("date").join_asof(
        prices, left_on="date", right_on="price_date", by="security", check_sortedness=False
    ).select("security", "currency", "date", "price")
    held = (
        scan("transactions").select("portfolio", "security", "trade_date", "quantity")
        .join(scan("portfolios"), left_on="portfolio", right_on="id")
    )
    by_currency = (
        held.join(prices_by_day, on="security").filter(pl.col("date") >= pl.col("trade_date"))
        .group_by("portfolio", "base_currency", "currency", "date").agg(value=(pl.col("quantity") * pl.col("price")).sum())
    )
    values = (
        by_currency.join(
            rates_by_day, how="left", left_on=["currency", "base_currency", "date"],
            right_on=["from_currency", "to_currency", "date"],
        )
        .group_by("portfolio", "date").agg(value=(pl.col("value") * pl.col("rate").fill_null(1)).sum())
        .collect(engine="streaming")
    )
    return len(values), values["value"].sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the bench, with `tieout` beside it")
    for name, usual in [("portfolios", 1000), ("instruments", 1000), ("bought", 100), ("days", 252), ("rounds", 3)]:
        parser.add_argument(name, type=int, nargs="?", default=usual)
    asked = parser.parse_args()
    sizes = [asked.portfolios, asked.instruments, asked.bought, asked.days, asked.rounds]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([asked.program, *map(str, sizes), folder], check=True)
        rows, total = expected(folder)
        for module, values in [("duckdb", duckdb_values), ("polars", polars_values)]:
            if name := installed(module):
                found_rows, found_total = measure(name, lambda: values(folder), asked.rounds)
                if found_rows != rows or abs(found_total - total) > 1e-9 * total:
                    sys.exit(f"{name}: {found_rows} rows, {found_total} in all, and not {rows}, {total}")
    print(f"{rows} rows, {total} in all")


def expected(folder):
    """What Tieout was held to, as books_day wrote it beside the data."""
    lines = pathlib.Path(folder, "expected.txt").read_text().splitlines()
    told = dict(line.split() for line in lines)
    return int(told["rows"]), float(told["total"])


if __name__ == "__main__":
    main()

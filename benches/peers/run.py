"""W1 in DuckDB and Polars, on the Parquet files that Tieout has read, in the same run.

    python3 run.py target/release/w1_files [trades] [rounds]

Tieout keeps the answer current; these compute it once. What is measured here is reading both files, joining them, and
counting the breaks by type, as often as Tieout does it. The counts of all must be equal.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TYPES = ["missing_broker", "missing_internal", "price_mismatch", "quantity_mismatch"]


def duckdb_counts(folder):
    import duckdb

    connection = duckdb.connect()
    rows = connection.execute(
        """
        with side_by_side as (
            select i.qty as our_qty, b.qty as their_qty, i.px as our_px, b.px as their_px
            from read_parquet($internal) i full join read_parquet($broker) b using (id)
        ),
        typed as (
            select case
                when their_qty is null then 'missing_broker'
                when our_qty is null then 'missing_internal'
                when our_qty <> their_qty then 'quantity_mismatch'
                when abs(our_px - their_px) * 10000 > their_px then 'price_mismatch'
            end as type
            from side_by_side
        )
        select type, count(*) from typed where type is not null group by type
        """,
        {"internal": f"{folder}/internal.parquet", "broker": f"{folder}/broker.parquet"},
    ).fetchall()
    connection.close()
    return dict(rows)


def polars_counts(folder):
    import polars as pl

    ours, theirs = (pl.scan_parquet(f"{folder}/{side}.parquet").select("id", "qty", "px") for side in ("internal", "broker"))
    both = ours.join(theirs, on="id", how="full", suffix="_theirs")
    is_off = (pl.col("px") - pl.col("px_theirs")).abs() * 10_000 > pl.col("px_theirs")
    counts = both.select(
        missing_broker=pl.col("qty_theirs").is_null().sum(),
        missing_internal=pl.col("qty").is_null().sum(),
        quantity_mismatch=(pl.col("qty") != pl.col("qty_theirs")).sum(),
        price_mismatch=(is_off & (pl.col("qty") == pl.col("qty_theirs"))).sum(),
    )
    return counts.collect().to_dicts()[0]


def measure(name, module, counts, folder, rounds):
    """Prints what a peer takes; gives its counts, or None if it is not installed."""
    try:
        version = __import__(module).__version__
    except ImportError:
        print(f"skipped: {name} is not installed (pip install -r requirements.txt)")
        return None
    counts(folder)  # once for the caches: theirs and the system's
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        found = counts(folder)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"{name} {version}: medians of {rounds}: {wall:.3f} s wall, {cpu:.3f} s CPU, load average {os.getloadavg()[0]:.2f}", flush=True)
    return {kind: int(found.get(kind, 0)) for kind in TYPES}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("w1_files", type=pathlib.Path, help="the bench, with `tieout` beside it")
    parser.add_argument("trades", type=int, nargs="?", default=1_000_000)
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # It checks its own counts against how the data were made, and says so by ending well.
        subprocess.run([arguments.w1_files, str(arguments.trades), str(arguments.rounds), folder], check=True)
        peers = [("DuckDB", "duckdb", duckdb_counts), ("Polars", "polars", polars_counts)]
        found = [measure(*peer, folder, arguments.rounds) for peer in peers]
        expected = expected_counts(folder)
    for counts in filter(None, found):
        if counts != expected:
            sys.exit(f"the counts differ: {counts}, and not {expected}")
    print(f"breaks by type: {expected}")


def expected_counts(folder):
    """What Tieout was held to, as w1_files wrote it beside the data."""
    lines = pathlib.Path(folder, "expected.txt").read_text().splitlines()
    return {kind: int(count) for kind, count in (line.split() for line in lines)}


if __name__ == "__main__":
    main()

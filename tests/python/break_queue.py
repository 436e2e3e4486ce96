#!/usr/bin/env python3
"""A live break queue, as an analyst's notebook sees it: the binary, two pushed sides, and pyarrow.

    break_queue.py target/debug/tieout

Pushes trades of both sides, follows `breaks`, corrects and cancels, loses its connection and resumes, restarts the server
and reads the same again. Ends with 1 at the first thing that is not as it should be.
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.flight as flight

CONFIG = """
listen = "127.0.0.1:0"
[source.internal]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }
[source.broker]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }
[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["instrument", "side", "quantity", "price"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
"""

FIELDS = ["id", "execution_id", "instrument", "side", "quantity", "price", "status"]


class Server:
    """The binary, serving the configuration of a folder."""

    def __init__(self, binary, folder):
        command = [str(pathlib.Path(binary).resolve()), "run", "tieout.toml"]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on \D*([\d.]+:\d+)", line):
                self.client = flight.connect(f"grpc://{found[1]}")
                return
        raise AssertionError("the server did not say where it listens")

    def stop(self, how=signal.SIGTERM):
        self.client.close()
        self.process.send_signal(how)
        self.process.stderr.read()
        assert self.process.wait(timeout=60) == (0 if how == signal.SIGTERM else -how)


def put(client, source, batch_id, *trades):
    rows = [dict(zip(FIELDS, trade)) for trade in trades]
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in FIELDS]))
    writer, receipts = client.do_put(flight.FlightDescriptor.for_path(source, batch_id), batch.schema)
    writer.write_batch(batch)
    writer.done_writing()
    receipt = json.loads(receipts.read().to_pybytes())
    writer.close()
    return receipt


def trade(number, side="internal", quantity=100, price="10.5", status=""):
    return (f"{side}-{number}", f"E{number}", "ES", "BUY", str(quantity), price, status)


def changes(client, until, **ticket):
    """What a ticket gives up to a tick: (diff, type, left, right), and where to resume."""
    reader = client.do_get(flight.Ticket(json.dumps({"view": "breaks", **ticket})))
    rows = []
    for chunk in iter(lambda: reader.read_chunk(), None):
        about = json.loads(chunk.app_metadata.to_pybytes())
        if about["kind"] == "changes":
            rows += [(row["_diff"], row["type"], row["left_value"], row["right_value"], row["break_id"]) for row in chunk.data.to_pylist()]
        if about["resume"] is not None and about["resume"] >= until:
            reader.cancel()
            return rows, about["resume"]


def breaks(client):
    table = client.do_get(flight.Ticket('{"view": "breaks"}')).read_all()
    return sorted((row["break_id"], row["type"], row["first_seen"]) for row in table.to_pylist())


def main(binary):
    folder = tempfile.mkdtemp()
    (pathlib.Path(folder) / "tieout.toml").write_text(CONFIG)
    server = Server(binary, folder)
    client = server.client

    start = put(client, "internal", "i1", *[trade(number) for number in range(5)])["tick"]
    late = put(client, "broker", "b1", trade(0, "broker"), trade(1, "broker", quantity=90))["tick"]
    rows, resume = changes(client, late, from_tick=start)
    cleared = [row for row in rows if row[0] == -1]
    assert [row[1] for row in cleared] == ["missing_broker"] * 2, rows
    assert [row[1:4] for row in rows if row[0] == 1] == [("quantity_mismatch", "100", "90")], rows
    print("ok  a late counterpart clears its missing break in its own tick")

    amended = put(client, "broker", "b2", trade(1, "broker", quantity=95))["tick"]
    rows, resume = changes(client, amended, from_tick=resume)
    assert sorted(row[:4] for row in rows) == [(-1, "quantity_mismatch", "100", "90"), (1, "quantity_mismatch", "100", "95")]
    assert len({row[4] for row in rows}) == 1, "the break keeps its id"
    print("ok  an amendment is -1 and +1 in one tick, under one id")

    gone = put(client, "broker", "b3", trade(0, "broker", status="cancelled"))["tick"]
    rows, resume = changes(client, gone, from_tick=resume)
    assert [(row[0], row[1]) for row in rows] == [(1, "missing_broker")] and rows[0][4] in {row[4] for row in cleared}
    print("ok  a cancellation brings the break back under its old id")

    assert put(client, "broker", "b3", trade(4, "broker"))["duplicate"]
    held = breaks(client)
    server.stop(signal.SIGKILL)
    server = Server(binary, folder)
    assert breaks(server.client) == held
    more = put(server.client, "broker", "b4", trade(2, "broker"))["tick"]
    rows, _ = changes(server.client, more, from_tick=resume)
    assert [(row[0], row[1]) for row in rows] == [(-1, "missing_broker")], rows
    print("ok  killed and started again, it resumes from the tick that was read before")
    server.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

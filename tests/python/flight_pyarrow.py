#!/usr/bin/env python3
"""What a pyarrow client sees of the server: the conventions of sinks/README.md, from outside.

    flight_pyarrow.py COMMAND...        starts the command, which prints the address it listens on and ends with its
                                        standard input (cargo run -p tieout-sinks --example toy_server -- 127.0.0.1:0)

Needs pyarrow only. Prints one line a check; ends with 1 at the first that fails.
"""

import datetime
import json
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.flight as flight

PUSHED = pa.schema([pa.field("key", pa.int64(), nullable=False), pa.field("value", pa.int64())])


def pushed(rows):
    keys, values = zip(*rows) if rows else ((), ())
    return pa.record_batch([pa.array(keys, pa.int64()), pa.array(values, pa.int64())], schema=PUSHED)


def put(client, batch_id, *batches):
    """Pushes batches as one batch, and gives its receipt."""
    descriptor = flight.FlightDescriptor.for_path("numbers", batch_id)
    writer, receipts = client.do_put(descriptor, PUSHED)
    for batch in batches:
        writer.write_batch(batch)
    writer.done_writing()
    receipt = json.loads(receipts.read().to_pybytes())
    writer.close()
    return receipt


def messages(client, **ticket):
    """The messages of a stream: metadata and rows."""
    reader = client.do_get(flight.Ticket(json.dumps(ticket)))
    try:
        while True:
            try:
                chunk = reader.read_chunk()
            except StopIteration:
                return
            yield json.loads(chunk.app_metadata.to_pybytes()), chunk.data
    finally:
        reader.cancel()


def add(held, batch):
    """Adds what was sent to what is held: the rows by key."""
    for row in batch.to_pylist():
        fields = tuple(value for name, value in row.items() if name != "_tick" and name != "_diff")
        held[fields] = held.get(fields, 0) + row["_diff"]
        if held[fields] == 0:
            del held[fields]


def refused(kind, words, call):
    try:
        call()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"not refused: {words}")


# --- the checks ---------------------------------------------------------------------------------------------------


def the_catalogue_names_views_keys_and_columns(client):
    entries = {info.descriptor.path[0].decode(): info for info in client.list_flights()}
    assert {"numbers", "totals", "dead_letters", "runs"} <= entries.keys()
    totals = entries["totals"]
    assert json.loads(totals.app_metadata)["key"] == ["digit"]
    expected = ["_tick: timestamp[us, tz=UTC] not null", "_diff: int64 not null", "_key: string not null", "digit: int64", "total: int64"]
    assert totals.schema.to_string().splitlines() == expected, totals.schema.to_string()
    assert client.get_schema(flight.FlightDescriptor.for_path("totals")).schema == totals.schema
    endpoint = client.get_flight_info(flight.FlightDescriptor.for_path("totals")).endpoints[0]
    assert endpoint.locations == []
    assert client.do_get(endpoint.ticket).read_all().schema == totals.schema


def a_push_is_acknowledged_and_a_repetition_noticed(client):
    receipt = put(client, "a", pushed([(1, 11), (2, 21)]), pushed([(3, 5)]))
    assert (receipt["duplicate"], receipt["records"], receipt["batch_id"]) == (False, 3, "a")
    again = put(client, "a", pushed([(1, 99)]))
    assert (again["duplicate"], again["tick"]) == (True, receipt["tick"])
    table = client.do_get(flight.Ticket(json.dumps({"view": "totals", "as_of": receipt["tick"]}))).read_all()
    assert table.select(["_diff", "_key", "total"]).to_pydict() == {"_diff": [1, 1], "_key": ["1", "5"], "total": [32, 5]}


def a_snapshot_ends_with_a_mark(client):
    *rows, (metadata, end) = messages(client, view="numbers")
    assert [metadata["kind"] for metadata, _ in rows] == ["snapshot"]
    assert (metadata["kind"], end.num_rows, metadata["resume"]) == ("snapshot_end", 0, metadata["tick"])
    tick = rows[0][1].column("_tick")[0].as_py()
    micros = (tick - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
    assert micros == metadata["tick"]


def an_amendment_is_two_rows_of_one_tick(client):
    stream = messages(client, view="totals", subscribe=True)
    while next(stream)[0]["kind"] != "snapshot_end":
        pass
    receipt = put(client, "b", pushed([(2, 31)]))
    for metadata, batch in stream:
        if metadata["kind"] == "changes":
            break
        assert metadata["kind"] == "progress" and batch.num_rows == 0
    assert metadata["tick"] == metadata["resume"] == receipt["tick"] and metadata["last"]
    assert [(row["_diff"], row["total"]) for row in batch.to_pylist()] == [(-1, 32), (1, 42)]
    stream.close()


def progress_comes_while_nothing_changes(client):
    stream = messages(client, view="totals", subscribe=True)
    while next(stream)[0]["kind"] != "snapshot_end":
        pass
    started, frontiers = time.monotonic(), []
    for metadata, batch in stream:
        assert metadata["kind"] == "progress" and batch.num_rows == 0 and batch.schema.names[0] == "_tick"
        frontiers.append(metadata["frontier"])
        # A server that is late says the same again.
        if len(set(frontiers)) == 3:
            break
    assert frontiers == sorted(frontiers) and time.monotonic() - started < 20
    stream.close()


def a_subscription_resumes_without_a_gap_or_a_repetition(client):
    held, resume, stop = {}, None, threading.Event()

    def change():
        for number in range(100):
            put(client, f"c{number}", pushed([(key, number * 1000 + key) for key in range(50)]))
        stop.set()

    changing = threading.Thread(target=change)
    changing.start()
    finished = False
    while not finished:
        finished = stop.is_set()
        ticket = {"subscribe": True} if resume is None else {"from_tick": resume}
        pending = []
        # Each connection is cut after a few messages; the last one is read until it says that it is complete.
        for count, (metadata, batch) in enumerate(messages(client, view="numbers", **ticket)):
            pending.append(batch)
            if metadata["resume"] is not None:
                assert resume is None or metadata["resume"] >= resume
                resume = metadata["resume"]
                for batch in pending:
                    add(held, batch)
                pending.clear()
            if (count >= 5 and not finished) or metadata["kind"] == "progress":
                break
    changing.join()
    snapshot = {}
    for _, batch in messages(client, view="numbers", as_of=resume):
        add(snapshot, batch)
    assert held == snapshot and len(held) >= 50


def a_subscription_can_have_an_end(client):
    first = put(client, "e1", pushed([(7, 1)]))["tick"]
    last = put(client, "e2", pushed([(7, 2)]))["tick"]
    kinds = [metadata["kind"] for metadata, _ in messages(client, view="numbers", from_tick=first, up_to=last + 1)]
    assert kinds[0] == "changes" and set(kinds[1:]) <= {"progress"}, kinds


def each_batch_with_an_id_has_a_receipt_of_its_own(client):
    writer, receipts = client.do_put(flight.FlightDescriptor.for_path("numbers"), PUSHED)
    for number in range(5):
        writer.write_with_metadata(pushed([(1000, number)]), json.dumps({"batch_id": f"w{number}"}).encode())
        receipt = json.loads(receipts.read().to_pybytes())
        assert (receipt["batch_id"], receipt["records"], receipt["duplicate"]) == (f"w{number}", 1, False)
    writer.done_writing()
    assert receipts.read() is None
    writer.close()


def what_is_wrong_is_said(client):
    read = lambda ticket: client.do_get(flight.Ticket(ticket)).read_all()
    refused(pa.ArrowInvalid, "did you mean `subscribe`?", lambda: read('{"view": "totals", "subscirbe": true}'))
    refused(pa.ArrowInvalid, "no column `totl`", lambda: read('{"view": "totals", "filter": {"totl": 1}}'))
    refused(pa.ArrowKeyError, "no view `total`", lambda: read("total"))
    refused(pa.ArrowInvalid, "has not come yet", lambda: read('{"view": "totals", "as_of": "2200-01-01"}'))


def actions_tell_how_the_server_fares(client):
    assert [action.type for action in client.list_actions()] == ["health", "frontier", "origins"]
    [answer] = client.do_action("health")
    assert json.loads(answer.body.to_pybytes())["status"] == "ready"


CHECKS = [
    the_catalogue_names_views_keys_and_columns,
    a_push_is_acknowledged_and_a_repetition_noticed,
    a_snapshot_ends_with_a_mark,
    an_amendment_is_two_rows_of_one_tick,
    progress_comes_while_nothing_changes,
    a_subscription_resumes_without_a_gap_or_a_repetition,
    a_subscription_can_have_an_end,
    each_batch_with_an_id_has_a_receipt_of_its_own,
    what_is_wrong_is_said,
    actions_tell_how_the_server_fares,
]


def main():
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        with flight.connect(f"grpc://{address}") as client:
            for check in CHECKS:
                check(client)
                print(f"ok  {check.__name__}", flush=True)
    finally:
        server.stdin.close()
        server.wait(timeout=60)
    assert server.returncode == 0, f"the server ended with {server.returncode}"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()

#!/usr/bin/env python3
"""Snapshots in an object store that speaks S3, which is moto's: taken, gone on from, damaged, removed, and out of reach.

    snapshots_s3.py target/debug/tieout

Prints one line a check; ends with 1 at the first thing that is not as it should be.
"""

import atexit
import collections
import json
import logging
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import boto3
import pyarrow as pa
import pyarrow.flight as flight
from moto.server import ThreadedMotoServer

from break_queue import CONFIG, put, trade

BUCKET, FOLDER = "books", "desk/snapshots"
PATIENCE_SECONDS = 60

SNAPSHOTS = """
[snapshots]
url = "s3://books/desk/snapshots"
every_seconds = 0.1
"""


class Store:
    """A server that speaks S3. It can be away for a while, and forgets nothing meanwhile."""

    def __init__(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.port = unused.getsockname()[1]
        self.come()
        url = f"http://127.0.0.1:{self.port}"
        keys = {"AWS_ACCESS_KEY_ID": "desk", "AWS_SECRET_ACCESS_KEY": "tied-out-secret", "AWS_REGION": "us-east-1"}
        os.environ.update(keys | {"AWS_ENDPOINT": url, "AWS_ALLOW_HTTP": "true", "AWS_EC2_METADATA_DISABLED": "true"})
        self.s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        self.s3.create_bucket(Bucket=BUCKET)

    def come(self):
        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()

    def go(self):
        self.server.stop()

    def snapshots(self):
        """The names of the objects of each whole snapshot, by its tick."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=FOLDER)
        found = collections.defaultdict(list)
        for page in pages:
            for entry in page.get("Contents", []):
                found[int(entry["Key"].split("/")[-2])].append(entry["Key"])
        return {tick: names for tick, names in sorted(found.items()) if any(name.endswith("manifest.json") for name in names)}

    def change(self, name, change):
        body = self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=change(body))


class Server:
    """The binary, serving the configuration of a folder; what it logs is kept."""

    def __init__(self, binary, folder):
        command = [str(pathlib.Path(binary).resolve()), "run", "tieout.toml"]
        environment = os.environ | {"RUST_LOG": "info"}
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment)
        # It holds the standard output of this script, which would not end for who reads it.
        atexit.register(self.process.kill)
        self.log = []
        self.reading = threading.Thread(target=self.read, daemon=True)
        self.reading.start()
        self.address = wait("the server listens", lambda: self.said(r"listening on \D*([\d.]+:\d+)"))[1]
        self.client = flight.connect(f"grpc://{self.address}")

    def read(self):
        for line in self.process.stderr:
            self.log.append(re.sub("\x1b\\[[0-9;]*m", "", line))

    def said(self, pattern):
        return re.search(pattern, "".join(self.log))

    def measured(self, name):
        text = urllib.request.urlopen(f"http://{self.address}/metrics").read().decode()
        return float(re.search(rf"^{name} (.+)$", text, re.MULTILINE)[1])

    def stop(self, how=signal.SIGTERM):
        self.client.close()
        self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self.reading.join()
        assert code == (0 if how == signal.SIGTERM else -how), (code, self.log)


def wait(what, condition):
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < until, f"{what}: not within {PATIENCE_SECONDS} s"
        time.sleep(0.05)
    return found


def breaks(client, **ticket):
    table = client.do_get(flight.Ticket(json.dumps({"view": "breaks", **ticket}))).read_all()
    return sorted(tuple(row.items()) for row in table.drop_columns(["_tick"]).to_pylist())


class Desk:
    """Pushes trades, never the same ones twice."""

    def __init__(self):
        self.number = 0

    def push(self, client):
        self.number += 1
        sides = ["internal"] if self.number % 3 == 0 else ["internal", "broker"]
        trades = [(side, trade(self.number, side, quantity=100 + len(side) * (self.number % 2))) for side in sides]
        return max(put(client, side, f"{side}-{self.number}", row)["tick"] for side, row in trades)

    def snapshot(self, client, store):
        """Pushes until there is a new snapshot: of what was pushed, or of what came after it."""
        tick = self.push(client)

        def is_taken():
            self.push(client)
            return [taken for taken in store.snapshots() if taken >= tick]

        return wait("a snapshot is taken", is_taken)[-1]


def doctor(binary, folder):
    command = [str(pathlib.Path(binary).resolve()), "doctor", ".", "-o", "json"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"RUST_LOG": "error"})
    return json.loads(ran.stdout)


def is_restarted(binary, folder, expected):
    server = Server(binary, folder)
    assert breaks(server.client) == expected, server.log
    return server


def goes_on_from_what_is_there(binary, folder, store, desk):
    server = Server(binary, folder)
    ticks = [desk.snapshot(server.client, store) for _ in range(3)]
    held = breaks(server.client)
    assert len(held) > 3, held
    server.stop(signal.SIGKILL)
    # What was sent before the end may come after it.
    time.sleep(2)
    newest = max(store.snapshots())
    starts = [finding["what"] for finding in doctor(binary, folder) if finding["check"] == "start"]
    assert any(f"goes on from the snapshot of tick {newest}, which is whole" in what for what in starts), starts
    server = is_restarted(binary, folder, held)
    server.stop()
    print(f"ok  {len(store.snapshots())} snapshots are in the bucket; a start goes on from the newest")
    return ticks, held


def damaged_snapshots_are_left_out(binary, folder, store, held):
    flip = lambda body: body[:-9] + bytes([body[-9] ^ 4]) + body[-8:]
    cut = lambda body: body[: len(body) // 2]
    for part, damage, why in [("records", flip, "is not what was written"), ("manifest", cut, "its manifest cannot be read")]:
        newest = max(store.snapshots())
        store.change(next(name for name in store.snapshots()[newest] if part in name), damage)
        server = is_restarted(binary, folder, held)
        told = rf"the snapshot of tick {newest} in s3://{BUCKET}/{FOLDER} is not whole: .*{why}"
        assert server.said(told), server.log
        server.stop()
    print("ok  a flipped bit and half a manifest are told, with the snapshot and the place; the one before is used")


def old_ones_are_removed(binary, folder, store, desk, old):
    path = pathlib.Path(folder) / "tieout.toml"
    path.write_text(path.read_text() + "history_seconds = 0.5\n")
    server = Server(binary, folder)

    def is_removed():
        desk.push(server.client)
        return min(store.snapshots(), default=0) > max(old)

    wait("the old snapshots are removed", is_removed)
    assert wait("it is told", lambda: server.said("removed the past before a snapshot")), server.log
    left = store.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{FOLDER}/{old[0]:020}").get("Contents")
    assert not left, "no part of an old snapshot is left"
    try:
        breaks(server.client, as_of=old[0])
        raise AssertionError("the past that was removed is shown")
    except pa.ArrowInvalid as error:
        assert "has been removed" in str(error), error
    held = breaks(server.client)
    server.stop(signal.SIGKILL)
    print("ok  what is older than the history is removed from the bucket, and asking for it is refused")
    return is_restarted(binary, folder, held)


def goes_on_while_it_is_away(binary, folder, store, desk, server):
    store.go()
    before = len(breaks(server.client))
    for _ in range(9):
        desk.push(server.client)
    assert len(breaks(server.client)) > before, "what is pushed is acknowledged and shown"
    told = [finding for finding in doctor(binary, folder) if finding["check"] == "snapshots"]
    assert [finding["status"] for finding in told] == ["problem"] and told[0]["help"], told
    store.come()
    desk.snapshot(server.client, store)
    print("ok  while the store is away pushes are acknowledged and the doctor says so; then snapshots are taken again")

    for names in store.snapshots().values():
        store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": name} for name in names]})
    wait("the bucket is gone", lambda: is_gone(store))

    def has_failed():
        desk.push(server.client)
        return server.measured("tieout_snapshot_failures_total") >= 1

    wait("a snapshot fails", has_failed)
    said = wait("it is told", lambda: server.said(r"(?s)could not take a snapshot.*NoSuchBucket"))[0]
    assert f"cannot write a snapshot to s3://{BUCKET}/{FOLDER}" in said and "tied-out" not in "".join(server.log), said
    store.s3.create_bucket(Bucket=BUCKET)
    failures = server.measured("tieout_snapshot_failures_total")
    tick = desk.snapshot(server.client, store)
    assert server.measured("tieout_snapshot_failures_total") >= failures
    held = breaks(server.client)
    server.stop(signal.SIGKILL)
    server = is_restarted(binary, folder, held)
    print(f"ok  without its bucket a snapshot fails, which is counted and logged; the next one, of tick {tick}, is whole")
    return server


def is_gone(store):
    """Removes the bucket: a snapshot may be on its way into it."""
    listed = store.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    if listed:
        store.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": entry["Key"]} for entry in listed]})
    try:
        store.s3.delete_bucket(Bucket=BUCKET)
        return True
    except store.s3.exceptions.ClientError:
        return False


def ends_while_it_is_away(store, desk, server):
    store.go()
    with socket.create_server(("127.0.0.1", store.port)) as silent:
        asked = threading.Thread(target=silent.accept, daemon=True)
        asked.start()
        while asked.is_alive():
            desk.push(server.client)
            time.sleep(0.05)
        began = time.monotonic()
        server.stop()
        print(f"ok  a store that does not answer holds up no stop: {time.monotonic() - began:.1f} s")


def main(binary):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store, desk = Store(), Desk()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "tieout.toml").write_text(f"retention_seconds = 0\n{CONFIG}{SNAPSHOTS}")
        old, held = goes_on_from_what_is_there(binary, folder, store, desk)
        damaged_snapshots_are_left_out(binary, folder, store, held)
        server = old_ones_are_removed(binary, folder, store, desk, old)
        server = goes_on_while_it_is_away(binary, folder, store, desk, server)
        ends_while_it_is_away(store, desk, server)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

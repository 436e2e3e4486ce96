"""Runs an Apache Kafka broker on loopback: fetched by Maven, formatted in a folder, stopped when standard input ends.

    python3 tests/kafka/broker.py FOLDER

FOLDER holds its data: a second run on the same folder goes on with them, at the same addresses. Two addresses are printed once it takes
connections: one for everybody, and one for the user `tieout` with the password `tied-out`. Needs `java` (17 or later)
and, the first time, `mvn`. Jars are kept under target/kafka.
"""

import base64
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / "target" / "kafka" / "jars"
START_SECONDS_MAX = 180


def fetch() -> None:
    """Fetches the jars, all or none."""
    if JARS.exists():
        return
    parts = JARS.with_name(f"jars-{os.getpid()}")
    pom = ROOT / "tests" / "kafka" / "pom.xml"
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={parts}", "-DincludeScope=runtime"]
    subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], check=True, stdout=sys.stderr)
    parts.rename(JARS)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def java(*arguments: str, log) -> subprocess.Popen:
    command = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def write_properties(folder: pathlib.Path, port: int, guarded_port: int, controller_port: int) -> pathlib.Path:
    listeners = {"OPEN": port, "GUARDED": guarded_port, "CONTROLLER": controller_port}
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": ",".join(f"{name}://127.0.0.1:{each}" for name, each in listeners.items()),
        "listener.security.protocol.map": "OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "OPEN",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": f'{login} required user_tieout="tied-out";',
        "controller.listener.names": "CONTROLLER",
        "log.dirs": folder / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
    }
    path = folder / "server.properties"
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    return path


def wait_for(port: int, broker: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while broker.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the broker did not start: see its log in the folder")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    missing = [tool for tool in ["java", *([] if JARS.exists() else ["mvn"])] if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    fetch()
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ports = folder / "ports"
    if not ports.exists():
        ports.write_text(" ".join(map(str, free_ports(3))))
    port, guarded_port, controller_port = map(int, ports.read_text().split())
    properties = write_properties(folder, port, guarded_port, controller_port)
    with (folder / "broker.log").open("ab") as log:
        if not (folder / "data").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
            formatting = java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties), log=log)
            if formatting.wait() != 0:
                raise SystemExit("the folder cannot be formatted: see broker.log in it")
        broker = java("kafka.Kafka", str(properties), log=log)
        try:
            wait_for(port, broker)
            print(f"127.0.0.1:{port} 127.0.0.1:{guarded_port}", flush=True)
            sys.stdin.read()
        finally:
            broker.terminate()
            try:
                broker.wait(timeout=20)
            except subprocess.TimeoutExpired:
                broker.kill()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What clients see of a server that is encrypted and guarded: pyarrow, plain HTTPS, and tokens of an identity provider.

    secured.py TIEOUT        the binary (target/debug/tieout)

Makes its own certificates, secrets, and identity provider (over https). Prints one line a check; ends with 1 at the first
that fails.
"""

import datetime
import http.server
import json
import os
import pathlib
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import jwt
import pyarrow as pa
import pyarrow.flight as flight
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CONFIGURATION = """
listen = "127.0.0.1:0"

[tls]
certificate = "server.pem"
key = "server.key"

[access.tokens.loader]
role = "analyst"
secret_file = "loader.secret"

[access.tokens.dashboard]
role = "viewer"
secret_env = "DASHBOARD_SECRET"

[access.jwt]
issuer = "https://idp.example.com/"
audience = "tieout"
keys_url = "{keys_url}"
roles_claim = "realm_access.roles"

[access.jwt.roles]
reconciliation-desk = "analyst"
internal-audit = "auditor"

[source.internal]
kind = "flight"

[source.broker]
kind = "flight"

[reconciliation.trades]
sides = ["internal", "broker"]
compare = ["quantity"]

[[reconciliation.trades.tier]]
kind = "identifier"
field = "execution_id"
"""

LOADER, DASHBOARD = secrets.token_hex(32), secrets.token_hex(32)


class Issuer:
    """An identity provider that publishes its keys over https."""

    def __init__(self, authority):
        self.keys = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }
        published = {"keys": [self.published(algorithm) for algorithm in self.keys]}

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(published).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.server.server_port}/keys"

    def published(self, algorithm):
        to_jwk = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}[algorithm].to_jwk
        return to_jwk(self.keys[algorithm].public_key(), as_dict=True) | {"kid": algorithm, "use": "sig"}

    def token(self, algorithm, roles, **other):
        now = datetime.datetime.now(datetime.timezone.utc)
        claims = {"iss": "https://idp.example.com/", "aud": "tieout", "sub": "ada", "exp": now + datetime.timedelta(minutes=5)}
        claims |= {"realm_access": {"roles": roles}} | other
        return jwt.encode(claims, self.keys[algorithm], algorithm, headers={"kid": algorithm})


class Server:
    """The binary, in a folder of its own."""

    def __init__(self, binary, folder):
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = self.authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "server.key")
        for part in certificate.cert_chain_pems:
            part.write_to_path(folder / "server.pem", append=True)
        self.issuer = Issuer(self.authority)
        (folder / "loader.secret").write_text(LOADER + "\n")
        (folder / "tieout.toml").write_text(CONFIGURATION.replace("{keys_url}", self.issuer.url))
        environment = os.environ | {"DASHBOARD_SECRET": DASHBOARD, "SSL_CERT_FILE": str(folder / "ca.pem"), "RUST_LOG": "info"}
        environment.pop("SSL_CERT_DIR", None)
        command = [binary, "run", str(folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if line.startswith("listening on "):
                self.port = line.strip().rsplit(":", 1)[1]
                break
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def client(self, authority=None):
        roots = (authority or self.authority).cert_pem.bytes()
        return flight.connect(f"grpc+tls://localhost:{self.port}", tls_root_certs=roots)

    def get(self, path, token=None):
        """Status, and text, over plain HTTPS."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", headers=headers)
        context = ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def shown(token):
    return flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])


def views(client, options=None):
    return {info.descriptor.path[0].decode() for info in client.list_flights(options=options)}


def push(client, options, batch_id):
    schema = pa.schema([(name, pa.string()) for name in ("trade_id", "execution_id", "quantity")])
    batch = pa.record_batch([["t-1"], ["e-1"], ["100"]], schema=schema)
    writer, receipts = client.do_put(flight.FlightDescriptor.for_path("broker", batch_id), schema, options=options)
    with writer:
        writer.write_batch(batch)
        writer.done_writing()
        return json.loads(receipts.read().to_pybytes())


def refused(kind, words, call):
    try:
        call()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"not refused: {words}")


# --- the checks ---------------------------------------------------------------------------------------------------


def a_token_reads_over_tls(server):
    with server.client() as client:
        assert {"breaks", "runs"} <= views(client, shown(DASHBOARD))
        ticket = flight.Ticket("break_summary")
        assert client.do_get(ticket, options=shown(DASHBOARD)).read_all().num_rows == 0


def without_a_token_or_with_a_wrong_one_nothing_is_told(server):
    with server.client() as client:
        refused(flight.FlightUnauthenticatedError, "send a token", lambda: views(client))
        wrong = shown(secrets.token_hex(32))
        refused(flight.FlightUnauthenticatedError, "not known here", lambda: views(client, wrong))


def a_role_does_what_it_may_and_no_more(server):
    with server.client() as client:
        reads = lambda token, view: client.do_get(flight.Ticket(view), options=shown(token)).read_all()
        refused(flight.FlightUnauthorizedError, "auditor or admin", lambda: reads(DASHBOARD, "runs"))
        denied = lambda: push(client, shown(DASHBOARD), "a")
        refused(flight.FlightUnauthorizedError, "analyst, approver or admin", denied)
        assert push(client, shown(LOADER), "a")["duplicate"] is False


def a_name_and_a_secret_log_in(server):
    with server.client() as client:
        header = client.authenticate_basic_token("dashboard", DASHBOARD)
        assert "breaks" in views(client, flight.FlightCallOptions(headers=[header]))
        refused(flight.FlightUnauthenticatedError, "not known", lambda: client.authenticate_basic_token("loader", DASHBOARD))


def tokens_of_the_identity_provider_are_checked_with_the_keys_it_publishes(server):
    issuer = server.issuer
    with server.client() as client:
        for algorithm in issuer.keys:
            assert "breaks" in views(client, shown(issuer.token(algorithm, ["internal-audit", "other"])))
        audit = shown(issuer.token("RS256", ["internal-audit"]))
        assert client.do_get(flight.Ticket("runs"), options=audit).read_all().num_rows == 1
        refused(flight.FlightUnauthorizedError, "`ada` (auditor)", lambda: push(client, audit, "b"))
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=2)
        for words, token in [
            ("expired", issuer.token("ES256", ["internal-audit"], exp=past)),
            ("another audience", issuer.token("ES256", ["internal-audit"], aud="other")),
            ("another issuer", issuer.token("ES256", ["internal-audit"], iss="https://evil.example.com/")),
            ("signature", Issuer(server.authority).token("ES256", ["internal-audit"])),
            ("cannot be read", jwt.encode({"sub": "ada"}, None, "none")),
            ("not accepted", jwt.encode({"sub": "ada"}, secrets.token_hex(32), "HS256", headers={"kid": "RS256"})),
        ]:
            refused(flight.FlightUnauthenticatedError, words, lambda: views(client, shown(token)))
        nobody = shown(issuer.token("ES256", ["other"]))
        refused(flight.FlightUnauthorizedError, "without a role", lambda: views(client, nobody))


def plain_https_is_served_on_the_same_port(server):
    assert server.get("/readyz") == (200, "ready\n")
    assert server.get("/metrics")[0] == 401
    status, text = server.get("/metrics", DASHBOARD)
    assert status == 200 and "tieout_access_refused_total" in text


def another_authority_is_not_trusted(server):
    with server.client(trustme.CA()) as client:
        refused(flight.FlightUnavailableError, "", lambda: views(client, shown(DASHBOARD)))


def no_secret_is_in_the_log(server):
    log = "".join(server.log)
    assert "caller=\"ada\"" in log, log
    for secret in (LOADER, DASHBOARD, "eyJ"):
        assert secret not in log, log


CHECKS = [
    a_token_reads_over_tls,
    without_a_token_or_with_a_wrong_one_nothing_is_told,
    a_role_does_what_it_may_and_no_more,
    a_name_and_a_secret_log_in,
    tokens_of_the_identity_provider_are_checked_with_the_keys_it_publishes,
    plain_https_is_served_on_the_same_port,
    another_authority_is_not_trusted,
    no_secret_is_in_the_log,
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(sys.argv[1], pathlib.Path(folder))
        try:
            for check in CHECKS:
                check(server)
                print(f"ok  {check.__name__}", flush=True)
        finally:
            server.process.terminate()
            server.process.wait(timeout=60)
        assert server.process.returncode == 0, f"the server ended with {server.process.returncode}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()

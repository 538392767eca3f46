"""Holds the local server against its contract: schemathesis sends what openapi.json permits, and what it forbids.

    hold.py GATEPOST SCHEMATHESIS
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
PERSON = {"email": "ada@example.com", "password": "correct horse battery"}


def call(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def register(url):
    """Somebody who has proven their address."""
    registered = call("POST", f"{url}/v1/registrations", PERSON)
    for _ in range(100):
        links = re.findall(r"gpl_[A-Za-z0-9_-]+", json.dumps(call("GET", f"{url}/_local/mail")))
        if links:
            proof = {"token": links[-1], "registration_token": registered["registration_token"]}
            return call("POST", f"{url}/v1/registrations/verify", proof)
        time.sleep(0.1)
    raise AssertionError("no mail came")


def until_it_listens(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the local server does not listen")


@contextlib.contextmanager
def running(gatepost, folder, port, log):
    server = subprocess.Popen([gatepost, "dev", "--data", folder, "--port", str(port)], cwd=ROOT, stdout=log)
    try:
        until_it_listens(port)
        yield
    finally:
        server.terminate()
        server.wait(15)


def main():
    gatepost, schemathesis = sys.argv[1:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch, "data")
        with running(gatepost, folder, port, log):
            register(url)
        # Administrators get further than others.
        subprocess.run([gatepost, "users", "grant-admin", PERSON["email"], "--data", folder], check=True)
        with running(gatepost, folder, port, log):
            token = call("POST", f"{url}/v1/sessions", PERSON)["access_token"]
            environment = {**os.environ, "ACCESS_TOKEN": token, "PYTHONPATH": str(HERE)}
            command = [schemathesis, "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json"]
            return subprocess.run([*command, "--url", url], cwd=scratch, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())

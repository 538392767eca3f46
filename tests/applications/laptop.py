"""Applications with client libraries of other authors sign a user in with `gatepost dev`.

    laptop.py GATEPOST TOOLS
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from sign_in import Person

HERE = pathlib.Path(__file__).parent
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
CALLBACK = "http://127.0.0.1:1/callback"


class Laptop:
    """A data folder, and `gatepost dev` on it."""

    def __init__(self, gatepost, folder):
        self.gatepost, self.folder = pathlib.Path(gatepost).resolve(), folder

    def start(self):
        self.log = open(f"{self.folder}/log", "w+")
        self.server = subprocess.Popen([self.gatepost, "dev", "--port", "9471"], cwd=self.folder, stdout=self.log)
        while not (url := re.search(r"http://\S+", open(self.log.name).read())):
            assert self.server.poll() is None, "gatepost dev has ended"
            time.sleep(0.05)
        self.url = url[0]

    def stop(self):
        self.server.terminate()
        self.server.wait(15)

    def client(self, *arguments):
        command = [self.gatepost, "clients", "create", *arguments, "--redirect-uri", CALLBACK, "--json"]
        if "service" in arguments:
            command = command[:-3] + ["--json"]
        return json.loads(subprocess.check_output(command, cwd=self.folder))["client_secret"]

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def register(self):
        body = {"email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}
        token = self.post("/v1/registrations", body)["registration_token"]
        deadline = time.monotonic() + 30
        while not (link := re.search(r"#token=(gpl_[\w-]+)", self.mails())):
            assert time.monotonic() < deadline, "no mail has come"
            time.sleep(0.1)
        self.post("/v1/registrations/verify", {"token": link[1], "registration_token": token})

    def mails(self):
        with urllib.request.urlopen(f"{self.url}/_local/mail") as answer:
            return answer.read().decode()


def run(person, command):
    """Runs an application, and opens what it asks the person to open."""
    application = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    asked = []
    for line in application.stdout:
        message = json.loads(line)
        if "done" in message:
            assert message["done"]["email"] == EMAIL, message
            break
        asked.append((person.visit(message["open"], CALLBACK), person.asked)[1])
        application.stdin.write(person.driver.current_url + "\n")
        application.stdin.flush()
    assert application.wait(30) == 0, command
    complaints = [text for text in person.complaints() if CALLBACK not in text]
    assert not complaints, complaints
    return asked


def main(gatepost, tools):
    python, modules = f"{tools}/bin/python", {"web": "openid_client.mjs", "public": "oauth4webapi.mjs"}
    with tempfile.TemporaryDirectory() as folder:
        laptop = Laptop(gatepost, folder)
        laptop.start()
        laptop.register()
        laptop.stop()
        web = laptop.client("web", "--first-party")
        post = laptop.client("post", "--first-party", "--authentication", "client_secret_post")
        laptop.client("public", "--authentication", "none", "--scope", "openid email offline_access")
        service = laptop.client("reports", "--kind", "service", "--scope", "orders:read")
        laptop.start()
        person = Person(EMAIL, PASSWORD)
        try:
            asked = run(person, ["node", modules["web"], laptop.url, "web", web, CALLBACK])
            assert asked == [["sign-in"], [], ["sign-in"]], asked
            asked = run(person, ["node", modules["public"], laptop.url, "public", "", CALLBACK])
            assert asked == [["choose-account", "consent"]], asked
            command = [python, "authlib_client.py", laptop.url, "post", post, CALLBACK, "reports", service]
            assert run(person, command) == [[]]
        finally:
            person.close()
            laptop.stop()
    print("openid-client, oauth4webapi and Authlib have signed a user in")


main(*sys.argv[1:])

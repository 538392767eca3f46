"""What a person's browser does: speaks HTTP to the deployed API, and reads mail."""
import json
import re
import time
import urllib.error
import urllib.request
import uuid

PATIENCE_SECONDS = 60


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body.decode()

    @property
    def json(self):
        return json.loads(self.text)

    def expect(self, status):
        assert self.status == status, f"expected {status}, got {self.status}: {self.text[:500]}"
        return self


def call(method, url, body=None, token=None):
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, refusal.headers, refusal.read())


def until(what, look, every=0.1):
    """The first thing that `look` finds; fails if `what` does not come about in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every)
    raise AssertionError(f"{what} did not come within {PATIENCE_SECONDS} s")


class Visitor:
    """A person with an address and a password of their own."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.email = f"ada.{uuid.uuid4().hex[:12]}@example.com"
        self.password = f"correct horse {uuid.uuid4().hex}"
        self.link_tokens = []
        self.registration_token = None

    def post(self, path, body):
        return call("POST", self.deployment.issuer + path, body)

    def register(self):
        names = {"first_name": "Ada", "last_name": "Lovelace"}
        person = {"email": self.email, "password": self.password, **names}
        answer = self.post("/v1/registrations", person).expect(202)
        self.registration_token = answer.json["registration_token"]
        return answer

    def mails(self):
        accounts = call("GET", self.deployment.mailbox).expect(200).json["messages"].values()
        return [mail for mails in accounts for mail in mails if self.email in mail["To"]]

    def next_link_token(self):
        """The token in the first mail whose link was not yet taken."""
        def look():
            found = [re.search(r"#token=([A-Za-z0-9_-]+)", mail["BodyText"]) for mail in self.mails()]
            tokens = [match[1] for match in found if match]
            return next((token for token in tokens if token not in self.link_tokens), None)
        self.link_tokens.append(until(f"a mail to {self.email}", look))
        return self.link_tokens[-1]

    def verify(self, token):
        return self.post("/v1/registrations/verify", {"token": token, "registration_token": self.registration_token})

    def verify_elsewhere(self, token):
        """In another browser than the one that registered: the password is chosen there."""
        return self.post("/v1/registrations/verify", {"token": token, "password": self.password})

    def log_in(self):
        return self.post("/v1/sessions", {"email": self.email, "password": self.password}).expect(201).json

    def sign_up_and_log_in(self):
        self.register()
        self.verify(self.next_link_token()).expect(201)
        return self.log_in()

"""A browser on a page of another origin: signs up, proves the address, logs in, refreshes, changes the profile,
uploads a picture and logs out, by fetch. The same page under an origin that is not allowed is refused.

    visit.py API MAILBOX PORT

The page is served on PORT. The API must allow http://127.0.0.1:PORT, and must not allow http://localhost:PORT.
"""

import contextlib
import functools
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid
import re

from selenium import webdriver

HERE = pathlib.Path(__file__).parent
PATIENCE_SECONDS = 60
CALL = """
    const [name, given, done] = arguments;
    window[name](...given).then(value => done({ value }), error => done({ error: String(error) }));
"""


class Page:
    """The page, open in a browser."""

    def __init__(self, driver, origin, api):
        self.driver = driver
        driver.get(f"{origin}/?api={urllib.parse.quote(api, safe='')}")

    def call(self, function, *arguments):
        return self.driver.execute_async_script(CALL, function, arguments)

    def expect(self, expected, function, *arguments):
        result = self.call(function, *arguments)
        assert result == {"value": expected}, (function, result, self.complaints())

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(port):
    """Serves the page under two origins: the two names of this machine."""
    handler = functools.partial(Quiet, directory=HERE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextlib.contextmanager
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_script_timeout(PATIENCE_SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def mails_to(address, node):
    """The mails to an address, wherever they are in what a mailbox shows."""
    if isinstance(node, dict):
        if address in (node.get("to") or node.get("To") or []):
            yield node
        node = list(node.values())
    for child in node if isinstance(node, list) else []:
        yield from mails_to(address, child)


def link_token(mailbox, address):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(mailbox, timeout=30) as answer:
            mails = list(mails_to(address, json.load(answer)))
        tokens = re.findall(r"gpl_[A-Za-z0-9_-]+", json.dumps(mails))
        if tokens:
            return tokens[-1]
        time.sleep(0.1)
    raise AssertionError(f"no mail came to {address}")


def visit(api, mailbox, port):
    person = f"ada.{uuid.uuid4().hex[:12]}@example.com", f"correct horse {uuid.uuid4().hex}"
    with serving(port), chromium() as driver:
        page = Page(driver, f"http://127.0.0.1:{port}", api)
        page.expect([401, "Bearer"], "refused")
        page.expect("verification_sent", "register", *person)
        page.expect(person[0], "verify", link_token(mailbox, person[0]))
        page.expect("Bearer", "logIn")
        page.expect(True, "refresh")
        page.expect([200, 412], "rename", "Augusta")
        page.expect("image/jpeg", "uploadPicture")
        page.expect(204, "logOut")

        stranger = Page(driver, f"http://localhost:{port}", api)
        for function, arguments in [("refused", ()), ("register", person)]:
            result, said = stranger.call(function, *arguments), stranger.complaints()
            assert "Failed to fetch" in result.get("error", ""), (function, result)
            assert any("blocked by CORS policy" in line for line in said), (function, said)


if __name__ == "__main__":
    visit(sys.argv[1], sys.argv[2], int(sys.argv[3]))

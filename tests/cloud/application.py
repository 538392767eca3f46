"""An application that signs a user in with the deployed system, by plain HTTP: the roles of each function are enforced."""
import base64
import hashlib
import http.client
import json
import secrets
import urllib.parse

CALLBACK = "https://shop.example/callback"


class Browser:
    """Follows no redirect by itself, and keeps the cookie."""

    def __init__(self, issuer):
        self.issuer, self.cookie = urllib.parse.urlsplit(issuer), None

    def ask(self, method, path, body=None, headers=()):
        address = self.issuer.hostname, self.issuer.port
        secure = self.issuer.scheme == "https"
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(*address, timeout=60)
        headers = dict(headers) | ({"cookie": self.cookie} if self.cookie else {})
        # The emulator serves the API below a path.
        connection.request(method, self.issuer.path + path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if cookie := answer.getheader("set-cookie"):
            self.cookie = cookie.split(";")[0]
        return answer.status, answer.getheader("location"), text

    def post(self, path, body):
        origin = f"{self.issuer.scheme}://{self.issuer.netloc}"
        headers = {"content-type": "application/json", "origin": origin}
        status, _, text = self.ask("POST", path, json.dumps(body), headers)
        assert status < 300, (path, status, text)
        return json.loads(text)

    def redirected(self, path):
        status, location, text = self.ask("GET", path)
        assert status == 303, (path, status, text)
        return location


def sign_in(issuer, email, password, client_id, client_secret):
    """Signs a user in, refreshes, reads the user, and gives the tokens back. Returns the user's claims."""
    browser, verifier = Browser(issuer), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urllib.parse.urlencode({
        "client_id": client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email",
        "state": "a state", "code_challenge": challenge, "code_challenge_method": "S256",
    })
    location = browser.redirected(f"/oauth2/authorize?{query}")
    body = {"email": email, "password": password, "interaction": location.split("#")[1]}
    location = browser.redirected(browser.post("/v1/sessions", body)["continue"])
    asked = {"interaction": location.split("#")[1], "action": "consent"}
    location = browser.redirected(browser.post("/v1/interactions", asked)["continue"])
    answered = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    assert location.startswith(CALLBACK) and answered["iss"] == [issuer], location

    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    headers = {"authorization": f"Basic {credentials}", "content-type": "application/x-www-form-urlencoded"}

    def form(path, **parameters):
        status, _, text = Browser(issuer).ask("POST", path, urllib.parse.urlencode(parameters), headers)
        return status, json.loads(text)

    redemption = {"code": answered["code"][0], "redirect_uri": CALLBACK, "code_verifier": verifier}
    status, tokens = form("/oauth2/token", grant_type="authorization_code", **redemption)
    assert status == 200, tokens
    status, refreshed = form("/oauth2/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert status == 200 and refreshed["refresh_token"] != tokens["refresh_token"], refreshed
    bearer = {"authorization": f"Bearer {refreshed['access_token']}"}
    status, _, text = Browser(issuer).ask("GET", "/oauth2/userinfo", headers=bearer)
    assert status == 200, text
    status, _ = form("/oauth2/revoke", token=refreshed["refresh_token"])
    assert status == 200
    status, refused = form("/oauth2/token", grant_type="refresh_token", refresh_token=refreshed["refresh_token"])
    assert (status, refused["error"]) == (400, "invalid_grant"), refused
    return json.loads(text)

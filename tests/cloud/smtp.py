"""Mails by SMTP, taken by aiosmtpd: TLS by STARTTLS or from the first byte, and a login."""
import contextlib
import datetime
import email
import email.policy
import ipaddress
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from visitor import call, until

# Another machine to the function, which speaks without TLS to its own only.
HOST = "127.0.0.2"
LOGIN = {"username": "gatepost", "password": "correct horse"}
SECRET = """
  SmtpLogin:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        { SecretStringTemplate: "{}", GenerateStringKey: password, PasswordLength: 9, ExcludePunctuation: true }

Outputs:
"""


class Postman:
    """Keeps what it is given."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        # That it came over TLS is the server's own condition: it speaks nothing else, or asks for STARTTLS first.
        assert session.authenticated, "the server lets nobody else in"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, message))
        return "250 taken"


def certificate(folder):
    """A certificate of this host, which signs itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "post")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(),
                                      now - datetime.timedelta(days=1), now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


def authenticator(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login.decode(), data.password.decode()) == tuple(LOGIN.values()))


@contextlib.contextmanager
def post_office(postman, context, tls_comes_first):
    """A server that takes mail over TLS from who has logged in; its URL."""
    wants = {"ssl_context": context, "auth_require_tls": False} if tls_comes_first else {
        "tls_context": context, "require_starttls": True}
    controller = Controller(postman, hostname=HOST, port=0, authenticator=authenticator, auth_required=True, **wants)
    with_port(controller)
    controller.start()
    try:
        yield f"{'smtps' if tls_comes_first else 'smtp'}://{HOST}:{controller.port}"
    finally:
        controller.stop()


def with_port(controller):
    """aiosmtpd cannot say which port it got: one that is free a moment before."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        controller.port = probe.getsockname()[1]


@contextlib.contextmanager
def gatepost_dev(gatepost, template, url, folder, roots):
    """`gatepost dev` that mails by this server; its address."""
    (folder / "template.yaml").write_text(template.replace("\nOutputs:\n", SECRET))
    data = folder / "data"
    data.mkdir(mode=0o700)
    secret = data / "secret-SmtpLogin.json"
    secret.write_text(json.dumps(LOGIN))
    secret.chmod(0o600)
    command = [gatepost, "dev", "--port", "0", "--data", data, "--template", folder / "template.yaml"]
    for parameter in ("MailTransport=smtp", f"SmtpUrl={url}", "SmtpSecret=SmtpLogin"):
        command += ["--parameter", parameter]
    environment = {**os.environ, "SSL_CERT_FILE": str(roots)}
    log = folder / "gatepost.log"
    process = subprocess.Popen(command, env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT)
    try:
        yield until("gatepost dev", lambda: re.search(r"http://127\.0\.0\.1:\d+", log.read_text()))[0], log
    finally:
        process.terminate()
        process.wait(15)


def mails_arrive(gatepost, template):
    """A mail arrives whole, by either way to TLS, and its link works; where nobody vouches for the server, none does."""
    for tls_comes_first in (False, True):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            context, postman = certificate(scratch), Postman()
            with post_office(postman, context, tls_comes_first) as url:
                with gatepost_dev(gatepost, template, url, scratch, scratch / "certificate.pem") as (api, _):
                    whole(api, postman)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        context, postman = certificate(scratch), Postman()
        (scratch / "other").mkdir()
        certificate(scratch / "other")
        with post_office(postman, context, False) as url:
            with gatepost_dev(gatepost, template, url, scratch, scratch / "other/certificate.pem") as (api, log):
                register(api)
                until("a refusal", lambda: "TLS failed" in log.read_text())
                assert postman.mails == [], postman.mails


def register(api):
    ada = {"email": "ada@example.com", "password": "correct horse battery", "first_name": "Zoë", "locale": "de"}
    return call("POST", f"{api}/v1/registrations", ada).expect(202).json["registration_token"]


def whole(api, postman):
    registration_token = register(api)
    recipients, mail = until("the mail", lambda: next(iter(postman.mails), None))
    assert recipients == ["ada@example.com"], recipients
    assert mail["Subject"] == "Bestätigen Sie Ihre E-Mail-Adresse für Gatepost", mail["Subject"]
    text, html = (mail.get_body([kind]).get_content() for kind in ("plain", "html"))
    assert text.startswith("Hallo,") and "<p>Hallo,</p>" in html, (text, html)
    token = re.search(r"#token=([A-Za-z0-9_-]+)", text)[1]
    call("POST", f"{api}/v1/registrations/verify", {"token": token, "registration_token": registration_token}).expect(201)
    assert len(postman.mails) == 1, postman.mails

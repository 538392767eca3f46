#!/usr/bin/env python3
"""Deploys Gatepost, runs the journeys against it, and checks what only a deployed system can show.

suite.py <package> <sam> <cargo-lambda> <python>: the folder with template.yaml and the binaries, the two tools, and the
Python that has selenium.
"""
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import botocore.exceptions
import jwt

import application
import smtp
from deployment import ACCOUNT, API_ID, DIGEST_RECIPIENT, MAIL_FROM, REGION, STACK, VERIFICATION_URL, deployed, free_port
from visitor import Visitor, call, until

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
AUDIENCE = "gatepost"
FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())
GATEPOST = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug/gatepost")
CHECKS = []


def check(sentence):
    def keep(function):
        CHECKS.append((sentence, function))
        return function
    return keep


class World:
    """The deployment, a queue that hears every event, and a person who signed in."""

    def __init__(self, deployment, cargo_lambda, selenium):
        self.deployment, self.cargo_lambda, self.selenium = deployment, cargo_lambda, selenium
        self.events_url = listen(deployment)
        self.ada = None  # the person and her first session, once she has signed in
        self.keeper = None  # the environment of the operator who may change the keys

    def events(self):
        """Every event heard so far, in order."""
        accounts = call("GET", self.events_url).expect(200).json["messages"].values()
        bodies = [message["Body"] for regions in accounts for queues in regions.values()
                  for messages in queues.values() for message in messages]
        return [json.loads(body) for body in bodies]


def listen(deployment):
    """Subscribes a queue to all that Gatepost publishes, as any consumer would: by a rule on the bus."""
    sqs, rules, bus = deployment.client("sqs"), deployment.client("events"), deployment.resource("Bus")
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allow)})
    rules.put_rule(Name="listener", EventBusName=bus, EventPattern=json.dumps({"source": ["gatepost"]}))
    rules.put_targets(Rule="listener", EventBusName=bus, Targets=[{"Id": "listener", "Arn": arn}])
    return f"{deployment.endpoint}/_ministack/sqs/messages?QueueUrl={queue}"


# ---------------------------------------------------------------- the journey

@check("health answers, and an unknown route is a problem")
def _(world):
    call("GET", world.deployment.issuer + "/v1/health").expect(200)
    nowhere = call("GET", world.deployment.issuer + "/v1/nowhere").expect(404)
    assert nowhere.headers["content-type"] == "application/problem+json", nowhere.headers
    allow = call("PUT", world.deployment.issuer + "/v1/me").expect(405).headers["allow"]
    assert "GET" in allow.split(", "), allow


@check("a person signs up, proves the address, signs in, refreshes, reads the profile and signs out")
def _(world):
    ada = Visitor(world.deployment)
    session = ada.sign_up_and_log_in()
    world.ada = ada, session
    refreshed = ada.post("/v1/sessions/refresh", {"refresh_token": session["refresh_token"]}).expect(200).json
    me = world.deployment.issuer + "/v1/me"
    assert call("GET", me, token=refreshed["access_token"]).expect(200).json["email"] == ada.email
    current = world.deployment.issuer + "/v1/sessions/current"
    call("DELETE", current, token=refreshed["access_token"]).expect(204)
    ada.post("/v1/sessions/refresh", {"refresh_token": refreshed["refresh_token"]}).expect(401)
    call("GET", me).expect(401)


@check("a browser on a page of an allowed origin does all of that and uploads a picture, and one of another origin is refused")
def _(world):
    visit = [world.selenium, HERE / "browser/visit.py", world.deployment.issuer, world.deployment.mailbox]
    done = subprocess.run([*visit, str(world.deployment.pages_port)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@check("HEAD is answered without a body, and routes that strangers use are throttled apart")
def _(world):
    head = call("HEAD", world.deployment.issuer + "/.well-known/jwks.json").expect(200)
    assert (head.text, head.headers["content-type"]) == ("", "application/json"), (head.text, head.headers)
    call("HEAD", world.deployment.issuer + "/v1/me").expect(401)
    stage = world.deployment.client("apigatewayv2").get_stage(ApiId=API_ID, StageName="$default")
    assert {"POST /v1/sessions", "POST /v1/sessions/refresh", "GET /.well-known/jwks.json"} <= stage["RouteSettings"].keys(), stage


@check("the mail reached SES, from the configured sender and with a link to the configured page")
def _(world):
    ada, _ = world.ada
    mail = ada.mails()[0]
    assert MAIL_FROM in mail["Source"], mail["Source"]
    assert f"{VERIFICATION_URL}#token=" in mail["BodyText"], mail["BodyText"]


@check("an address that SES reports as gone gets no mail any more")
def _(world):
    gone = Visitor(world.deployment)
    gone.register()
    gone.next_link_token()
    bounce = {"eventType": "Bounce", "mail": {"tags": {"ses:configuration-set": ["gatepost"]}},
              "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": gone.email}]}}
    put = world.deployment.client("events").put_events(Entries=[
        {"Source": "aws.ses", "DetailType": "Email Bounced", "Detail": json.dumps(bounce)}])
    assert put["FailedEntryCount"] == 0, put["Entries"]
    table, dynamodb = world.deployment.resource("Identities"), world.deployment.client("dynamodb")

    def suppressed():
        return [item["pk"]["S"] for item in dynamodb.scan(TableName=table)["Items"] if item["sk"]["S"] == "SUPPRESSION"]
    until("the suppression", suppressed)
    gone.register()
    until("its end", lambda: any('"MailsSuppressed":1' in line for line in world.deployment.log_lines()))
    assert len(gone.mails()) == 1, gone.mails()
    assert gone.email not in json.dumps(suppressed())


@check("an SMTP server takes mails over TLS, with a login, and one that nobody vouches for gets none")
def _(_world):
    smtp.mails_arrive(GATEPOST, (ROOT / "template.yaml").read_text())


@check("every change is an event in the listener's queue, numbered and in order, with nothing secret in it")
def _(world):
    ada, session = world.ada
    user = jwt.decode(session["access_token"], options={"verify_signature": False})["sub"]

    def of_ada():
        return [event for event in world.events() if event["detail"]["subject"] == f"user#{user}"]
    until("the end of the session", lambda: "session.ended" in [event["detail-type"] for event in of_ada()])
    mine = of_ada()
    assert [event["detail-type"] for event in mine] == ["user.registered", "session.started", "session.ended"], mine
    assert [int(event["detail"]["sequence"]) for event in mine] == [1, 2, 3], mine
    assert all(event["source"] == "gatepost" and event["detail"]["specversion"] == "1.0" for event in mine), mine
    everything = json.dumps(world.events())
    for secret in secrets_of(world):
        assert secret not in everything


def secrets_of(world):
    ada, session = world.ada
    return [ada.password, session["access_token"], session["refresh_token"], *ada.link_tokens]


@check("the sweeper's canary comes back by stream, relay, bus and rule, and the numbers that alarms look at are logged")
def _(world):
    function = world.deployment.resource("SweepEvents")
    swept = world.deployment.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert "FunctionError" not in swept, swept["Payload"].read()

    def metrics():
        lines = [line for line in world.deployment.log_lines() if '"_aws"' in line]
        return {metric["Name"]: line for line in map(json.loads, lines)
                for directive in line["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]}
    until("the canary", lambda: "CanaryAge" in metrics())
    assert {"DeadEvents", "OldestPendingEvent"} <= metrics().keys(), metrics()
    assert metrics()["DeadEvents"]["DeadEvents"] == 0 and metrics()["CanaryAge"]["Stack"] == "gatepost", metrics()


@check("the digest of a week is published once, by the rights of its role, and mailed to whom the deployment names")
def _(world):
    function = world.deployment.resource("WriteDigest")

    def write():
        answer = world.deployment.client("lambda").invoke(FunctionName=function, Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said["written"]

    def digests():
        return [event["detail"] for event in world.events() if event["detail-type"] == "digest.written"]
    # The schedule may have been first.
    assert [write() for _ in range(3)] in ([True, False, False], [False, False, False])
    published = until("the digest", digests)
    assert len({digest["subject"] for digest in published}) == len(published), published
    data = published[0]["data"]
    assert data["users"]["active"] >= 1 and data["dead_events"] == 0 and data["failed_tasks"] == [], data
    assert "@" not in json.dumps(published), published

    def mails():
        accounts = call("GET", world.deployment.mailbox).expect(200).json["messages"].values()
        return [mail for mails in accounts for mail in mails if DIGEST_RECIPIENT in mail["To"]]
    until("its mail", mails)
    assert len(mails()) == len(digests()), (mails(), digests())
    assert "Users who may sign in" in mails()[0]["BodyText"], mails()[0]


@check("no log of a function holds a password or a token")
def _(world):
    lines = world.deployment.log_lines()
    assert lines, "no function has logged anything"
    everything = "\n".join([*lines, world.deployment.log.read_text()])
    for secret in secrets_of(world):
        assert secret not in everything


# ---------------------------------------------------------------- operators

def settings_of(world):
    """The settings that the stack hands to operators."""
    return dict(pair.split("=") for pair in world.deployment.outputs()["OperatorSettings"].split())


def as_operator(world, *policies):
    """The credentials of an operator with these policies of the template, as `gatepost --stack` finds them."""
    iam, user = world.deployment.client("iam"), f"with-{policies[0]}"
    iam.create_user(UserName=user)
    for policy in policies:
        iam.attach_user_policy(UserName=user, PolicyArn=world.deployment.resource(policy))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"], "AWS_REGION": REGION, "AWS_ENDPOINT_URL": world.deployment.endpoint}


def operate(environment, *arguments, codes=(0,)):
    """The JSON document that the command prints."""
    done = subprocess.run([GATEPOST, *arguments, "--stack", STACK, "--json"], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode in codes, (arguments, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else None


def client_of(world, environment, service):
    return world.deployment.client(service, aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                                   aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"])


@check("an operator with the policies of the template looks into the outbox, verifies it and replays a user, and can do no more")
def _(world):
    ada, session = world.ada
    user = jwt.decode(session["access_token"], options={"verify_signature": False})["sub"]
    environment = as_operator(world, "OperatorEventsRead", "OperatorEventsChange")

    def outbox(*arguments, codes=(0,)):
        return operate(environment, "outbox", *arguments, codes=codes)

    def ids():
        return [event["detail"]["id"] for event in world.events() if event["detail"]["subject"] == f"user#{user}"]
    until("all events to be marked", lambda: outbox("stats")["pending"] == 0)
    before = ids()
    listed = outbox("list", "--state", "delivered", "--user", user)["events"]
    assert [event["event_id"] for event in listed] == before, (listed, before)
    outbox("replay", "--user", user, codes=[4])
    assert outbox("replay", "--user", user, "--dry-run")["published"] == len(before)
    assert outbox("replay", "--user", user, "--yes")["published"] == len(before)
    until("the same events again", lambda: ids() == before * 2)
    until("a flush beside the sweeper", lambda: outbox("flush", codes=[0, 1]))
    outbox("retry-failed")
    outbox("requeue", "--event", f"user#{user}", "1", "--yes", codes=[3])
    assert outbox("cleanup", "--days", "1", "--yes")["deleted"] == 0
    verified = outbox("verify")
    assert verified["users"] >= 1 and verified["findings"] == [], verified

    dynamodb = client_of(world, environment, "dynamodb")
    credential = {"pk": {"S": f"EMAIL#{ada.email}"}, "sk": {"S": "CREDENTIAL"}}
    table = settings_of(world)["IDENTITIES_TABLE"]
    assert not allowed(dynamodb.get_item, TableName=table, Key=credential)
    assert not allowed(dynamodb.delete_item, TableName=table, Key=credential)


@check("gatepost doctor, with its policies, finds nothing wrong, and each thing that is broken on purpose")
def _(world):
    environment = as_operator(world, "OperatorDoctor", "OperatorDoctorSecrets")

    def wrong():
        """Names of what is wrong, by how bad it is, and the exit code."""
        done = subprocess.run([GATEPOST, "doctor", "--stack", STACK, "--json"], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.stdout, (done.returncode, done.stderr)
        checks = json.loads(done.stdout)["checks"]
        return ([check["name"] for check in checks if check["severity"] == "error"],
                [check["name"] for check in checks if check["severity"] == "warning"], done.returncode)
    assert wrong() == ([], [], 0), wrong()
    lambdas, rules, resource = world.deployment.client("lambda"), world.deployment.client("events"), world.deployment.resource
    mapping, rule = resource("RelayEventsStream"), {"Name": resource("MailRule"), "EventBusName": resource("Bus")}
    function, tables = resource("LogIn"), world.deployment.client("dynamodb")
    variables = lambdas.get_function_configuration(FunctionName=function)["Environment"]["Variables"]

    def expiry(is_on):
        tables.update_time_to_live(TableName=resource("Events"), TimeToLiveSpecification={
            "Enabled": is_on, "AttributeName": "ttl"})

    def recovery(is_on):
        tables.update_continuous_backups(TableName=resource("Events"), PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": is_on})

    def configure(settings):
        lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": settings})
    lacking = {name: value for name, value in variables.items() if name != "AUDIENCE"}
    for found, harm, repair in [
        (["mapping of relay-events"], lambda: lambdas.update_event_source_mapping(UUID=mapping, Enabled=False),
         lambda: lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)),
        (["mapping of relay-events: settings"], lambda: lambdas.update_event_source_mapping(UUID=mapping, BatchSize=7),
         lambda: lambdas.update_event_source_mapping(UUID=mapping, BatchSize=100)),
        (["rule MailRule"], lambda: rules.disable_rule(**rule), lambda: rules.enable_rule(**rule)),
        (["table Events: time to live"], lambda: expiry(False), lambda: expiry(True)),
        (["table Events: point-in-time recovery"], lambda: recovery(False), lambda: recovery(True)),
        (["function log-in"], lambda: configure(lacking), lambda: configure(variables)),
    ]:
        harm()
        try:
            assert wrong() == (found, [], 5), (found, wrong())
        finally:
            repair()


@check("an operator with the policies of the template sees how the tasks went, and keeps somebody who was to be erased")
def _(world):
    environment = as_operator(world, "OperatorTasksRead", "OperatorTasksCancel")

    def listed():
        return operate(environment, "tasks", "list", codes=[0, 3])
    went = until("the sweeper's run", lambda: next(
        (task for task in listed()["recurring"] if task["task"] == "sweep-events" and task["succeeded_at"]), None))
    assert went["schedule"] == "rate(1 minute)", went
    eve = Visitor(world.deployment)
    eve.register()
    eve.verify_elsewhere(eve.next_link_token()).expect(201)
    access = eve.log_in()["access_token"]
    call("DELETE", world.deployment.issuer + "/v1/me", {"password": eve.password}, access).expect(204)
    [waiting] = listed()["waiting"]
    assert operate(environment, "tasks", "cancel", waiting["task"], "--yes") == {
        "canceled": waiting["task"], "dry_run": False}
    assert listed()["waiting"] == []
    eve.log_in()


@check("an operator with the policies of the template shows the keys and begins a rotation, and can do no more")
def _(world):
    (_, session), environment = world.ada, as_operator(world, "OperatorKeys")
    world.keeper = environment

    def keys(*arguments, codes=(0,)):
        return operate(environment, "keys", *arguments, codes=codes)["keys"]

    def published():
        jwks = call("GET", world.deployment.issuer + "/.well-known/jwks.json").expect(200).json
        return [key["kid"] for key in jwks["keys"]]
    before = keys("list")
    current = next(key for key in before if key["state"] == "current")
    assert current["algorithm"] == "ES256", before
    assert jwt.get_unverified_header(session["access_token"])["kid"] == current["kid"], current
    rotated = keys("rotate")
    # If the hourly run was quicker, it is that rotation which is completed.
    is_rotating = before[0]["state"] in ("new", "pending")
    assert len(rotated) == len(before) + (not is_rotating), (before, rotated)
    assert (rotated[0]["state"], rotated[0]["algorithm"]) == ("pending", "ES256"), rotated
    assert rotated[0]["kid"] in published(), (rotated, published())
    assert next(key for key in rotated if key["state"] == "current")["kid"] == current["kid"], rotated
    assert [key["kid"] for key in keys("rotate")] == [key["kid"] for key in rotated], "one at a time"
    assert operate(environment, "keys", "separate", "--dry-run")["shared"] is False, "two secrets from the start"
    [hashed] = operate(environment, "logs", "hash", "--address", "ada@example.com")["hashes"]
    assert len(hashed["hash"]) == 32 and hashed["state"] == "current", hashed
    failed = subprocess.run([GATEPOST, "keys", "retire", current["kid"], "--yes", "--stack", STACK], env=environment,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert failed.returncode == 1 and "the key signs" in failed.stderr, (failed.returncode, failed.stderr)

    dynamodb, user = client_of(world, environment, "dynamodb"), {"pk": {"S": "USER#nobody"}, "sk": {"S": "USER"}}
    settings = settings_of(world)
    assert not allowed(dynamodb.put_item, TableName=settings["IDENTITIES_TABLE"], Item=user)
    assert not allowed(dynamodb.query, TableName=settings["IDENTITIES_TABLE"], KeyConditionExpression="pk = :pk",
                       ExpressionAttributeValues={":pk": {"S": "KEYS"}})
    assert not allowed(client_of(world, environment, "secretsmanager").delete_secret, SecretId=settings["KEYS_SECRET"])


@check("operators with the policies of the template hand everybody out, and take somebody over who then logs in")
def _(world):
    ada, session = world.ada
    user = jwt.decode(session["access_token"], options={"verify_signature": False})["sub"]
    exporting, importing = as_operator(world, "OperatorExport"), as_operator(world, "OperatorImport")
    vectors = map(json.loads, (ROOT / "tests/foreign-hashes/vectors.ndjson").read_text().splitlines())
    vector = next(vector for vector in vectors if vector["by"] == "bcrypt, under PHP's name" and "hash" in vector)
    eve = Visitor(world.deployment)
    eve.password = vector["password"]
    with tempfile.TemporaryDirectory(prefix="gatepost-users-") as folder:
        everybody, newcomers = pathlib.Path(folder, "everybody.ndjson"), pathlib.Path(folder, "newcomers.ndjson")
        exported = operate(exporting, "users", "export", everybody)["exported"]
        lines = [json.loads(line) for line in everybody.read_text().splitlines()]
        hers = next(line for line in lines if line["id"] == user)
        assert exported == len(lines) and hers["email"] == ada.email, (exported, len(lines), hers["email"])
        newcomer = {"email": eve.email, "email_verified": True, "first_name": "Eve", "password_hash": vector["hash"]}
        newcomers.write_text(f"{json.dumps(hers)}\n{json.dumps(newcomer)}\n")
        operate(exporting, "users", "import", newcomers, codes=[1])
        imported = operate(importing, "users", "import", newcomers)
    assert (imported["already_there"], imported["imported"], imported["refused"]) == (1, 1, []), imported

    token = eve.log_in()["access_token"]
    me = call("GET", world.deployment.issuer + "/v1/me", token=token).expect(200).json
    assert (me["email"], me["first_name"]) == (eve.email, "Eve"), me
    until("the event of moving in", lambda: any(
        event["detail-type"] == "user.registered" and event["detail"]["subject"] == f"user#{me['id']}"
        and event["detail"]["actor"] == "operator" for event in world.events()))

    table, nothing = settings_of(world)["IDENTITIES_TABLE"], {"pk": {"S": "USER#nobody"}, "sk": {"S": "USER"}}
    assert not allowed(client_of(world, exporting, "dynamodb").put_item, TableName=table, Item=nothing)
    assert not allowed(client_of(world, importing, "dynamodb").scan, TableName=table)
    assert not allowed(client_of(world, importing, "dynamodb").delete_item, TableName=table, Key=nothing)


@check("an operator with the policies of the template copies the whole system into a file and on into a folder, and back it is refused")
def _(world):
    environment = as_operator(world, "OperatorCopySource", "OperatorCopyTarget")
    settings, stack = settings_of(world), f"stack:{STACK}"
    tables = f"tables:{settings['IDENTITIES_TABLE']},{settings['EVENTS_TABLE']}"
    with tempfile.TemporaryDirectory(prefix="gatepost-data-") as folder:
        def data(*arguments, codes=(0,)):
            done = subprocess.run([GATEPOST, "data", *arguments, "--json"], env=environment, cwd=folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode in codes, (arguments, done.returncode, done.stdout, done.stderr)
            return done
        # What is still on its way is a change: then the two are not the same, and the copy is made anew.
        until("a copy of a system that stands still", lambda: data(
            "copy", "--from", stack, "--to", "ndjson:backup.ndjson", codes=(0, 3)).returncode == 0)
        data("copy", "--from", "ndjson:backup.ndjson", "--to", "folder:data")
        sums = [json.loads(data("check", place).stdout) for place in ("ndjson:backup.ndjson", "folder:data")]
        assert sums[0] == sums[1] and sums[0]["Identities"]["items"] > 5 and sums[0]["Events"]["items"] > 5, sums
        named, deployed = (json.loads(data("check", *place).stdout) for place in ([tables], ["--stack", STACK]))
        assert named == deployed, (named, deployed)
        for place in (stack, tables):
            refused = data("copy", "--from", "folder:data", "--to", place, codes=(1,))
            assert "there is other data in it already" in refused.stderr, refused.stderr


# ---------------------------------------------------------------- tokens, verified by other people's code

@check("an operator registers an application, which signs a user in and gives the tokens back")
def _(world):
    environment = as_operator(world, "OperatorClients")
    create = ["clients", "create", "shop", "--redirect-uri", application.CALLBACK, "--scope", "openid email"]
    secret = operate(environment, *create)["client_secret"]
    ada, _ = world.ada
    user = application.sign_in(world.deployment.issuer, ada.email, ada.password, "shop", secret)
    assert user["email"] == ada.email, user
    heard = until("the grant to be heard", lambda: [
        event["detail"]["type"] for event in world.events()
        if event["detail"]["type"].startswith(("client.", "consent.", "grant."))][3:])
    assert heard, heard
    assert [client["client_id"] for client in operate(environment, "clients", "list")["clients"]] == ["shop"]
    operate(environment, "clients", "delete", "shop", "--yes")


def altered(token):
    """The token with another subject and its old signature, and with another signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "somebody-else"}).encode()).decode().rstrip("=")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    return [f"{header}.{forged}.{signature}", f"{header}.{payload}.{other}"]


def verified_by_pyjwt(world, token, algorithm="ES256"):
    issuer = world.deployment.issuer
    discovery = call("GET", f"{issuer}/.well-known/openid-configuration").expect(200).json
    assert discovery["issuer"] == issuer, discovery
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=AUDIENCE,
                      options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})


@check("PyJWT accepts an access token through discovery and JWKS, and refuses altered ones")
def _(world):
    _, session = world.ada
    assert verified_by_pyjwt(world, session["access_token"])["sub"]
    for token in altered(session["access_token"]):
        try:
            verified_by_pyjwt(world, token)
        except jwt.InvalidSignatureError:
            continue
        raise AssertionError("an altered token was accepted")


def verified_by_aws_jwt_verify(world, token):
    return subprocess.run(["node", HERE / "verifier/verify.mjs", world.deployment.issuer, AUDIENCE], input=token,
                          capture_output=True, text=True)


@check("aws-jwt-verify accepts an access token through discovery and JWKS, and refuses altered ones")
def _(world):
    _, session = world.ada
    accepted = verified_by_aws_jwt_verify(world, session["access_token"])
    assert accepted.returncode == 0, accepted.stderr
    assert json.loads(accepted.stdout)["sid"] == session["session_id"]
    for token in altered(session["access_token"]):
        refused = verified_by_aws_jwt_verify(world, token)
        assert "refused: JwtInvalidSignatureError" in refused.stderr, refused.stderr


@check("Gatepost itself refuses altered access tokens")
def _(world):
    _, session = world.ada
    for token in altered(session["access_token"]):
        call("GET", world.deployment.issuer + "/v1/me", token=token).expect(401)


# ---------------------------------------------------------------- rights

def with_rights_of(world, function):
    """Clients of a user who may do exactly what the function's role may."""
    iam, role = world.deployment.client("iam"), world.deployment.resource(f"{function}Role")
    user = f"as-{function}"
    iam.create_user(UserName=user)
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        assert f":{ACCOUNT}:policy/" in policy["PolicyArn"], f"{policy} is not of the template"
        iam.attach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return lambda service: world.deployment.client(service, aws_access_key_id=key["AccessKeyId"],
                                                   aws_secret_access_key=key["SecretAccessKey"])


def allowed(request, **arguments):
    try:
        request(**arguments)
    except botocore.exceptions.ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        if code in ("AccessDeniedException", "AccessDenied"):
            return False
        if code != "TransactionCanceledException":  # cancelled by a condition: it was allowed to try
            raise
    return True


@check("the emulator enforces the roles: a function can do its own work and nothing beside it")
def _(world):
    table = {name: world.deployment.resource(name) for name in ("Identities", "Events")}
    secret, bus = world.deployment.resource("KeysSecret"), world.deployment.resource("Bus")
    credentials = world.deployment.resource("CredentialsSecret")

    def get(client, pk):
        return allowed(client.get_item, TableName=table["Identities"], Key={"pk": {"S": pk}, "sk": {"S": "x"}})

    def query(client, pk):
        return allowed(client.query, TableName=table["Identities"], KeyConditionExpression="pk = :pk",
                       ExpressionAttributeValues={":pk": {"S": pk}})

    def transact(client, pk):
        # The condition never holds, so that nothing is left behind.
        never = {"ConditionExpression": "attribute_exists(nothing)"}
        state = {"TableName": table["Identities"], "Item": {"pk": {"S": pk}, "sk": {"S": "x"}}, **never}
        event = {"TableName": table["Events"], "Item": {"stream": {"S": "registration#1"}, "seq": {"N": "1"}}, **never}
        return allowed(client.transact_write_items, TransactItems=[{"Put": state}, {"Put": event}])

    def publish(client, bus):
        return allowed(client.put_events, Entries=[{"Source": "rights", "DetailType": "rights", "Detail": "{}",
                                                    "EventBusName": bus}])

    profile = with_rights_of(world, "ReadProfile")
    assert get(profile("dynamodb"), "USER#1") and query(profile("dynamodb"), "KEYS")
    assert not get(profile("dynamodb"), "EMAIL#a@example.com"), "a reader of profiles reads password hashes"
    assert not query(profile("dynamodb"), "USER#1")
    assert not transact(profile("dynamodb"), "USER#1")
    assert not allowed(profile("dynamodb").scan, TableName=table["Identities"])
    assert not allowed(profile("secretsmanager").get_secret_value, SecretId=secret)

    register = with_rights_of(world, "Register")
    assert transact(register("dynamodb"), "REGISTRATION#rights")
    assert not transact(register("dynamodb"), "USER#rights"), "a registration makes a user"
    assert allowed(register("secretsmanager").get_secret_value, SecretId=credentials)
    assert not allowed(register("secretsmanager").get_secret_value, SecretId=secret), "who registers people signs tokens"
    refresh = with_rights_of(world, "RefreshSession")
    assert allowed(refresh("secretsmanager").get_secret_value, SecretId=secret)
    assert not allowed(refresh("secretsmanager").get_secret_value, SecretId=credentials), "who signs reads peppers"

    relay = with_rights_of(world, "RelayEvents")
    assert publish(relay("events"), bus)
    assert not publish(relay("events"), "default")
    assert not get(relay("dynamodb"), "USER#1"), "the relay reads identities"

    health = with_rights_of(world, "Health")
    assert not get(health("dynamodb"), "KEYS") and not publish(health("events"), bus)


# ---------------------------------------------------------------- cargo lambda

def with_cargo_lambda(world, use):
    """Calls `use(port)` while `cargo lambda watch` serves the functions, with the settings of the deployed ones."""
    functions, environment = world.deployment.client("lambda"), {}
    for function in functions.list_functions()["Functions"]:
        variables = function.get("Environment", {}).get("Variables", {})
        environment |= {name: value for name, value in variables.items() if value}
    environment = {**os.environ, **world.deployment.environment, **environment,
                   "AWS_ENDPOINT_URL": world.deployment.endpoint, "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": ""}
    port = free_port()
    # A file: whoever writes into a pipe that nobody reads waits for ever.
    with tempfile.TemporaryFile("w+") as log:
        watch = subprocess.Popen(
            [world.cargo_lambda, "lambda", "watch", "--ignore-changes", "-A", "127.0.0.1", "-P", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            until("cargo lambda watch", lambda: listens(port))
            use(port)
        except AssertionError:
            log.seek(0)
            print(log.read()[-4000:])
            raise
        finally:
            watch.terminate()
            watch.wait(15)


def listens(port):
    try:
        return call("GET", f"http://127.0.0.1:{port}/v1/health").status == 200
    except OSError:
        return False


@check("cargo lambda watch serves every HTTP function by its route, and cargo lambda invoke answers for every function")
def _(world):
    items = world.deployment.client("apigatewayv2").get_routes(ApiId=API_ID)["Items"]
    routes = [item["RouteKey"] for item in items]
    assert "GET /v1/health" in routes and "$default" in routes, routes

    def use(port):
        # `cargo lambda watch` serves one function at work: `HEAD` is not in its router.
        for route in [route for route in routes if not route.startswith("HEAD ")]:
            method, path = ("GET /unknown" if route == "$default" else route).split(" ")
            path = path.replace("{slug}", "not-found").replace("{page}", "sign-in")
            answer = call(method, f"http://127.0.0.1:{port}{path}", {} if method == "POST" else None)
            # An empty request is refused by the function itself; a route that is not served has no such header.
            is_nothing = route == "$default" or path.startswith("/v1/pictures/")
            expected = [404] if is_nothing else [200, 400, 401, 422]
            assert answer.status in expected and answer.headers["x-correlation-id"], (route, answer.status, answer.text)
        for function in FUNCTIONS:
            event = ROOT / "functions" / function / "event.json"
            done = subprocess.run([world.cargo_lambda, "lambda", "invoke", function, "--data-file", event,
                                   "-A", "127.0.0.1", "-P", str(port)], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, (function, done.stdout, done.stderr)
            answer = json.loads(done.stdout)
            refused = isinstance(answer, dict) and answer.get("statusCode", 200) >= 500
            assert not refused, (function, answer)
    with_cargo_lambda(world, use)


# ---------------------------------------------------------------- the same journeys as against the local system

def administrator(world):
    """Address and password of somebody whom the operator has made an administrator."""
    root = Visitor(world.deployment)
    root.sign_up_and_log_in()
    operate(as_operator(world, "OperatorAdministrators"), "users", "grant-admin", root.email)
    return f"{root.email} {root.password}"


@check("the journeys of tests/journeys pass against the deployed API")
def _(world):
    environment = {**os.environ, "GATEPOST_URL": world.deployment.issuer, "GATEPOST_ADMINISTRATOR": administrator(world),
                   "GATEPOST_MAILBOX": world.deployment.mailbox, "GATEPOST_EVENTS": world.events_url}
    subprocess.run([test_binary("journeys")], cwd=ROOT / "tests/journeys", env=environment, check=True)


@check("each of fifty registrations is heard in the listener's queue, and how soon is said")
def _(world):
    times, known = [], len(world.events())
    for number in range(50):
        person = {"email": f"latency-{number}@example.com", "password": "correct horse battery"}
        call("POST", world.deployment.issuer + "/v1/registrations", person).expect(202)
        answered = time.monotonic()
        until("the event", lambda: len(world.events()) > known, every=0.01)
        times.append(time.monotonic() - answered)
        known = len(world.events())
    times.sort()
    print(f"        answer to queue: p50 {times[25] * 1000:.0f} ms, longest {times[49] * 1000:.0f} ms (at the emulator's own pace)")


# ---------------------------------------------------------------- after this, nobody who was signed in is

@check("after revoke-all, tokens are signed by RSA at once, and others verify them without being told")
def _(world):
    ada, session = world.ada
    revoked = operate(world.keeper, "keys", "revoke-all", "--token-algorithm", "RS256", "--yes")["keys"]
    assert {key["state"] for key in revoked[1:]} == {"gone"} and revoked[0]["algorithm"] == "RS256", revoked
    # Another build, as the guide says for whom five minutes are too long.
    lambdas = world.deployment.client("lambda")
    for name in ("LogIn", "RefreshSession", "ReadProfile"):
        function = world.deployment.resource(name)
        variables = lambdas.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": {**variables, "ANEW": "1"}})

    def logged_in():
        started = ada.log_in()
        return started if jwt.get_unverified_header(started["access_token"])["alg"] == "RS256" else None
    started = until("a token by RS256", logged_in)
    me = world.deployment.issuer + "/v1/me"
    assert call("GET", me, token=started["access_token"]).expect(200).json["email"] == ada.email
    call("GET", me, token=session["access_token"]).expect(401)
    assert verified_by_pyjwt(world, started["access_token"], "RS256")["sid"] == started["session_id"]
    accepted = verified_by_aws_jwt_verify(world, started["access_token"])
    assert accepted.returncode == 0, accepted.stderr
    refreshed = ada.post("/v1/sessions/refresh", {"refresh_token": started["refresh_token"]}).expect(200).json
    assert verified_by_pyjwt(world, refreshed["access_token"], "RS256")["sid"] == started["session_id"]


def test_binary(package):
    """Built with the whole workspace, as `cargo test --workspace` does: a package alone has other features."""
    built = subprocess.run(["cargo", "test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"],
                           cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    return next(artifact["executable"] for artifact in artifacts if artifact.get("executable")
                and artifact["target"]["kind"] == ["test"] and f"/tests/{package}" in artifact["package_id"])


def main():
    # Ended from outside, end what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    package, sam, cargo_lambda, selenium = map(pathlib.Path, sys.argv[1:])
    passed = failed = 0
    with deployed(package, sam) as deployment:
        world = World(deployment, cargo_lambda, selenium)
        for sentence, function in CHECKS:
            try:
                function(world)
                passed += 1
                print(f"ok      {sentence}", flush=True)
            except Exception:  # whatever a check meets is its failure, and the next one runs
                failed += 1
                print(f"FAILED  {sentence}\n{traceback.format_exc()}", flush=True)
        if failed:
            print("The functions' last words:", *deployment.log_lines()[-60:], sep="\n")
            print(f"MiniStack's last words:\n{deployment.log.read_text()[-4000:]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

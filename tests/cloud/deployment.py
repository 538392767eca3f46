"""Starts MiniStack on a free port of the loopback interface and deploys the template to it with `sam deploy`."""
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import boto3

HERE = pathlib.Path(__file__).parent
REGION, ACCOUNT, STACK, API_ID = "eu-west-1", "000000000000", "gatepost", "gatepost"
MAIL_FROM = "no-reply@gatepost.example"
DIGEST_RECIPIENT = "operators@gatepost.example"
VERIFICATION_URL = "https://app.example/verify"
RESET_PASSWORD_URL = "https://app.example/reset-password"
EMAIL_CHANGE_URL = "https://app.example/verify-email-change"


class Deployment:
    """What the checks need to know of a deployed stack."""

    def __init__(self, port, log):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.endpoint}/_aws/execute-api/{API_ID}/$default"
        self.mailbox = f"{self.endpoint}/_ministack/ses/messages"
        self.log = log
        # Pages of this origin may call the API.
        self.pages_port = free_port()
        self.pages_origin = f"http://127.0.0.1:{self.pages_port}"

    # The key pair `test` is MiniStack's root user; the functions get credentials of their own roles.
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
                   "AWS_EC2_METADATA_DISABLED": "true", "SAM_CLI_TELEMETRY": "0"}

    def client(self, service, **credentials):
        credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **credentials)

    def outputs(self):
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resource(self, logical_id):
        """The physical id of a resource of the template."""
        detail = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
        return detail["StackResourceDetail"]["PhysicalResourceId"]

    def log_lines(self):
        """What the functions have logged."""
        logs = self.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        pages = (page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group))
        return [event["message"] for page in pages for event in page["events"]]


@contextlib.contextmanager
def deployed(package, sam):
    """The stack of `package` (a folder with the template and the binaries), as long as the block runs."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gatepost-cloud-") as scratch:
        log = pathlib.Path(scratch, "ministack.log")
        deployment = Deployment(port, log)
        process = start_ministack(port, scratch, log)
        try:
            wait_until_up(process, deployment)
            prepare_account(deployment)
            deploy(deployment, package, sam)
            yield deployment
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_ministack(port, scratch, log):
    # Nothing else of our environment: the functions inherit all that MiniStack has.
    environment = {
        "PATH": os.environ["PATH"], "HOME": scratch, "TMPDIR": scratch,
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION,
        "AUTH": "true",  # each role's policy is enforced
        "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",  # fixed ports otherwise
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "GATEPOST_API_ID": API_ID,
    }
    return subprocess.Popen([sys.executable, HERE / "emulator.py"], env=environment, cwd=scratch,
                            stdout=log.open("w"), stderr=subprocess.STDOUT)


def wait_until_up(process, deployment):
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit(f"MiniStack ended with {process.returncode}:\n{deployment.log.read_text()[-3000:]}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{deployment.endpoint}/_ministack/health", timeout=1)
            return
        time.sleep(0.1)
    raise SystemExit("MiniStack does not answer")


def prepare_account(deployment):
    """What an account has before Gatepost comes: a bucket for `sam deploy` and a verified sender."""
    deployment.client("s3").create_bucket(Bucket="artifacts",
                                          CreateBucketConfiguration={"LocationConstraint": REGION})
    deployment.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)


def deploy(deployment, package, sam):
    parameters = {
        "Issuer": deployment.issuer, "MailFrom": MAIL_FROM, "VerificationUrl": VERIFICATION_URL,
        "DigestRecipient": DIGEST_RECIPIENT, "ResetPasswordUrl": RESET_PASSWORD_URL, "EmailChangeUrl": EMAIL_CHANGE_URL,
        "AllowedOrigins": deployment.pages_origin,
        "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
    }
    command = [sam, "deploy", "--template-file", package / "template.yaml", "--stack-name", STACK,
               "--s3-bucket", "artifacts", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
               "--no-confirm-changeset", "--no-progressbar",
               "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    environment = {**os.environ, **deployment.environment, "AWS_ENDPOINT_URL": deployment.endpoint}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"sam deploy failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")

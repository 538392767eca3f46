"""A browser visits `gatepost dev` from a page of another origin.

    laptop.py GATEPOST
"""

import pathlib
import re
import socket
import subprocess
import sys
import tempfile

from visit import visit


def main(gatepost):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [pathlib.Path(gatepost).resolve(), "dev", "--memory", "--port", "0", "--allow-origin", f"http://127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w+") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log)
        try:
            while not (url := re.search(r"http://\S+", open(log.name).read())):
                assert server.poll() is None, "gatepost dev has ended"
            visit(url[0], f"{url[0]}/_local/mail", port)
        finally:
            server.terminate()
            server.wait(15)


if __name__ == "__main__":
    main(sys.argv[1])

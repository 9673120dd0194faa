"""Starts what the checks of the sidecar talk to, and talks to it byte by byte where that matters."""

import atexit
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "PythonSDK"))

from run_workos_sdk import CLIENT, KEY, Checks, Emulator  # noqa: E402,F401

PATH = "/user_management/authenticate"


class Sidecar:
    """A running refreshd, with a Unix socket and a loopback port."""

    def __init__(self, programs, upstream, directory, *options, public=False, key=KEY, before_start=None):
        self.scratch = tempfile.TemporaryDirectory(prefix="refreshd-sidecar-", dir="/dev/shm")
        self.socket = f"{self.scratch.name}/socket"
        self.directory = directory
        arguments = [
            f"{programs}/refreshd", "--listen", "tcp:127.0.0.1:0", "--listen", f"unix:{self.socket}", "--upstream",
            upstream, "--client-id", CLIENT, "--directory", directory, *options,
        ]
        if public:
            arguments.append("--public-client")
        else:
            key_file = Path(self.scratch.name) / "key"
            key_file.touch(mode=0o600)
            key_file.write_text(key + "\n")
            arguments += ["--api-key-file", str(key_file)]
        self.process = subprocess.Popen(
            arguments, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]}, preexec_fn=before_start)
        atexit.register(self.process.kill)
        self.log = b""
        self.port = int(self.await_log(b"address=tcp:127.0.0.1:").split(b"tcp:127.0.0.1:")[1].split()[0])
        self.await_log(b"address=unix:")
        self.url = f"http://127.0.0.1:{self.port}"

    def await_log(self, text, seconds=20):
        """The first line from the start that has `text`."""
        end = time.monotonic() + seconds
        while True:
            for line in self.log.splitlines():
                if text in line:
                    return line
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.monotonic()))
            more = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            if not more:
                raise SystemExit(f"refreshd did not say {text!r}: {self.log.decode()}")
            self.log += more

    def resident(self):
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        self.end()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.log += self.process.stderr.read()
        self.end()
        return status

    def end(self):
        self.process.stderr.close()
        self.scratch.cleanup()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, request):
        """Sends bytes as they are, and reads until the other side closes or nothing comes for a while."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.settimeout(5)
            return read_answer(connection)

    def request(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        seen = (answer.status, dict((n.lower(), v) for n, v in answer.getheaders()), answer.read())
        connection.close()
        return seen


def read_answer(connection):
    """One whole answer, or what came of it."""
    received = b""
    try:
        while not answer_is_whole(received) and (piece := connection.recv(65536)):
            received += piece
    except (ConnectionResetError, TimeoutError):
        pass
    return received


def answer_is_whole(received):
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank or head.startswith(b"HTTP/1.1 100"):
        return False
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def status(answer):
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/") else None


def refresh_body(token, **more):
    fields = {"grant_type": "refresh_token", "client_id": CLIENT, "client_secret": KEY, "refresh_token": token, **more}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


JSON = {"Content-Type": "application/json"}


class LinkedWorker:
    """A process that links the library and refreshes one token."""

    def __init__(self, programs, emulator, directory, token):
        environment = {
            "PATH": os.environ["PATH"], "WORKOS_CLIENT_ID": CLIENT, "WORKOS_API_KEY": KEY,
            "WORKOS_BASE_URL": emulator.url, "REFRESHD_DIRECTORY": directory,
        }
        self.process = subprocess.Popen(
            [f"{programs}/swift-worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.process.stdin.write(token + "\n")
        self.process.stdin.close()

    def await_waiting(self, directory):
        """Returns once it waits at the pipe of another holder's lease."""
        end = time.monotonic() + 20
        while not any(path.startswith(f"{directory}/pipes/") for path in open_files(self.process.pid)):
            if time.monotonic() > end:
                raise SystemExit("a linked worker did not come to wait")
            time.sleep(0.005)

    def said(self):
        text = self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait(60)
        return text.strip()


def open_files(pid):
    """What the descriptors of a process lead to."""
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            yield os.readlink(f"{folder}/{name}")
        except FileNotFoundError:
            # Closed meanwhile.
            pass


class Events:
    """What happens at the emulator, as it happens."""

    def __init__(self, emulator):
        self.connection = http.client.HTTPConnection(emulator.url.split("//")[1], timeout=30)
        self.connection.request("GET", "/_emulator/events")
        self.answer = self.connection.getresponse()

    def await_kind(self, kind):
        while line := self.answer.readline():
            event = json.loads(line)
            if event["event"] == kind:
                return event
        raise SystemExit(f"no event {kind}")

    def close(self):
        self.connection.close()


def new_token(emulator):
    return emulator.control("POST", "/sessions")["refresh_token"]


def upstream_calls(emulator):
    return emulator.control("GET", "/stats?tokens=false")["refresh_calls"]

"""What the tests share: the emulator, an upstream that answers what it is told, tables, and other processes."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Tests" / "Hosts" / "driver"))

from emulator import API_KEY, CLIENT_ID, Emulator  # noqa: E402
from processes import end_everything  # noqa: E402

import refreshclient  # noqa: E402

HEADER = Path(os.environ.get("REFRESHCLIENT_HEADER") or ROOT / "Sources/CRefreshClientHeader/include/refreshclient.h")


class TableTest(unittest.TestCase):
    """A test with a table and an emulator of its own class."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = Emulator(os.environ.get("WORKOS_EMULATOR") or str(ROOT / ".build/debug/workos-emulator"))
        cls.addClassCleanup(end_everything)

    def setUp(self):
        self.emulator.control("POST", "/reset")
        self.refused = 0
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = tempfile.mkdtemp(prefix="python-", dir=base)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.client = self.make_client()

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def make_client(self, **options):
        given = dict(client_id=CLIENT_ID, api_key=API_KEY, base_url=self.emulator.url, directory=self.directory)
        client = refreshclient.RefreshClient(**(given | options))
        self.addCleanup(client.close)
        return client

    def new_token(self):
        return self.emulator.new_token()

    def post(self, call):
        """One upstream call, as a request of urllib."""
        body = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": call.refresh_token}
        if call.organization:
            body["organization_id"] = call.organization
        return urllib.request.Request(
            f"{self.emulator.url}/user_management/authenticate",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {API_KEY}"},
        )

    def call_upstream(self, call):
        """A perform: the body."""
        with urllib.request.urlopen(self.post(call), timeout=20) as answer:
            return answer.read()

    def calls(self, token):
        return self.emulator.counts(token)["refresh_calls"]

    def faults(self, *faults):
        self.emulator.control("POST", "/faults", list(faults))

    def refuse(self, call):
        """A perform that must not be called. The table may have an answer all the same, so it is counted."""
        self.refused += 1
        self.fail("perform was called")

    def tearDown(self):
        self.assertEqual(self.refused, 0, "perform was called")

    @contextlib.contextmanager
    def child(self, work):
        """A forked process that runs `work(say, hear)`; say and hear are pipes' ends to and from this process.

        Gives (pid, hear, say): hear() returns the next line that the child said, say(line) sends it one.
        """
        to_child, to_parent = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(to_child[1])
                os.close(to_parent[0])
                lines = os.fdopen(to_child[0])
                work(lambda line: os.write(to_parent[1], f"{line}\n".encode()), lambda: lines.readline().strip())
                status = 0
            except BaseException as error:
                os.write(to_parent[1], f"error {type(error).__name__} {error}\n".encode())
            finally:
                os._exit(status)
        os.close(to_child[0])
        os.close(to_parent[1])
        said = os.fdopen(to_parent[0])
        try:
            yield pid, lambda: said.readline().strip(), lambda line: os.write(to_child[1], f"{line}\n".encode())
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            said.close()
            os.close(to_child[1])

    @contextlib.contextmanager
    def holder_elsewhere(self, token):
        """Another process that holds the token's lease until it is told to go on: say("publish")."""

        def hold(say, hear):
            def perform(call):
                say("holding")
                hear()
                return self.call_upstream(call)

            self.client.refresh(token, perform=perform, lease=100)
            say("published")

        with self.child(hold) as (pid, hear, say):
            self.assertEqual(hear(), "holding")
            yield pid, hear, say


class ScriptedUpstream:
    """An HTTP server that answers each POST with the next of a list of (status, headers, body)."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                upstream.requests.append(json.loads(self.rfile.read(length)))
                status, headers, body = upstream.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def in_threads(count, work):
    """Runs work(number) on threads at once; returns what each returned, or the exception it raised."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def native_threads():
    return len(os.listdir("/proc/self/task"))


def resident_kilobytes():
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024



"""refreshd is replaced, killed, and of another version, while linked workers and HTTP callers go on."""

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import CLIENT, JSON, KEY, PATH, Sidecar, new_token, refresh_body

PATIENCE = 60
KILLS = int(os.environ.get("REFRESHD_KILL_ROUNDS", "20")) // 2


class Unit(Sidecar):
    """refreshd as a service manager runs it: the socket is the manager's, so that callers wait while it is replaced, and
    the program is whatever is at its path when it starts."""

    def __init__(self, program, upstream, directory):
        self.scratch = tempfile.TemporaryDirectory(prefix="refreshd-unit-", dir="/dev/shm")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        key = Path(self.scratch.name) / "key"
        key.touch(mode=0o600)
        key.write_text(KEY + "\n")
        descriptor = self.listener.fileno()
        # In the protocol of sd_listen_fds(3).
        self.arguments = [
            "bash", "-c", 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', str(descriptor), str(program), "--upstream",
            upstream, "--client-id", CLIENT, "--api-key-file", str(key), "--directory", directory]
        self.start()

    def start(self):
        self.log = b""
        self.process = subprocess.Popen(
            self.arguments, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]}, pass_fds=[self.listener.fileno()])
        self.await_log(f"address=tcp:127.0.0.1:{self.port}".encode())

    def end(self):
        self.process.stderr.close()

    def close(self):
        self.listener.close()
        self.scratch.cleanup()


class StayingWorker:
    """A linked worker that is asked again and again."""

    def __init__(self, programs, emulator, directory):
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [f"{programs}/sidecar-worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={
                "PATH": os.environ["PATH"], "WORKOS_CLIENT_ID": CLIENT, "WORKOS_API_KEY": KEY,
                "WORKOS_BASE_URL": emulator.url, "REFRESHD_DIRECTORY": directory})

    def refresh(self, token):
        """(request id, next token), or None and what it said."""
        with self.lock:
            self.process.stdin.write(token + "\n")
            self.process.stdin.flush()
            words = self.process.stdout.readline().split()
        return tuple(words[1:]) if words[:1] == ["ok"] else (None, " ".join(words))

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


class Load:
    """Sessions that are refreshed without a pause, each time by several callers at once: by HTTP callers, by HTTP callers
    and a linked worker, or by linked workers. The successor is what the next time refreshes."""

    def __init__(self, programs, emulator, directory, port, http=2, mixed=2, linked=2):
        self.emulator, self.port = emulator, port
        self.lock = threading.Condition()
        self.steps = {"http": 0, "mixed": 0, "linked": 0}
        self.tokens = {kind: [] for kind in self.steps}
        self.wrong, self.retried, self.stopping = [], {"refused": 0, "cut": 0}, False
        self.workers = [StayingWorker(programs, emulator, directory) for _ in range(mixed + 2 * linked)]
        free = iter(self.workers)
        groups = [("http", [self.over_http, self.over_http])] * http
        groups += [("mixed", [self.over_http, self.over_http, next(free).refresh]) for _ in range(mixed)]
        groups += [("linked", [next(free).refresh, next(free).refresh]) for _ in range(linked)]
        self.sessions = [threading.Thread(target=self.session, args=group) for group in groups]
        for thread in self.sessions:
            thread.start()

    def session(self, kind, callers):
        token = new_token(self.emulator)
        while not self.stopping:
            seen = [None] * len(callers)

            def call(number):
                seen[number] = callers[number](token)

            threads = [threading.Thread(target=call, args=(number,)) for number in range(len(callers))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            with self.lock:
                self.tokens[kind].append(token)
                if len(set(seen)) != 1 or seen[0] is None or seen[0][0] is None:
                    self.wrong.append((kind, len(self.tokens[kind]), seen))
                    self.lock.notify_all()
                    return
                self.steps[kind] += 1
                self.lock.notify_all()
            token = seen[0][1]

    def over_http(self, token):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                connection.request("POST", PATH, refresh_body(token), JSON)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    return answer.getheader("x-request-id"), json.loads(body)["refresh_token"]
                if answer.status != 503 or answer.getheader("retry-after") != "1":
                    return None, f"{answer.status} {body}"
                self.count("refused")
            except (OSError, http.client.HTTPException):
                self.count("cut")
            finally:
                connection.close()
            time.sleep(0.02)
        return None, "no answer"

    def count(self, what):
        with self.lock:
            self.retried[what] += 1

    def await_steps(self, kind, more):
        """Returns once there are so many more refreshes of that kind, or something was wrong."""
        with self.lock:
            goal = self.steps[kind] + more
            if not self.lock.wait_for(lambda: self.steps[kind] >= goal or self.wrong, PATIENCE):
                self.wrong.append((kind, "stands still"))

    def finish(self):
        self.stopping = True
        for thread in self.sessions:
            thread.join()
        return [worker.stop() for worker in self.workers]

    def calls(self):
        """How often the upstream was called for each token, by kind."""
        stats = self.emulator.control("GET", "/stats")["tokens"]
        names = {kind: [hashlib.sha256(token.encode()).hexdigest()[:16] for token in tokens]
                 for kind, tokens in self.tokens.items()}
        return {kind: [stats[name]["refresh_calls"] for name in kinds] for kind, kinds in names.items()}

    def told(self):
        return (f"refreshes: {self.steps['http']} by HTTP callers, {self.steps['linked']} by linked workers, "
                f"{self.steps['mixed']} by both; tried again: {self.retried['refused']} after 503, {self.retried['cut']} "
                "after a cut connection")


def identity(programs, directory):
    """What a table is known by: the directory, its guard, the environment in it."""
    dumped = subprocess.run(
        [f"{programs}/lease-dump", "--directory", directory, "--json"], capture_output=True, check=True)
    return [os.stat(path).st_ino for path in (directory, f"{directory}/guard", f"{directory}/data.mdb")] + [
        json.loads(dumped.stdout)["environment"]]


def check_replaced(checks, programs, emulator, directory):
    """An upgrade: the program's file is replaced and refreshd started again, with callers and linked workers going on."""
    emulator.control("PATCH", "/settings", {"delay_ms": 50})
    with tempfile.TemporaryDirectory(prefix="refreshd-program-", dir=programs) as folder:
        program = Path(folder) / "refreshd"
        shutil.copy2(f"{programs}/refreshd", program)
        unit = Unit(program, emulator.url, directory)
        load = Load(programs, emulator, directory, unit.port)
        load.await_steps("http", 5)
        before, ended, new, meanwhile = identity(programs, directory), [], [], []
        for _ in range(3):
            former = os.stat(f"/proc/{unit.process.pid}/exe").st_ino
            # As dpkg does it: beside the old one, which is running, and then in its place.
            shutil.copy2(f"{programs}/refreshd", f"{program}.new")
            os.rename(f"{program}.new", program)
            replaced = program.stat().st_ino
            ended.append(unit.stop())
            steps = load.steps["linked"]
            load.await_steps("linked", 4)
            meanwhile.append(load.steps["linked"] - steps)
            unit.start()
            new.append(os.stat(f"/proc/{unit.process.pid}/exe").st_ino == replaced != former)
            load.await_steps("http", 5)
        after = identity(programs, directory)
        workers = load.finish()
        ended.append(unit.stop())
        unit.close()
    calls = load.calls()
    print(f"      {load.told()}", flush=True)
    checks.that("replaced 3 times under load: every caller got its refresh's one answer", not load.wrong, load.wrong[:3])
    checks.that("no token was sent twice", all(set(counts) == {1} for counts in calls.values()),
                {kind: [count for count in counts if count != 1] for kind, counts in calls.items()})
    checks.that("the new program ran each time", new == [True] * 3, new)
    checks.that("every stop was in order", ended == [0] * 4, ended)
    checks.that("linked workers went on while none ran", min(meanwhile) >= 4 and workers == [0] * len(workers),
                (meanwhile, workers))
    checks.that("in the same directory and table", before == after, (before, after))


def check_killed_under_load(checks, programs, emulator, directory):
    """SIGKILL at any moment, and a start: every caller still gets an answer that all agree on."""
    # A token that was spent, and whose answer the killed process took with it, is accepted again for a while, as WorkOS may.
    emulator.control("PATCH", "/settings", {"delay_ms": 100, "replay_grace_s": 30})
    unit = Unit(f"{programs}/refreshd", emulator.url, directory)
    load = Load(programs, emulator, directory, unit.port)
    load.await_steps("http", 5)
    before = identity(programs, directory)
    for _ in range(KILLS):
        unit.kill()
        unit.start()
        load.await_steps("http", 3)
    after = identity(programs, directory)
    workers = load.finish()
    unit.stop()
    unit.close()
    calls = load.calls()
    extra = {kind: sum(counts) - len(counts) for kind, counts in calls.items()}
    print(f"      {load.told()}; sent once more: {extra}", flush=True)
    checks.that(f"killed and started again {KILLS} times under load: every caller got an answer, and the same one",
                not load.wrong, load.wrong[:3])
    checks.that("linked workers among themselves: one call for each token", extra["linked"] == 0, extra)
    # A session is in one call at a time. That there were any shows that the kills came in mid-refresh.
    checks.that("the others: one more for what the killed process was sending",
                0 < extra["http"] + extra["mixed"] <= 4 * KILLS, extra)
    checks.that("in the same directory and table, with the same workers", before == after and not any(workers),
                (before, after, workers))


def check_versions(checks, programs, emulator, directory):
    """A table of another version: refreshd and workers that come refuse it, change nothing, and disturb nobody."""
    worker = StayingWorker(programs, emulator, directory)
    first = worker.refresh(new_token(emulator))
    guard = Path(directory) / "guard"
    with guard.open("r+b") as file:
        # The format's version, at byte 8.
        file.seek(8)
        file.write((2).to_bytes(4, "little"))

    def names():
        # What refuses the table does not come to the pipes, and writes to no file.
        return sorted((path.name, path.stat().st_ino, hashlib.sha256(path.read_bytes()).hexdigest())
                      for path in Path(directory).iterdir() if path.is_file())

    before = names()
    with tempfile.TemporaryDirectory(prefix="refreshd-version-", dir="/dev/shm") as scratch:
        key = Path(scratch) / "key"
        key.touch(mode=0o600)
        key.write_text(KEY)
        refused = subprocess.run(
            [f"{programs}/refreshd", "--listen", f"unix:{scratch}/socket", "--upstream", emulator.url, "--client-id", CLIENT,
             "--api-key-file", str(key), "--directory", directory], capture_output=True, text=True, timeout=30)
    checks.that("refreshd refuses a table of another version, for good", refused.returncode == 78, refused)
    checks.that("and says what to do",
                "holds a table of format 2, this program uses format 1" in refused.stderr
                and "stop the programs of the other version and remove the directory" in refused.stderr, refused.stderr)
    calls = emulator.control("GET", "/stats?tokens=false")["refresh_calls"]
    other = StayingWorker(programs, emulator, directory)
    said = other.refresh(new_token(emulator))
    made = emulator.control("GET", "/stats?tokens=false")["refresh_calls"] - calls
    checks.that("so does a worker that comes: it sends nothing", said[0] is None and made == 0, (said, made))
    other.stop()
    checks.that("no file was changed", names() == before, names())
    seen = worker.refresh(new_token(emulator))
    checks.that("workers that have it open go on", first[0] is not None and seen[0] is not None, seen)
    with guard.open("r+b") as file:
        file.seek(8)
        file.write((1).to_bytes(4, "little"))
    last = StayingWorker(programs, emulator, directory)
    checks.that("and with the same version again, so do all", last.refresh(new_token(emulator))[0] is not None)
    last.stop()
    worker.stop()


ALL = [check_replaced, check_killed_under_load, check_versions]

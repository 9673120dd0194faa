"""What operators see of the daemon, and how a service manager runs it."""

import base64
import ctypes
import errno
import grp
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import (
    CLIENT, JSON, KEY, PATH, Events, LinkedWorker, Sidecar, new_token, read_answer, refresh_body, status, upstream_calls)

SAMPLE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+-]+$')


def over_unix(path, target):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = read_answer(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    return status(answer), head.decode().lower(), body


def check_operators(checks, programs, emulator, directory):
    sidecar = Sidecar(programs, emulator.url, directory)
    token = new_token(emulator)
    for _ in range(3):
        sidecar.request("POST", PATH, refresh_body(token), JSON)
    sidecar.request("POST", PATH, refresh_body(token, client_secret="sk_other"), JSON)
    checks.that("/healthz", over_unix(sidecar.socket, "/healthz")[::2] == (200, b"ok\n"))
    checks.that("/readyz", over_unix(sidecar.socket, "/readyz")[::2] == (200, b"ready\n"))
    code, head, body = over_unix(sidecar.socket, "/metrics")
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    wrong = [line for line in lines if not SAMPLE.match(line)]
    checks.that("/metrics is in Prometheus' text format", code == 200 and "version=0.0.4" in head and not wrong, wrong)
    for line in [
        'refreshd_requests_total{kind="refresh"} 3', 'refreshd_refresh_answers_total{status="200"} 3',
        'refreshd_refresh_passed_through_total{reason="other_client"} 1',
        'refreshd_upstream_calls_total{outcome="success"} 1', 'refreshd_callers_total{got="own_call"} 1',
        'refreshd_callers_total{got="stored"} 2', "refreshd_hits_total 2", 'refreshd_leases{state="success"} 1',
        'refreshd_refresh_seconds_bucket{le="+Inf"} 3', "refreshd_refresh_seconds_count 3",
        "refreshd_call_seconds_count 3", "refreshd_counting_processes 1", "refreshd_map_bytes 1073741824",
    ]:
        checks.that(line, line in lines, lines)
    dumped = subprocess.run(
        [f"{programs}/lease-dump", "--directory", directory, "--json"], capture_output=True, check=True)
    ours, theirs = json.loads(over_unix(sidecar.socket, "/v1/leases")[2]), json.loads(dumped.stdout)
    timeless = [name for name in theirs["leases"][0] if not name.endswith("_ms")]
    checks.that("/v1/leases is what lease-dump prints",
                set(ours) == set(theirs)
                and [[lease[name] for name in timeless] for lease in ours["leases"]]
                == [[lease[name] for name in timeless] for lease in theirs["leases"]], (ours, theirs))
    checks_page(checks, sidecar)
    checks.that("none of it holds a token", token.encode() not in body + json.dumps(ours).encode())
    checks.that("over TCP these paths are the upstream's", sidecar.request("GET", "/healthz")[0] == 404)
    sidecar.stop()
    asked = Sidecar(programs, emulator.url, directory, "--operators-on-loopback")
    checks.that("unless asked for", asked.request("GET", "/healthz")[::2] == (200, b"ok\n"))
    asked.stop()


def checks_page(checks, sidecar):
    """The page for people: whole in itself, and only its own style and script run in it."""
    code, head, body = over_unix(sidecar.socket, "/")
    policy = next(line.partition(":")[2] for line in head.splitlines() if line.startswith("content-security-policy:"))
    page = body.decode()
    for tag in ["style", "script"]:
        inner = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode().lower()
        checks.that(f"the page's {tag} is known by its hash", f"{tag}-src 'sha256-{digest}'" in policy, policy)
    checks.that("the page has nothing from elsewhere", code == 200 and "default-src 'none'" in policy
                and "unsafe" not in policy and not re.search(r'(src|href)="|@import|url\(', page))
    for path in re.findall(r'get\("(/[^"]*)"\)', page):
        checks.that(f"{path} is what the page asks for", over_unix(sidecar.socket, path)[0] == 200)


def samples(sidecar):
    """The numbers of /metrics, by name and labels."""
    lines = over_unix(sidecar.socket, "/metrics")[2].decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def is_histogram(numbers, name):
    """Whether buckets only grow, and end with the count."""
    buckets = [value for sample, value in numbers.items() if sample.startswith(f"{name}_bucket")]
    return len(buckets) > 10 and buckets == sorted(buckets) and buckets[-1] == numbers[f"{name}_count"]


def check_fleet_metrics(checks, programs, emulator, directory):
    """Linked workers and HTTP callers count in one place, the dead included, and the log has a line for each call."""
    sidecar = Sidecar(programs, emulator.url, directory)
    emulator.control("PATCH", "/settings", {"delay_ms": 3000})
    token = new_token(emulator)
    events = Events(emulator)
    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(sidecar.request, "POST", PATH, refresh_body(token), JSON) for _ in range(4)]
        events.await_kind("request_arrived")
        workers = [LinkedWorker(programs, emulator, directory, token) for _ in range(3)]
        waiting = 0
        end = time.monotonic() + 20
        while waiting < 6 and not all(caller.done() for caller in callers) and time.monotonic() < end:
            leases = json.loads(over_unix(sidecar.socket, "/v1/leases")[2])["leases"]
            waiting = max([waiting] + [lease["waiters"] for lease in leases if lease["waiters"] is not None])
        answers = [caller.result()[0] for caller in callers]
    events.close()
    said = [worker.said() for worker in workers]
    checks.that("HTTP callers and linked workers have one answer", answers == [200] * 4 and len(set(said)) == 1,
                (answers, said))
    checks.that("/v1/leases shows who waits, of all processes", waiting >= 3, waiting)
    numbers = samples(sidecar)
    checks.that("one upstream call for seven callers", numbers['refreshd_upstream_calls_total{outcome="success"}'] == 1,
                numbers)
    got = {way: numbers[f'refreshd_callers_total{{got="{way}"}}'] for way in ["own_call", "others_call", "stored"]}
    checks.that("callers of all processes are counted, workers that have ended included",
                got["own_call"] == 1 and sum(got.values()) == 7, got)
    checks.that("durations of all processes", numbers["refreshd_call_seconds_count"] == 7
                and numbers["refreshd_upstream_call_seconds_sum"] >= 3, numbers)
    for name in ["refreshd_call_seconds", "refreshd_wait_seconds", "refreshd_upstream_call_seconds",
                 "refreshd_refresh_seconds"]:
        checks.that(f"{name} is a histogram", is_histogram(numbers, name), numbers)
    line = sidecar.await_log(b"token refreshed").decode()
    checks.that("one line in the log for the call", re.search(r"attempt=1 key=[0-9a-f]{12} milliseconds=\d+ "
                r"request_id=\S+ waiters=[3-6]$", line) is not None, line)
    sidecar.stop()
    checks.that("and only one", sidecar.log.count(b"token refresh") == 1, sidecar.log)
    checks.that("without the token", token.encode() not in sidecar.log)


def check_journal(checks, programs, emulator, directory):
    """Where standard error is the journal's, each line begins with its level; a variable alone does not make it so."""
    with tempfile.NamedTemporaryFile() as journal:
        stream = os.fstat(journal.fileno())
        for variable, isJournal in [(f"{stream.st_dev}:{stream.st_ino}", True), ("1:1", False)]:
            journal.truncate(0)
            process = subprocess.Popen(
                [f"{programs}/refreshd", "--directory", directory], stderr=journal,
                env={"PATH": os.environ["PATH"], "JOURNAL_STREAM": variable})
            end = time.monotonic() + 20
            while b"keeping the lease table" not in (text := Path(journal.name).read_bytes()) and time.monotonic() < end:
                time.sleep(0.01)
            process.terminate()
            process.wait(20)
            checks.that(f"standard error {'is' if isJournal else 'is not'} the journal's",
                        text.startswith(b"<5>keeping the lease table directory=") == isJournal
                        and (b" notice refreshd: keeping" in text) != isJournal, text)


def check_reload(checks, programs, emulator, directory):
    sidecar = Sidecar(programs, emulator.url, directory)
    key = Path(sidecar.scratch.name) / "key"
    emulator.control("PATCH", "/settings", {"api_key": "sk_next"})
    key.write_text("sk_next\n")
    sidecar.process.send_signal(signal.SIGHUP)
    sidecar.await_log(b"configuration read again")
    before, token = upstream_calls(emulator), new_token(emulator)
    seen = [sidecar.request("POST", PATH, refresh_body(token, client_secret="sk_next"), JSON)[0] for _ in range(2)]
    checks.that("SIGHUP puts a new API key in force", seen == [200, 200] and upstream_calls(emulator) - before == 1, seen)
    key.chmod(0o644)
    sidecar.process.send_signal(signal.SIGHUP)
    sidecar.await_log(b"is still in force")
    seen = sidecar.request("POST", PATH, refresh_body(new_token(emulator), client_secret="sk_next"), JSON)[0]
    checks.that("a wrong configuration leaves the former one in force", seen == 200, seen)
    checks.that("and it ends in order", sidecar.stop() == 0)


def check_activation(checks, programs, emulator, directory):
    """The socket is the service manager's: it is there before the daemon, and stays when it goes."""
    # Of Debian's package systemd.
    activate = "/usr/bin/systemd-socket-activate"
    with tempfile.TemporaryDirectory(prefix="refreshd-activated-", dir="/dev/shm") as scratch:
        key = Path(scratch) / "key"
        key.touch(mode=0o600)
        key.write_text(KEY)
        path = f"{scratch}/socket"
        process = subprocess.Popen(
            [activate, "--listen", path, f"{programs}/refreshd", "--upstream", emulator.url, "--client-id", CLIENT,
             "--api-key-file", str(key), "--directory", directory],
            stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]})
        for line in process.stderr:
            if "Listening on" in line:
                break
        # The first connection starts it.
        token = new_token(emulator)
        body = refresh_body(token)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(path)
            connection.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                f"{body}".encode())
            answer = read_answer(connection)
        checks.that("a handed-over socket is served", status(answer) == 200, answer)
        process.terminate()
        said = process.stderr.read()
        checks.that("and ends in order", process.wait(20) == 0 and f"unix:{path}" in said, said)
        checks.that("and its file is left to who made it", os.path.exists(path))
        process.stderr.close()


def forbid_chown():
    """As SystemCallFilter=~@chown with SystemCallErrorNumber=EPERM: a filter of seccomp(2), for this process from now on."""
    numbers = {"x86_64": (92, 93, 94, 260), "aarch64": (54, 55)}[os.uname().machine]
    load, equal, answer = 0x20, 0x15, 0x06
    # The call's number; one jump to the last instruction for each that is forbidden; allowed; EPERM.
    code = [(load, 0, 0, 0)]
    code += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    code += [(answer, 0, 0, 0x7FFF0000), (answer, 0, 0, 0x00050000 | errno.EPERM)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(head), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def check_confined(checks, programs, emulator, directory):
    """Where chown is forbidden, as under the shipped unit: no need for the group that the socket has already."""
    own, other = grp.getgrgid(os.getegid()).gr_name, "nogroup"
    sidecar = Sidecar(programs, emulator.url, directory, "--socket-group", own, before_start=forbid_chown)
    checks.that("its own group needs no chown", over_unix(sidecar.socket, "/healthz")[0] == 200)
    sidecar.stop()
    with tempfile.TemporaryDirectory(prefix="refreshd-confined-", dir="/dev/shm") as scratch:
        ended = subprocess.run(
            [f"{programs}/refreshd", "--listen", f"unix:{scratch}/socket", "--socket-group", other, "--client-id", "c",
             "--public-client", "--directory", directory], capture_output=True, preexec_fn=forbid_chown, timeout=60)
    checks.that("another one is said to be forbidden", ended.returncode == 71 and b"chown" in ended.stderr, ended)


ALL = [check_operators, check_fleet_metrics, check_journal, check_reload, check_activation, check_confined]

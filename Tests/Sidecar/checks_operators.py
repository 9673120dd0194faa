"""What operators see of the daemon, and how a service manager runs it."""

import ctypes
import errno
import grp
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from harness import (
    CLIENT, JSON, KEY, PATH, Sidecar, new_token, read_answer, refresh_body, status, upstream_calls)

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
        'refreshd_refresh_passed_through_total{reason="other_client"} 1', "refreshd_upstream_calls_total 1",
        "refreshd_hits_total 2", 'refreshd_leases{state="success"} 1', 'refreshd_refresh_seconds_bucket{le="+Inf"} 3',
        "refreshd_refresh_seconds_count 3",
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
    checks.that("none of it holds a token", token.encode() not in body + json.dumps(ours).encode())
    checks.that("over TCP these paths are the upstream's", sidecar.request("GET", "/healthz")[0] == 404)
    sidecar.stop()
    asked = Sidecar(programs, emulator.url, directory, "--operators-on-loopback")
    checks.that("unless asked for", asked.request("GET", "/healthz")[::2] == (200, b"ok\n"))
    asked.stop()


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


ALL = [check_operators, check_reload, check_activation, check_confined]

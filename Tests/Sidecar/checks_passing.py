"""Everything else: passed through unchanged, and nothing odd read as a refresh."""

import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import JSON, PATH, Sidecar, read_answer, refresh_body, status
from scripted_upstream import ScriptedUpstream


def check_unchanged(checks, programs, directory):
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    for target in ["/", "/a//b", "/a/../b/./c", "/%2e%2e/%2E", "/..;/admin", "/a;b=c?x=%20&y=/?&z=1", "//double", "/a?",
                   "/%75ser_management/authenticate", PATH + "/", "/user_management/./authenticate", "/" + PATH]:
        answer = sidecar.raw(f"GET {target} HTTP/1.1\r\nHost: elsewhere\r\nX-Mixed-Case: Value\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
                             .encode())
        told = json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}")
        checks.that(f"GET {target} arrives as it came", told.get("target") == target, answer)
    headers = [tuple(pair) for pair in told["headers"]]
    checks.that("headers arrive as they came, in order",
                [pair for pair in headers if pair[0].startswith("X-")] == [("X-Mixed-Case", "Value"), ("X-A", "1"), ("X-A", "2")],
                headers)
    named = {name.lower(): value for name, value in headers}
    checks.that("but for Host, which is the upstream's", named["host"] == upstream.url[7:], headers)
    checks.that("and Via, which names a stranger", named["via"].startswith("1.1 refreshd-"), headers)
    answer = sidecar.raw(
        b"PATCH /any HTTP/1.1\r\nHost: x\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\n"
        b"Upgrade: h2c\r\nProxy-Authorization: Basic x\r\nX-Stays: 1\r\nContent-Length: 4\r\n\r\nbody")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    names = {name.lower() for name, _ in told["headers"]}
    checks.that("what belongs to the connection does not",
                told["method"] == "PATCH" and "x-stays" in names
                and not names & {"x-hop", "connection", "te", "keep-alive", "upgrade", "proxy-authorization"}, names)
    answer = sidecar.raw(b"GET /hop HTTP/1.1\r\nHost: x\r\n\r\n").lower()
    checks.that("nor from the upstream", b"x-public" in answer and b"x-private" not in answer and b"keep-alive" not in answer,
                answer)
    answer = sidecar.request("HEAD", "/head")
    checks.that("HEAD keeps the length", answer[1].get("content-length") == "12345", answer)
    answer = sidecar.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
    checks.that("a chunked body arrives whole", json.loads(answer.partition(b"\r\n\r\n")[2])["length"] == 5, answer)
    answer = sidecar.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    checks.that("an empty one as an empty one",
                [value for name, value in told["headers"] if name.lower() == "content-length"] == ["0"], told)
    with sidecar.connect() as connection:
        connection.sendall(b"PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        first = connection.recv(65536)
        connection.sendall(b"abc")
        second = connection.recv(65536)
    checks.that("100-continue is answered before the body", first == b"HTTP/1.1 100 Continue\r\n\r\n" and b"200" in second,
                (first, second))
    for _ in range(20):
        sidecar.request("GET", "/again")
    checks.that("connections to the upstream are used again", upstream.connections < 10, upstream.connections)
    checks.that("an answer cut short is seen cut short", is_cut(sidecar), "it was whole")
    sidecar.stop()
    upstream.close()


def is_cut(sidecar):
    with sidecar.connect() as connection:
        connection.sendall(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n")
        received = read_to_the_end(connection)
    return b"Content-Length: 100" in received and received.endswith(b"half")


def read_to_the_end(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def check_streams(checks, programs, directory):
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    sidecar.request("GET", "/warm")
    before = sidecar.resident()
    body = os.urandom(20 * 2**20)
    ended = threading.Event()
    most = []

    def watch():
        while not ended.wait(0.02):
            most.append(sidecar.resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    told = json.loads(sidecar.request("POST", "/echo", body)[2])
    checks.that("20 MB up arrive unchanged",
                (told["length"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest()), told)
    down = sidecar.request("GET", "/download")[2]
    expected = b"".join(bytes([n % 251]) * 65536 for n in range(len(down) // 65536))
    checks.that("20 MB down arrive unchanged", len(down) == upstream.download_size and down == expected, len(down))
    # A reader that stops, on either side, stops the other: nothing piles up in between.
    size = upstream.download_size = 200 * 2**20
    with sidecar.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(b"GET /download HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1000)
        stalled = stalls(sidecar)
    with sidecar.connect() as connection:
        connection.sendall(b"POST /slow-reader HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        taken = send_while_taken(connection, size)
        # Before it is closed: what the kernel has of a connection that ends is read to its end.
        ended.set()
        watcher.join()
    upstream.gate.set()
    checks.that("an upstream that does not read stops the client", taken < size, f"{taken / 2**20:.0f} MiB were taken")
    growth = max(most) - before
    checks.that("memory stays flat meanwhile", growth < 12 and stalled, f"{growth:.1f} MiB more, stalled: {stalled}")
    print(f"      resident before {before:.1f} MiB, at the most {max(most):.1f} MiB", flush=True)
    with sidecar.connect() as connection:
        connection.sendall(b"GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n")
        received, arrived = b"", 0
        for number in range(3):
            while f"piece{number}".encode() not in received:
                piece = connection.recv(65536)
                if not piece:
                    break
                received += piece
            arrived += f"piece{number}".encode() in received and f"piece{number + 1}".encode() not in received
            upstream.seen.release()
    checks.that("a streamed answer arrives in pieces", arrived == 3, (arrived, received))
    answer = sidecar.raw(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
    checks.that("an answer before the body's end arrives", status(answer) == 413, answer)
    for _ in range(3):
        upstream.seen.release()
    with sidecar.connect() as connection:
        connection.sendall(b"GET /pieces HTTP/1.0\r\n\r\n")
        old = read_to_the_end(connection)
    checks.that("and without chunks to a client of HTTP/1.0",
                old.endswith(b"\r\n\r\npiece0piece1piece2") and b"chunked" not in old, old)
    sidecar.stop()
    upstream.close()


def stalls(sidecar):
    """Whether the sidecar's memory stops growing while nobody reads: is the same five times in a row."""
    last, quiet = sidecar.resident(), 0
    for _ in range(60):
        time.sleep(0.05)
        now = sidecar.resident()
        quiet = quiet + 1 if now <= last + 0.05 else 0
        if quiet == 5:
            return True
        last = now
    return False


def send_while_taken(connection, size):
    """How many of `size` bytes are taken before none is for a second."""
    connection.settimeout(1)
    taken, piece = 0, bytes(2**20)
    try:
        while taken < size:
            taken += connection.send(piece[:size - taken])
    except TimeoutError:
        pass
    return taken


def check_odd(checks, programs, directory):
    """Requests that two parsers may read in two ways are refused; none reaches the upstream in another form."""
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    body = refresh_body("odd-token").encode()
    length = f"Content-Length: {len(body)}\r\n".encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    refused = {
        "length and coding": head + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "coding and length": head + b"Transfer-Encoding: chunked\r\n" + length + b"\r\n0\r\n\r\n",
        "two lengths": head + length + b"Content-Length: 5\r\n\r\n" + body,
        "the same length twice": head + length + length + b"\r\n" + body,
        "a list of lengths": head + f"Content-Length: {len(body)}, {len(body)}\r\n\r\n".encode() + body,
        "a signed length": head + f"Content-Length: +{len(body)}\r\n\r\n".encode() + body,
        "an unknown coding": head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunked twice": head + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "a coding under HTTP/1.0": head.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a space before the colon": head + b"Content-Length : 5\r\n\r\nabcde",
        "a bad chunk size": head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "a null byte in a header": head + b"X-A: a\x00b\r\n" + length + b"\r\n" + body,
        "a bare line feed in a value": head + b"X-A: a\nb: c\r\n" + length + b"\r\n" + body[:0],
        "a header of 20 KiB": head + b"X-A: " + b"a" * 20_000 + b"\r\n" + length + b"\r\n" + body,
        "300 headers": head + b"".join(b"X-%d: 1\r\n" % n for n in range(300)) + length + b"\r\n" + body,
        "Connection that names Authorization": head + b"Connection: Authorization\r\n" + length + b"\r\n" + body,
        "an absolute target": head.replace(b"POST ", b"POST http://elsewhere", 1) + length + b"\r\n" + body,
        "a target with a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "a target with a broken escape": b"GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "a target with a quote": b'GET /a"b HTTP/1.1\r\nHost: x\r\n\r\n',
        "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "an expectation of something else": head + b"Expect: more\r\n" + length + b"\r\n" + body,
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    }
    for name, request in refused.items():
        answer = sidecar.raw(request)
        seen = status(answer)
        checks.that(f"{name}: refused", seen is None and answer == b"" or seen is not None and 400 <= seen < 600, answer)
    checks.that("none of it reached the upstream", not upstream.requests, upstream.requests)
    folded = sidecar.raw(head + b"X-Folded: a\r\n b\r\n" + length + b"\r\n" + body)
    refused_or_joined = status(folded) == 400 or all(
        "\n" not in value for _, _, fields in upstream.requests for _, value in fields)
    checks.that("a folded header is refused or joined", refused_or_joined, folded)
    # The second request is in the first one's body for those who read it otherwise.
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    sidecar.raw(b"POST /outer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner)
    checks.that("a body stays a body", "/smuggled" not in [target for _, target, _ in upstream.requests],
                upstream.requests)
    large = refresh_body("t" * 70_000)
    seen = sidecar.request("POST", PATH, large, JSON)
    checks.that("a refresh larger than any is passed through", seen[0] == 200, seen)
    alive = sidecar.request("GET", "/alive")[0]
    checks.that("it serves on after all of that", alive == 200, alive)
    sidecar.stop()
    upstream.close()


def check_upgrade(checks, programs, directory):
    """A request that offers another protocol: answered, and the last one; what comes after it is kept for nobody."""
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    sidecar.request("GET", "/warm")
    before = sidecar.resident()
    offer = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    with sidecar.connect() as connection:
        connection.sendall(b"GET /held HTTP/1.1\r\n" + offer)
        checks.that("a request that offers HTTP/2 arrives", upstream.arrived.wait(20))
        taken = send_while_taken(connection, 50 * 2**20)
        grown = sidecar.resident() - before
        checks.that("what follows it is not taken", taken < 50 * 2**20 and grown < 12, (taken, grown))
        upstream.gate.set()
        connection.settimeout(20)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            # What was sent and not read is why.
            pass
    checks.that("it is answered, and its connection closed", status(answer) == 200 and b"connection: close" in answer.lower(),
                answer)
    with sidecar.connect() as connection:
        connection.sendall(b"GET /again HTTP/1.1\r\n" + offer)
        connection.settimeout(10)
        answer = read_to_the_end(connection)
    checks.that("an honest client is told so at once", b"connection: close" in answer.lower(), answer)
    sidecar.stop()
    upstream.close()


def check_left_midway(checks, programs, directory):
    """A client that leaves while the upstream is slow: the upstream hears of it."""
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    with sidecar.connect() as connection:
        connection.sendall(b"GET /until-left HTTP/1.1\r\nHost: x\r\n\r\n")
        upstream.arrived.wait(20)
    checks.that("a client that leaves takes its request with it", upstream.left.wait(10))
    sidecar.stop()
    upstream.close()


def check_tls(checks, programs, directory):
    """The upstream behind TLS: as sure of it as WorkOS has to be, and in HTTP/1.1 even where it would rather have 2."""
    with tempfile.TemporaryDirectory(prefix="refreshd-tls-", dir="/dev/shm") as scratch:
        certificate, key, both = f"{scratch}/certificate.pem", f"{scratch}/key.pem", f"{scratch}/both.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
             certificate], check=True, capture_output=True)
        with open(both, "w") as file:
            file.write(open(certificate).read() + open(key).read())
        upstream = ScriptedUpstream(both)
        for name, options, expected in [("trusted", ["--ca-file", certificate], 200), ("unknown", [], 502)]:
            sidecar = Sidecar(programs, upstream.url, f"{directory}-{name}", *options)
            passed = sidecar.request("GET", "/any")
            refreshed = sidecar.request("POST", PATH, refresh_body("token"), JSON)
            checks.that(f"a certificate that is {name}: {expected}", (passed[0], refreshed[0]) == (expected, expected),
                        (passed, refreshed))
            sidecar.stop()
        checks.that("HTTP/1.1 is spoken", upstream.protocols == {"http/1.1"}, upstream.protocols)
        upstream.close()


class Relay(threading.Thread):
    """A port that leads to another one, which is not known yet when it opens."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.target = None

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def check_loop(checks, programs, directory):
    """A sidecar that is its own upstream ends at once instead of asking itself for ever."""
    relay = Relay()
    sidecar = Sidecar(programs, relay.url, directory)
    relay.target = sidecar.port
    relay.start()
    seen = sidecar.request("GET", "/any")
    checks.that("a circle of sidecars is seen", seen[0] == 508, seen)
    sidecar.stop()
    relay.listener.close()


def check_queue(checks, programs, directory):
    """A storm of connections while the daemon is busy: they wait instead of being refused."""
    sidecar = Sidecar(programs, "http://127.0.0.1:9", directory)
    allowed = int(Path("/proc/sys/net/core/somaxconn").read_text())
    wanted = min(400, allowed)
    sidecar.process.send_signal(signal.SIGSTOP)
    waiting = []
    try:
        for _ in range(wanted):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(sidecar.socket)
        refused = False
    except BlockingIOError:
        refused = True
    checks.that(f"{wanted} connections wait to be accepted", not refused, len(waiting))
    for connection in waiting:
        connection.close()
    sidecar.process.send_signal(signal.SIGCONT)
    sidecar.stop()


def check_connections(checks, programs, directory):
    # Before the daemon starts, which inherits it.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096 if hard == resource.RLIM_INFINITY else min(4096, hard), hard))
    upstream = ScriptedUpstream()
    sidecar = Sidecar(programs, upstream.url, directory)
    for number in range(20):
        sidecar.request("POST", PATH, refresh_body(f"token-{number}"), JSON)
    checks.that("20 refreshes, one connection to the upstream", upstream.connections == 1, upstream.connections)
    before = sidecar.resident()
    held = [sidecar.connect() for _ in range(1000)]
    good, after = 0, []
    for _ in range(5):
        for connection in held:
            connection.sendall(b"GET /kept HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in held:
            good += status(read_answer(connection)) == 200
        after.append(sidecar.resident())
    for connection in held:
        connection.close()
    checks.that("1,000 kept-alive connections, five requests on each", good == 5000, good)
    print(f"      {after[1] - before:.1f} MiB for 1,000 connections, then {after[-1] - after[1]:+.1f} MiB", flush=True)
    # Some 50 KiB for a connection, in a debug build, and nothing for a request that is over.
    checks.that("their memory is bounded", after[1] - before < 96, (before, after))
    checks.that("and stays flat from request to request", max(after[2:]) - after[1] < 8, (before, after))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sidecar.socket)
        connection.sendall(b"GET /kept HTTP/1.0\r\n\r\n")
        received = read_to_the_end(connection)
    checks.that("the Unix socket serves HTTP/1.0, and closes", received.startswith(b"HTTP/1.1 200"), received)
    mode = os.stat(sidecar.socket).st_mode & 0o777
    checks.that("the Unix socket's mode is 0660", mode == 0o660, oct(mode))
    sidecar.stop()
    upstream.close()


ALL = [
    check_unchanged, check_streams, check_upgrade, check_odd, check_left_midway, check_tls, check_loop, check_queue,
    check_connections,
]

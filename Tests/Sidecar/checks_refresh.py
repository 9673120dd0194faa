"""Refreshes: one upstream call, whoever asks, and the upstream's own words for everyone."""

import json
import multiprocessing
import os
import threading

from harness import (
    CLIENT, JSON, KEY, PATH, Emulator, Events, LinkedWorker, Sidecar, new_token, refresh_body, upstream_calls)

ROUNDS = int(os.environ.get("REFRESHD_KILL_ROUNDS", "20"))


def sdk_process(url, token, count, ready, answers):
    """One worker process with the official SDK: `count` calls at the same time."""
    import workos

    sdk = workos.WorkOSClient(api_key=KEY, client_id=CLIENT, base_url=url)

    def call():
        try:
            ready.wait(30)
            answer = sdk.user_management.authenticate_with_refresh_token(refresh_token=token)
            answers.put((answer.access_token, answer.refresh_token))
        except Exception as error:  # noqa: BLE001: whatever it is, the parent wants to know
            answers.put((type(error).__name__, str(error)))

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def sdk_calls(url, token, processes, calls):
    """What `calls` calls of one token got, spread over processes."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(calls), context.Queue()
    shares = [calls // processes + (1 if number < calls % processes else 0) for number in range(processes)]
    workers = [context.Process(target=sdk_process, args=(url, token, share, ready, answers)) for share in shares]
    for worker in workers:
        worker.start()
    seen = [answers.get(timeout=90) for _ in range(calls)]
    for worker in workers:
        worker.join(30)
    return seen


def check_sdk(checks, programs, emulator, directory):
    sidecar = Sidecar(programs, emulator.url, directory)
    emulator.control("PATCH", "/settings", {"delay_ms": 300})
    before, token = upstream_calls(emulator), new_token(emulator)
    seen = sdk_calls(sidecar.url, token, processes=8, calls=50)
    calls = upstream_calls(emulator) - before
    checks.that("official SDK, 8 processes, 50 calls, one token: one upstream call", calls == 1, calls)
    checks.that("all 50 got the same answer", len(set(seen)) == 1 and seen[0][0].count(".") == 2, set(seen))
    sidecar.stop()


def check_mixed(checks, programs, emulator, directory):
    sidecar = Sidecar(programs, emulator.url, directory)
    before, token = upstream_calls(emulator), new_token(emulator)
    events = Events(emulator)
    emulator.control("PATCH", "/settings", {"delay_ms": 3000})
    first = LinkedWorker(programs, emulator, directory, token)
    events.await_kind("request_arrived")
    ids = []

    def call():
        seen = sidecar.request("POST", PATH, refresh_body(token), JSON)
        ids.append((seen[0], seen[1].get("x-request-id")))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    workers = [first] + [LinkedWorker(programs, emulator, directory, token) for _ in range(3)]
    said = [worker.said() for worker in workers]
    for thread in threads:
        thread.join()
    events.close()
    emulator.control("PATCH", "/settings", {"delay_ms": 0})
    calls = upstream_calls(emulator) - before
    checks.that("linked workers and HTTP callers mixed, one token: one upstream call", calls == 1, (calls, said))
    all_ids = {id for _, id in ids} | {text.rsplit(" ", 1)[-1] for text in said}
    checks.that(
        "all of them got that call's answer", len(all_ids) == 1 and {code for code, _ in ids} == {200}, (ids, said))
    sidecar.stop()


def check_many(checks, programs, emulator, directory):
    """Refreshes of different tokens do not wait for each other."""
    sidecar = Sidecar(programs, emulator.url, directory)
    tokens = [new_token(emulator) for _ in range(100)]
    emulator.control("PATCH", "/settings", {"delay_ms": 4000})
    seen = []

    def call(token):
        seen.append(sidecar.request("POST", PATH, refresh_body(token), JSON)[0])

    threads = [threading.Thread(target=call, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emulator.control("PATCH", "/settings", {"delay_ms": 0})
    checks.that("100 tokens at once at an upstream that takes 4 s: all refreshed", seen == [200] * 100,
                {code: seen.count(code) for code in seen})
    sidecar.stop()


def check_words(checks, programs, emulator, directory):
    """Every failure through the sidecar is what the upstream says to a caller of its own."""
    sidecar = Sidecar(programs, emulator.url, directory)
    upstream_port = int(emulator.url.rsplit(":", 1)[1])
    faults = [
        {"kind": "invalid_grant"}, {"kind": "mfa_enrollment"}, {"kind": "sso_required"}, {"kind": "invalid_client"},
        {"kind": "status", "status": 503, "retry_after": "2"}, {"kind": "status", "status": 500, "shape": "text"},
        {"kind": "status", "status": 429, "retry_after": "1", "count": 2}, {"kind": "status", "status": 408},
    ]
    matter = ("content-type", "retry-after")
    for fault in faults:
        body = refresh_body(new_token(emulator))
        emulator.control("POST", "/faults", [{**fault, "count": 1}])
        direct = sidecar.request("POST", PATH, body, {**JSON, "Authorization": f"Bearer {KEY}"}, port=upstream_port)
        emulator.control("POST", "/faults", [fault])
        through = sidecar.request("POST", PATH, body, {**JSON, "Authorization": f"Bearer {KEY}"})
        emulator.control("DELETE", "/faults")

        def shown(seen):
            text = seen[2]
            try:
                # Names of this one occurrence.
                fields = json.loads(text)
                fields.pop("pending_authentication_token", None)
                text = fields
            except ValueError:
                pass
            return seen[0], {name: seen[1].get(name) for name in matter}, text

        name = f"{fault['kind']} {fault.get('status', '')}".strip()
        checks.that(f"{name} reads as from the upstream", shown(direct) == shown(through), (direct, through))
        checks.that(f"{name} has a request id", len(through[1].get("x-request-id", "")) == 36, through[1])
    token = new_token(emulator)
    direct = sidecar.request("POST", PATH, refresh_body(new_token(emulator)), JSON, port=upstream_port)
    through = sidecar.request("POST", PATH, refresh_body(token), JSON)
    checks.that("a success has the upstream's status and type",
                (direct[0], direct[1]["content-type"]) == (through[0], through[1]["content-type"]), through)
    checks.that("and its fields", set(json.loads(direct[2])) == set(json.loads(through[2])), through)
    for kind, expected in [("reset_before", 502), ("malformed_json", 502), ("drop_answer", 502)]:
        emulator.control("POST", "/faults", [{"kind": kind}])
        before = upstream_calls(emulator)
        seen = sidecar.request("POST", PATH, refresh_body(new_token(emulator)), JSON)
        calls = upstream_calls(emulator) - before
        checks.that(f"{kind} is a gateway's {expected}", seen[0] == expected and b"access" not in seen[2], seen)
        checks.that(f"{kind} is not sent again", calls == 1, calls)
    sidecar.stop()


def check_killed(checks, programs, emulator, directory):
    """refreshd dies in mid-refresh: its own callers see the connection end, and linked workers that wait lose nothing."""
    lost, wrong, late = [], [], []
    for _ in range(ROUNDS):
        # Longer than the round: it is killed in mid-refresh, whatever the machine is busy with.
        emulator.control("PATCH", "/settings", {"delay_ms": 60_000})
        sidecar = Sidecar(programs, emulator.url, directory)
        token, before = new_token(emulator), upstream_calls(emulator)
        events = Events(emulator)
        cut = []

        def call():
            try:
                cut.append(sidecar.request("POST", PATH, refresh_body(token), JSON)[0])
            except OSError as error:
                cut.append(type(error).__name__)

        caller = threading.Thread(target=call)
        caller.start()
        events.await_kind("request_arrived")
        # The next call: this one keeps the delay it came with.
        emulator.control("PATCH", "/settings", {"delay_ms": 0})
        workers = [LinkedWorker(programs, emulator, directory, token) for _ in range(2)]
        for worker in workers:
            worker.await_waiting(directory)
        sidecar.kill()
        caller.join()
        said = [worker.said() for worker in workers]
        events.close()
        calls = upstream_calls(emulator) - before
        ids = {text.rsplit(" ", 1)[-1] for text in said}
        if not all(text.startswith("a new session") for text in said) or len(ids) != 1 or calls != 2:
            lost.append((said, calls))
        if cut[0] not in ("RemoteDisconnected", "ConnectionResetError"):
            wrong.append(cut)
        successor = Sidecar(programs, emulator.url, directory)
        seen = successor.request("POST", PATH, refresh_body(token), JSON)
        if seen[0] != 200 or seen[1].get("x-request-id") not in ids or upstream_calls(emulator) - before != 2:
            late.append(seen)
        successor.stop()
    checks.that(f"killed in mid-refresh, {ROUNDS} times: linked workers lose nothing, after one more call", not lost, lost)
    checks.that("and its own caller sees the connection end", not wrong, wrong)
    checks.that("and gets their result when it tries again", not late, late)


def check_stopped(checks, programs, emulator, directory):
    """SIGTERM in mid-refresh: the refresh is answered, new ones are refused, and it ends."""
    sidecar = Sidecar(programs, emulator.url, directory)
    emulator.control("PATCH", "/settings", {"delay_ms": 1500})
    token, before, events = new_token(emulator), upstream_calls(emulator), Events(emulator)
    second = sidecar.connect()
    # Under way already, and no refresh until its body has come.
    late = refresh_body(new_token(emulator)).encode()
    second.sendall(
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(late)}\r\n\r\n".encode())
    second.recv(65536)
    seen = []
    caller = threading.Thread(
        target=lambda: seen.append(sidecar.request("POST", PATH, refresh_body(token), JSON)))
    caller.start()
    events.await_kind("request_arrived")
    sidecar.process.terminate()
    sidecar.await_log(b"stopping")
    second.sendall(late)
    refused = second.recv(65536)
    caller.join()
    status = sidecar.process.wait(20)
    sidecar.end()
    events.close()
    emulator.control("PATCH", "/settings", {"delay_ms": 0})
    checks.that("a stop answers the refresh that is under way", seen[0][0] == 200, seen)
    checks.that("and refuses a new one, to be tried again",
                refused.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in refused, refused)
    checks.that("and ends in order", status == 0 and upstream_calls(emulator) - before == 1, status)
    said = LinkedWorker(programs, emulator, directory, token).said()
    checks.that("and its result is there for linked workers", said.endswith(seen[0][1]["x-request-id"]), said)


def check_left(checks, programs, emulator, directory):
    """A caller that leaves in mid-refresh ends nothing but its own wait."""
    sidecar = Sidecar(programs, emulator.url, directory)
    emulator.control("PATCH", "/settings", {"delay_ms": 700})
    token, before, events = new_token(emulator), upstream_calls(emulator), Events(emulator)
    body = refresh_body(token)
    with sidecar.connect() as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body}".encode())
        events.await_kind("request_arrived")
    answered = events.await_kind("answered")
    seen = sidecar.request("POST", PATH, body, JSON)
    events.close()
    emulator.control("PATCH", "/settings", {"delay_ms": 0})
    checks.that("a caller that leaves ends no refresh: the next one finds its result",
                seen[0] == 200 and seen[1]["x-request-id"] == answered["request_id"]
                and upstream_calls(emulator) - before == 1, (seen, answered))
    sidecar.stop()


def check_credentials(checks, programs, emulator, directory):
    """Only the configured client is answered from the table; all others are the upstream's to judge."""
    sidecar = Sidecar(programs, emulator.url, directory)

    def calls(name, expected_status, expected_calls, headers=JSON, path=PATH, method="POST", raw=None, **fields):
        token = new_token(emulator)
        before = emulator.control("GET", "/stats?tokens=false")
        body = raw(token) if raw else refresh_body(token, **fields)
        seen = [sidecar.request(method, path, body, headers)[0] for _ in range(2)]
        after = emulator.control("GET", "/stats?tokens=false")
        made = after["refresh_calls"] - before["refresh_calls"]
        checks.that(name, seen == expected_status and made == expected_calls, (seen, made))

    bearer = {**JSON, "Authorization": f"Bearer {KEY}"}
    calls("the secret in the body: coalesced", [200, 200], 1)
    calls("the secret as bearer: coalesced", [200, 200], 1, headers=bearer, client_secret=None)
    calls("both: coalesced", [200, 200], 1, headers=bearer)
    calls("a wrong secret: not coalesced", [401, 401], 2, client_secret="sk_other")
    calls("a wrong bearer beside the right secret: not coalesced", [401, 401], 2,
          headers={**JSON, "Authorization": "Bearer sk_other"})
    calls("another scheme beside the right secret: not coalesced", [200, 400], 2,
          headers={**JSON, "Authorization": f"Basic {KEY}"})
    calls("no secret at all: not coalesced, and not given ours", [401, 401], 2, client_secret=None)
    calls("another client: not coalesced", [400, 400], 2, client_id="client_other")
    calls("an unknown field: not coalesced", [200, 400], 2, invitation="x")
    calls("a query: not coalesced", [200, 400], 2, path=PATH + "?a=b")
    calls("a name twice: not coalesced", [400, 400], 2,
          raw=lambda t: refresh_body("other")[:-1] + f', "refresh_token": "{t}"}}')
    calls("another type of content: not coalesced", [200, 400], 2, headers={"Content-Type": "text/plain"})
    sidecar.stop()
    public = Sidecar(programs, emulator.url, directory + "-public", public=True)
    emulator.control("PATCH", "/settings", {"api_key": None})
    token, before = new_token(emulator), upstream_calls(emulator)
    seen = [public.request("POST", PATH, refresh_body(token, client_secret=None), JSON)[0] for _ in range(2)]
    checks.that("a public client: coalesced", seen == [200, 200] and upstream_calls(emulator) - before == 1, seen)
    token, before = new_token(emulator), upstream_calls(emulator)
    seen = [public.request("POST", PATH, refresh_body(token, client_secret="any"), JSON)[0] for _ in range(2)]
    checks.that("a secret, to a public client's sidecar: not coalesced", upstream_calls(emulator) - before == 2, seen)
    public.stop()


ALL = [check_sdk, check_mixed, check_many, check_words, check_credentials, check_left, check_stopped, check_killed]

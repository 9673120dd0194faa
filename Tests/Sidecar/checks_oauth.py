"""POST /oauth2/token against a provider that nobody here wrote, with rotation and without a grace period."""

import base64
import json
import subprocess
import tempfile
import threading
import urllib.request
import venv
from pathlib import Path
from urllib.parse import quote, urlencode

from harness import ROOT, Sidecar

HERE = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".build" / "oauth-provider"
SECRET = "a secret:with/odd+signs%"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def provider_python():
    """The interpreter of an environment with the pinned provider."""
    requirements, done = HERE / "oauth-requirements.txt", ENVIRONMENT / "installed.txt"
    python = ENVIRONMENT / "bin" / "python"
    if not done.exists() or done.read_text() != requirements.read_text():
        print("      installing " + requirements.read_text().replace("\n", " "), flush=True)
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True)
        done.write_text(requirements.read_text())
    return python


class Provider:
    def __init__(self, scratch, secret):
        self.process = subprocess.Popen(
            [provider_python(), HERE / "oauth_provider.py", f"{scratch}/db.sqlite3", secret], stdout=subprocess.PIPE, text=True)
        self.url, self.client = self.process.stdout.readline().split()
        self.port = int(self.url.rsplit(":", 1)[1])

    def ask(self, path, body=None):
        with urllib.request.urlopen(self.url + path, data=body, timeout=20) as answer:
            return answer.read()

    def issue(self):
        return json.loads(self.ask("/issue"))["refresh_token"]

    def calls(self):
        return json.loads(self.ask("/calls"))["calls"]

    def stop(self):
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()


def check_oauth(checks, programs, directory):
    with tempfile.TemporaryDirectory(prefix="refreshd-oauth-", dir="/dev/shm") as scratch:
        secret = Path(scratch) / "secret"
        secret.touch(mode=0o600)
        secret.write_text(SECRET + "\n")
        provider = Provider(scratch, secret)
        try:
            for way in ("basic", "post"):
                sidecar = Sidecar(
                    programs, "http://127.0.0.1:9", f"{directory}-{way}", "--token-endpoint", provider.url + "/o/token/",
                    "--token-client-id", provider.client, "--token-secret-file", str(secret), "--token-authentication", way)
                converse(checks, way, provider, sidecar)
                sidecar.stop()
        finally:
            provider.stop()


def converse(checks, way, provider, sidecar):
    pair = base64.b64encode(f"{quote(provider.client, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
    by_header = {**FORM, "Authorization": f"Basic {pair}"}

    def form(token, **more):
        return urlencode({"grant_type": "refresh_token", "refresh_token": token, **more})

    def by_body(token, secret=SECRET, **more):
        return form(token, client_id=provider.client, client_secret=secret, **more)

    provider.ask("/delay", b"300")
    token, before, seen = provider.issue(), provider.calls(), []

    def call(number):
        if number % 2:
            seen.append(sidecar.request("POST", "/oauth2/token", form(token), by_header))
        else:
            seen.append(sidecar.request("POST", "/oauth2/token", by_body(token), FORM))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    provider.ask("/delay", b"0")
    calls = provider.calls() - before
    bodies = {body for _, _, body in seen}
    checks.that(f"{way}: 30 callers, by Basic and by body, one token: one call", calls == 1, (calls, seen[:2]))
    checks.that(f"{way}: all of them got its answer", len(bodies) == 1 and {s for s, _, _ in seen} == {200}, seen[:2])
    answer = json.loads(seen[0][2])
    checks.that(f"{way}: not to be stored", seen[0][1].get("cache-control") == "no-store", seen[0][1])
    next_token = answer.get("refresh_token")
    checks.that(f"{way}: the token was rotated", next_token not in (None, token), answer)
    replayed = sidecar.request("POST", "/o/token/", by_body(token), FORM, port=provider.port)
    checks.that(f"{way}: and the old one is spent", replayed[0] == 400 and b"invalid_grant" in replayed[2], replayed)
    unknown = by_body("never-issued")
    direct = sidecar.request("POST", "/o/token/", unknown, FORM, port=provider.port)
    through = sidecar.request("POST", "/oauth2/token", unknown, FORM)
    checks.that(f"{way}: a refusal reads as from the provider",
                (direct[0], direct[2], direct[1]["content-type"]) == (through[0], through[2], through[1]["content-type"]),
                (direct, through))
    fresh = provider.issue()
    for name, body, headers, status in [
        ("a wrong secret", by_body(fresh, secret="wrong"), FORM, 401),
        ("no secret", form(fresh, client_id=provider.client), FORM, 401),
        ("two ways at once", by_body(fresh, secret="wrong"), by_header, None),
    ]:
        before = provider.calls()
        seen = [sidecar.request("POST", "/oauth2/token", body, headers)[0] for _ in range(2)]
        made = provider.calls() - before
        checks.that(f"{way}: {name}: not coalesced", made == 2 and (status is None or seen == [status] * 2), (seen, made))
    narrowed, before = provider.issue(), provider.calls()
    for scope in ("read", "read", "read write"):
        answer = sidecar.request("POST", "/oauth2/token", by_body(narrowed, scope=scope), FORM)
        if scope == "read":
            checks.that(f"{way}: the scope is passed on", json.loads(answer[2]).get("scope") == "read", answer)
    checks.that(f"{way}: another scope is another refresh", provider.calls() - before == 2, provider.calls() - before)
    other = sidecar.request("POST", "/oauth2/token", urlencode({"grant_type": "password", "client_id": "x"}), FORM)
    checks.that(f"{way}: other grants are the provider's to judge", other[0] in (400, 401), other)


ALL = [check_oauth]

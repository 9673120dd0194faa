"""The local upstream, and what it says about itself."""

import contextlib
import hashlib
import http.client
import json
import os
import subprocess
import time
import urllib.request

from processes import HostError, register

CLIENT_ID = "client_hosts"
API_KEY = "sk_hosts"


def token_hash(token):
    """The name under which the emulator speaks of a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class Emulator:
    """A running workos-emulator without limits."""

    def __init__(self, path):
        environment = dict(os.environ, WORKOS_API_KEY=API_KEY, WORKOS_CLIENT_ID=CLIENT_ID)
        self.process = subprocess.Popen(
            [path, "--port", "0", "--user-limit", "off", "--environment-limit", "off", "--log-level", "error"],
            stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        )
        register(self.process)
        line = self.process.stdout.readline()
        if not line.startswith("workos-emulator listening on "):
            raise HostError(f"the emulator did not start: {line!r}")
        self.url = line.split()[-1]
        self.address = self.url.removeprefix("http://")

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def new_token(self):
        return self.control("POST", "/sessions")["refresh_token"]

    def delay(self, milliseconds):
        self.control("PATCH", "/settings", {"delay_ms": milliseconds})

    def counts(self, token):
        """What happened to one token."""
        return self.control("GET", f"/stats?token_hash={token_hash(token)}")

    def calls(self):
        """All refreshes that ever arrived, whatever their token."""
        return self.control("GET", "/stats?tokens=false")["refresh_calls"]

    @contextlib.contextmanager
    def events(self):
        """The events from now on. Gives a function that waits for events of a token and returns them by name."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request("GET", "/_emulator/events")
        answer = connection.getresponse()

        def wait(token, *names, seconds=20.0):
            missing, found = set(names), {}
            until = time.monotonic() + seconds
            while missing and time.monotonic() < until:
                line = answer.readline()
                if not line:
                    break
                event = json.loads(line)
                if event["event"] in missing and event.get("token_hash") == token_hash(token):
                    missing.remove(event["event"])
                    found[event["event"]] = event
            if missing:
                raise HostError(f"the emulator never said {', '.join(sorted(missing))}")
            return found

        try:
            yield wait
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(20)

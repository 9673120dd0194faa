#!/usr/bin/env python3
"""Runs the official WorkOS Python SDK against workos-emulator.

    Tests/PythonSDK/run_workos_sdk.py [--emulator PATH] [-- EMULATOR OPTIONS]

Makes a virtual environment under .build, installs the pinned SDK there, starts the emulator on a free port and
checks a refresh, a replay, a rate limit and the access token's key. Ends with "N passed, N failed" and exits 1 if
anything failed. Emulator options after "--" show that the checks can fail: `-- --replay-grace 60`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENT = ROOT / ".build" / "python-sdk"
KEY = "sk_emulator"
CLIENT = "client_emulator"


def enter_environment():
    """Goes on inside the virtual environment, which is made first where it is missing or out of date."""
    requirements = HERE / "requirements.txt"
    done = ENVIRONMENT / "installed.txt"
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    python = ENVIRONMENT / "bin" / "python"
    if not done.exists() or done.read_text() != requirements.read_text():
        print(f"installing {requirements.read_text().strip()}", flush=True)
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True
        )
        done.write_text(requirements.read_text())
    os.execv(python, [python, *sys.argv])


class Emulator:
    """A running emulator."""

    def __init__(self, path, options):
        environment = dict(os.environ, WORKOS_API_KEY=KEY, WORKOS_CLIENT_ID=CLIENT)
        self.process = subprocess.Popen(
            [path, "--port", "0", "--user-limit", "off", *options],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline()
        if not line.startswith("workos-emulator listening on "):
            raise SystemExit(f"the emulator did not start: {line!r}")
        self.url = line.split()[-1]

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/_emulator" + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


class Checks:
    """Counts what held and what did not."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, what, held, seen=""):
        if held:
            self.passed += 1
            print(f"ok    {what}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {what}: {seen}", flush=True)


def check_refresh(checks, sdk, emulator):
    import jwt

    token = emulator.control(
        "POST", "/sessions", {"email": "ada@example.com", "organization_id": "org_1", "user": {"first_name": "Ada"}}
    )["refresh_token"]
    answer = sdk.user_management.authenticate_with_refresh_token(refresh_token=token)
    checks.that("a refresh returns the user", answer.user.email == "ada@example.com", answer.user)
    checks.that("a refresh returns another refresh token", answer.refresh_token not in ("", token))
    checks.that("a refresh stays in the organization", answer.organization_id == "org_1", answer.organization_id)
    key = jwt.PyJWKClient(sdk.user_management.get_jwks_url()).get_signing_key_from_jwt(answer.access_token)
    claims = jwt.decode(answer.access_token, key.key, algorithms=["RS256"])
    checks.that("the access token verifies and names the user", claims["sub"] == answer.user.id, claims)
    switched = sdk.user_management.authenticate_with_refresh_token(
        refresh_token=answer.refresh_token, organization_id="org_2"
    )
    checks.that("a refresh switches the organization", switched.organization_id == "org_2", switched.organization_id)
    return token


def check_replay(checks, sdk, token):
    import workos

    try:
        answer = sdk.user_management.authenticate_with_refresh_token(refresh_token=token)
        checks.that("a replay is refused", False, f"it was accepted, for {answer.user.email}")
    except workos.BadRequestError as error:
        checks.that("a replay is refused with invalid_grant", error.error == "invalid_grant", error)
        checks.that(
            "the refusal says why", error.error_description == "Refresh token already exchanged.", error
        )
        checks.that("the refusal has a request id", len(error.request_id or "") == 36, error.request_id)


def check_rate_limit(checks, sdk, emulator):
    import workos

    # The SDK tries four times, waiting as Retry-After says: 1 s each time, so about 3 s pass.
    emulator.control("PATCH", "/settings", {"user_limit": "1/3600", "retry_after_s": 1})
    token = emulator.control("POST", "/sessions")["refresh_token"]
    next_token = sdk.user_management.authenticate_with_refresh_token(refresh_token=token).refresh_token
    emulator.control("DELETE", "/stats")
    start = time.monotonic()
    try:
        sdk.user_management.authenticate_with_refresh_token(refresh_token=next_token)
        checks.that("a rate limit is met", False, "the refresh was let through")
    except workos.RateLimitExceededError as error:
        waited = time.monotonic() - start
        checks.that("a rate limit is reported as one", error.error == "too_many_requests", error)
        checks.that("Retry-After is passed on", error.retry_after == 1, error.retry_after)
        checks.that("the SDK waited between its tries", 2.9 < waited < 15, f"{waited:.1f} s")
    counted = emulator.control("GET", "/stats")
    checks.that("four tries were refused", counted["rate_limited"] == 4, counted)

    # A window that passes while the SDK waits: the token is still good.
    emulator.control("PATCH", "/settings", {"user_limit": "1/2", "retry_after_s": None})
    token = emulator.control("POST", "/sessions")["refresh_token"]
    token = sdk.user_management.authenticate_with_refresh_token(refresh_token=token).refresh_token
    answer = sdk.user_management.authenticate_with_refresh_token(refresh_token=token)
    checks.that("a refresh succeeds once the window has passed", bool(answer.refresh_token))


def check_credentials(checks, emulator):
    import workos

    token = emulator.control("POST", "/sessions")["refresh_token"]
    stranger = workos.WorkOSClient(api_key="sk_other", client_id=CLIENT, base_url=emulator.url)
    try:
        stranger.user_management.authenticate_with_refresh_token(refresh_token=token)
        checks.that("a wrong API key is refused", False, "it was accepted")
    except workos.AuthenticationError as error:
        checks.that("a wrong API key is refused with invalid_client", error.error == "invalid_client", error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulator", default=str(ROOT / ".build" / "debug" / "workos-emulator"))
    parser.add_argument("options", nargs="*", help="for the emulator, after --")
    arguments = parser.parse_args()
    enter_environment()
    import workos

    emulator = Emulator(arguments.emulator, arguments.options)
    checks = Checks()
    try:
        sdk = workos.WorkOSClient(api_key=KEY, client_id=CLIENT, base_url=emulator.url)
        token = check_refresh(checks, sdk, emulator)
        check_replay(checks, sdk, token)
        check_rate_limit(checks, sdk, emulator)
        check_credentials(checks, emulator)
    finally:
        code = emulator.stop()
    checks.that("the emulator stops cleanly", code == 0, code)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()

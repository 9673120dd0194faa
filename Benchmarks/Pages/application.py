"""A page that refreshes the token of its request, for gunicorn; the contender is in the environment."""

import ctypes
import os

_library = ctypes.CDLL(os.environ["PAGES_LIBRARY"])


def _variable(name: str) -> bytes | None:
    value = os.environ.get(name)
    return value.encode() if value else None


# Kept: the contender keeps pointers to them. Loaded by the master, before it forks.
_scene = [_variable(f"PAGES_{name}") for name in ("CONTENDER", "DIRECTORY", "REDIS", "REFRESHCLIENT", "SIDECAR", "SHARED")]
if _library.pages_prepare(*_scene) != 0:
    raise SystemExit(f"there is no contender {_scene[0]!r}")


def application(environ, start_response):
    """200 with the upstream's answer, or 503. The library is called without the interpreter's lock."""
    body = ctypes.create_string_buffer(4096)
    length = _library.pages_refresh(environ["HTTP_X_REFRESH_TOKEN"].encode(), body, len(body))
    if length < 0:
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(length))])
    return [body.raw[:length]]

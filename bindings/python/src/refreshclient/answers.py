"""The answer to an upstream call, and how it is made from whatever the caller's HTTP library returns or raises."""

from __future__ import annotations

import ctypes
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._structures import AnswerStructure

MAXIMUM_BODY = 65_536
"""Longest body in bytes that the table takes."""


@dataclass(frozen=True)
class Answer:
    """What the upstream answered, or that it did not.

    The library judges it: whether it is a success, and if not, whether the session is over.
    """

    status: int = 200
    """HTTP status; 0 where no answer came."""
    body: bytes = field(default=b"", repr=False)
    """The body, verbatim: every caller gets these bytes."""
    request_id: str | None = None
    """``X-Request-ID``."""
    retry_after: str | None = None
    """``Retry-After`` as it came: seconds or an HTTP date."""
    content_type: str | None = None
    """``Content-Type``."""
    timed_out: bool = False
    """Where no answer came: time was up, rather than the network failing otherwise."""
    not_sent: bool = False
    """Where no answer came: nothing can have been sent, so that the token is certainly still good."""
    may_retry: bool = True
    """Whether a 429 keeps the lease and calls ``perform`` once more after ``Retry-After``. ``False`` where it has
    tried again itself."""

    def structure(self) -> AnswerStructure:
        """As the library takes it. Holds on to the body."""
        structure = AnswerStructure()
        structure.status = self.status
        structure.timed_out = self.timed_out
        structure.not_sent = self.not_sent
        structure.may_retry = self.may_retry
        if self.body:
            # A pointer into the bytes themselves, which the structure keeps alive.
            structure.body = ctypes.cast(ctypes.c_char_p(self.body), ctypes.POINTER(ctypes.c_ubyte))
            structure.body_length = len(self.body)
        for name in ("request_id", "retry_after", "content_type"):
            setattr(structure, name, _header_bytes(getattr(self, name)))
        return structure


def _header_bytes(value: str | None) -> bytes | None:
    """A header for the library, which takes UTF-8 up to a NUL; one that is neither is of no use to anybody."""
    if value is None:
        return None
    encoded = value.encode("utf-8", errors="replace")
    return None if b"\0" in encoded else encoded


def answer_from(value: Any) -> Answer:
    """Makes an answer of what ``perform`` returned. Raises ``TypeError`` for anything that is none."""
    if isinstance(value, Answer):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Answer(body=bytes(value))
    if isinstance(value, str):
        return Answer(body=value.encode("utf-8", errors="surrogatepass"))
    if isinstance(value, Mapping):
        return Answer(body=_serialised(dict(value)))
    response = _answer_from_response(value)
    if response is not None:
        return response
    for method in ("to_dict", "model_dump"):
        if callable(getattr(value, method, None)):
            # A parsed object of an SDK. What it did not know of the answer is lost already, but not the tokens.
            return Answer(body=_serialised(getattr(value, method)()))
    raise TypeError(
        f"perform returned {type(value).__name__}, which is neither the upstream's body (bytes, str, dict) nor a"
        " response (requests, httpx, http.client) nor an Answer"
    )


def _serialised(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "surrogatepass")


def _answer_from_response(value: Any) -> Answer | None:
    """Of a response of requests, httpx, urllib3 or http.client; nothing for anything else."""
    status = getattr(value, "status_code", None)
    if not isinstance(status, int):
        status = getattr(value, "status", None)
    if not isinstance(status, int):
        return None
    body = getattr(value, "content", None)
    if not isinstance(body, (bytes, bytearray)):
        body = getattr(value, "data", None)
    if not isinstance(body, (bytes, bytearray)) and callable(getattr(value, "read", None)):
        body = value.read()
    if not isinstance(body, (bytes, bytearray)):
        return None
    return _with_headers(status, bytes(body), getattr(value, "headers", None))


def _with_headers(status: int, body: bytes, headers: Any) -> Answer:
    """An answer with the headers that matter, of a mapping whether it minds the case or not."""
    found: dict[str, str] = {}
    items = getattr(headers, "items", None)
    if callable(items):
        for name, value in items():
            if isinstance(name, str) and isinstance(value, str):
                found[name.lower()] = value
    return Answer(
        status=status,
        body=body,
        request_id=found.get("x-request-id"),
        retry_after=found.get("retry-after"),
        content_type=found.get("content-type"),
    )


def answer_from_exception(error: BaseException) -> Answer | None:
    """Makes an answer of an exception that stands for one, of the WorkOS SDK, requests, httpx, urllib or sockets.

    Nothing for exceptions that say nothing about the upstream.
    """
    response = getattr(error, "response", None)
    if response is not None:
        answer = _answer_from_response(response)
        if answer is not None:
            return answer
    if isinstance(getattr(error, "code", None), int) and hasattr(error, "headers"):
        return _answer_from_urllib(error)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return _answer_from_status(error, status)
    return _answer_from_network(error)


def _answer_from_urllib(error: Any) -> Answer:
    try:
        body = error.read()
    except Exception:  # The status is what counts, and it is known.
        body = b""
    body = body if isinstance(body, bytes) else b""
    return _with_headers(error.code, body, error.headers)


def _answer_from_status(error: Any, status: int) -> Answer:
    """Of an exception that has a status and perhaps the body's text."""
    text = getattr(error, "raw_body", None) or getattr(error, "body", None)
    body = text.encode() if isinstance(text, str) else bytes(text) if isinstance(text, (bytes, bytearray)) else b""
    retry_after = getattr(error, "retry_after", None)
    request_id = getattr(error, "request_id", None)
    return Answer(
        status=status,
        body=body,
        request_id=request_id if isinstance(request_id, str) else None,
        retry_after=None if retry_after is None else str(retry_after),
    )


_HTTPX = {"httpx", "httpx2", "httpcore", "httpcore2"}
_GENERAL = {"TransportError", "RequestException", "HTTPError", "ClientError", "WorkOSConnectionError", "HTTPException"}
_NETWORK = {*_HTTPX, "requests", "urllib3", "aiohttp", "workos", "http"}


def _answer_from_network(error: BaseException) -> Answer | None:
    """Of an exception that stands for no answer, or was raised because of one."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return None
        reason = getattr(seen, "reason", None)
        answer = _no_answer(reason if isinstance(reason, BaseException) else seen)
        if answer is not None:
            return answer
        seen = seen.__cause__
    return None


def _no_answer(error: BaseException) -> Answer | None:
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    names = {name for module, name in kinds if module in _NETWORK}
    if isinstance(error, TimeoutError) or any("Timeout" in name for name in names):
        return Answer(status=0, timed_out=True)
    # Only these are sure: what is called a connection error elsewhere may be one that broke after sending.
    if isinstance(error, ConnectionRefusedError) or any((module, "ConnectError") in kinds for module in _HTTPX):
        return Answer(status=0, not_sent=True)
    if isinstance(error, (ConnectionError, socket.gaierror, ssl.SSLError)) or names & _GENERAL:
        return Answer(status=0)
    return None

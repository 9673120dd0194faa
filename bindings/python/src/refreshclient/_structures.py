"""The structures of refreshclient.h, field by field. The tests compare sizes and offsets with a C compiler's."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_ubyte, c_uint64, sizeof
from typing import ClassVar


class Sized(ctypes.Structure):
    """Structures begin with their size; the header's INIT macros are the class's defaults."""

    size: int
    defaults: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.size = sizeof(self)
        for name, value in self.defaults.items():
            setattr(self, name, value)


class ErrorStructure(Sized):
    """refreshclient_error"""

    code: int
    is_retryable: int
    http_status: int
    may_have_rotated: int
    retry_after_ms: int
    reason: bytes
    request_id: bytes
    message: bytes
    defaults = {"retry_after_ms": -1}
    _fields_ = [
        ("size", c_size_t),
        ("code", c_int32),
        ("is_retryable", c_int32),
        ("http_status", c_int32),
        ("may_have_rotated", c_int32),
        ("retry_after_ms", c_int64),
        ("reason", c_char * 64),
        ("request_id", c_char * 256),
        ("message", c_char * 512),
    ]


class OutcomeStructure(Sized):
    """refreshclient_outcome"""

    body: ctypes._Pointer[c_ubyte]
    body_length: int
    request_id: bytes
    lease: int
    waiter: int
    descriptor: int
    wait_ms: int
    error: ErrorStructure
    defaults = {"descriptor": -1}
    _fields_ = [
        ("size", c_size_t),
        ("body", POINTER(c_ubyte)),
        ("body_length", c_size_t),
        ("request_id", c_char * 256),
        ("lease", c_uint64),
        ("waiter", c_uint64),
        ("descriptor", c_int32),
        ("wait_ms", c_int32),
        ("error", ErrorStructure),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.error = ErrorStructure()


class OptionsStructure(Sized):
    """refreshclient_options"""

    directory: bytes | None
    client_id: bytes | None
    api_key: bytes | None
    base_url: bytes | None
    token_endpoint: bytes | None
    ca_bundle: bytes | None
    request_timeout_ms: int
    lease_ms: int
    result_retention_ms: int
    terminal_failure_retention_ms: int
    deadline_ms: int
    map_size: int
    polls: int
    fails_without_table: int
    log_level: int
    defaults = dict.fromkeys(
        (
            "request_timeout_ms",
            "lease_ms",
            "result_retention_ms",
            "terminal_failure_retention_ms",
            "deadline_ms",
            "map_size",
            "polls",
            "fails_without_table",
            "log_level",
        ),
        -1,
    )
    _fields_ = [
        ("size", c_size_t),
        ("directory", c_char_p),
        ("client_id", c_char_p),
        ("api_key", c_char_p),
        ("base_url", c_char_p),
        ("token_endpoint", c_char_p),
        ("ca_bundle", c_char_p),
        ("request_timeout_ms", c_int64),
        ("lease_ms", c_int64),
        ("result_retention_ms", c_int64),
        ("terminal_failure_retention_ms", c_int64),
        ("deadline_ms", c_int64),
        ("map_size", c_int64),
        ("polls", c_int32),
        ("fails_without_table", c_int32),
        ("log_level", c_int32),
    ]


class RequestStructure(Sized):
    """refreshclient_request"""

    refresh_token: bytes | None
    organization_id: bytes | None
    scope: bytes | None
    resource: bytes | None
    audience: bytes | None
    ip_address: bytes | None
    user_agent: bytes | None
    device_id: bytes | None
    deadline_ms: int
    lease_ms: int
    defaults = {"deadline_ms": -1, "lease_ms": -1}
    _fields_ = [
        ("size", c_size_t),
        ("refresh_token", c_char_p),
        ("organization_id", c_char_p),
        ("scope", c_char_p),
        ("resource", c_char_p),
        ("audience", c_char_p),
        ("ip_address", c_char_p),
        ("user_agent", c_char_p),
        ("device_id", c_char_p),
        ("deadline_ms", c_int64),
        ("lease_ms", c_int64),
    ]


class AnswerStructure(Sized):
    """refreshclient_answer"""

    status: int
    timed_out: int
    not_sent: int
    may_retry: int
    body: ctypes._Pointer[c_ubyte]
    body_length: int
    request_id: bytes | None
    retry_after: bytes | None
    content_type: bytes | None
    _fields_ = [
        ("size", c_size_t),
        ("status", c_int32),
        ("timed_out", c_int32),
        ("not_sent", c_int32),
        ("may_retry", c_int32),
        ("body", POINTER(c_ubyte)),
        ("body_length", c_size_t),
        ("request_id", c_char_p),
        ("retry_after", c_char_p),
        ("content_type", c_char_p),
    ]


class CountsStructure(Sized):
    """refreshclient_counts"""

    upstream_calls: int
    claims: int
    takeovers: int
    hits: int
    refreshed_alone: int
    coordination_failures: int
    _fields_ = [
        ("size", c_size_t),
        ("upstream_calls", c_int64),
        ("claims", c_int64),
        ("takeovers", c_int64),
        ("hits", c_int64),
        ("refreshed_alone", c_int64),
        ("coordination_failures", c_int64),
    ]

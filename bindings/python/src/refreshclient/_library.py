"""librefreshclient.so, loaded once, with the types of its functions.

ctypes lets go of the GIL for the time of every call made here, so that other threads of the interpreter run while the
library waits for another process.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint64
from pathlib import Path

from ._structures import (
    AnswerStructure,
    CountsStructure,
    ErrorStructure,
    OptionsStructure,
    OutcomeStructure,
    RequestStructure,
)

OK = 0
HOLDER = 1
WAIT = 2
RETRY = 3
SESSION_ENDED = -1
UPSTREAM_FAILED = -2
DEADLINE_EXCEEDED = -3
COORDINATION_FAILED = -4
DIRECTORY_UNUSABLE = -5
INVALID_ARGUMENT = -6
STALE_HANDLE = -7
LEASE_LOST = -8
RESOURCES_EXHAUSTED = -9
CALLBACK_FAILED = -10

MAJOR_VERSION = 1


def _load() -> tuple[ctypes.CDLL, str]:
    packaged = Path(__file__).parent / "librefreshclient.so"
    path = str(packaged) if packaged.exists() else os.environ.get("REFRESHCLIENT_LIBRARY") or "librefreshclient.so.1"
    try:
        return ctypes.CDLL(path), path
    except OSError as error:
        raise ImportError(
            f"refreshclient needs librefreshclient.so, and {path} cannot be loaded: {error}. Install the wheel that has"
            " it inside, or the library with ldconfig, or set REFRESHCLIENT_LIBRARY to its path. It needs liblmdb0."
        ) from error


library, library_path = _load()

_client = c_uint64
_lease = c_uint64
_waiter = c_uint64
_outcome = POINTER(OutcomeStructure)
_error = POINTER(ErrorStructure)
_request = POINTER(RequestStructure)

# Every function that the package uses: its result, and its arguments.
_functions: dict[str, tuple[object, list[object]]] = {
    "version": (c_char_p, []),
    "open": (c_int32, [POINTER(OptionsStructure), POINTER(c_uint64), _error]),
    "close": (c_int32, [_client]),
    "directory": (c_int64, [_client, c_char_p, c_size_t]),
    "refresh_workos": (c_int32, [_client, _request, _outcome]),
    "begin_nonblocking": (c_int32, [_client, _request, _outcome]),
    "resume": (c_int32, [_waiter, _outcome]),
    "cancel": (c_int32, [_waiter]),
    "may_send": (c_int32, [_lease, c_int64, _error]),
    "renew": (c_int32, [_lease, c_int64, _error]),
    "finish": (c_int32, [_lease, POINTER(AnswerStructure), _outcome]),
    "fail": (c_int32, [_lease, c_int32, c_char_p, c_char_p, _outcome]),
    "abandon": (c_int32, [_lease]),
    "get_counts": (c_int32, [_client, POINTER(CountsStructure)]),
    "outcome_free": (None, [_outcome]),
}

for _name, (_result, _arguments) in _functions.items():
    _function = getattr(library, f"refreshclient_{_name}")
    _function.restype = _result
    _function.argtypes = _arguments


def library_version() -> str:
    """The version of the library that was loaded, as ``"1.0.0"``."""
    version: bytes = library.refreshclient_version()
    return version.decode()


if library_version().split(".")[0] != str(MAJOR_VERSION):
    raise ImportError(
        f"refreshclient needs librefreshclient {MAJOR_VERSION}, and {library_path} is version {library_version()}"
    )

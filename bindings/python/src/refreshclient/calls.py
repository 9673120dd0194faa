"""What ``perform`` is given: the refresh to make, and a say over the lease it is made under."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from datetime import timedelta

from . import _library
from ._structures import ErrorStructure
from .errors import InvalidArgumentError, error_from

Seconds = float | int | timedelta
"""A length of time: a number of seconds, or a timedelta."""


def milliseconds(value: Seconds | None) -> int:
    """In milliseconds, as the library counts; -1, the default, for ``None``."""
    if value is None:
        return -1
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not 0 < seconds < 10**9:
        raise InvalidArgumentError(
            f"a length of time must be more than 0 seconds, and is {seconds}", reason="invalid_request"
        )
    return max(1, round(seconds * 1000))


@dataclass(frozen=True)
class RefreshCall:
    """One upstream call that this caller is to make, since it holds the lease. Its ``repr`` shows no token."""

    refresh_token: str = field(repr=False)
    """The token to send, once."""
    organization: str | None = None
    """The organization to switch to; ``None`` to stay."""
    scope: str | None = None
    """Scope to ask for, of providers that take one."""
    resource: str | None = None
    """Resource to ask for, of providers that take one."""
    audience: str | None = None
    """Audience to ask for, of providers that take one."""
    ip_address: str | None = None
    """The end user's address."""
    user_agent: str | None = None
    """The end user's browser."""
    device_id: str | None = None
    """The end user's device."""
    lease: int = field(default=0, repr=False)
    """The lease's handle in the library. Of use only to this object."""

    def may_send(self, timeout: Seconds) -> None:
        """Asks whether the lease still holds, with ``timeout`` left, and makes it last that long where it has less.

        ``refresh`` has asked before it called ``perform``. A ``perform`` that tries again asks before each try: it may
        have been stopped, or slept, for longer than it thought. Raises LeaseLostError, which ``perform`` lets through:
        the caller then gets the other holder's result. Thread-safe.
        """
        self._check(_library.library.refreshclient_may_send, timeout)

    def renew(self, lease: Seconds) -> None:
        """Makes the lease last this long from now. Raises LeaseLostError, which ``perform`` lets through.

        Thread-safe.
        """
        self._check(_library.library.refreshclient_renew, lease)

    def _check(self, function: ctypes._NamedFuncPointer, length: Seconds) -> None:
        error = ErrorStructure()
        code: int = function(self.lease, milliseconds(length), ctypes.byref(error))
        if code < 0:
            raise error_from(code, error)



"""What a refresh can fail with. Every error of this package is a :class:`RefreshError`."""

from __future__ import annotations

from typing import Any

from . import _library
from ._structures import ErrorStructure


class RefreshError(Exception):
    """A refresh that gave no tokens.

    ``str(error)`` is a sentence for the log, and never holds a token.
    """

    retryable: bool
    """Whether a later try with the same token may succeed: keep the session. Where not, the user signs in again."""
    reason: str
    """Why, in WorkOS's words: ``"invalid_grant"``, ``"rate_limit_exceeded"``, ``"timeout"``, …"""
    retry_after: float | None
    """Seconds that the upstream asked to wait; ``None`` where it did not say."""
    status: int | None
    """HTTP status of the upstream's answer; ``None`` where there was none."""
    request_id: str | None
    """``X-Request-ID`` of the upstream's answer; ``None`` where there was none."""
    may_have_rotated: bool
    """Whether the token may have been used up although no usable answer came."""
    body: bytes | None
    """Body of the upstream's answer; ``None`` where there was none. Not for the log."""
    user_id: str | None
    """The ``user_id`` that this caller gave to ``refresh``, not the holder's."""
    session_id: str | None
    """The ``session_id`` that this caller gave to ``refresh``, not the holder's."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        reason: str = "",
        retry_after: float | None = None,
        status: int | None = None,
        request_id: str | None = None,
        may_have_rotated: bool = False,
        body: bytes | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.reason = reason
        self.retry_after = retry_after
        self.status = status
        self.request_id = request_id
        self.may_have_rotated = may_have_rotated
        self.body = body
        self.user_id = user_id
        self.session_id = session_id

    def __reduce__(self) -> tuple[Any, ...]:
        # So that the fields survive a process pool or a task queue.
        return (type(self), self.args, self.__dict__)


class SessionEndedError(RefreshError):
    """The upstream ended the session: ``invalid_grant``, ``sso_required``, … The user signs in again."""


class UpstreamError(RefreshError):
    """The upstream could not be reached, or could not answer. The token is likely still good.

    With the reason ``callback_failed``: the ``perform`` of the caller that held the lease raised an exception that
    says nothing about the upstream. That caller got its exception itself.
    """


class DeadlineError(RefreshError, TimeoutError):
    """The caller's time was up. A call that was sent goes on, and the next caller finds its result."""


class CoordinationError(RefreshError):
    """The table failed, and the options say not to refresh without it."""


class DirectoryError(RefreshError):
    """The table's directory cannot be used: the operator's to mend. The message says how."""


class InvalidArgumentError(RefreshError, ValueError):
    """An argument is not what it should be. The message says which, and what it must be."""


class StaleHandleError(RefreshError):
    """The client was closed, or a lease belongs to another process."""


class LeaseLostError(RefreshError):
    """The lease is somebody else's by now: do not call the upstream."""


class ResourceError(RefreshError):
    """No memory, no thread, or no descriptor to be had."""


_CLASSES: dict[int, type[RefreshError]] = {
    _library.SESSION_ENDED: SessionEndedError,
    _library.UPSTREAM_FAILED: UpstreamError,
    _library.DEADLINE_EXCEEDED: DeadlineError,
    _library.COORDINATION_FAILED: CoordinationError,
    _library.DIRECTORY_UNUSABLE: DirectoryError,
    _library.INVALID_ARGUMENT: InvalidArgumentError,
    _library.STALE_HANDLE: StaleHandleError,
    _library.LEASE_LOST: LeaseLostError,
    _library.RESOURCES_EXHAUSTED: ResourceError,
    # Seen by nobody: the caller whose perform raised gets its exception, those who waited UPSTREAM_FAILED.
    _library.CALLBACK_FAILED: UpstreamError,
}


def error_from(
    code: int,
    structure: ErrorStructure,
    *,
    body: bytes | None = None,
    user_id: str | None = None,
    session_id: str | None = None,
) -> RefreshError:
    """The exception for a negative code and what the library filled in with it."""
    reason = structure.reason.decode(errors="replace")
    message = structure.message.decode(errors="replace") or reason or f"refreshclient returned {code}"
    return _CLASSES.get(code, RefreshError)(
        message,
        retryable=bool(structure.is_retryable),
        reason=reason,
        retry_after=structure.retry_after_ms / 1000 if structure.retry_after_ms >= 0 else None,
        status=structure.http_status or None,
        request_id=structure.request_id.decode(errors="replace") or None,
        may_have_rotated=bool(structure.may_have_rotated),
        body=body,
        user_id=user_id,
        session_id=session_id,
    )

"""One refresh, step by step. What waits between the steps, a thread or an event loop, is the caller's."""

from __future__ import annotations

import copy
import ctypes
import dataclasses
import os
import time

from . import _library
from ._library import library
from ._structures import ErrorStructure, OutcomeStructure, RequestStructure
from .answers import Answer
from .calls import RefreshCall, Seconds, milliseconds
from .errors import InvalidArgumentError, RefreshError, error_from
from .results import RefreshResult

MARGIN_MS = 2_000
"""What a holder leaves of its lease when it sends: refreshclient.h, refreshclient_request.lease_ms."""


@dataclasses.dataclass(frozen=True)
class Wait:
    """Somebody else holds the lease."""

    waiter: int
    descriptor: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Hold:
    """This caller holds the lease."""

    lease: int


@dataclasses.dataclass(frozen=True)
class Retry:
    """The upstream asked for a pause; the lease is kept."""

    seconds: float


class Refresh:
    """The steps of one call to ``refresh``. Belongs to that call; nothing here waits for another caller."""

    def __init__(
        self,
        client: int,
        call: RefreshCall,
        *,
        user_id: str | None,
        session_id: str | None,
        deadline: Seconds,
        lease: Seconds | None,
    ) -> None:
        self.client = client
        self.user_id = user_id
        self.session_id = session_id
        self.parts = (call.refresh_token, call.organization, call.scope, call.resource, call.audience)
        self._call = call
        self._ends = time.monotonic() + milliseconds(deadline) / 1000
        self._request = request = RequestStructure()
        request.refresh_token = encoded("token", call.refresh_token)
        request.organization_id = encoded("organization", call.organization)
        request.scope = encoded("scope", call.scope)
        request.resource = encoded("resource", call.resource)
        request.audience = encoded("audience", call.audience)
        request.ip_address = encoded("ip_address", call.ip_address)
        request.user_agent = encoded("user_agent", call.user_agent)
        request.device_id = encoded("device_id", call.device_id)
        request.lease_ms = milliseconds(lease)
        # The time that one call of perform may take: what the lease was asked to cover, else the client's default.
        self._call_timeout_ms = max(1, request.lease_ms - MARGIN_MS) if lease is not None else -1

    def as_own(self, error: RefreshError) -> RefreshError:
        """The same error as one of this caller's."""
        own = copy.copy(error)
        own.user_id, own.session_id = self.user_id, self.session_id
        return own

    @property
    def seconds_left(self) -> float:
        """Until the caller's deadline; never less than a millisecond, so that the library says that time is up."""
        return max(0.001, self._ends - time.monotonic())

    def begin(self) -> RefreshResult | Wait | Hold:
        """Joins, claims, or finds the result. Takes 20 ms at the most."""
        outcome = OutcomeStructure()
        self._request.deadline_ms = milliseconds(self.seconds_left)
        code = library.refreshclient_begin_nonblocking(
            self.client, ctypes.byref(self._request), ctypes.byref(outcome)
        )
        return self._begun(code, outcome)

    def resume(self, wait: Wait) -> RefreshResult | Wait | Hold:
        """Goes on when the descriptor of a wait is readable, or its time is up."""
        outcome = OutcomeStructure()
        return self._begun(library.refreshclient_resume(wait.waiter, ctypes.byref(outcome)), outcome)

    @staticmethod
    def cancel(wait: Wait) -> None:
        """Leaves a wait."""
        library.refreshclient_cancel(wait.waiter)

    def holding(self, hold: Hold) -> RefreshCall:
        """What perform is given."""
        return dataclasses.replace(self._call, lease=hold.lease)

    def may_send(self, hold: Hold) -> bool:
        """Whether the lease still holds. Where not, it is given up here, and the refresh begins again."""
        error = ErrorStructure()
        code = library.refreshclient_may_send(hold.lease, self._call_timeout_ms, ctypes.byref(error))
        if code == _library.OK:
            return True
        self.abandon(hold)
        if code == _library.LEASE_LOST:
            return False
        raise error_from(code, error, user_id=self.user_id, session_id=self.session_id)

    def finish(self, hold: Hold, answer: Answer) -> RefreshResult | Retry:
        """Says what the upstream answered. May take a second."""
        outcome = OutcomeStructure()
        structure = answer.structure()
        code = library.refreshclient_finish(hold.lease, ctypes.byref(structure), ctypes.byref(outcome))
        if code == _library.INVALID_ARGUMENT:
            # Nothing has changed, the lease included; without this it would be kept until its end.
            self.fail(hold, "finish")
        step = self._step(code, outcome)
        if isinstance(step, (RefreshResult, Retry)):
            return step
        raise RefreshError(f"refreshclient_finish returned {code}", user_id=self.user_id, session_id=self.session_id)

    def fail(self, hold: Hold, what: str) -> RefreshResult | None:
        """Releases the lease of a call that came to nothing; ``what`` is the exception's name. Those who wait get an
        error that says to try again. Returns the result if somebody has stored one meanwhile. May take a second."""
        outcome = OutcomeStructure()
        message = f"the caller that held the lease failed with {what}"
        code = library.refreshclient_fail(
            hold.lease, 0, b"callback_failed", message.encode(errors="replace"), ctypes.byref(outcome)
        )
        try:
            step = self._step(code, outcome)
        except RefreshError:
            return None
        return step if isinstance(step, RefreshResult) else None

    @staticmethod
    def abandon(hold: Hold) -> None:
        """Gives the lease up where nothing was sent."""
        library.refreshclient_abandon(hold.lease)

    def refresh_workos(self) -> RefreshResult:
        """Refreshes through the library's own upstream. Blocks until the deadline at the most."""
        outcome = OutcomeStructure()
        self._request.deadline_ms = milliseconds(self.seconds_left)
        code = library.refreshclient_refresh_workos(self.client, ctypes.byref(self._request), ctypes.byref(outcome))
        step = self._step(code, outcome)
        if isinstance(step, RefreshResult):
            return step
        raise RefreshError(f"refreshclient_refresh_workos returned {code}")

    def _begun(self, code: int, outcome: OutcomeStructure) -> RefreshResult | Wait | Hold:
        step = self._step(code, outcome)
        if isinstance(step, Retry):
            raise RefreshError(f"refreshclient returned {code} to a caller that sent nothing")
        return step

    def _step(self, code: int, outcome: OutcomeStructure) -> RefreshResult | Wait | Hold | Retry:
        """What an outcome says; the outcome is freed."""
        try:
            if code == _library.HOLDER:
                return Hold(outcome.lease)
            if code == _library.WAIT:
                return Wait(outcome.waiter, outcome.descriptor, outcome.wait_ms / 1000)
            if code == _library.RETRY:
                return Retry(outcome.wait_ms / 1000)
            body = ctypes.string_at(outcome.body, outcome.body_length) if outcome.body else None
            if code == _library.OK:
                return RefreshResult(body or b"", outcome.request_id.decode(errors="replace") or None)
            raise error_from(code, outcome.error, body=body, user_id=self.user_id, session_id=self.session_id)
        finally:
            library.refreshclient_outcome_free(ctypes.byref(outcome))


def encoded(name: str, value: str | os.PathLike[str] | None) -> bytes | None:
    """A text as the library takes it, which ends at the first NUL. Raises InvalidArgumentError."""
    if value is None:
        return None
    text = os.fspath(value)
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{name} must be a str, and is {type(value).__name__}", reason="invalid_request")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        # Without the cause, which holds the text.
        raise InvalidArgumentError(f"{name} is not valid Unicode", reason="invalid_request") from None
    if b"\0" in data:
        raise InvalidArgumentError(f"{name} must not contain a NUL", reason="invalid_request")
    return data

"""Performing a refresh with the official WorkOS SDK, so that its answer survives to the byte.

The SDK (10 and later) returns parsed objects, which hold no field that it does not know, and it raises where it cannot
parse, although the token is then rotated. So the answer is taken where the SDK takes it: from its HTTP backend, of
which one call uses a copy that remembers the last response. What the SDK makes of it decides nothing.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

from ._performing import Answered
from .answers import Answer, answer_from, answer_from_exception
from .calls import RefreshCall
from .errors import RefreshError

LONGEST_PAUSE = 60.0
"""Seconds that the SDK waits between two tries at the most: what it honours of Retry-After."""
SLACK = 4.0
"""Seconds more: the margin that the table leaves before the lease's end, and the time to get to the first try."""


class _Recorder:
    """Watches one logical call of the SDK: asks for the lease before every try, and keeps the last response."""

    def __init__(self, call: RefreshCall) -> None:
        self.call = call
        self.response: Any = None
        self.tries = 0
        self.refused = 0

    def before(self, arguments: dict[str, Any]) -> None:
        self.response = None
        self.tries += 1
        timeout = arguments.get("timeout")
        self.call.may_send((timeout if isinstance(timeout, (int, float)) else LONGEST_PAUSE) + LONGEST_PAUSE)

    def failed(self, error: Exception) -> None:
        self.refused += type(error).__name__ == "TransportConnectError"

    def answer(self, error: Exception, may_retry: bool) -> Answer | None:
        """What an exception of the SDK stands for."""
        if self.response is not None:
            answer: Answer | None = answer_from(self.response)
        elif self.tries and self.refused == self.tries:
            answer = Answer(status=0, not_sent=True)
        else:
            answer = answer_from_exception(error)
        return answer and Answer(**{**vars(answer), "may_retry": may_retry})


class _Backend:
    """A backend that is not the SDK's own, with its request replaced."""

    def __init__(self, backend: Any, request: Any) -> None:
        self._recorded = backend
        self.request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recorded, name)


class _Performer:
    """What both forms share."""

    lease: float
    """How long a lease must be: one try, and the longest pause before the next, which asks for as much again."""

    def __init__(self, sdk: Any) -> None:
        self._sdk = sdk
        timeout = getattr(sdk, "_request_timeout", 60)
        self.lease = float(timeout) + LONGEST_PAUSE + SLACK
        self._may_retry = getattr(sdk, "_max_retries", 3) == 0

    def _recorded(self, request: Any) -> Any:
        """A copy of the SDK for one call, whose backend's `request` is this one. The connections are shared."""
        twin = copy.copy(self._sdk)
        # Made on first use, and bound to the original.
        vars(twin).pop("user_management", None)
        backend = copy.copy(self._sdk._backend)
        try:
            # An attribute of the object goes before its class's method; the SDK still knows its own backend by class.
            backend.request = request
        except AttributeError:
            backend = _Backend(self._sdk._backend, request)
        twin._backend = backend
        return twin

    @property
    def _can_record(self) -> bool:
        backend = getattr(self._sdk, "_backend", None)
        return callable(getattr(backend, "request", None)) and hasattr(self._sdk, "__dict__")

    @staticmethod
    def _arguments(call: RefreshCall) -> dict[str, Any]:
        optional = {
            "organization_id": call.organization,
            "ip_address": call.ip_address,
            "user_agent": call.user_agent,
            "device_id": call.device_id,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"refresh_token": call.refresh_token, **given}

    def _judged(self, recorder: _Recorder, error: Exception) -> Exception:
        """What to raise for an exception of the SDK. It may stand for a 200, which the SDK could not parse."""
        answer = recorder.answer(error, self._may_retry)
        if answer is None:
            return error
        answered = Answered(answer)
        answered.__cause__ = error
        return answered


class _SyncPerformer(_Performer):
    def __call__(self, call: RefreshCall) -> Any:
        recorder = _Recorder(call)
        sdk = self._sdk
        if self._can_record:
            original = sdk._backend.request

            def request(*arguments: Any, **named: Any) -> Any:
                recorder.before(named)
                try:
                    recorder.response = original(*arguments, **named)
                except Exception as error:
                    recorder.failed(error)
                    raise
                return recorder.response

            sdk = self._recorded(request)
        try:
            parsed = sdk.user_management.authenticate_with_refresh_token(**self._arguments(call))
        except RefreshError:
            raise
        except Exception as error:
            raise self._judged(recorder, error)
        return parsed if recorder.response is None else recorder.response


class _AsyncPerformer(_Performer):
    async def __call__(self, call: RefreshCall) -> Any:
        recorder = _Recorder(call)
        sdk = self._sdk
        if self._can_record:
            original = sdk._backend.request

            async def request(*arguments: Any, **named: Any) -> Any:
                recorder.before(named)
                try:
                    recorder.response = await original(*arguments, **named)
                except Exception as error:
                    recorder.failed(error)
                    raise
                return recorder.response

            sdk = self._recorded(request)
        try:
            parsed = await sdk.user_management.authenticate_with_refresh_token(**self._arguments(call))
        except RefreshError:
            raise
        except Exception as error:
            raise self._judged(recorder, error)
        return parsed if recorder.response is None else recorder.response


def workos(sdk: Any) -> _SyncPerformer | _AsyncPerformer:
    """Makes a ``perform`` of a ``workos.WorkOSClient``, or, for ``refresh_async``, a ``workos.AsyncWorkOSClient``.

    ::

        client.refresh(token, organization=organization, perform=refreshclient.workos(sdk))

    The SDK's timeouts and retries hold. The lease covers one try (the SDK's timeout, 60 s) and the longest pause after
    it (60 s, what the SDK honours of Retry-After); each further try first asks for the lease again, and makes it last
    as long again. Every caller gets the upstream's body to the byte, fields that the SDK does not know included.

    Make the SDK's client in the worker, or leave it unused before the fork: its connections are not to be shared.
    """
    request = getattr(getattr(sdk, "_backend", None), "request", None)
    if request is None:
        request = getattr(getattr(sdk, "user_management", None), "authenticate_with_refresh_token", None)
    return _AsyncPerformer(sdk) if inspect.iscoroutinefunction(request) else _SyncPerformer(sdk)

"""Calling ``perform``, and what becomes of its answer, its exception, or its end by a signal."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, overload

from ._refresh import Hold, Refresh, Retry
from .answers import Answer, answer_from, answer_from_exception
from .calls import RefreshCall
from .errors import LeaseLostError, RefreshError
from .results import RefreshResult

Perform = Callable[[RefreshCall], Any]
"""Calls the upstream once and returns its answer: see ``RefreshClient.refresh``."""


class Answered(Exception):
    """Carries the answer that an exception of an SDK stands for; that exception is its cause."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class NotAnAnswer(Exception):
    """Carries what perform raised, where that says nothing about the upstream."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def answer_of(perform: Perform, call: RefreshCall) -> tuple[Answer | Awaitable[Any], Exception | None]:
    """Calls perform. Returns its answer, with the exception where it was one; or what is still to be awaited."""
    try:
        value = perform(call)
        return (value, None) if isinstance(value, Awaitable) else (answer_from(value), None)
    except Exception as error:
        return judged(error)


def judged(error: Exception) -> tuple[Answer, Exception]:
    """The answer that an exception stands for. Raises NotAnAnswer for one that stands for none."""
    if isinstance(error, Answered):
        cause = error.__cause__
        return error.answer, cause if isinstance(cause, Exception) else error
    answer = None if isinstance(error, RefreshError) else answer_from_exception(error)
    if answer is None:
        raise NotAnAnswer(error)
    return answer, error


def conclude(refresh: Refresh, hold: Hold, answer: Answer, cause: Exception | None) -> RefreshResult | Retry:
    """Publishes an answer. A refresh that failed with an exception of the caller's says so as its cause."""
    try:
        return refresh.finish(hold, answer)
    except RefreshError as error:
        raise error from cause


def give_up(refresh: Refresh, hold: Hold, error: Exception) -> RefreshResult | None:
    """Releases the lease after an exception. Returns what the caller gets instead of it, ``None`` to begin again."""
    if isinstance(error, LeaseLostError):
        refresh.abandon(hold)
        return None
    result = refresh.fail(hold, type(error).__name__)
    if result is not None:
        return result
    raise error


@overload
def hold_and_perform(refresh: Refresh, hold: Hold, perform: Perform) -> RefreshResult | None: ...


@overload
def hold_and_perform(
    refresh: Refresh, hold: Hold, perform: Perform, *, takes_awaitables: bool
) -> RefreshResult | Awaitable[Any] | None: ...


def hold_and_perform(
    refresh: Refresh, hold: Hold, perform: Perform, *, takes_awaitables: bool = False
) -> RefreshResult | Awaitable[Any] | None:
    """The holder's part, on this thread: perform, and finish. ``None`` where the lease was lost before sending.

    takes_awaitables: what perform returned is given back if it is still to be awaited; the lease is then kept.
    """
    call = refresh.holding(hold)
    try:
        while True:
            if not refresh.may_send(hold):
                return None
            answer, cause = answer_of(perform, call)
            if not isinstance(answer, Answer):
                if takes_awaitables:
                    return answer
                raise NotAnAnswer(_coroutine(answer))
            step = conclude(refresh, hold, answer, cause)
            if isinstance(step, RefreshResult):
                return step
            time.sleep(step.seconds)
    except NotAnAnswer as carrier:
        error = carrier.error
    except RefreshError:
        raise
    except BaseException as interruption:
        # KeyboardInterrupt, SystemExit, GreenletExit: nobody may wait for a caller that has left.
        refresh.fail(hold, type(interruption).__name__)
        raise
    return give_up(refresh, hold, error)


def _coroutine(value: Any) -> TypeError:
    close = getattr(value, "close", None)
    if callable(close):
        close()
    return TypeError("perform returned something to await: use refresh_async")

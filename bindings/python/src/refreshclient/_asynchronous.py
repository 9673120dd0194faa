"""Refreshing on an event loop: waits cost a watched descriptor each, and no thread."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ._performing import NotAnAnswer, Perform, conclude, give_up, hold_and_perform, judged
from ._refresh import Hold, Refresh, Wait
from .answers import Answer, answer_from
from .calls import RefreshCall
from .errors import DeadlineError, RefreshError
from .results import RefreshResult

_T = TypeVar("_T")

# Tasks that make upstream calls: a loop holds tasks weakly, and these outlive whoever asked for them.
_calls_under_way: set[asyncio.Task[Any]] = set()


async def refresh_on_loop(refresh: Refresh, perform: Perform) -> RefreshResult:
    """Runs a refresh to its end. Cancelled while it waits, it leaves the wait; cancelled while it holds the lease, the
    call under way goes on and is published."""
    step = refresh.begin()
    while True:
        if isinstance(step, RefreshResult):
            return step
        if isinstance(step, Hold):
            result = await _shielded(_hold_and_perform(refresh, step, perform))
            if result is not None:
                return result
            step = refresh.begin()
        else:
            step = await _wait(refresh, step)


async def _wait(refresh: Refresh, wait: Wait) -> RefreshResult | Wait | Hold:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    timer = loop.call_later(wait.seconds, wake)
    if wait.descriptor >= 0:
        loop.add_reader(wait.descriptor, wake)
    try:
        await ready
    except BaseException:
        refresh.cancel(wait)
        raise
    finally:
        # Before anything else is called: the library may close the descriptor, and its number be another's.
        timer.cancel()
        if wait.descriptor >= 0:
            loop.remove_reader(wait.descriptor)
    return refresh.resume(wait)


async def _shielded(work: Coroutine[Any, Any, _T]) -> _T:
    """Awaits work that goes on when whoever awaits it is cancelled."""
    task = asyncio.get_running_loop().create_task(work)
    _calls_under_way.add(task)
    task.add_done_callback(_ended)
    return await asyncio.shield(task)


def _ended(task: asyncio.Task[Any]) -> None:
    _calls_under_way.discard(task)
    if not task.cancelled():
        # Looked at, so that asyncio does not report as unseen what the table has told everybody.
        task.exception()


async def _hold_and_perform(refresh: Refresh, hold: Hold, perform: Perform) -> RefreshResult | None:
    """The holder's part: a coroutine function here, anything else with its conclusion on a thread."""
    if is_coroutine_function(perform):
        return await _perform_here(refresh, hold, perform, None)
    # Cancelled, which only the loop's end does: a thread that has begun goes on and publishes.
    performed = await _on_thread(
        lambda: hold_and_perform(refresh, hold, perform, takes_awaitables=True), otherwise=lambda: refresh.abandon(hold)
    )
    if isinstance(performed, Awaitable):
        return await _perform_here(refresh, hold, perform, performed)
    return performed


async def _perform_here(
    refresh: Refresh, hold: Hold, perform: Perform, begun: Awaitable[Any] | None
) -> RefreshResult | None:
    """As hold_and_perform, on the loop. `begun`: what perform has returned already."""
    concluding = False
    try:
        while True:
            if begun is None and not refresh.may_send(hold):
                return None
            answer, cause = await _awaited(refresh.holding(hold), perform, begun)
            concluding = True
            conclusion = functools.partial(conclude, refresh, hold, answer, cause)
            step = await _on_thread(conclusion, otherwise=conclusion)
            if isinstance(step, RefreshResult):
                return step
            concluding, begun = False, None
            await asyncio.sleep(step.seconds)
    except NotAnAnswer as carrier:
        error = carrier.error
    except RefreshError:
        raise
    except BaseException as interruption:
        if not concluding:
            # The loop is ending: there may be no executor any more.
            refresh.fail(hold, type(interruption).__name__)
        raise
    end = functools.partial(give_up, refresh, hold, error)
    return await _on_thread(end, otherwise=end)


async def _awaited(
    call: RefreshCall, perform: Perform, begun: Awaitable[Any] | None
) -> tuple[Answer, Exception | None]:
    try:
        value = perform(call) if begun is None else begun
        return answer_from(await value if isinstance(value, Awaitable) else value), None
    except Exception as error:
        return judged(error)


def is_coroutine_function(perform: Perform) -> bool:
    """Whether calling it blocks nobody: a coroutine function, or an object that is called as one."""
    return inspect.iscoroutinefunction(perform) or inspect.iscoroutinefunction(getattr(perform, "__call__", None))


async def _on_thread(work: Callable[[], _T], otherwise: Callable[[], object]) -> _T:
    """Runs work on a thread of the loop's executor, in this context. Where none takes it, for the loop is ending,
    otherwise() is called here: a lease is never left behind, nor an answer."""
    context = contextvars.copy_context()
    taken = threading.Lock()

    def job() -> _T:
        if not taken.acquire(blocking=False):
            raise asyncio.CancelledError
        return context.run(work)

    try:
        return await asyncio.get_running_loop().run_in_executor(None, job)
    except BaseException:
        if taken.acquire(blocking=False):
            with contextlib.suppress(Exception):
                otherwise()
        raise


class SharedUpstream:
    """The library's own upstream, for event loops: one thread for a call, none for those who wait for it.

    The library has no half of it that leaves out the waiting. So whoever would be the holder gives the lease back and
    calls the whole on a thread; the others of this loop who would be, since the lease was free for a moment, join it.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[Any, ...], asyncio.Future[RefreshResult]] = {}

    async def refresh(self, refresh: Refresh) -> RefreshResult:
        step = refresh.begin()
        while True:
            if isinstance(step, RefreshResult):
                return step
            if isinstance(step, Wait):
                step = await _wait(refresh, step)
                continue
            shared = self._join(refresh, step)
            try:
                return await asyncio.wait_for(asyncio.shield(shared), refresh.seconds_left)
            except DeadlineError as error:
                # Another caller's, perhaps: the next look says so if it is this one's too.
                if refresh.seconds_left <= 0.001:
                    raise refresh.as_own(error) from None
            except RefreshError as error:
                raise refresh.as_own(error) from None
            except asyncio.TimeoutError:
                pass
            step = refresh.begin()

    def _join(self, refresh: Refresh, hold: Hold) -> asyncio.Future[RefreshResult]:
        loop = asyncio.get_running_loop()
        key = (loop, *refresh.parts)
        under_way = self._under_way.get(key)
        if under_way is not None:
            refresh.abandon(hold)
            return under_way

        def call() -> RefreshResult:
            refresh.abandon(hold)
            return refresh.refresh_workos()

        try:
            future: asyncio.Future[RefreshResult] = loop.run_in_executor(None, call)
        except BaseException:
            refresh.abandon(hold)
            raise
        self._under_way[key] = future
        future.add_done_callback(lambda done: self._ended(key, done))
        return future

    def _ended(self, key: tuple[Any, ...], future: asyncio.Future[RefreshResult]) -> None:
        self._under_way.pop(key, None)
        if not future.cancelled():
            future.exception()


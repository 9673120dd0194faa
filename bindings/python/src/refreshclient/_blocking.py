"""Refreshing on a thread that waits."""

from __future__ import annotations

import select
import time

from ._performing import Perform, hold_and_perform
from ._refresh import Hold, Refresh, Wait
from .results import RefreshResult


def refresh_blocking(refresh: Refresh, perform: Perform) -> RefreshResult:
    """Runs a refresh to its end.

    It waits in ``select.poll`` rather than in the library: without the GIL all the same, but signal handlers run
    meanwhile, and gevent, where it has patched ``select``, lets the holder's greenlet go on.
    """
    step = refresh.begin()
    while True:
        if isinstance(step, RefreshResult):
            return step
        if isinstance(step, Hold):
            result = hold_and_perform(refresh, step, perform)
            if result is not None:
                return result
            step = refresh.begin()
        else:
            step = _wait(refresh, step)


def _wait(refresh: Refresh, wait: Wait) -> RefreshResult | Wait | Hold:
    try:
        wait_readable(wait.descriptor, wait.seconds)
    except BaseException:
        refresh.cancel(wait)
        raise
    return refresh.resume(wait)


def wait_readable(descriptor: int, seconds: float) -> None:
    """Returns when the descriptor is readable or hung up, or the time is up."""
    if descriptor < 0:
        time.sleep(seconds)
    elif hasattr(select, "poll"):
        # Looked up now, not at import: that may have come before gevent's patches. It takes whole milliseconds; one
        # more, so that it does not come back too early, again and again.
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(int(seconds * 1000) + 1)
    else:
        select.select([descriptor], [], [], seconds)

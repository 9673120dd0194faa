"""The client."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Any

from . import _library
from ._asynchronous import SharedUpstream, refresh_on_loop
from ._blocking import refresh_blocking
from ._library import library
from ._refresh import Refresh, encoded
from ._structures import CountsStructure, ErrorStructure, OptionsStructure
from .calls import RefreshCall, Seconds, milliseconds
from .errors import InvalidArgumentError, StaleHandleError, error_from
from .results import Counts, RefreshResult

_LOG_LEVELS = {"nothing": 0, "error": 1, "warning": 2, "notice": 3, "information": 4}
_DEFAULT_DEADLINE = 30.0


class RefreshClient:
    """Refreshes each single-use token once, however many worker processes hold it.

    Make it where it suits, in the master before it forks or in each worker: it opens no file and starts no thread
    before the first refresh, and is good in every child. Thread-safe. All workers must name the same ``directory``
    (or none), ``client_id`` and upstream.
    """

    def __init__(
        self,
        client_id: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        token_endpoint: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        request_timeout: Seconds | None = None,
        lease: Seconds | None = None,
        result_retention: Seconds | None = None,
        terminal_failure_retention: Seconds | None = None,
        deadline: Seconds | None = None,
        map_size: int | None = None,
        polls: bool = False,
        fails_without_table: bool = False,
        log_level: str = "warning",
    ) -> None:
        """Checks the options. Lengths of time are seconds, or a timedelta.

        :param client_id: the OAuth client identifier: part of what makes two refreshes the same.
        :param api_key: for the library's own upstream; ``None`` for a public client.
        :param base_url: the WorkOS API; ``https://api.workos.com`` unless given. http only for loopback hosts.
        :param token_endpoint: that of another provider, instead of ``base_url``; every refresh then needs ``perform``.
        :param ca_bundle: a file of PEM certificates for the library's own upstream; the system's unless given.
        :param directory: where the table lives: unless given ``REFRESHD_DIRECTORY``, else ``/run/refreshd`` where it
            exists, else ``$XDG_RUNTIME_DIR/refreshd``, else ``/dev/shm/refreshd-UID``.
        :param request_timeout: how long a call of the library's own upstream may take: 10 s unless given.
        :param lease: how long a holder's lease lasts: 12 s unless given; more than ``request_timeout``.
        :param result_retention: how long a result answers callers that come late: 30 s unless given.
        :param terminal_failure_retention: how long the end of a session answers them: 5 s unless given.
        :param deadline: how long a refresh may take that does not say: 30 s unless given.
        :param map_size: size of the table's map in bytes for whoever makes it: 1 GiB unless given.
        :param polls: look at the table now and then, instead of waiting on named pipes.
        :param fails_without_table: raise CoordinationError where the table fails, instead of refreshing without it.
        :param log_level: what goes to standard error: nothing, error, warning, notice or information.
        :raises InvalidArgumentError: an option is not what it should be.
        """
        self._handle = 0
        if log_level not in _LOG_LEVELS:
            raise InvalidArgumentError(f"log_level must be one of {', '.join(_LOG_LEVELS)}", reason="invalid_request")
        options = OptionsStructure()
        options.client_id = encoded("client_id", client_id)
        options.api_key = encoded("api_key", api_key)
        options.base_url = encoded("base_url", base_url)
        options.token_endpoint = encoded("token_endpoint", token_endpoint)
        options.ca_bundle = encoded("ca_bundle", ca_bundle)
        options.directory = encoded("directory", directory)
        options.request_timeout_ms = milliseconds(request_timeout)
        options.lease_ms = milliseconds(lease)
        options.result_retention_ms = milliseconds(result_retention)
        options.terminal_failure_retention_ms = milliseconds(terminal_failure_retention)
        options.deadline_ms = milliseconds(deadline)
        options.map_size = -1 if map_size is None else map_size
        options.polls = polls
        options.fails_without_table = fails_without_table
        options.log_level = _LOG_LEVELS[log_level]
        handle = ctypes.c_uint64()
        error = ErrorStructure()
        code = library.refreshclient_open(ctypes.byref(options), ctypes.byref(handle), ctypes.byref(error))
        if code < 0:
            raise error_from(code, error)
        self._handle = handle.value
        self._deadline: Seconds = _DEFAULT_DEADLINE if deadline is None else deadline
        self._has_own_upstream = token_endpoint is None
        self._upstream = SharedUpstream()

    def refresh(
        self,
        token: str,
        *,
        organization: str | None = None,
        perform: Callable[[RefreshCall], Any] | None = None,
        scope: str | None = None,
        resource: str | None = None,
        audience: str | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        deadline: Seconds | None = None,
        lease: Seconds | None = None,
    ) -> RefreshResult:
        """Refreshes a token, or waits for whoever does, or finds what came of it. Thread-safe.

        Two refreshes are the same when token, organization, scope, resource and audience are equal. Other threads run
        while this one waits, and signal handlers too, except in the library's own upstream.

        :param token: the single-use refresh token.
        :param organization: the organization to switch to; ``None`` to stay.
        :param perform: calls the upstream once with the :class:`RefreshCall` it is given, if this caller becomes the
            holder, on this thread. It returns the upstream's body (bytes or str: every caller gets it verbatim; or a
            dict, which is serialised here), a response of requests, httpx or http.client, or an :class:`Answer`. What
            it raises, this caller sees, and those who wait get an UpstreamError that says to try again; an exception
            that stands for an answer or for none, of the WorkOS SDK, requests, httpx or urllib, is judged as that
            answer, for all callers alike, and is then the RefreshError's cause. ``None`` for the library's own call
            of WorkOS. For the WorkOS SDK: ``refreshclient.workos(sdk)``.
        :param scope: for providers that take it; like ``resource`` and ``audience``.
        :param ip_address: of the end user, for the upstream; like ``user_agent`` and ``device_id``.
        :param user_id: for the error, so that its handler knows whose session it was; like ``session_id``.
        :param deadline: how long this call may take, the time in ``perform`` not counted; the client's unless given.
        :param lease: how long the lease lasts if this caller becomes the holder: longer by 2 s than ``perform`` can
            take, its own retries included. Unless given, what ``perform`` says in an attribute ``lease``, else the
            client's.
        :raises SessionEndedError: the user signs in again.
        :raises UpstreamError: the upstream could not answer; the token is likely still good.
        :raises DeadlineError: time was up.
        :raises RefreshError: anything else that its classes name.
        """
        call = RefreshCall(token, organization, scope, resource, audience, ip_address, user_agent, device_id)
        refresh = self._refresh(call, perform, user_id, session_id, deadline, lease)
        return refresh.refresh_workos() if perform is None else refresh_blocking(refresh, perform)

    async def refresh_async(
        self,
        token: str,
        *,
        organization: str | None = None,
        perform: Callable[[RefreshCall], Any] | Callable[[RefreshCall], Awaitable[Any]] | None = None,
        scope: str | None = None,
        resource: str | None = None,
        audience: str | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        deadline: Seconds | None = None,
        lease: Seconds | None = None,
    ) -> RefreshResult:
        """As :meth:`refresh`, on an asyncio event loop, without a thread for those who wait.

        ``perform`` may be a coroutine function, which runs on the loop, or any other callable, which runs in the
        loop's default executor. Cancelled while it waits, this leaves the wait; cancelled while ``perform`` runs, the
        call goes on in a task of its own and is published, as the token may have been rotated.
        """
        call = RefreshCall(token, organization, scope, resource, audience, ip_address, user_agent, device_id)
        refresh = self._refresh(call, perform, user_id, session_id, deadline, lease)
        return await (self._upstream.refresh(refresh) if perform is None else refresh_on_loop(refresh, perform))

    def _refresh(
        self,
        call: RefreshCall,
        perform: Callable[[RefreshCall], Any] | None,
        user_id: str | None,
        session_id: str | None,
        deadline: Seconds | None,
        lease: Seconds | None,
    ) -> Refresh:
        if perform is None and not self._has_own_upstream:
            raise InvalidArgumentError("perform is needed with a token_endpoint", reason="invalid_request")
        return Refresh(
            self._handle,
            call,
            user_id=user_id,
            session_id=session_id,
            deadline=self._deadline if deadline is None else deadline,
            lease=_lease_of(perform) if lease is None else lease,
        )

    @property
    def directory(self) -> str:
        """The directory of the table that this client chose."""
        length = library.refreshclient_directory(self._handle, None, 0)
        if length < 0:
            raise StaleHandleError("the client is closed", reason="stale_handle")
        buffer = ctypes.create_string_buffer(length + 1)
        library.refreshclient_directory(self._handle, buffer, length + 1)
        return os.fsdecode(buffer.value)

    def counts(self) -> Counts:
        """What happened in this process."""
        structure = CountsStructure()
        code = library.refreshclient_get_counts(self._handle, ctypes.byref(structure))
        if code != _library.OK:
            raise StaleHandleError("the client is closed", reason="stale_handle")
        return Counts(**{name: getattr(structure, name) for name in Counts.__dataclass_fields__})

    def close(self) -> None:
        """Gives the client back. Refreshes under way end as they would have. Again, it does nothing."""
        handle, self._handle = self._handle, 0
        if handle:
            library.refreshclient_close(handle)

    def __enter__(self) -> RefreshClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", 0):
            self.close()


def _lease_of(perform: Any) -> Seconds | None:
    lease = getattr(perform, "lease", None)
    return lease if isinstance(lease, (int, float, timedelta)) else None

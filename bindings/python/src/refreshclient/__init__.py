"""Refreshes each single-use OAuth refresh token once, however many worker processes hold it.

::

    client = RefreshClient(client_id="client_123", api_key=os.environ["WORKOS_API_KEY"])

    try:
        result = client.refresh(token, user_id=user_id)
    except refreshclient.RefreshError as error:
        if not error.retryable:
            sign_out(error.reason)
        raise
    session.update(result.access_token, result.refresh_token)

``perform=refreshclient.workos(sdk)`` makes the call through the official WorkOS SDK, and ``perform=`` any callable
through anything else.
"""

from ._library import library_version
from ._workos import workos
from .answers import Answer
from .calls import RefreshCall
from .client import RefreshClient
from .errors import (
    CoordinationError,
    DeadlineError,
    DirectoryError,
    InvalidArgumentError,
    LeaseLostError,
    RefreshError,
    ResourceError,
    SessionEndedError,
    StaleHandleError,
    UpstreamError,
)
from .results import Counts, RefreshResult

__all__ = [
    "Answer",
    "CoordinationError",
    "Counts",
    "DeadlineError",
    "DirectoryError",
    "InvalidArgumentError",
    "LeaseLostError",
    "RefreshCall",
    "RefreshClient",
    "RefreshError",
    "RefreshResult",
    "ResourceError",
    "SessionEndedError",
    "StaleHandleError",
    "UpstreamError",
    "library_version",
    "workos",
]

"""What a refresh gives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class RefreshResult:
    """The upstream's answer, the same bytes for every caller of every process. Its ``repr`` shows no token."""

    body: bytes = field(repr=False)
    """The body of the upstream's 200, verbatim."""
    request_id: str | None = None
    """``X-Request-ID`` of that answer; ``None`` where it had none."""

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def access_token(self) -> str:
        """The new access token."""
        token: str = self.json["access_token"]
        return token

    @property
    def refresh_token(self) -> str | None:
        """The next refresh token; ``None`` from a provider that does not rotate: the one that was sent stays good."""
        token: str | None = self.json.get("refresh_token")
        return token


@dataclass(frozen=True)
class Counts:
    """What happened in this process, through a client's directory, since it started or was forked."""

    upstream_calls: int
    """Calls of the library's own upstream."""
    claims: int
    """Leases taken."""
    takeovers: int
    """Of these, from a holder that had died or run past its end."""
    hits: int
    """Results found stored."""
    refreshed_alone: int
    """Refreshes made without a lease, since the table failed."""
    coordination_failures: int
    """Failures of the table."""

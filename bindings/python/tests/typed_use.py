"""The package as a typed program uses it: read by mypy --strict, never run."""

import asyncio
from datetime import timedelta

import refreshclient
from refreshclient import Answer, Counts, RefreshCall, RefreshClient, RefreshResult


def perform_bytes(call: RefreshCall) -> bytes:
    call.may_send(10)
    call.renew(timedelta(minutes=1))
    token: str = call.refresh_token
    organization: str | None = call.organization
    return f"{token}{organization}".encode()


async def perform_later(call: RefreshCall) -> Answer:
    return Answer(200, b"{}", request_id="r")


def use() -> tuple[str, str | None, Counts]:
    with RefreshClient(client_id="c", request_timeout=timedelta(seconds=5), lease=8) as client:
        result: RefreshResult = client.refresh("t", organization="o", perform=perform_bytes, deadline=3)
        try:
            client.refresh("t", perform=refreshclient.workos(object()))
        except refreshclient.RefreshError as error:
            wait: float | None = error.retry_after
            print(error.reason, error.retryable, wait)
        return result.access_token, result.refresh_token, client.counts()


async def use_async(client: RefreshClient) -> bytes:
    result = await client.refresh_async("t", perform=perform_later)
    again = await client.refresh_async("t", perform=perform_bytes)
    return result.body + again.body


asyncio.run(use_async(RefreshClient(client_id="c")))

"""Refreshing through the official WorkOS SDK."""

import asyncio
import json
import unittest

import workos
from support import API_KEY, CLIENT_ID, ScriptedUpstream, TableTest, in_threads

import refreshclient
from refreshclient import _workos

USER = {
    "object": "user", "id": "user_1", "email": "a@example.com", "email_verified": True, "profile_picture_url": None,
    "first_name": None, "last_name": None, "last_sign_in_at": None, "locale": None, "external_id": None, "metadata": {},
    "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
}  # fmt: skip
# As no serialiser would write it, and with a field that the SDK does not know.
STRANGE = (
    b'{ "user" : ' + json.dumps(USER).encode() + b',\n "access_token":"a\\u0062c", "refresh_token":"next",'
    b' "field_of_tomorrow": 1.50e1 }\n'
)


class SDKTests(TableTest):
    def sdk(self, url=None, kind=workos.WorkOSClient, **options):
        sdk = kind(api_key=API_KEY, client_id=CLIENT_ID, base_url=url or self.emulator.url, **options)
        if kind is workos.WorkOSClient:
            self.addCleanup(sdk.close)
        return sdk

    def scripted(self, *answers):
        upstream = ScriptedUpstream(*answers)
        self.addCleanup(upstream.stop)
        return upstream

    def failing(self, **arguments):
        with self.assertRaises(refreshclient.RefreshError) as caught:
            self.client.refresh(**arguments)
        return caught.exception

    def test_one_call_for_many_threads(self):
        token = self.new_token()
        perform = refreshclient.workos(self.sdk())
        results = in_threads(12, lambda number: self.client.refresh(token, organization="org_1", perform=perform))
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(results[0].json["organization_id"], "org_1")
        self.assertEqual(len(results[0].request_id), 36)
        self.assertEqual(self.calls(token), 1)

    def test_the_body_is_verbatim(self):
        upstream = self.scripted((200, {"X-Request-ID": "request_1"}, STRANGE))
        sdk = self.sdk(upstream.url)
        self.assertTrue(sdk.user_management)  # Made on first use, and kept by the SDK.
        result = self.client.refresh(
            "t", perform=refreshclient.workos(sdk), ip_address="192.0.2.1", user_agent="Browser", device_id="device_1"
        )
        self.assertEqual((result.body, result.request_id), (STRANGE, "request_1"))
        sent = upstream.requests[0]
        self.assertEqual((sent["refresh_token"], sent["client_secret"]), ("t", API_KEY))
        of_the_user = [sent[name] for name in ("ip_address", "user_agent", "device_id")]
        self.assertEqual(of_the_user, ["192.0.2.1", "Browser", "device_1"])

    def test_the_sdk_is_as_it_was(self):
        sdk = self.sdk()
        management, backend = sdk.user_management, sdk._backend
        self.client.refresh(self.new_token(), perform=refreshclient.workos(sdk))
        self.assertIs(sdk.user_management, management)
        self.assertIs(sdk._backend, backend)
        self.assertNotIn("request", vars(backend))

    def test_an_answer_that_the_sdk_cannot_parse_is_not_lost(self):
        body = b'{"access_token":"a","refresh_token":"next"}'
        upstream = self.scripted((200, {}, body))
        self.assertEqual(self.client.refresh("t", perform=refreshclient.workos(self.sdk(upstream.url))).body, body)

    def test_a_backend_of_ones_own(self):
        class Backend:
            __slots__ = ()

            def request(self, method, url, *, headers, content, timeout):
                return workos._http.HTTPResponse(200, {}, STRANGE, method, url)

            def close(self):
                pass

        sdk = self.sdk(http_client=Backend())
        self.assertEqual(self.client.refresh("t", perform=refreshclient.workos(sdk)).body, STRANGE)

    def test_the_end_of_a_session(self):
        self.faults({"kind": "sso_required"})
        error = self.failing(token=self.new_token(), perform=refreshclient.workos(self.sdk()), session_id="session_1")
        self.assertIsInstance(error, refreshclient.SessionEndedError)
        self.assertEqual((error.reason, error.status, error.session_id), ("sso_required", 403, "session_1"))
        self.assertIsInstance(error.__cause__, workos.AuthorizationError)
        self.assertEqual(len(error.request_id), 36)

    def test_the_sdk_tries_again_under_the_lease(self):
        token, asked = self.new_token(), []
        self.faults({"kind": "status", "status": 503, "count": 2, "retry_after": 0})
        may_send = refreshclient.RefreshCall.may_send
        self.addCleanup(setattr, refreshclient.RefreshCall, "may_send", may_send)
        refreshclient.RefreshCall.may_send = lambda call, timeout: asked.append(timeout) or may_send(call, timeout)
        self.assertTrue(self.client.refresh(token, perform=refreshclient.workos(self.sdk())).access_token)
        self.assertEqual((self.calls(token), asked), (3, [120, 120, 120]))

    def test_a_rate_limit_is_the_sdks_to_retry(self):
        token = self.new_token()
        self.faults({"kind": "status", "status": 429, "count": 4, "retry_after": 0})
        error = self.failing(token=token, perform=refreshclient.workos(self.sdk()))
        self.assertEqual((error.reason, error.retryable, error.retry_after), ("rate_limit_exceeded", True, 0))
        self.assertIsInstance(error.__cause__, workos.RateLimitExceededError)
        self.assertEqual(self.calls(token), 4)

    def test_no_answer(self):
        refused = self.failing(
            token="t1", perform=refreshclient.workos(self.sdk("http://127.0.0.1:1", max_retries=0))
        )
        self.assertEqual((refused.reason, refused.may_have_rotated), ("network_error", False))
        self.assertIsInstance(refused.__cause__, workos._errors.WorkOSConnectionError)
        self.faults({"kind": "hang"})
        late = self.failing(
            token=self.new_token(), perform=refreshclient.workos(self.sdk(request_timeout=1, max_retries=0))
        )
        self.assertEqual((late.reason, late.may_have_rotated), ("timeout", True))
        self.faults({"kind": "drop_answer"})
        dropped = self.failing(token=self.new_token(), perform=refreshclient.workos(self.sdk(max_retries=0)))
        self.assertEqual((dropped.reason, dropped.may_have_rotated), ("network_error", True))

    def test_the_lease_covers_a_try_and_the_longest_pause(self):
        self.assertEqual(refreshclient.workos(self.sdk()).lease, 60 + 60 + _workos.SLACK)
        self.assertEqual(refreshclient.workos(self.sdk(request_timeout=5)).lease, 5 + 60 + _workos.SLACK)

    def test_without_the_backend_the_tokens_survive(self):
        """An SDK that is built otherwise: what its objects hold is published."""

        class Management:
            def authenticate_with_refresh_token(self, **arguments):
                return workos.user_management.AuthenticateResponse.from_dict(json.loads(STRANGE))

        class SDK:
            user_management = Management()

        result = self.client.refresh("t", perform=refreshclient.workos(SDK()))
        self.assertEqual((result.access_token, result.refresh_token), ("abc", "next"))
        self.assertNotIn("field_of_tomorrow", result.json)

    def test_async(self):
        token = self.new_token()

        async def work():
            async with self.sdk(kind=workos.AsyncWorkOSClient) as sdk:
                perform = refreshclient.workos(sdk)
                return await asyncio.gather(
                    *(self.client.refresh_async(token, perform=perform) for _ in range(20))
                )

        results = asyncio.run(work())
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(self.calls(token), 1)

    def test_async_verbatim_and_failing(self):
        upstream = self.scripted((200, {}, STRANGE), (400, {}, b'{"error":"invalid_grant"}'))

        async def work():
            async with self.sdk(upstream.url, kind=workos.AsyncWorkOSClient) as sdk:
                perform = refreshclient.workos(sdk)
                result = await self.client.refresh_async("t1", perform=perform)
                with self.assertRaises(refreshclient.SessionEndedError) as caught:
                    await self.client.refresh_async("t2", perform=perform)
                return result, caught.exception

        result, error = asyncio.run(work())
        self.assertEqual(result.body, STRANGE)
        self.assertIsInstance(error.__cause__, workos.BadRequestError)


if __name__ == "__main__":
    unittest.main()

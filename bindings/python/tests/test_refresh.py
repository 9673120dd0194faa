"""Refreshing: what comes of it."""

import json
import pickle
import threading
import time
import unittest
import urllib.error
import urllib.request

from support import TableTest, in_threads

import refreshclient


class SuccessTests(TableTest):
    def test_the_librarys_own_upstream(self):
        token = self.new_token()
        results = in_threads(16, lambda number: self.client.refresh(token))
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(self.calls(token), 1)
        self.assertEqual(json.loads(results[0].body)["refresh_token"], results[0].refresh_token)
        self.assertEqual(len(results[0].request_id), 36)

    def test_perform_is_called_once_and_its_bytes_reach_all(self):
        token, performed = self.new_token(), []

        def perform(call):
            performed.append(call)
            # Not how this program would write it: the bytes are passed on, not parsed and written again.
            return b'{ "unknown" : 1.0e2, "access_token":"a\\u0062c" }\n'

        results = in_threads(16, lambda number: self.client.refresh(token, organization="org_1", perform=perform))
        self.assertEqual({result.body for result in results}, {b'{ "unknown" : 1.0e2, "access_token":"a\\u0062c" }\n'})
        self.assertEqual([(call.refresh_token, call.organization) for call in performed], [(token, "org_1")])
        self.assertEqual(results[0].access_token, "abc")
        self.assertIsNone(results[0].refresh_token)

    def test_what_perform_may_return(self):
        import httpx
        import requests

        post = {"access_token": "a", "name": "Zoë"}
        forms = {
            "bytes": lambda call: json.dumps(post).encode(),
            "bytearray": lambda call: bytearray(json.dumps(post).encode()),
            "str": lambda call: json.dumps(post),
            "dict": lambda call: post,
            "answer": lambda call: refreshclient.Answer(body=json.dumps(post).encode()),
        }
        for name, perform in forms.items():
            with self.subTest(name):
                self.assertEqual(self.client.refresh(f"token-{name}", perform=perform).json, post)

        def sent(call):
            request = self.post(call)
            return {"url": request.full_url, "content": request.data, "headers": dict(request.headers)}

        responses = {
            "httpx": lambda call: httpx.post(**sent(call)),
            "requests": lambda call: requests.post(
                sent(call)["url"], data=sent(call)["content"], headers=sent(call)["headers"], timeout=10
            ),
            "urllib": lambda call: urllib.request.urlopen(self.post(call), timeout=10),
        }
        for name, perform in responses.items():
            with self.subTest(name):
                result = self.client.refresh(self.new_token(), perform=perform)
                self.assertEqual(len(result.request_id), 36)
                self.assertTrue(result.refresh_token)

    def test_a_late_caller_gets_the_stored_result(self):
        token = self.new_token()
        first = self.client.refresh(token)
        self.assertEqual(self.client.refresh(token, perform=self.refuse), first)
        self.assertGreaterEqual(self.client.counts().hits, 1)

    def test_other_organizations_are_other_refreshes(self):
        def perform(call):
            return {"access_token": str(call.organization)}

        bodies = [self.client.refresh("t", organization=name, perform=perform).body for name in (None, "o1", "o2")]
        self.assertEqual(len(set(bodies)), 3)

    def test_another_providers_endpoint(self):
        client = self.make_client(base_url=None, api_key=None, token_endpoint="https://login.example.com/oauth/token")
        with self.assertRaisesRegex(refreshclient.InvalidArgumentError, "perform"):
            client.refresh("t")
        result = client.refresh("t", scope="s", audience="a", perform=lambda call: {"access_token": call.scope})
        self.assertEqual(result.access_token, "s")


class FailureTests(TableTest):
    def both_ways(self):
        """The library's own upstream, and a perform that raises what urllib raises."""
        return {"own": None, "perform": self.call_upstream}

    def failing(self, token, **arguments):
        with self.assertRaises(refreshclient.RefreshError) as caught:
            self.client.refresh(token, **arguments)
        return caught.exception

    def test_the_end_of_a_session(self):
        for name, perform in self.both_ways().items():
            with self.subTest(name):
                self.faults({"kind": "invalid_grant"})
                error = self.failing(self.new_token(), perform=perform, user_id="user_1", session_id="session_1")
                self.assertIsInstance(error, refreshclient.SessionEndedError)
                self.assertEqual((error.reason, error.status, error.retryable), ("invalid_grant", 400, False))
                self.assertEqual((error.user_id, error.session_id), ("user_1", "session_1"))
                self.assertEqual(len(error.request_id), 36)
                self.assertEqual(json.loads(error.body)["error"], "invalid_grant")
        self.assertIsInstance(error.__cause__, urllib.error.HTTPError)

    def test_a_failing_upstream(self):
        for name, perform in self.both_ways().items():
            with self.subTest(name):
                self.faults({"kind": "status", "status": 503, "retry_after": 7})
                error = self.failing(self.new_token(), perform=perform)
                self.assertIsInstance(error, refreshclient.UpstreamError)
                self.assertEqual((error.reason, error.status, error.retryable), ("server_error", 503, True))
                self.assertEqual(error.retry_after, 7)

    def test_a_rate_limit_is_tried_once_more(self):
        for name, perform in self.both_ways().items():
            with self.subTest(name):
                token = self.new_token()
                self.faults({"kind": "status", "status": 429, "retry_after": 1})
                begun = time.monotonic()
                self.assertTrue(self.client.refresh(token, perform=perform).access_token)
                self.assertGreater(time.monotonic() - begun, 0.9)
                self.assertEqual(self.calls(token), 2)

    def test_a_rate_limit_that_perform_has_retried_itself(self):
        token = self.new_token()
        answer = refreshclient.Answer(429, b'{"error":"too_many_requests"}', retry_after="1", may_retry=False)
        performed = []
        error = self.failing(token, perform=lambda call: performed.append(call) or answer)
        self.assertEqual((error.reason, error.retry_after, len(performed)), ("rate_limit_exceeded", 1, 1))

    def test_no_answer(self):
        import httpx
        import requests

        def refused(call):
            urllib.request.urlopen("http://127.0.0.1:1/", timeout=5)

        def timed_out(call):
            raise TimeoutError

        cases = {
            "refused": (refused, "network_error", False),
            "httpx refused": (lambda call: httpx.post("http://127.0.0.1:1/"), "network_error", False),
            "requests refused": (lambda call: requests.post("http://127.0.0.1:1/", timeout=5), "network_error", True),
            "time up": (timed_out, "timeout", True),
        }
        for name, (perform, reason, may_have_rotated) in cases.items():
            with self.subTest(name):
                error = self.failing(self.new_token(), perform=perform)
                self.assertIsInstance(error, refreshclient.UpstreamError)
                self.assertEqual((error.reason, error.retryable), (reason, True))
                self.assertEqual(error.may_have_rotated, may_have_rotated)

    def test_a_200_that_is_no_answer_is_transient(self):
        error = self.failing("t", perform=lambda call: b"<html>")
        self.assertEqual((error.reason, error.retryable, error.may_have_rotated), ("server_error", True, True))

    def test_what_is_no_answer_at_all(self):
        with self.assertRaisesRegex(TypeError, "perform returned object"):
            self.client.refresh("t", perform=lambda call: object())
        self.assertEqual(self.client.refresh("t", perform=lambda call: {"access_token": "a"}).access_token, "a")

    def test_errors_survive_pickling(self):
        self.faults({"kind": "invalid_grant"})
        error = self.failing(self.new_token(), user_id="user_1")
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(copy), str(copy), vars(copy)), (type(error), str(error), vars(error)))


class ExceptionTests(TableTest):
    """An exception in perform becomes the error that its caller sees, and releases the lease."""

    def check(self, exception, waiters=4):
        token, entered, leave = self.new_token(), threading.Event(), threading.Event()

        def perform(call):
            entered.set()
            leave.wait(20)
            raise exception

        outcomes = []

        def hold():
            try:
                self.client.refresh(token, perform=perform)
            except BaseException as error:
                outcomes.append(error)

        holder = threading.Thread(target=hold)
        holder.start()
        entered.wait(20)
        errors = []

        def release():
            time.sleep(0.2)
            leave.set()

        threading.Thread(target=release).start()
        begun = time.monotonic()
        errors = in_threads(
            waiters, lambda number: self.client.refresh(token, perform=self.refuse, user_id=f"user_{number}")
        )
        self.assertLess(time.monotonic() - begun, 5)
        holder.join()
        self.assertEqual(outcomes, [exception])
        for number, error in enumerate(errors):
            self.assertIsInstance(error, refreshclient.UpstreamError, error)
            self.assertEqual((error.retryable, error.reason), (True, "callback_failed"))
            self.assertEqual(error.user_id, f"user_{number}")
        self.assertEqual(self.client.refresh(token).json["user"]["object"], "user")

    def test_exception(self):
        self.check(ValueError("of the application"))

    def test_interruption(self):
        self.check(KeyboardInterrupt())

    def test_exit(self):
        self.check(SystemExit(3))

    def test_no_token_in_texts(self):
        token = self.new_token()

        def perform(call):
            self.assertNotIn(token, repr(call))
            raise ValueError(call.refresh_token)

        with self.assertRaises(ValueError):
            self.client.refresh(token, perform=perform)
        result = self.client.refresh(token)
        for text in (repr(result), str(result), repr(refreshclient.Answer(body=result.body))):
            self.assertNotIn(result.access_token, text)


if __name__ == "__main__":
    unittest.main()

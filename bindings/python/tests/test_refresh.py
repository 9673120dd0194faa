"""Refreshing on threads and in processes."""

import json
import os
import pickle
import signal
import threading
import time
import unittest
import urllib.error
import urllib.request
from datetime import timedelta

from support import TableTest, in_threads, native_threads, open_descriptors, resident_kilobytes

import refreshclient
from refreshclient import _library, _refresh


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
        bodies = [
            self.client.refresh("t", organization=name, perform=lambda call: {"access_token": str(call.organization)}).body
            for name in (None, "org_1", "org_2")
        ]
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


class LeaseTests(TableTest):
    def test_a_holder_that_lost_its_lease_does_not_send(self):
        """Between claim and send this process stands still, past its lease's end, and another one refreshes."""
        token = self.new_token()
        client = self.make_client(request_timeout=0.2, lease=0.5)
        holding = _refresh.Refresh.holding
        stood_still = []

        def other(say, hear):
            say(client.refresh(token, perform=self.call_upstream).access_token)

        def stand_still(refresh, hold):
            if not stood_still:
                stood_still.append("")  # First, since the child holds a lease as well.
                with self.child(other) as (_, hear, _say):
                    stood_still[0] = hear()
            return holding(refresh, hold)

        _refresh.Refresh.holding = stand_still
        self.addCleanup(setattr, _refresh.Refresh, "holding", holding)
        result = client.refresh(token, perform=self.refuse)
        self.assertEqual(result.access_token, stood_still[0])
        self.assertEqual(self.calls(token), 1)

    def test_perform_may_ask_for_its_lease(self):
        client = self.make_client(request_timeout=0.2, lease=0.5)
        answers = []

        def perform(call):
            call.may_send(0.2)
            call.renew(5)
            time.sleep(0.7)
            call.may_send(timedelta(milliseconds=100))
            answers.append("held")
            return {"access_token": "a"}

        self.assertEqual(client.refresh("t", perform=perform).access_token, "a")
        self.assertEqual(answers, ["held"])

    def test_a_lost_lease_in_perform_begins_again(self):
        token = self.new_token()
        client = self.make_client(request_timeout=0.2, lease=0.5)

        def other(say, hear):
            say(client.refresh(token, perform=self.call_upstream).access_token)

        def perform(call):
            with self.child(other) as (_, hear, _say):
                hear()
            call.may_send(0.2)
            self.refuse(call)

        self.assertTrue(client.refresh(token, perform=perform).access_token)
        self.assertEqual(self.calls(token), 1)

    def test_performs_own_lease_counts(self):
        class Slow:
            lease = 50

            def __call__(self, call):
                call.may_send(40)
                return {"access_token": "a"}

        self.assertEqual(self.client.refresh("t", perform=Slow()).access_token, "a")


class ProcessTests(TableTest):
    def test_one_call_for_many_forked_processes(self):
        self.client.refresh(self.new_token())  # Used in the master.
        token = self.new_token()
        readers = []
        for _ in range(8):
            reader, writer = os.pipe()
            if os.fork() == 0:
                try:
                    os.write(writer, self.client.refresh(token, perform=self.call_upstream).body[:4000])
                finally:
                    os._exit(0)
            os.close(writer)
            readers.append(os.fdopen(reader, "rb"))
        bodies = {reader.read() for reader in readers}
        for reader in readers:
            reader.close()
            os.wait()
        self.assertEqual(len(bodies), 1)
        self.assertIn(b"access_token", bodies.pop())
        self.assertEqual(self.calls(token), 1)

    def test_the_death_of_the_holder(self):
        token = self.new_token()
        with self.holder_elsewhere(token) as (pid, _hear, _say):
            waiting = threading.Event()
            results = []

            def wait():
                waiting.set()
                results.append((self.client.refresh(token, perform=self.call_upstream), time.monotonic()))

            thread = threading.Thread(target=wait)
            thread.start()
            waiting.wait()
            time.sleep(0.1)
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            thread.join()
        result, came = results[0]
        self.assertTrue(result.access_token)
        self.assertLess(came - killed, 2)
        self.assertEqual(self.calls(token), 1)
        self.assertEqual(self.client.counts().takeovers, 1)

    def test_a_deadline(self):
        token = self.new_token()
        with self.holder_elsewhere(token):
            begun = time.monotonic()
            with self.assertRaises(refreshclient.DeadlineError) as caught:
                self.client.refresh(token, perform=self.refuse, deadline=0.3)
            waited = time.monotonic() - begun
        self.assertTrue(caught.exception.retryable)
        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertGreater(waited, 0.29)
        self.assertLess(waited, 0.6)

    def test_a_signal_handler_ends_a_wait(self):
        token = self.new_token()

        class Alarm(Exception):
            pass

        def handler(number, frame):
            raise Alarm

        self.client.refresh(self.new_token())
        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        with self.holder_elsewhere(token) as (_, hear, say):
            descriptors = open_descriptors()
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            begun = time.monotonic()
            with self.assertRaises(Alarm):
                self.client.refresh(token, perform=self.refuse, deadline=20)
            self.assertLess(time.monotonic() - begun, 2)
            self.assertEqual(open_descriptors(), descriptors)
            say("publish")
            self.assertEqual(hear(), "published")

    def progress_during(self, wait):
        """Runs wait() on a thread; returns how long it took, and the longest pause of this thread meanwhile."""
        thread = threading.Thread(target=wait)
        begun = last = time.monotonic()
        longest = 0.0
        thread.start()
        while thread.is_alive():
            now = time.monotonic()
            longest = max(longest, now - last)
            last = now
        return time.monotonic() - begun, longest

    def test_other_threads_run_while_one_waits(self):
        self.emulator.delay(600)
        for name, perform in {"own": None, "perform": self.call_upstream}.items():
            with self.subTest(name):
                token = self.new_token()
                took, longest = self.progress_during(lambda: self.client.refresh(token, perform=perform))  # noqa: B023
                self.assertGreater(took, 0.5)
                self.assertLess(longest, 0.3)
        token = self.new_token()
        with self.holder_elsewhere(token) as (_, _hear, say):
            threading.Timer(0.5, say, ["publish"]).start()
            took, longest = self.progress_during(lambda: self.client.refresh(token, perform=self.refuse))
        self.assertGreater(took, 0.5)
        self.assertLess(longest, 0.3)


class ClientTests(TableTest):
    def test_opening_and_closing_costs_nothing_that_lasts(self):
        def cycle(count):
            for _ in range(count):
                with self.make_client_uncleaned() as client:
                    self.assertTrue(client.directory)

        cycle(1000)
        before = open_descriptors(), native_threads(), resident_kilobytes()
        cycle(10_000)
        self.assertEqual((open_descriptors(), native_threads()), before[:2])
        self.assertLess(resident_kilobytes() - before[2], 1024)

    def make_client_uncleaned(self):
        return refreshclient.RefreshClient(client_id="client_1", directory=self.directory)

    def test_calls_cost_nothing_that_lasts(self):
        token = self.new_token()
        self.client.refresh(token)

        def cycle(count):
            for _ in range(count):
                self.client.refresh(token, perform=self.refuse)
                with self.assertRaises(refreshclient.InvalidArgumentError):
                    self.client.refresh("", perform=self.refuse)

        cycle(1000)
        before = open_descriptors(), native_threads(), resident_kilobytes()
        cycle(10_000)
        self.assertEqual((open_descriptors(), native_threads()), before[:2])
        self.assertLess(resident_kilobytes() - before[2], 2048)

    def test_a_closed_client(self):
        client = self.make_client_uncleaned()
        handle = client._handle
        client.close()
        self.assertEqual(_library.library.refreshclient_close(handle), _library.STALE_HANDLE)
        client.close()
        for use in (lambda: client.refresh("t"), client.counts, lambda: client.directory):
            with self.assertRaises(refreshclient.StaleHandleError):
                use()

    def test_bad_arguments(self):
        for token in ("", "a\0b", "x" * 16_384, "\ud800", 5, b"bytes"):
            with self.subTest(repr(token)[:20]), self.assertRaises((refreshclient.InvalidArgumentError, TypeError)):
                self.client.refresh(token, perform=self.refuse)
        for options in (
            {"client_id": ""},
            {"client_id": "a\0b"},
            {"client_id": "c", "base_url": "ftp://example.com"},
            {"client_id": "c", "base_url": "http://example.com"},
            {"client_id": "c", "lease": 1, "request_timeout": 2},
            {"client_id": "c", "log_level": "loud"},
            {"client_id": "c", "deadline": -1},
            {"client_id": "c", "map_size": 7},
        ):
            with self.subTest(str(options)), self.assertRaises(refreshclient.InvalidArgumentError) as caught:
                refreshclient.RefreshClient(**options)
            self.assertFalse(caught.exception.retryable)
            self.assertTrue(str(caught.exception))

    def test_the_directory(self):
        self.assertEqual(self.client.directory, self.directory)

    def test_an_unusable_directory(self):
        client = self.make_client(directory="/proc/nowhere")
        with self.assertRaises(refreshclient.DirectoryError) as caught:
            client.refresh("t")
        self.assertIn("/proc/nowhere", str(caught.exception))

    def test_the_version(self):
        self.assertRegex(refreshclient.library_version(), r"^1\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()

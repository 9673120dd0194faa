"""Leases, processes and clients: what lasts, and what must not."""

import os
import signal
import threading
import time
import unittest
from datetime import timedelta

from support import TableTest, native_threads, open_descriptors, resident_kilobytes

import refreshclient
from refreshclient import _library, _refresh


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
        client = self.make_client(result_retention=600)
        client.refresh(token)

        def cycle(count):
            for _ in range(count):
                client.refresh(token, perform=self.refuse)
                with self.assertRaises(refreshclient.InvalidArgumentError):
                    client.refresh("", perform=self.refuse)

        cycle(1000)
        before = open_descriptors(), native_threads(), resident_kilobytes()
        cycle(50_000)
        self.assertEqual((open_descriptors(), native_threads()), before[:2])
        self.assertLess(resident_kilobytes() - before[2], 2048)

    def test_leases_leave_no_descriptor(self):
        def hold(number):
            self.client.refresh(f"published {number}", perform=lambda call: {"access_token": "a"})
            with self.assertRaises(ZeroDivisionError):
                self.client.refresh(f"failed {number}", perform=lambda call: 1 / 0)

        hold(0)
        before = open_descriptors(), native_threads()
        for number in range(1, 1000):
            hold(number)
        self.assertEqual((open_descriptors(), native_threads()), before)

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

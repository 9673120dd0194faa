"""Refreshing on an event loop."""

import asyncio
import concurrent.futures
import itertools
import os
import signal
import threading
import time
import unittest

from support import TableTest, native_threads, open_descriptors

import refreshclient
from refreshclient import _refresh


class AsyncCase(TableTest):
    async def call_upstream_async(self, call):
        reader, writer = await asyncio.open_connection(*self.emulator.address.split(":"))
        request = self.post(call)
        head = f"POST /user_management/authenticate HTTP/1.1\r\nHost: {self.emulator.address}\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in request.header_items())
        writer.write(f"{head}Content-Length: {len(request.data)}\r\n\r\n".encode() + request.data)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return refreshclient.Answer(int(head.split()[1]), body)

    async def refuse_async(self, call):
        self.refuse(call)


class AsyncTests(AsyncCase):
    def test_two_hundred_waits_need_no_thread(self):
        token = self.new_token()

        async def work(say):
            before = native_threads(), open_descriptors()
            waits = [
                asyncio.create_task(self.client.refresh_async(token, perform=self.refuse_async)) for _ in range(200)
            ]
            await asyncio.sleep(0.5)
            during = native_threads(), open_descriptors()
            say("publish")
            results = await asyncio.gather(*waits)
            return before, during, open_descriptors(), results

        self.client.refresh(self.new_token(), perform=self.call_upstream)
        with self.holder_elsewhere(token) as (_, _hear, say):
            before, during, after, results = asyncio.run(work(say))
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(during[0], before[0])
        # Each watches a descriptor of its own: that is what it waits by, rather than by the time.
        self.assertGreaterEqual(during[1] - before[1], 200)
        self.assertEqual(after, before[1])
        self.assertEqual(self.calls(token), 1)

    def test_waits_end_at_once(self):
        token = self.new_token()

        async def work(hear, say):
            wait = asyncio.create_task(self.client.refresh_async(token, perform=self.refuse_async))
            await asyncio.sleep(0.2)
            say("publish")
            await asyncio.to_thread(hear)
            begun = time.monotonic()
            await wait
            return time.monotonic() - begun

        with self.holder_elsewhere(token) as (_, hear, say):
            self.assertLess(asyncio.run(work(hear, say)), 0.2)

    def test_one_of_many_on_the_loop_performs(self):
        for perform in (self.call_upstream_async, self.call_upstream):
            with self.subTest(perform.__name__):
                token = self.new_token()

                async def work(perform=perform, token=token):
                    return await asyncio.gather(
                        *(self.client.refresh_async(token, perform=perform) for _ in range(50))
                    )

                self.assertEqual(len({result.body for result in asyncio.run(work())}), 1)
                self.assertEqual(self.calls(token), 1)

    def test_a_callable_that_returns_an_awaitable(self):
        async def work():
            return await self.client.refresh_async(
                self.new_token(), perform=lambda call: self.call_upstream_async(call)
            )

        self.assertTrue(asyncio.run(work()).access_token)

    def test_the_loop_runs_while_perform_blocks(self):
        def perform(call):
            time.sleep(0.5)
            return {"access_token": "a"}

        async def work():
            task = asyncio.create_task(self.client.refresh_async("t", perform=perform))
            turns = 0
            while not task.done():
                await asyncio.sleep(0.01)
                turns += 1
            return turns

        self.assertGreater(asyncio.run(work()), 20)

    def test_perform_and_its_thread_see_the_context(self):
        import contextvars

        who = contextvars.ContextVar("who")

        def perform(call):
            return {"access_token": who.get()}

        async def work():
            who.set("ada")
            return await self.client.refresh_async("t", perform=perform)

        self.assertEqual(asyncio.run(work()).access_token, "ada")

    def test_the_librarys_own_upstream(self):
        self.emulator.delay(300)
        token = self.new_token()

        async def work():
            waits = [asyncio.create_task(self.client.refresh_async(token, user_id=str(n))) for n in range(50)]
            await asyncio.sleep(0.15)
            during = threading.active_count()
            return during, await asyncio.gather(*waits)

        before = threading.active_count()
        during, results = asyncio.run(work())
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(self.calls(token), 1)
        self.assertLessEqual(during - before, 1)

    def test_those_who_find_the_lease_free_join_the_call(self):
        """Between giving the lease back and the library's taking it, others of the loop get it."""
        token, calls = self.new_token(), []
        refresh_workos = _refresh.Refresh.refresh_workos

        def late(refresh):
            calls.append(refresh)
            time.sleep(0.2)
            return refresh_workos(refresh)

        _refresh.Refresh.refresh_workos = late
        self.addCleanup(setattr, _refresh.Refresh, "refresh_workos", refresh_workos)

        async def work():
            return await asyncio.gather(*(self.client.refresh_async(token) for _ in range(50)))

        self.assertEqual(len({result.body for result in asyncio.run(work())}), 1)
        self.assertEqual(len(calls), 1)

    def test_errors_of_the_own_upstream_are_each_callers(self):
        self.faults({"kind": "invalid_grant", "delay_ms": 200})
        token = self.new_token()

        async def work():
            return await asyncio.gather(
                *(self.client.refresh_async(token, user_id=str(n)) for n in range(10)), return_exceptions=True
            )

        errors = asyncio.run(work())
        self.assertEqual({type(error) for error in errors}, {refreshclient.SessionEndedError})
        self.assertEqual([error.user_id for error in errors], [str(n) for n in range(10)])
        self.assertEqual(self.calls(token), 1)

    def test_deadlines(self):
        token = self.new_token()

        async def work(perform):
            begun = time.monotonic()
            with self.assertRaises(refreshclient.DeadlineError):
                await self.client.refresh_async(token, perform=perform, deadline=0.3)
            return time.monotonic() - begun

        with self.holder_elsewhere(token):
            for perform in (self.refuse_async, None):
                self.assertLess(asyncio.run(work(perform)), 0.6)

    def test_the_death_of_the_holder(self):
        token = self.new_token()

        async def work(pid):
            waits = [
                asyncio.create_task(self.client.refresh_async(token, perform=self.call_upstream_async))
                for _ in range(20)
            ]
            await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGKILL)
            return await asyncio.wait_for(asyncio.gather(*waits), 5)

        with self.holder_elsewhere(token) as (pid, _hear, _say):
            results = asyncio.run(work(pid))
        self.assertEqual(len({result.body for result in results}), 1)
        self.assertEqual(self.calls(token), 1)

    def test_exceptions_in_perform(self):
        async def raising(call):
            await asyncio.sleep(0.2)
            raise ValueError("of the application")

        async def work():
            return await asyncio.gather(
                *(self.client.refresh_async("t", perform=raising) for _ in range(5)), return_exceptions=True
            )

        errors = asyncio.run(work())
        self.assertEqual([type(error) for error in errors].count(ValueError), 1)
        self.assertEqual(sum(isinstance(error, refreshclient.RefreshError) for error in errors), 4)
        self.assertTrue(all(error.retryable for error in errors if not isinstance(error, ValueError)))

    def test_a_rate_limit_is_tried_once_more(self):
        self.faults({"kind": "status", "status": 429, "retry_after": 1})
        token = self.new_token()

        async def work():
            task = asyncio.create_task(self.client.refresh_async(token, perform=self.call_upstream_async))
            turns = [time.monotonic()]
            while not task.done():
                await asyncio.sleep(0.01)
                turns.append(time.monotonic())
            return await task, turns

        result, turns = asyncio.run(work())
        self.assertTrue(result.access_token)
        # The Answer of call_upstream_async has no Retry-After: a second is the least. The loop goes on meanwhile.
        self.assertGreater(turns[-1] - turns[0], 0.9)
        self.assertLess(max(later - earlier for earlier, later in itertools.pairwise(turns)), 0.6)
        self.assertEqual(self.calls(token), 2)

    def test_a_holder_that_lost_its_lease_does_not_send(self):
        token = self.new_token()
        client = self.make_client(request_timeout=0.2, lease=0.5)
        may_send, stood_still = _refresh.Refresh.may_send, []

        def other(say, hear):
            say(client.refresh(token, perform=self.call_upstream).access_token)

        def stand_still(refresh, hold):
            if not stood_still:
                stood_still.append(True)
                with self.child(other) as (_, hear, _say):
                    hear()
            return may_send(refresh, hold)

        _refresh.Refresh.may_send = stand_still
        self.addCleanup(setattr, _refresh.Refresh, "may_send", may_send)
        result = asyncio.run(client.refresh_async(token, perform=self.refuse_async))
        self.assertTrue(result.access_token)
        self.assertEqual(self.calls(token), 1)


class CancellationTests(AsyncCase):
    def test_a_cancelled_wait(self):
        token = self.new_token()

        async def work(say):
            waits = [
                asyncio.create_task(self.client.refresh_async(token, perform=self.refuse_async)) for _ in range(10)
            ]
            await asyncio.sleep(0.2)
            during = open_descriptors()
            for wait in waits[:5]:
                wait.cancel()
            gone = await asyncio.gather(*waits[:5], return_exceptions=True)
            after = open_descriptors()
            say("publish")
            return gone, during - after, await asyncio.gather(*waits[5:])

        with self.holder_elsewhere(token) as (_, _hear, say):
            gone, closed, results = asyncio.run(work(say))
        self.assertEqual({type(error) for error in gone}, {asyncio.CancelledError})
        self.assertEqual(closed, 5)
        self.assertEqual(len({result.body for result in results}), 1)

    def check_a_cancelled_holder(self, perform, entered, leave):
        token = self.new_token()

        async def work():
            holder = asyncio.create_task(self.client.refresh_async(token, perform=perform))
            await asyncio.to_thread(entered.wait)
            wait = asyncio.create_task(self.client.refresh_async(token, perform=self.refuse_async))
            await asyncio.sleep(0.1)
            holder.cancel()
            begun = time.monotonic()
            with self.assertRaises(asyncio.CancelledError):
                await holder
            self.assertLess(time.monotonic() - begun, 0.2)
            leave.set()
            return await wait

        self.assertTrue(asyncio.run(work()).access_token)
        self.assertEqual(self.calls(token), 1)

    def test_a_cancelled_holders_coroutine_goes_on(self):
        entered, leave = threading.Event(), threading.Event()

        async def perform(call):
            entered.set()
            await asyncio.to_thread(leave.wait)
            return await self.call_upstream_async(call)

        self.check_a_cancelled_holder(perform, entered, leave)

    def test_a_cancelled_holders_thread_goes_on(self):
        entered, leave = threading.Event(), threading.Event()

        def perform(call):
            entered.set()
            leave.wait()
            return self.call_upstream(call)

        self.check_a_cancelled_holder(perform, entered, leave)

    def test_the_end_of_the_loop_releases_the_lease(self):
        token = self.new_token()

        async def endless(call):
            await asyncio.sleep(60)

        async def work():
            # With asyncio.run's end everything is cancelled, the background call as well.
            asyncio.create_task(self.client.refresh_async(token, perform=endless))
            await asyncio.sleep(0.2)

        asyncio.run(work())
        begun = time.monotonic()
        self.assertTrue(self.client.refresh(token, perform=self.call_upstream).access_token)
        self.assertLess(time.monotonic() - begun, 2)

    def test_the_end_of_the_loop_leaves_a_thread_its_conclusion(self):
        token, entered = self.new_token(), threading.Event()
        self.emulator.delay(300)

        def perform(call):
            entered.set()
            return self.call_upstream(call)

        async def work():
            asyncio.create_task(self.client.refresh_async(token, perform=perform))
            await asyncio.to_thread(entered.wait)

        asyncio.run(work())  # Waits for its executor's threads.
        self.assertTrue(self.client.refresh(token, perform=self.refuse).access_token)

    def in_a_full_executor(self, perform):
        """Starts a refresh where no thread is free, and ends the loop."""

        async def work():
            executor = concurrent.futures.ThreadPoolExecutor(1)
            asyncio.get_running_loop().set_default_executor(executor)
            leave = threading.Event()
            executor.submit(leave.wait)
            asyncio.create_task(self.client.refresh_async("t", perform=perform))
            await asyncio.sleep(0.2)
            asyncio.get_running_loop().call_later(0.3, leave.set)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.2)
            begun = time.monotonic()
            result = self.client.refresh("t", perform=lambda call: {"access_token": "another"})
            self.assertLess(time.monotonic() - begun, 1)
            return result.access_token

        return asyncio.run(work())

    def test_a_perform_that_no_thread_took_gives_its_lease_back(self):
        self.assertEqual(self.in_a_full_executor(self.refuse), "another")

    def test_an_answer_that_no_thread_took_is_published(self):
        async def perform(call):
            return {"access_token": "mine"}

        self.assertEqual(self.in_a_full_executor(perform), "mine")

    def test_a_conclusion_under_way_is_not_overtaken(self):
        finish, finishing = _refresh.Refresh.finish, threading.Event()

        def late(refresh, hold, answer):
            finishing.set()
            time.sleep(0.2)
            return finish(refresh, hold, answer)

        async def perform(call):
            return {"access_token": "mine"}

        async def work():
            asyncio.create_task(self.client.refresh_async("t", perform=perform))
            await asyncio.to_thread(finishing.wait)

        _refresh.Refresh.finish = late
        self.addCleanup(setattr, _refresh.Refresh, "finish", finish)
        asyncio.run(work())
        self.assertEqual(self.client.refresh("t", perform=self.refuse).access_token, "mine")


if __name__ == "__main__":
    unittest.main()

"""The rounds: many requests with one token at once."""

import http.client
import json
import os
import signal
import threading
import time

from processes import HostError, descendants, holders, peers_of

SECONDS_PER_PAGE = 40
CALM_DELAY_MS = 100
KILL_DELAY_MS = 1500


class Page:
    """One request and what came of it."""

    def __init__(self, host, token):
        self.host = host
        self.token = token
        self.local_port = 0
        self.status = None
        self.body = {}
        self.trouble = ""

    def fetch(self, barrier, sent):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=SECONDS_PER_PAGE)
        try:
            barrier.wait()
            connection.connect()
            self.local_port = connection.sock.getsockname()[1]
            connection.request("GET", "/page", headers={"X-Refresh-Token": self.token, "Connection": "close"})
            sent.release()
            answer = connection.getresponse()
            self.status = answer.status
            text = answer.read()
            try:
                self.body = json.loads(text)
            except ValueError:
                self.trouble = f"{self.status} without JSON"
        except (OSError, http.client.HTTPException) as error:
            self.trouble = f"{type(error).__name__}: {error}"
            sent.release()
        finally:
            connection.close()

    @property
    def is_good(self):
        return self.status == 200 and bool(self.body.get("access_token")) and isinstance(self.body.get("pid"), int)

    @property
    def is_cut_off(self):
        """Whether nobody answered: the connection broke, or a proxy in front found nobody behind it."""
        return self.status is None or self.status == 502

    def __str__(self):
        shown = {name: value for name, value in self.body.items() if name != "access_token"}
        said = self.trouble or " ".join(f"{name}={value}" for name, value in shown.items())
        return f"{self.host.name} {self.status or ''} {said}"


class Rounds:
    """Rounds against one or several hosts on one directory."""

    def __init__(self, options, report, emulator, hosts, table):
        self.options = options
        self.report = report
        self.emulator = emulator
        self.hosts = hosts
        self.table = table
        # Whose results are there before the first page: the masters' that have refreshed.
        preloads = any(host.warmup_token for host in hosts)
        self.masters = set(holders(options.lease_dump, table, "success")) if preloads else set()

    def _ask(self, token):
        """Sends all requests at once; returns the pages, their threads, and when all have been sent."""
        pages = [Page(host, token) for host in self.hosts for _ in range(self.options.requests)]
        barrier = threading.Barrier(len(pages))
        sent = threading.Semaphore(0)
        threads = [threading.Thread(target=page.fetch, args=(barrier, sent), daemon=True) for page in pages]
        for thread in threads:
            thread.start()
        for _ in pages:
            if not sent.acquire(timeout=SECONDS_PER_PAGE):
                raise HostError("the requests could not be sent")
        return pages, threads

    @staticmethod
    def _join(threads):
        until = time.monotonic() + SECONDS_PER_PAGE + 10
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise HostError("a page did not come")

    def calm(self, count, when=""):
        """Nobody is killed: one call a round, and every page is good."""
        self.emulator.delay(CALM_DELAY_MS)
        calls, other_calls, good, odd, longest = [], 0, 0, [], 0.0
        workers = {host.name: set() for host in self.hosts}
        for number in range(count):
            self.report.progress(f"round {number + 1} of {count}")
            token, before, begun = self.emulator.new_token(), self.emulator.calls(), time.monotonic()
            pages, threads = self._ask(token)
            self._join(threads)
            longest = max(longest, time.monotonic() - begun)
            made = self.emulator.counts(token)["refresh_calls"]
            calls.append(made)
            other_calls += self.emulator.calls() - before - made
            good += sum(page.is_good for page in pages)
            odd += [f"round {number + 1}: {page}" for page in pages if not page.is_good]
            if len({page.body["access_token"] for page in pages if page.is_good}) > 1:
                odd.append(f"round {number + 1}: different access tokens")
            for page in pages:
                if page.is_good:
                    workers[page.host.name].add(page.body["pid"])
        self._check_workers(workers, when, several=count > 1)
        if not when:
            self._check_masters(workers)
        expected = count * len(self.hosts) * self.options.requests
        self.report.that(
            f"{when}{count} {'rounds' if count > 1 else 'round'}, one upstream call each",
            calls == [1] * count and other_calls == 0,
            f"{sum(calls)} calls in {count}" + (f", {other_calls} with other tokens" if other_calls else "")
            + (f" ({calls})" if calls != [1] * count else ""),
        )
        self.report.that(
            f"{when}every page is good, all of a round with the same access token", good == expected and not odd,
            f"{good} of {expected}, the slowest round in {longest:.2f} s" + "".join(f"; {page}" for page in odd[:5]),
        )

    def _check_workers(self, workers, when, several):
        for host in self.hosts:
            ours = descendants(host.process.pid)
            strangers = workers[host.name] - ours
            self.report.that(
                f"{when}{host.name} answers from several processes, its own" if several
                else f"{when}{host.name} answers from its own processes",
                len(workers[host.name]) > several and not strangers,
                f"{len(workers[host.name])} of {host.workers} workers"
                + (f"; not its own: {strangers}" if strangers else ""),
            )

    def _check_masters(self, workers):
        for host in self.hosts:
            if host.warmup_token:
                # A worker's refresh would be one call as well, but its own.
                masters = (self.masters & descendants(host.process.pid)) - workers[host.name]
                made = self.emulator.counts(host.warmup_token)["refresh_calls"]
                self.report.that(
                    f"{host.name} has refreshed in its master", made == 1 and len(masters) == 1,
                    f"{made} calls, by {len(masters)} processes that answer no pages",
                )

    def with_kills(self, count):
        """The holder is killed in mid-refresh: whoever waits takes over."""
        self.emulator.delay(KILL_DELAY_MS)
        calls, good, expected, lost, odd, takeovers = [], 0, 0, 0, [], []
        for number in range(count):
            self.report.progress(f"kill {number + 1} of {count}")
            token = self.emulator.new_token()
            with self.emulator.events() as wait:
                pages, threads = self._ask(token)
                wait(token, "request_arrived")
                own, killed_at = self._kill_holder()
                events = wait(token, "request_arrived", "client_gone")
                self._join(threads)
            takeovers.append(events["request_arrived"]["time_ns"] / 1e6 - killed_at * 1000)
            counted = self.emulator.counts(token)
            calls.append(counted["refresh_calls"])
            if events["client_gone"].get("rotated") or counted["rotations"] != 1:
                odd.append(f"kill {number + 1}: {counted['rotations']} rotations")
            others = [page for page in pages if page not in own(pages)]
            good += sum(page.is_good for page in others)
            expected += len(others)
            lost += len(pages) - len(others)
            odd += [f"kill {number + 1}: {page}" for page in others if not page.is_good]
            if len({page.body["access_token"] for page in pages if page.is_good}) != 1:
                odd.append(f"kill {number + 1}: different access tokens")
        self.report.that(
            f"{count} rounds with the holder killed in mid-refresh, two upstream calls each", calls == [2] * count,
            f"{sum(calls)} calls in {count}, the second {min(takeovers):.0f} to {max(takeovers):.0f} ms after the kill"
            + (f" ({calls})" if calls != [2] * count else ""),
        )
        self.report.that(
            "every page but the killed worker's own is good", good == expected and not odd,
            f"{good} of {expected}, {lost} lost with their worker"
            + "".join(f"; {page}" for page in odd[:5]),
        )

    def _kill_holder(self):
        """Kills the lease's holder. Returns a function that picks the pages that were its own, and when it was."""
        held = holders(self.options.lease_dump, self.table, "held")
        if len(held) != 1:
            raise HostError(f"{len(held)} leases are held, where one should be")
        pid = held[0]
        host = next((host for host in self.hosts if pid in descendants(host.process.pid)), None)
        if host is None:
            raise HostError(f"the lease's holder, process {pid}, belongs to no host")
        if pid == host.process.pid:
            raise HostError(f"the lease's holder is {host.name}'s master")
        # Stopped first, so that it accepts nothing between the look at its connections and its death.
        os.kill(pid, signal.SIGSTOP)
        ports = peers_of(pid, host.port)
        killed_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)

        def own(pages):
            cut_off = [page for page in pages if page.host is host and page.is_cut_off]
            # Behind a proxy, the connection that the worker had is the proxy's: one page, answered with 502.
            return [page for page in cut_off if page.local_port in ports] if ports else cut_off[:1]

        return own, killed_at

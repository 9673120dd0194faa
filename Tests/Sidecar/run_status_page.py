#!/usr/bin/env python3
"""Looks at refreshd's status page in headless Chromium, in light and dark, wide and narrow, while tokens are refreshed.

    Tests/Sidecar/run_status_page.py [--programs DIRECTORY] [--screenshots DIRECTORY]

Ends with "N passed, N failed" and exits 1 if anything failed.
"""

import argparse
import base64
import random
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import JSON, PATH, ROOT, Checks, Emulator, Sidecar, new_token, refresh_body

sys.path.insert(0, str(ROOT / "Tests" / "AuthKitBrowser"))

from chromium import Chromium  # noqa: E402

LOOKS = [("light", 1280, 900), ("dark", 1280, 900), ("dark", 400, 900)]


class Load:
    """Callers that come in bunches, each bunch with one token, until it is stopped."""

    def __init__(self, sidecar, emulator):
        self.sidecar, self.emulator = sidecar, emulator
        self.stopped = threading.Event()
        self.pool = ThreadPoolExecutor(64)
        self.threads = [threading.Thread(target=self.run, args=(seed,)) for seed in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, seed):
        generator = random.Random(seed)
        while not self.stopped.is_set():
            delay = generator.choice([0, 20, 60, 150, 400, 2500])
            self.emulator.control("PATCH", "/settings", {"delay_ms": delay})
            token = new_token(self.emulator) if generator.random() < 0.93 else f"rt_unknown_{generator.random()}"
            calls = [
                self.pool.submit(self.sidecar.request, "POST", PATH, refresh_body(token), JSON)
                for _ in range(generator.randint(2, 20))]
            for call in calls:
                call.result()
            for _ in range(generator.randint(0, 40)):
                self.sidecar.request("POST", PATH, refresh_body(token), JSON)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.pool.shutdown()


def await_page(page, expression, seconds=20):
    end = time.monotonic() + seconds
    while not (held := page.evaluate(expression)) and time.monotonic() < end:
        time.sleep(0.05)
    return held


def look(checks, chromium, url, scheme, width, height, screenshots):
    name = f"{scheme}, {width} wide"
    with chromium.page("about:blank") as page:
        # What a policy keeps from running, and what fails, is told in the log of the page.
        complaints = []
        usual = chromium.listeners[page.session]

        def listen(method, parameters):
            if method == "Log.entryAdded":
                complaints.append(parameters["entry"]["text"])
            elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                complaints.append(str(parameters))
            usual(method, parameters)

        chromium.listeners[page.session] = listen
        page.command("Log.enable")
        page.command("Runtime.enable")
        page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        page.has_loaded = False
        page.open(url)
        checks.that(f"{name}: it is live", await_page(page, "document.getElementById('live').className === 'on'"))
        held = await_page(page, "document.querySelector('#rows td.held') !== null"
                                " && Number(document.getElementById('waiting').textContent) > 0")
        checks.that(f"{name}: leases and their waiters are seen", held)
        ratio = page.evaluate("document.getElementById('ratio').textContent")
        checks.that(f"{name}: a share of callers is coalesced", ratio.endswith(" %") and float(
            ratio.lstrip("> ").removesuffix(" %")) > 50, ratio)
        bars = page.evaluate("[...document.querySelectorAll('.charts svg')].map(s => s.querySelectorAll('rect').length)")
        checks.that(f"{name}: three latencies are drawn", len(bars) == 3 and all(count > 0 for count in bars), bars)
        widths = page.evaluate("[...document.querySelectorAll('#callers i')].map(i => i.getBoundingClientRect().width)")
        checks.that(f"{name}: and what callers got", len(widths) >= 3 and max(widths) > 20, widths)
        checks.that(f"{name}: nothing is wider than the window",
                    page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
        checks.that(f"{name}: nothing was kept from running, nothing failed", complaints == [], complaints)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        if screenshots:
            tall = page.evaluate("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": min(tall, 1700), "scale": 1}
            shot = page.command("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
            (screenshots / f"status-{scheme}-{width}.png").write_bytes(base64.b64decode(shot["data"]))
        return colour


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=str(ROOT / ".build" / "debug"))
    parser.add_argument("--screenshots", type=Path)
    arguments = parser.parse_args()
    checks = Checks()
    scratch = tempfile.mkdtemp(prefix="refreshd-tables-", dir="/dev/shm")
    emulator = Emulator(
        f"{arguments.programs}/workos-emulator", ["--user-limit", "off", "--environment-limit", "off"])
    sidecar = Sidecar(arguments.programs, emulator.url, f"{scratch}/table", "--operators-on-loopback")
    try:
        load = Load(sidecar, emulator)
        try:
            with Chromium() as chromium:
                colours = [
                    look(checks, chromium, sidecar.url + "/", *one, arguments.screenshots) for one in LOOKS]
                checks.that("light and dark differ", colours[0] != colours[1] == colours[2], colours)
                with chromium.page(sidecar.url + "/") as page:
                    await_page(page, "document.getElementById('live').className === 'on'")
                    load.stop()
                    sidecar.stop()
                    checks.that("a sidecar that has gone is seen to be gone",
                                await_page(page, "document.getElementById('live').className === 'off'"))
        finally:
            load.stopped.set()
    finally:
        emulator.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()

"""Headless Chromium over the DevTools protocol, spoken through two pipes."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile


class Chromium:
    """A browser. Use as a context; `page` opens one page in a profile of its own."""

    def __enter__(self):
        name = next(filter(shutil.which, ["chromium-headless-shell", "chromium", "google-chrome"]), None)
        if name is None:
            raise SystemExit("There is no Chromium: apt-get install chromium-headless-shell")
        self.profile = tempfile.mkdtemp(prefix="authkit-chromium-")
        to_browser, from_browser = os.pipe(), os.pipe()

        def descriptors():
            # --remote-debugging-pipe reads 3 and writes 4. Moved away first, for these may be among them.
            read, write = os.dup(to_browser[0]), os.dup(from_browser[1])
            high = [os.dup2(read, 60, False), os.dup2(write, 61, False)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [name, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", f"--user-data-dir={self.profile}", "--remote-debugging-pipe"],
            preexec_fn=descriptors, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.output, self.input = to_browser[1], from_browser[0]
        self.rest = b""
        self.number = 0
        self.listeners = {}
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, EOFError):
            self.command("Browser.close")
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.output)
        os.close(self.input)
        shutil.rmtree(self.profile, True)

    def command(self, method, session=None, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def receive(self):
        """The next message; an event is given to who listens for its session."""
        while b"\0" not in self.rest:
            more = os.read(self.input, 1 << 20)
            if not more:
                raise EOFError("Chromium has ended")
            self.rest += more
        line, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(line)
        listener = self.listeners.get(message.get("sessionId"))
        if listener and "method" in message:
            listener(message["method"], message["params"])
        return message

    @contextlib.contextmanager
    def page(self, url):
        context = self.command("Target.createBrowserContext")["browserContextId"]
        target = self.command("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        try:
            page.open(url)
            yield page
        finally:
            self.listeners.pop(session, None)
            self.command("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """One page. `received` has the `Set-Cookie` fields of every answer so far, one text for each answer."""

    def __init__(self, browser, session):
        self.browser = browser
        self.session = session
        self.received = []
        self.has_loaded = False
        browser.listeners[session] = self.event

    def event(self, method, parameters):
        if method == "Page.loadEventFired":
            self.has_loaded = True
        elif method == "Network.responseReceivedExtraInfo":
            fields = {name.lower(): value for name, value in parameters["headers"].items()}
            self.received.append(fields.get("set-cookie", ""))

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def open(self, url):
        self.command("Page.enable")
        self.command("Network.enable")
        self.command("Page.navigate", url=url)
        while not self.has_loaded:
            self.browser.receive()

    def evaluate(self, expression):
        answer = self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("text", "the page threw"))
        return answer["result"].get("value")

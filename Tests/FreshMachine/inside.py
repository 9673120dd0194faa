"""Runs on the fresh machine: installs what was put there as the READMEs say, runs the examples, and prints as JSON what
they said. Reads what to do from standard input."""

import glob
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

PLACE = "/opt/test"


def call(*command, **options):
    """Runs a command; what it says goes to standard error."""
    subprocess.run(command, check=True, stdout=sys.stderr, **options)


def install():
    call("ldconfig")
    # With httpx, which Debian has in a package.
    call("python3", "-m", "venv", "--system-site-packages", f"{PLACE}/python")
    call(f"{PLACE}/python/bin/pip", "install", "--quiet", "--no-index", *glob.glob(f"{PLACE}/wheels/*.whl"))
    call("gem", "install", "--quiet", "--no-document", "--local", *glob.glob(f"{PLACE}/gems/*.gem"))
    call("make", "--silent", "--directory", f"{PLACE}/c-prefork")


def run_at_once(command, tokens, count, environment):
    """Starts the program `count` times; returns what each printed, or nothing for one that failed."""
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(count)
    ]
    for process in started:
        process.stdin.write(json.dumps(tokens))
        process.stdin.close()
        # communicate() is not to close it again.
        process.stdin = None
    said = [process.communicate(timeout=60)[0] for process in started]
    return [json.loads(text) if process.returncode == 0 else [] for process, text in zip(started, said)]


def pages_of_c(token, count, environment):
    """Asks the C example for its page, all at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([f"{PLACE}/c-prefork/server"], env=dict(environment, HOST_PORT=str(port)))

    def get(path):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"X-Refresh-Token": token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    until = time.monotonic() + 20
    while True:
        try:
            get("/healthz")
            break
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
    pages, barrier = [{} for _ in range(count)], threading.Barrier(count)

    def ask(number):
        barrier.wait()
        try:
            pages[number] = json.loads(get("/page"))
        except (OSError, ValueError) as error:
            print(f"page {number}: {error}", file=sys.stderr)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.terminate()
    server.wait(20)
    return pages


def main():
    plan = json.load(sys.stdin)
    install()
    environment = dict(os.environ, **plan["environment"])
    linked = subprocess.run(["ldd", "/usr/local/lib/librefreshclient.so.1"], capture_output=True, text=True, check=True)
    programs = {
        name: run_at_once(program["command"], program["tokens"], plan["processes"], environment)
        for name, program in plan["programs"].items()
    }
    pages = pages_of_c(plan["page_token"], plan["pages"], environment)
    json.dump({"linked": linked.stdout, "programs": programs, "pages": pages}, sys.stdout)


if __name__ == "__main__":
    main()

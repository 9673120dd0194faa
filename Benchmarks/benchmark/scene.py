"""What the contenders are given: a directory on tmpfs, a Redis server, a sidecar; all of it gone at the end."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time


class Failure(Exception):
    """Something that the benchmark needs did not work; the message says what."""


class Scene:
    """A context manager. `run` starts the driver; safe to call from several threads."""

    def __init__(
            self, programs: pathlib.Path, library: str | None, swift_library: str | None, refreshd: str | None):
        self.driver = programs / "contend"
        self.refreshd = refreshd
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="refreshd-benchmark-", dir="/dev/shm"))
        self.library = self._as_shipped(library)
        self.swift_library = self._as_shipped(swift_library)
        self.processes: list[subprocess.Popen] = []
        self.redis: subprocess.Popen | None = None
        self.sidecar: subprocess.Popen | None = None
        self.skipped: dict[str, str] = {}

    def __enter__(self):
        try:
            self._start_redis()
            self._start_sidecar()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def contenders(self) -> list[str]:
        """Those that this scene has everything for; `skipped` says why the others are not among them."""
        found = []
        for line in subprocess.run([self.driver, "--list"], check=True, capture_output=True, text=True).stdout.split("\n"):
            if not line:
                continue
            name, _, needs = line.split()
            missing = {
                "library": None if self.library else "no librefreshclient.so was given (--library)",
                "swift": None if self.swift_library else "no library of the caller in Swift was given (--swift-library)",
                "sidecar": None if self.sidecar else "no refreshd was given (--refreshd)",
            }.get(needs)
            if missing:
                self.skipped[name] = missing
            else:
                found.append(name)
        return found

    def run(self, contender: str, workload: str, *options: str) -> dict:
        """One run of the driver in a fresh directory; what it printed."""
        directory = tempfile.mkdtemp(prefix="table-", dir=self.root)
        command = [self.driver, "--contender", contender, "--workload", workload, "--directory", directory]
        command += ["--redis", self.root / "redis.sock", *options]
        if self.library:
            command += ["--library", self.library]
        if self.swift_library:
            command += ["--swift-library", self.swift_library]
        server = self.redis if contender.startswith("redis-") else None
        if contender == "refreshd-sidecar":
            server = self.sidecar
            command += ["--sidecar", self.root / "refreshd.sock", "--shared", self.root / "upstream"]
        if server is not None:
            command += ["--server", str(server.pid)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        if done.returncode != 0:
            raise Failure(f"{contender}, {workload}: {done.stderr.strip() or done.returncode}")
        return json.loads(done.stdout)

    def _as_shipped(self, library: str | None) -> pathlib.Path | None:
        """Without symbols, which are more than half of it: what a process has mapped is what its end takes time for."""
        if not library:
            return None
        stripped = self.root / pathlib.Path(library).name
        subprocess.run(["strip", "-o", stripped, library], check=True)
        return stripped

    def _start(self, command: list, **options) -> subprocess.Popen:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        self.processes.append(process)
        return process

    def await_socket(self, path: pathlib.Path, process: subprocess.Popen, name: str) -> None:
        """Until somebody listens there."""
        end = time.monotonic() + 20
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(path))
                    return
                except OSError as error:
                    if process.poll() is not None or time.monotonic() > end:
                        process.kill()
                        raise Failure(f"{name} does not serve: {process.stderr.read().decode().strip()}") from error
            time.sleep(0.02)

    def _start_redis(self) -> None:
        path = self.root / "redis.sock"
        self.redis = self._start(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", self.root])
        self.await_socket(path, self.redis, "redis-server")

    def _start_sidecar(self) -> None:
        if not self.refreshd:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._start([self.driver, "--serve", str(port), "--shared", self.root / "upstream"])
        table, path = self.root / "sidecar-table", self.root / "refreshd.sock"
        table.mkdir(mode=0o700)
        self.sidecar = self._start(
            [self.refreshd, "--listen", f"unix:{path}", "--upstream", f"http://127.0.0.1:{port}", "--directory", table,
             "--client-id", "client_benchmark", "--public-client", "--log-level", "error"])
        self.await_socket(path, self.sidecar, "refreshd")

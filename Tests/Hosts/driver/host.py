"""A server under test."""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time

from emulator import API_KEY, CLIENT_ID
from processes import HostError, register, with_variable

SECONDS_TO_START = 90
SECONDS_TO_STOP = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """One server: its folder's program `start`, run with a scratch directory of its own."""

    def __init__(self, folder, scratch, table, options, emulator, preload):
        self.folder = folder
        self.name = folder.name
        self.port = free_port()
        self.scratch = scratch / self.name
        self.scratch.mkdir(mode=0o700)
        self.log = self.scratch / "start.log"
        self.workers = options.workers or (8 if self.name == "c" else 4)
        self.process = None
        self.seconds_to_health = 0.0
        self.environment = dict(
            os.environ,
            HOST_PORT=str(self.port),
            HOST_WORKERS=str(self.workers),
            HOST_SCRATCH=str(self.scratch),
            REFRESHD_DIRECTORY=table,
            REFRESHCLIENT_LIBRARY=os.path.abspath(options.library),
            REFRESHCLIENT_HEADER=os.path.abspath(options.header),
            WORKOS_BASE_URL=emulator.url,
            WORKOS_CLIENT_ID=CLIENT_ID,
            WORKOS_API_KEY=API_KEY,
        )
        self.environment.pop("HOST_PRELOAD", None)
        self.warmup_token = emulator.new_token() if preload else None
        if preload:
            self.environment |= {"HOST_PRELOAD": "1", "HOST_WARMUP_TOKEN": self.warmup_token}

    def start(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.folder / "start"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
        register(self.process)

    def await_health(self):
        """Waits until the server answers; a server says it in no other way."""
        begun = time.monotonic()
        while True:
            if self.process.poll() is not None:
                raise HostError(f"{self.name} ended with status {self.process.returncode}: {self.last_lines()}")
            try:
                if self.get("/healthz", seconds=5)[0] == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() > begun + SECONDS_TO_START:
                raise HostError(f"{self.name} does not serve: {self.last_lines()}")
            time.sleep(0.1)
        self.seconds_to_health = time.monotonic() - begun

    def get(self, path, seconds):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def last_lines(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-8:]) or "its log is empty"

    def stop(self):
        """Asks it to stop, and returns what was not as it should be."""
        left = []
        if self.process is None:
            return left
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                left.append(f"it still runs after {SECONDS_TO_STOP} s")
        else:
            left.append(f"it had ended before, with status {self.process.returncode}: {self.last_lines()}")
        for pid, command in with_variable("HOST_SCRATCH", str(self.scratch)).items():
            left.append(f"process {pid} is left: {command}")
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        return left

    def keep_scratch(self):
        kept = tempfile.mkdtemp(prefix=f"kept-{self.name}-")
        shutil.copytree(self.scratch, kept, dirs_exist_ok=True, symlinks=True, ignore=_only_files)
        return kept


def _only_files(folder, names):
    """Sockets and pipes cannot be copied."""
    places = {name: os.path.join(folder, name) for name in names}
    return [name for name, place in places.items() if not (os.path.isfile(place) or os.path.isdir(place))]

"""Looking at processes through /proc, and ending those that were started here."""

import json
import os
import signal
import subprocess
from pathlib import Path


class HostError(Exception):
    """Something that the checks need did not happen."""


_started = []


def register(process):
    """Remembers a process that leads a session of its own, so that it ends with the driver."""
    _started.append(process)


def end_everything():
    """Kills what still runs of all that was started."""
    for process in _started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def descendants(pid):
    """The process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def with_variable(name, value):
    """Pids and commands of the processes that were started with this variable in their environment."""
    wanted = f"{name}={value}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(entry.name)] = command.strip()[:80]
            except OSError:
                pass
    return found


def peers_of(pid, port):
    """Ports of the clients whose connections to `port` this process has open."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:["):-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(int(fields[2].rpartition(":")[2], 16))
    return found


def holders(lease_dump, directory, state):
    """Pids of the processes whose leases or outcomes of this state are in the table now."""
    run = subprocess.run(
        [lease_dump, "--json", "--directory", directory], capture_output=True, text=True, timeout=30, check=False
    )
    if run.returncode:
        raise HostError(f"lease-dump: {run.stderr.strip()}")
    return [lease["holder"]["pid"] for lease in json.loads(run.stdout)["leases"] if lease["state"] == state]

"""What the figures were measured on."""

import os
import pathlib
import platform
import re
import subprocess


def describe() -> dict[str, str]:
    information = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", information)
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout
    lmdb = subprocess.run(["pkg-config", "--modversion", "lmdb"], capture_output=True, text=True).stdout.strip()
    version = re.search(r"v=(\S+)", redis)
    return {
        "processor": f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "Linux": platform.release(),
        "Redis": version[1] if version else "unknown",
        "LMDB": lmdb or "unknown",
    }

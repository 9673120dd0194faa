"""What `make library` and swift build have made."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEADER = ROOT / "Sources" / "CRefreshClientHeader" / "include" / "refreshclient.h"


def built(name):
    """Where a product is: named by the environment, or of the release or debug build."""
    variable = os.environ.get(name.upper().replace("-", "_"))
    places = [ROOT / ".build" / kind / name for kind in ("release", "debug")]
    return variable or str(next((place for place in places if place.exists()), places[0]))


def library():
    """Where the library is: named by the environment, or built."""
    return os.environ.get("REFRESHCLIENT_LIBRARY") or built("librefreshclient.so")

"""Who is measured, and under which name."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Contender:
    """`letter` is what tables call it by, `colour` what plots draw it in."""

    name: str
    letter: str
    title: str
    colour: str


ALL = (
    Contender("redis-retry", "a", "Redis lock, tried again every 10 ms (oauth2-proxy)", "#c0504d"),
    Contender("redis-subscribe", "b", "Redis lock with publish/subscribe (Redisson)", "#e08a3c"),
    Contender("shared-memory-poll", "c", "shared-memory table polled every 500 ms (mod_auth_openidc)", "#9a7bb5"),
    Contender("locked-file", "d", "flock and a replaced file (int128/kubelogin)", "#7f7f7f"),
    Contender("uncoordinated", "e", "no coordination", "#c9b458"),
    Contender("bare-mechanism", "f", "our mechanism alone: LMDB and a named pipe, in C", "#4f9d69"),
    Contender("bare-mechanism-sealed", "f, sealed", "the same, encrypting", "#86c29a"),
    Contender("bare-mechanism-swept", "f, swept", "the same, removing expired records", "#b5dcc1"),
    Contender("refreshclient-c", "ours, C", "librefreshclient.so", "#1f5fa8"),
    Contender("refreshclient-swift", "ours, Swift", "RefreshClient, linked into a worker in Swift", "#17406f"),
    Contender("refreshd-sidecar", "ours, sidecar", "refreshd over its Unix socket", "#6fa3d8"),
)
BY_NAME = {contender.name: contender for contender in ALL}

OURS = "refreshclient-c"
BARE = "bare-mechanism"
PEERS = ("redis-retry", "redis-subscribe", "shared-memory-poll", "locked-file")
# Peers that learn of a death only when a time is up.
BLIND = ("redis-retry", "redis-subscribe", "shared-memory-poll")

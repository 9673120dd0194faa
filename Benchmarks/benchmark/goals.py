"""What the project set out to reach, and whether this run shows it."""

import dataclasses
import statistics

from .contenders import BARE, OURS, PEERS
from .figures import Figures


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`value` is None where something that is compared was not measured."""

    text: str
    goal: str
    value: float | None
    held: bool | None

    @property
    def words(self) -> str:
        return {None: "not measured", True: "held", False: "missed"}[self.held]


def _most(text: str, value: float | None, limit: float) -> Verdict:
    return Verdict(text, f"at most {limit:g}", value, None if value is None else value <= limit)


def _least(text: str, value: float | None, limit: float) -> Verdict:
    return Verdict(text, f"at least {limit:g}", value, None if value is None else value >= limit)


def _times_faster(figures: Figures, work: str, metric: str, other: str) -> float | None:
    ratio = figures.ratio(work, metric, OURS, other)
    return 1 / ratio if ratio else None


def _sealing_apart(figures: Figures, work: str, metric: str) -> float | None:
    """Ours without what sealing costs the bare mechanism, over the bare mechanism."""
    columns = [figures.values(work, name, metric) for name in (OURS, "bare-mechanism-sealed", BARE)]
    if not all(columns):
        return None
    return statistics.median((ours - (sealed - bare)) / bare for ours, sealed, bare in zip(*columns))


def _calls(figures: Figures, seconds: int) -> list[Verdict]:
    runs = figures.runs.get(f"slow{seconds}", {}).get(OURS, [])
    calls = max((run["calls"] for run in runs), default=None)
    failed = sum(run["failed"] for run in runs) if runs else None
    return [
        Verdict(f"calls of an upstream that takes {seconds} s", "exactly 1", calls, None if calls is None else calls == 1),
        Verdict("callers failed by it, of 9 in each run", "0", failed, None if failed is None else failed == 0),
    ]


def verdicts(figures: Figures) -> list[Verdict]:
    found = [
        _least("stored result: times faster than (b)'s GET, p50", _times_faster(figures, "hit", "hit_p50", "redis-subscribe"),
               20),
        _least("claim and publish: times faster than (b), p50",
               _times_faster(figures, "cycle1", "cycle_p50", "redis-subscribe"), 4),
        _least("claim and publish, 8 processes: throughput over (a)'s",
               figures.ratio("cycle8", "cycles_per_second", OURS, "redis-retry"), 1.5),
        _most("claim and publish: time over (f)'s, p50, sealing apart", _sealing_apart(figures, "cycle1", "cycle_p50"), 1.5),
    ]
    for waiters in (8, 64):
        for percentile in ("p50", "p99"):
            found.append(_most(
                f"result to {waiters} waiters: time over that of the best of (a) to (d), {percentile}",
                figures.ratio(f"wake{waiters}", f"delay_{percentile}", OURS, *PEERS), 0.5))
    for waiters, factor in ((1, 1000), (64, 500)):
        words = "1 waiter" if waiters == 1 else f"{waiters} waiters"
        found.append(_most(f"takeover, {words}: time over (d)'s, p50",
                           figures.ratio(f"takeover{waiters}", "takeover_p50", OURS, "locked-file"), 0.7))
        for letter, peer in (("a", "redis-retry"), ("b", "redis-subscribe"), ("c", "shared-memory-poll")):
            found.append(_least(f"takeover, {words}: times faster than ({letter}), p50",
                                _times_faster(figures, f"takeover{waiters}", "takeover_p50", peer), factor))
    found += _calls(figures, 3) + _calls(figures, 6)
    found.append(_most("processor time of 64 waiters over 1 s: over (b)'s",
                       figures.ratio("processor", "waiters_ns", OURS, "redis-subscribe"), 0.5))
    found.append(_most("slowest of 128 callers over the upstream's 100 ms",
                       figures.median("storm", OURS, "over_upstream"), 1.05))
    return found

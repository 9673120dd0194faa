"""The work that every contender is given, and what is taken from it."""

import dataclasses
import typing

from .contenders import BLIND
from .figures import percentiles

# Not the driver's, but pages.py's; its option is the number of rounds.
PAGES = "pages"


@dataclasses.dataclass(frozen=True)
class Work:
    """`take` makes the metrics of one run from what the driver printed."""

    key: str
    title: str
    workload: str
    options: tuple[str, ...]
    take: typing.Callable[[dict], dict]
    without: tuple[str, ...] = ("uncoordinated",)
    # Only how often and whether is of interest, or seconds: all contenders at once.
    at_once: bool = False


def _hits(printed: dict) -> dict:
    return percentiles(printed["hit_ns"], "hit")


def _cycles(printed: dict) -> dict:
    return percentiles(printed["cycle_ns"], "cycle") | {"cycles_per_second": printed["cycles_per_second"]}


def _records(printed: dict) -> dict:
    return percentiles(printed["hit_ns"], "hit") | percentiles(printed["cycle_ns"], "cycle")


def _wakes(printed: dict) -> dict:
    return percentiles(printed["delay_ns"], "delay") | {
        "calls": printed["calls"] / printed["rounds"], "failed": printed["failed"]}


def _takeovers(printed: dict) -> dict:
    return percentiles(printed["takeover_ns"], "takeover") | percentiles(printed["delay_ns"], "all")


def _slow(printed: dict) -> dict:
    return {key: printed[key] for key in ("calls", "failed", "callers", "elapsed_ns")}


def _processor(printed: dict) -> dict:
    return {
        "waiters_ns": sum(printed["processor_ns"]) / printed["rounds"],
        # The round that opens what is to be opened is in this one.
        "server_ns": printed["server_processor_ns"] / (printed["rounds"] + 1)}


def _memory(printed: dict) -> dict:
    pss, private = sorted(printed["pss_kib"]), sorted(printed["private_kib"])
    return {"pss_kib": pss[len(pss) // 2], "private_kib": private[len(private) // 2]}


def _storm(printed: dict) -> dict:
    slowest = percentiles(printed["slowest_ns"], "slowest")
    return slowest | percentiles(printed["latency_ns"], "latency") | {
        "over_upstream": slowest["slowest_p50"] / printed["call_ns"],
        "calls": printed["calls"] / printed["rounds"], "failed": printed["failed"]}


def works(quick: bool) -> list[Work]:
    """In the order in which they are run. `quick` is for seeing that it works; its figures mean nothing."""

    def amount(full: int, short: int) -> str:
        return str(short if quick else full)

    rounds = ("--rounds", amount(10, 2))
    plan = [
        Work("hit", "stored result", "hits", ("--operations", amount(20000, 500)), _hits)]
    for processes in (1, 8) if quick else (1, 2, 4, 8, 16):
        plan.append(Work(
            f"cycle{processes}", f"claim and publish, processes: {processes}", "cycles",
            ("--processes", str(processes), "--operations", amount(max(500, 6000 // processes), 100)), _cycles))
    for waiters in (8, 64):
        for suffix, title, extra in (("", "together", ()), ("s", "staggered", ("--staggered",))):
            plan.append(Work(
                f"wake{waiters}{suffix}", f"result to {waiters} waiters, {title}", "wakes",
                ("--processes", str(waiters), *rounds, "--call-ms", "150" if extra else "50", *extra), _wakes))
    for waiters in (1, 64):
        plan.append(Work(
            f"takeover{waiters}", f"takeover after SIGKILL, waiters: {waiters}",
            "takeovers", ("--processes", str(waiters), *rounds), _takeovers,
            without=("uncoordinated", "refreshd-sidecar", *BLIND)))
    for seconds in (3,) if quick else (3, 6):
        plan.append(Work(
            f"slow{seconds}", f"upstream of {seconds} s, 9 callers", "slow",
            ("--processes", "9", "--call-ms", str(seconds * 1000)), _slow, without=(), at_once=True))
    if not quick:
        for waiters in (1, 64):
            plan.append(Work(
                f"takeover{waiters}", f"takeover after SIGKILL, where only time tells, waiters: {waiters}", "takeovers",
                ("--processes", str(waiters), "--rounds", "1", "--cold"), _takeovers,
                without=tuple(name for name in _all_names() if name not in BLIND), at_once=True))
    plan += [
        Work("processor", "processor time of 64 waiters over 1 s", "wakes",
             ("--processes", "64", "--rounds", amount(3, 1), "--call-ms", "1000"), _processor),
        Work("memory", "memory of a worker", "memory", ("--processes", "8"), _memory, without=()),
        Work("storm", "128 callers in 16 processes, upstream of 100 ms", "storm",
             ("--processes", "16", "--threads", "8", "--rounds", amount(10, 2), "--call-ms", "100"), _storm),
        Work("pages", "40 requests to a page behind gunicorn, upstream of 100 ms", PAGES, (amount(10, 2),), _storm,
             without=()),
        Work("records", f"with {amount(100000, 2000)} live records", "records",
             ("--records", amount(100000, 2000), "--operations", amount(5000, 200), "--retention-ms", "900000"), _records,
             without=("uncoordinated", "refreshd-sidecar")),
    ]
    return plan


def _all_names() -> tuple[str, ...]:
    from .contenders import ALL

    return tuple(contender.name for contender in ALL)

"""Tables for the terminal and for docs/performance.md."""

import pathlib
import re

from .contenders import ALL
from .figures import Figures
from .goals import verdicts


def duration(nanoseconds: float | None) -> str:
    if nanoseconds is None:
        return "–"
    for limit, divisor, unit, digits in (
        (1e3, 1, "ns", 0), (1e5, 1e3, "µs", 1), (1e6, 1e3, "µs", 0), (1e8, 1e6, "ms", 2), (1e9, 1e6, "ms", 0),
        (float("inf"), 1e9, "s", 2),
    ):
        if nanoseconds < limit:
            return f"{nanoseconds / divisor:.{digits}f} {unit}"
    raise AssertionError


def number(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value != int(value) else f"{int(value)}"


class Report:
    """Markdown, the same for both."""

    def __init__(self, figures: Figures, machine: dict, skipped: dict[str, str], quick: bool):
        self.figures = figures
        self.machine = machine
        self.skipped = skipped
        self.quick = quick
        measured = {name for work in figures.runs.values() for name in work}
        self.contenders = [contender for contender in ALL if contender.name in measured]

    def _table(self, head: list[str], rows: list[list[str]]) -> str:
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def _cell(self, work: str, contender: str, *metrics: str, form=duration) -> str:
        values = [self.figures.median(work, contender, metric) for metric in metrics]
        if all(value is None for value in values):
            return "–"
        return " / ".join(form(value) for value in values)

    def _times(self, columns: list[tuple[str, str, str]]) -> str:
        """Columns are title, work, metric without percentile."""
        rows = []
        for contender in self.contenders:
            cells = [self._cell(work, contender.name, f"{metric}_p50", f"{metric}_p99") for _, work, metric in columns]
            if any(cell != "–" for cell in cells):
                rows.append([f"({contender.letter})", *cells])
        return self._table(["p50 / p99", *[title for title, _, _ in columns]], rows)

    def goals(self) -> str:
        rows = [[v.text, v.goal, number(v.value), v.words] for v in verdicts(self.figures)]
        return self._table(["", "goal", "measured", ""], rows)

    def key(self) -> str:
        rows = [[f"({contender.letter})", contender.title] for contender in self.contenders]
        text = self._table(["", "contender"], rows)
        for name, reason in self.skipped.items():
            text += f"\n\n{name} was not measured: {reason}."
        return text

    def machine_words(self) -> str:
        words = "; ".join(f"{name} {value}" for name, value in self.machine.items())
        if self.quick:
            words += ".\n\n**A quick run, to see that the benchmark works: its figures mean nothing**"
        return f"{words}."

    def hot(self) -> str:
        return self._times([
            ("stored result", "hit", "hit"), ("claim and publish", "cycle1", "cycle"),
            ("the same, 8 processes", "cycle8", "cycle"), ("stored result among many", "records", "hit"),
            ("claim and publish among many", "records", "cycle")])

    def waits(self) -> str:
        return self._times([
            ("8 waiters", "wake8", "delay"), ("8, staggered", "wake8s", "delay"), ("64 waiters", "wake64", "delay"),
            ("64, staggered", "wake64s", "delay")])

    def deaths(self) -> str:
        return self._times([
            ("next call, 1 waiter", "takeover1", "takeover"), ("next call, 64 waiters", "takeover64", "takeover"),
            ("every waiter of 64 served", "takeover64", "all")])

    def slow(self) -> str:
        rows = []
        for contender in self.contenders:
            cells = []
            for seconds in (3, 6):
                runs = self.figures.runs.get(f"slow{seconds}", {}).get(contender.name, [])
                calls = sorted({run["calls"] for run in runs})
                failed = sorted({run["failed"] for run in runs})
                cells += ["–" if not runs else " to ".join(map(str, sorted({v[0], v[-1]}))) for v in (calls, failed)]
            if any(cell != "–" for cell in cells):
                rows.append([f"({contender.letter})", *cells])
        return self._table(["9 callers", "calls, 3 s", "failed, 3 s", "calls, 6 s", "failed, 6 s"], rows)

    def throughput(self) -> str:
        counts = [count for count in (1, 2, 4, 8, 16) if f"cycle{count}" in self.figures.runs]
        rows = [
            [f"({contender.letter})",
             *[self._cell(f"cycle{count}", contender.name, "cycles_per_second", form=number) for count in counts]]
            for contender in self.contenders if contender.name in self.figures.runs.get("cycle1", {})]
        return self._table(["cycles a second, processes", *map(str, counts)], rows)

    def resources(self) -> str:
        rows = []
        plain = {metric: self.figures.median("memory", "uncoordinated", metric) for metric in ("pss_kib", "private_kib")}
        for contender in self.contenders:
            if contender.name not in self.figures.runs.get("memory", {}):
                continue
            memory = [
                self.figures.median("memory", contender.name, metric) - (plain[metric] or 0) for metric in plain]
            rows.append([
                f"({contender.letter})", self._cell("processor", contender.name, "waiters_ns"),
                self._cell("processor", contender.name, "server_ns"), *[f"{max(0, value):.0f} KiB" for value in memory],
                self._cell("storm", contender.name, "slowest_p50"),
                self._cell("storm", contender.name, "calls", "failed", form=number)])
        return self._table(
            ["", "processor, 64 waiters over 1 s", "the server's", "memory of a worker (PSS)", "of it private",
             "slowest of 128 callers", "calls / failed"], rows)

    def pages(self) -> str:
        rows = [
            [f"({contender.letter})", self._cell("pages", contender.name, "latency_p50", "latency_p99"),
             self._cell("pages", contender.name, "slowest_p50"),
             self._cell("pages", contender.name, "calls", "failed", form=number)]
            for contender in self.contenders if contender.name in self.figures.runs.get("pages", {})]
        return self._table(["40 requests", "p50 / p99", "slowest of a round", "calls / failed"], rows)

    def sections(self) -> dict[str, str]:
        return {
            "machine": self.machine_words(), "goals": self.goals(), "contenders": self.key(), "hot": self.hot(),
            "waits": self.waits(), "deaths": self.deaths(), "slow": self.slow(), "throughput": self.throughput(),
            "resources": self.resources(), "pages": self.pages(),
        }

    def text(self) -> str:
        return "\n\n".join(f"{name.upper()}\n\n{text}" for name, text in self.sections().items())

    def write(self, page: pathlib.Path) -> None:
        """Replaces what stands between `<!-- benchmark: NAME -->` and `<!-- end -->`, for each section."""
        content = page.read_text()
        for name, text in self.sections().items():
            pattern = re.compile(rf"(<!-- benchmark: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
            content, count = pattern.subn(lambda match: f"{match[1]}{text}\n{match[2]}", content)
            if count != 1:
                raise ValueError(f"{page} has {count} places for the section {name}")
        page.write_text(content)

"""From samples to figures: HdrHistogram for each run, medians and ratios over the runs."""

import statistics

from hdrh.histogram import HdrHistogram

# 1 ns to 200 s, three digits.
LOWEST, HIGHEST, DIGITS = 1, 200_000_000_000, 3


def histogram(samples: list[int]) -> HdrHistogram:
    made = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for sample in samples:
        made.record_value(min(max(sample, LOWEST), HIGHEST))
    return made


def percentiles(samples: list[int], prefix: str) -> dict[str, float]:
    """p50, p99 and the largest, in ns; nothing where there are no samples."""
    if not samples:
        return {}
    made = histogram(samples)
    return {
        f"{prefix}_p50": made.get_value_at_percentile(50),
        f"{prefix}_p99": made.get_value_at_percentile(99),
        f"{prefix}_max": made.get_max_value(),
    }


class Figures:
    """runs[workload][contender] is a list with one dict of metrics for each run, `None` where it was not measured."""

    def __init__(self):
        self.runs: dict[str, dict[str, list[dict]]] = {}

    def add(self, workload: str, contender: str, metrics: dict) -> None:
        self.runs.setdefault(workload, {}).setdefault(contender, []).append(metrics)

    def values(self, workload: str, contender: str, metric: str) -> list[float]:
        return [run[metric] for run in self.runs.get(workload, {}).get(contender, []) if metric in run]

    def median(self, workload: str, contender: str, metric: str) -> float | None:
        values = self.values(workload, contender, metric)
        return statistics.median(values) if values else None

    def spread(self, workload: str, contender: str, metric: str) -> tuple[float, float] | None:
        values = self.values(workload, contender, metric)
        return (min(values), max(values)) if values else None

    def ratio(self, workload: str, metric: str, ours: str, *others: str) -> float | None:
        """Median over the runs of ours over the least of the others, both from the same run."""
        mine = self.values(workload, ours, metric)
        theirs = [values for other in others if (values := self.values(workload, other, metric))]
        if not mine or not theirs:
            return None
        best = [min(values) for values in zip(*theirs)]
        return statistics.median(one / other for one, other in zip(mine, best) if other > 0)

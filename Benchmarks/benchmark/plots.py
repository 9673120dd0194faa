"""Plots as SVG."""

import pathlib

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from .contenders import ALL, BY_NAME  # noqa: E402
from .figures import Figures  # noqa: E402

# Text stays text, and the same figures make the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "refreshd", "font.size": 9})


def _save(figure, path: pathlib.Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def _bars(figures: Figures, panels: list[tuple[str, str, str]], path: pathlib.Path) -> None:
    """One panel for each (title, work, metric); p50 as a bar, p99 as its whisker, on a logarithmic scale."""
    drawing, axes = pyplot.subplots(1, len(panels), figsize=(4 * len(panels), 2.8), sharey=True, squeeze=False)
    shown = [c for c in ALL if any(figures.median(work, c.name, f"{metric}_p50") for _, work, metric in panels)]
    for axis, (title, work, metric) in zip(axes[0], panels):
        for place, contender in enumerate(reversed(shown)):
            middle = figures.median(work, contender.name, f"{metric}_p50")
            if middle is None:
                continue
            high = max(figures.median(work, contender.name, f"{metric}_p99"), middle)
            axis.barh(place, middle / 1000, color=contender.colour, xerr=[[0], [(high - middle) / 1000]],
                      error_kw={"lw": 1, "capsize": 2})
        axis.set_xscale("log")
        axis.set_title(title)
        axis.set_xlabel("µs, p50 and p99")
        axis.grid(axis="x", alpha=0.3)
    axes[0][0].set_yticks(range(len(shown)), [f"({c.letter})" for c in reversed(shown)])
    _save(drawing, path)


def _throughput(figures: Figures, path: pathlib.Path) -> None:
    drawing, axis = pyplot.subplots(figsize=(6, 3.4))
    counts = [count for count in (1, 2, 4, 8, 16) if f"cycle{count}" in figures.runs]
    names = [name for name in BY_NAME if name in figures.runs.get("cycle1", {})]
    for name in names:
        values = [figures.median(f"cycle{count}", name, "cycles_per_second") for count in counts]
        axis.plot(counts, values, marker="o", color=BY_NAME[name].colour, label=f"({BY_NAME[name].letter})")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks(counts, map(str, counts))
    axis.set_xlabel("processes")
    axis.set_ylabel("claim and publish, a second")
    axis.grid(alpha=0.3)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    _save(drawing, path)


def write(figures: Figures, directory: pathlib.Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    _bars(figures, [("stored result", "hit", "hit"), ("claim and publish", "cycle1", "cycle")], directory / "hot.svg")
    _bars(figures, [("result to 8 waiters", "wake8", "delay"), ("result to 64 waiters", "wake64", "delay")],
          directory / "waits.svg")
    _bars(figures, [("takeover, 1 waiter", "takeover1", "takeover"), ("takeover, 64 waiters", "takeover64", "takeover")],
          directory / "deaths.svg")
    _throughput(figures, directory / "throughput.svg")

"""Pictures of what was measured, for `docs/performance.md`; drawn by `python -m benchmarks.serving.plots`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from benchmarks.results import read
from benchmarks.serving.tail import STAGES

_PICTURES = Path(__file__).parents[2] / "docs" / "images" / "serving"
_SIZE = (7.0, 4.0)
_WAY_COLOURS = {"at_least_once": "tab:blue", "exactly_once": "tab:orange"}
_STAGE_COLOURS = ("tab:gray", "tab:blue", "tab:orange")


def draw() -> list[Path]:
    """Draw what has been measured; returns the files."""
    known = read()
    return [_save(name, known[name]["figures"], plot) for name, plot in _PLOTS.items() if name in known]


def _save(name: str, figures: dict[str, Any], plot: Callable[[Axes, dict[str, Any]], None]) -> Path:
    canvas, axes = plt.subplots(figsize=_SIZE)
    plot(axes, figures)
    axes.grid(visible=True, which="both", alpha=0.2)
    canvas.tight_layout()
    path = _PICTURES / f"{name}.svg"
    with plt.rc_context({"svg.hashsalt": name}):  # the same figures give the same file
        canvas.savefig(path, metadata={"Date": None})
    plt.close(canvas)
    return path


def _latency(axes: Axes, figures: dict[str, Any]) -> None:
    for delivery, colour in _WAY_COLOURS.items():
        rows = [row for row in figures["rows"] if row["delivery"] == delivery]
        rates = [row["rate"] for row in rows]
        for key, style in (("p50", ":"), ("p99", "-"), ("p999", "--")):
            label = f"{delivery.replace('_', ' ')}, {key.replace('p999', 'p99.9')}"
            axes.loglog(rates, [row[key] for row in rows], style, marker="o", color=colour, label=label)
    axes.set(xlabel="transactions/s", ylabel="due to visible, ms", title="Latency to a read_committed reader")
    _mark(axes.xaxis, rates)
    _mark(axes.yaxis, (5, 10, 20, 50, 100))
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _commits(axes: Axes, figures: dict[str, Any]) -> None:
    rows = figures["rows"]
    intervals = [row["interval_ms"] for row in rows]
    for key, style in (("p50", ":"), ("p99", "-")):
        axes.loglog(intervals, [row[key] for row in rows], style, marker="o", color="tab:orange", label=key)
    axes.set(xlabel="commit interval, ms", ylabel=f"latency at {figures['rate']:,}/s, ms")
    axes.set_title("The commit interval, exactly once")
    _mark(axes.xaxis, intervals)
    _mark(axes.yaxis, (20, 50, 100, 200, 500, 1_000))
    right = axes.twinx()
    shares = [row["per_s"] / figures["passthrough_per_s"] for row in rows]
    right.plot(intervals, shares, "-s", color="tab:green", label="throughput")
    right.set(ylabel="throughput, of a passthrough", ylim=(0, 1.05))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], fontsize=8)


def _forests(axes: Axes, figures: dict[str, Any]) -> None:
    for name, way in figures["ways"].items():
        if "us" in way:
            sizes = [int(size) for size in way["us"]]
            axes.loglog(sizes, list(way["us"].values()), "-o", label=name)
            _mark(axes.xaxis, sizes)
    _mark(axes.yaxis, (2, 5, 10, 20, 50, 100, 200))
    axes.set(xlabel="rows in a batch", ylabel="µs a row", title="Scoring with the same 300 trees, one thread")
    axes.legend(fontsize=8)


def _tail(axes: Axes, figures: dict[str, Any]) -> None:
    bars = [
        (f"{row['delivery'].replace('_', ' ')}\n{row['system']}, {of}", row[of])
        for row in reversed(figures["stages"])
        for of in ("slowest", "typical")
    ]
    names, left = [name for name, _ in bars], [0.0] * len(bars)
    for stage, colour in zip(STAGES, _STAGE_COLOURS, strict=True):
        widths = [max(0.0, stages[stage]) for _, stages in bars]
        axes.barh(names, widths, left=left, color=colour, label=stage)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.set(xlabel=f"ms at {figures['stage_rate']:,}/s", title="Where a payment's time goes")
    axes.tick_params(axis="y", labelsize=7)
    axes.legend(fontsize=8)


def _mark(axis: Axis, values: Sequence[float]) -> None:
    """Numbers as people write them, on a logarithmic axis."""
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


_PLOTS = {"latency": _latency, "commits": _commits, "forests": _forests, "tail": _tail}


if __name__ == "__main__":
    for drawn in draw():
        print(drawn)

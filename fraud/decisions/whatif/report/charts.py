"""The charts of a what-if: for each segment what its bounds would do."""

from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from fraud.decisions.whatif.curves import BandCurve, CurvePoint
from fraud.decisions.whatif.result import WhatIfResult
from fraud.evaluation.drawing import PALETTE, as_svg, page_canvas
from fraud.evaluation.report.charts import HEIGHT, WIDTH, Chart

_LEAST_POINTS = 2
_LABELS = {"probability": "probability", "expected_cost": "expected cost"}


def draw_band_charts(result: WhatIfResult) -> list[Chart]:
    """Two charts for each segment with known frauds: precision and recall, and money."""
    return [chart for curve in result.curves for chart in _charts(curve, result.currency)]


def _charts(curve: BandCurve, currency: str) -> Iterator[Chart]:
    has_fraud = curve.points[-1].recall == 1
    if has_fraud and len(curve.points) >= _LEAST_POINTS:
        yield _quality(curve)
        yield _money(curve, currency)


def _quality(curve: BandCurve) -> Chart:
    title = f"{curve.segment}: precision and recall"
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        lines = {
            _line(axes, curve, "precision", "model"): "precision",
            _line(axes, curve, "recall", "logistic"): "recall",
        }
        axes.set(ylabel="share", ylim=(0, 1.04))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        tooltips = lines | _finish(axes, curve)
        svg = as_svg(figure, title, tooltips)
    return Chart(title, _caption(curve), svg, [("precision", "model"), ("recall", "logistic")])


def _money(curve: BandCurve, currency: str) -> Chart:
    title = f"{curve.segment}: money"
    with page_canvas(WIDTH, HEIGHT) as (figure, axes):
        lines = {
            _line(axes, curve, "saved", "model"): "fraud from the bound on",
            _line(axes, curve, "lost", "logistic"): "fraud below it",
            _line(axes, curve, "wrongly", "amount"): "legitimate payments from the bound on",
        }
        top = max(max(one.saved + one.lost for one in curve.points), 1.0) * 1.15
        axes.set(ylabel=currency or "amount", ylim=(0, top))
        axes.yaxis.set_major_formatter(lambda value, _: _short(value))
        tooltips = lines | _finish(axes, curve)
        svg = as_svg(figure, title, tooltips)
    legend = [("fraud stopped", "model"), ("fraud approved", "logistic"), ("legitimate stopped", "amount")]
    return Chart(title, _caption(curve), svg, legend)


def _caption(curve: BandCurve) -> str:
    bounds = ", ".join(f"{outcome} from {lower:g}" for outcome, lower in curve.bounds.items())
    return (
        f"Every possible bound of the {_LABELS[curve.value]}, for payments that neither a list nor a rule "
        f"decides; dashed the bands of the policy: {bounds or 'none'}."
    )


def _line(axes: Axes, curve: BandCurve, name: str, colour: str) -> Artist:
    alerts = np.array([one.alerts for one in curve.points])
    values = np.array([getattr(one, name) for one in curve.points])
    if name == "wrongly":
        # What is legitimate outgrows the fraud by far; the line ends where it leaves the chart.
        values = np.where(values <= curve.points[-1].saved * 1.15, values, np.nan)
    (line,) = axes.plot(alerts, values, color=PALETTE[colour], linewidth=2.4)
    return line


def _finish(axes: Axes, curve: BandCurve) -> dict[Artist, str]:
    """The axis of alerts, and a dashed line at each bound within it; returns their tooltips."""
    first, last = curve.points[0].alerts, curve.points[-1].alerts
    axes.set_xscale("log")
    axes.set(xlabel="alerts a day", xlim=(first, max(last, first * 1.01)))
    axes.xaxis.set_major_formatter("{x:,.6g}")
    axes.xaxis.set_minor_formatter("")
    tooltips: dict[Artist, str] = {}
    for outcome, lower in curve.bounds.items():
        at = alerts_at(curve.points, lower)
        if first <= at <= last:
            line = axes.axvline(at, color=PALETTE["text"], linestyle="--", linewidth=1.2)
            top = axes.get_ylim()[1]
            axes.annotate(outcome, (at, top), (3, -11), textcoords="offset points", color=PALETTE["soft"])
            tooltips[line] = f"{outcome} from {lower:g}: {at:,.4g} alerts a day"
    return tooltips


def alerts_at(points: tuple[CurvePoint, ...], bound: float) -> float:
    """Alerts a day from a bound on, between the points of a curve; 0 where the bound is above all."""
    bounds = np.array([one.bound for one in points])[::-1]
    alerts = np.array([one.alerts for one in points])[::-1]
    return float(np.interp(bound, bounds, alerts, right=0.0))


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"

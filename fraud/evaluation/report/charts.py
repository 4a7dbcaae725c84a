"""Charts as inline SVG; their colours come from the page's style, so that they follow light and dark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 570, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 14, 46

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A linear axis; `show` words its ticks."""

    label: str
    low: float
    high: float
    show: Callable[[float], str]

    def ticks(self) -> list[float]:
        """Round numbers within the axis."""
        span = self.high - self.low
        rough = span / 5
        power = 10.0 ** np.floor(np.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
        first = np.ceil(self.low / step - 1e-9)
        count = int(np.floor(self.high / step + 1e-9) - first) + 1
        return [float((first + number) * step) for number in range(count)]


@dataclass(frozen=True)
class Line:
    """Points joined by a line; `look` is the class that gives its colour."""

    name: str
    look: str
    x: Floats
    y: Floats
    dots: bool = False


def percent(value: float) -> str:
    """A share as a whole percentage."""
    return f"{value * 100:.0f}%"


def line_chart(title: str, lines: Sequence[Line], x: Axis, y: Axis) -> str:
    """Lines over two axes."""
    body = [_line(line, x, y) for line in lines]
    return _frame(title, x, y, body)


def column_chart(title: str, names: Sequence[str], values: Floats, mean: float, y: Axis) -> str:
    """A column for each name, and a line across at the mean."""
    x = Axis("", 0, max(len(values), 1), str)
    width = _x(x, 0.8) - _x(x, 0.0)
    body = [
        f'<rect class="column" x="{_x(x, number + 0.1):.1f}" y="{_y(y, value):.1f}" width="{width:.1f}" '
        f'height="{_y(y, y.low) - _y(y, value):.1f}"><title>{escape(name)}: {y.show(value)}</title></rect>'
        for number, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    body.append(
        f'<line class="mean" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(y, mean):.1f}" y2="{_y(y, mean):.1f}">'
        f"<title>mean: {y.show(mean)}</title></line>"
    )
    every = max(len(names) // 6, 1)
    body += [
        f'<text class="tick" text-anchor="middle" x="{_x(x, number + 0.5):.1f}" y="{HEIGHT - BOTTOM + 18}">'
        f"{escape(names[number])}</text>"
        for number in range(0, len(names), every)
    ]
    return _frame(title, None, y, body)


def _frame(title: str, x: Axis | None, y: Axis, body: list[str]) -> str:
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(_horizontal(y, value) for value in y.ticks()),
        *([_vertical(x, value) for value in x.ticks()] if x else []),
        *body,
        f'<text class="axis" transform="rotate(-90)" text-anchor="middle" x="{-(HEIGHT - BOTTOM + TOP) / 2}" '
        f'y="13">{escape(y.label)}</text>',
    ]
    if x is not None:
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(
            f'<text class="axis" text-anchor="middle" x="{middle}" y="{HEIGHT - 6}">{escape(x.label)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _horizontal(y: Axis, value: float) -> str:
    at = _y(y, value)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="tick" text-anchor="end" x="{LEFT - 6}" y="{at + 4:.1f}">{escape(y.show(value))}</text>'
    )


def _vertical(x: Axis, value: float) -> str:
    at = _x(x, value)
    return (
        f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="tick" text-anchor="middle" x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}">'
        f"{escape(x.show(value))}</text>"
    )


def _line(line: Line, x: Axis, y: Axis) -> str:
    inside = (line.x >= x.low) & (line.x <= x.high)
    points = [(_x(x, at), _y(y, value)) for at, value in zip(line.x[inside], line.y[inside], strict=True)]
    drawn = " ".join(f"{at:.1f},{value:.1f}" for at, value in points)
    path = (
        f'<polyline class="line {line.look}" points="{drawn}"><title>{escape(line.name)}</title></polyline>'
    )
    if not line.dots:
        return path
    return path + "".join(
        f'<circle class="dot {line.look}" cx="{at:.1f}" cy="{value:.1f}" r="3.5"/>' for at, value in points
    )


def _x(axis: Axis, value: float) -> float:
    return LEFT + (value - axis.low) / (axis.high - axis.low) * (WIDTH - RIGHT - LEFT)


def _y(axis: Axis, value: float) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

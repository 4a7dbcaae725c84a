"""Charts by matplotlib with one style and palette, as PNG for MLflow or as SVG for a web page."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from html import escape
from io import StringIO
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

PALETTE = {
    "model": "#2457d6",
    "constant": "#98a2b0",
    "amount": "#7b5ea7",
    "logistic": "#c77700",
    "text": "#1a2230",
    "soft": "#5c6878",
    "line": "#e2e6ec",
}
"""Colours by the CSS variable of the page that replaces them in an SVG, so that charts follow dark mode."""

SERIES = ("model", "constant", "amount", "logistic")
"""Colours of the model and of the baselines, in their order."""

_STYLE = {
    "text.color": PALETTE["text"],
    "axes.labelcolor": PALETTE["soft"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": PALETTE["line"],
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
    "grid.color": PALETTE["line"],
    "xtick.color": PALETTE["line"],
    "ytick.color": PALETTE["line"],
    "xtick.labelcolor": PALETTE["soft"],
    "ytick.labelcolor": PALETTE["soft"],
    "legend.frameon": False,
    "figure.dpi": 120,
    "svg.fonttype": "none",
}

_POINTS_AN_INCH = 72
_MOST_POINTS = 2_000


@contextmanager
def canvas(
    title: str = "", size: tuple[float, float] = (8, 5), font_size: float = 10
) -> Iterator[tuple[Figure, Axes]]:
    """A figure of `size` inches and its axes, apart from pyplot's global state; `font_size` in points."""
    with rc_context(_STYLE | {"font.size": font_size}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        if title:
            axes.set_title(title)
        yield figure, axes


def draw_line(axes: Axes, x: Floats, y: Floats, most_points: int = _MOST_POINTS, **style: Any) -> Artist:
    """A line through many points, thinned evenly by number and by the distance along the line."""
    distance = np.cumsum(
        np.abs(np.diff(x, prepend=x[0])) / max(np.ptp(x), 1e-12)
        + np.abs(np.diff(y, prepend=y[0])) / max(np.ptp(y), 1e-12)
    )
    by_number = np.linspace(0, len(x) - 1, most_points).astype(int)
    by_distance = np.searchsorted(distance, np.linspace(0, distance[-1], most_points))
    kept = np.unique(np.concatenate([by_number, np.minimum(by_distance, len(x) - 1)]))
    (line,) = axes.plot(x[kept], y[kept], **style)
    return line


def page_canvas(width: float, height: float) -> AbstractContextManager[tuple[Figure, Axes]]:
    """A canvas for `as_svg`, of so many units of the SVG."""
    return canvas(size=(width / _POINTS_AN_INCH, height / _POINTS_AN_INCH), font_size=12)


def as_svg(figure: Figure, title: str, tooltips: Mapping[Artist, str]) -> str:
    """The figure as an SVG element for a web page: no scripts, styles or addresses, colours by CSS variables.

    Args:
        figure: drawn on a `canvas`; nothing is clipped, so its lines must end within the axes.
        title: for screen readers; unique on its page.
        tooltips: what is shown over an artist.
    """
    for artist in figure.findobj():
        artist.set_clip_on(False)
    for number, artist in enumerate(tooltips):
        artist.set_gid(f"tooltip-{number}")
    written = StringIO()
    with rc_context(_STYLE | {"svg.hashsalt": title}):
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = written.getvalue()
    for number, text in enumerate(tooltips.values()):
        svg = svg.replace(f'<g id="tooltip-{number}">', f"<g><title>{escape(text)}</title>")
    return _for_a_page(svg, title)


def _for_a_page(document: str, title: str) -> str:
    box = re.search(r'viewBox="([^"]+)"', document)
    body = document[document.index("<svg") :].partition(">")[2]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|\n\s*", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r'"#([^"]+)"', body))
    body = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r"font-family: [^;\"]+; ?", "", body)  # that of the page
    for name, colour in PALETTE.items():
        body = body.replace(colour, f"var(--{name})")
    return f'<svg viewBox="{box[1] if box else ""}" role="img" aria-label="{escape(title)}">{body.strip()}'

import re

import numpy as np

from fraud.evaluation.drawing import PALETTE, as_svg, draw_line, page_canvas


def a_chart(title: str = "A chart") -> str:
    with page_canvas(570, 320) as (figure, axes):
        x = np.linspace(0, 1, 5_000)
        line = draw_line(axes, x, x**2, 50, color=PALETTE["model"])
        axes.set(xlabel="recall", ylabel="a < b")
        return as_svg(figure, title, {line: "model <1>"})


def test_a_chart_needs_nothing_from_elsewhere_and_follows_the_colours_of_its_page() -> None:
    svg = a_chart()
    assert svg.startswith('<svg viewBox="0 0 570 320" role="img" aria-label="A chart">')
    assert svg.endswith("</svg>")
    assert not [word for word in ("http", "<style", "<script", "url(", "font-family") if word in svg]
    assert "var(--model)" in svg
    assert not re.search("#[0-9a-f]{6}", svg)


def test_names_are_text_and_escaped() -> None:
    svg = a_chart()
    assert "<title>model &lt;1&gt;</title>" in svg
    assert ">a &lt; b</text>" in svg


def test_two_charts_of_a_page_do_not_share_an_id_and_the_same_chart_is_the_same_text() -> None:
    first, second = (set(re.findall(' id="([^"]+)"', a_chart(title))) for title in ("A chart", "Another"))
    assert first
    assert not first & second
    assert a_chart() == a_chart()


def test_a_line_of_many_points_is_thinned_and_keeps_its_ends_and_its_jump() -> None:
    # given a line that jumps at one of many points
    x = np.arange(100_000.0)
    y = np.where(x < 77_777, 0.0, 1.0)
    with page_canvas(570, 320) as (_, axes):
        # when it is drawn with few
        draw_line(axes, x, y, 100)
        drawn = np.asarray(axes.lines[0].get_xydata())
    # then these are few, with the ends, and close to the jump
    assert len(drawn) <= 200
    assert drawn[0].tolist() == [0.0, 0.0]
    assert drawn[-1].tolist() == [99_999.0, 1.0]
    assert 77_777.0 in drawn[:, 0]

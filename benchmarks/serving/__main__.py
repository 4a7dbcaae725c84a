"""`python -m benchmarks.serving [PART...]`: measure serving on this machine; see docs/performance.md.

Each part starts its own broker, prints progress to standard error and its table to standard output, and
replaces its section of `benchmarks/RESULTS.md` and `benchmarks/results.json`. `--tiny` tries a part out in
seconds and saves nothing.
"""

import logging
from collections.abc import Callable
from typing import Annotated

import typer

from benchmarks.results import Section, conditions, save_section
from fraud.machine.ending import end_in_order

PARTS = (
    *("throughput", "latency", "commits", "cards", "workers", "quix", "spark", "forests", "reader"),
    *("formats", "recorder", "peers", "restarts", "tail", "settings"),
)


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(PARTS)}; default: all.")] = None,
    tiny: Annotated[bool, typer.Option(help="Try out in seconds; nothing is saved.")] = False,
) -> None:
    """Measure the parts one after another."""
    logging.basicConfig(level=logging.WARNING)
    end_in_order()
    for part in parts or PARTS:
        if part not in PARTS:
            raise typer.BadParameter(f"{part!r} is none of {', '.join(PARTS)}")
        under = conditions()
        section = _runner(part, tiny)()
        print("\n".join([f"## {section.title}", "", *section.table, ""]), flush=True)
        if not tiny:
            save_section(section, under)


def _runner(part: str, tiny: bool) -> Callable[[], Section]:
    """A part at its size; imported here, because some imports are slow."""
    from benchmarks.serving import (
        cards,
        client_settings,
        commits,
        formats,
        latency,
        reader,
        recorder,
        tail,
        throughput,
        workers,
    )
    from benchmarks.serving.systems import forests, peers, quix, restarts, spark

    small, large = {
        "throughput": (lambda: throughput.run(30_000, 1_000, 1), lambda: throughput.run(200_000, 10_000, 7)),
        "latency": (
            lambda: latency.run(2, 2, (500, 2_000), warm_up_s=2.0),
            lambda: latency.run(10, 3),
        ),
        "tail": (lambda: tail.run(2, 1, (500,), warm_up_s=4.0), lambda: tail.run(10, 4)),
        "settings": (
            lambda: client_settings.run(1, 1, 1.0),
            lambda: client_settings.run(8, 3, 10.0),
        ),
        "commits": (
            lambda: commits.run(1, 20_000, warm_up_s=1.0),
            lambda: commits.run(4, 500_000),
        ),
        "cards": (
            lambda: cards.run((1_000,), 10_000),
            lambda: cards.run((10_000, 100_000, 1_000_000), 100_000),
        ),
        "workers": (lambda: workers.run(100_000, 1_000), lambda: workers.run(400_000, 10_000)),
        "quix": (lambda: quix.run(1_000, 100_000), lambda: quix.run(30_000, 300_000)),
        "spark": (lambda: spark.run(3, (500,)), lambda: spark.run(10, (500, 2_000))),
        "forests": (lambda: forests.run(0.05), lambda: forests.run(0.5)),
        "reader": (lambda: reader.run(1_000, 2), lambda: reader.run(20_000, 15)),
        "formats": (lambda: formats.run(1_000, 2), lambda: formats.run(10_000, 9)),
        "peers": (
            lambda: peers.run(20_000, 120_000, 1, 1.0, 1.0, peers.QUICK),
            lambda: peers.run(100_000, 250_000, 3, 10.0, 15.0),
        ),
        "restarts": (
            lambda: restarts.run(1_000, 20_000, peers.QUICK),
            lambda: restarts.run(1_000_000, 3_000_000),
        ),
        "recorder": (lambda: recorder.run(6, 500, 1), lambda: recorder.run(100, 2_000, 5)),
    }[part]
    return small if tiny else large


if __name__ == "__main__":
    typer.run(main)

"""`python -m benchmarks.definitions [PART...]`: the bars of definitions; see docs/performance.md.

Each part prints progress to standard error and its table to standard output, and replaces its section of
`benchmarks/RESULTS.md` and `benchmarks/results.json`. `--against PATH` measures another checkout in turns
with this one. `--tiny` tries a part out and saves nothing.
"""

import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.definitions.options import Options
from benchmarks.results import Section, conditions, save_section
from fraud.machine.ending import end_in_order

# A module of this package each, whose `run(options)` measures; imported when asked for, since some are slow.
BARS: tuple[str, ...] = ("throughput", "latency", "start", "offline", "spark", "memory", "profiles")
"""Parts that `all` measures, in a quarter of an hour."""
ALONE: tuple[str, ...] = ("quality", "quality_before", "quality_published", "two_commits")
"""Parts that take longer and run only by their names."""


def main(
    parts: Annotated[list[str] | None, typer.Argument(help="Names of parts; default: `all`.")] = None,
    against: Annotated[Path | None, typer.Option(help="Folder of another checkout.", exists=True)] = None,
    tiny: Annotated[bool, typer.Option(help="Try out with small sizes; nothing is saved.")] = False,
) -> None:
    """Measure the parts one after another."""
    logging.basicConfig(level=logging.WARNING)
    end_in_order()
    options = Options(against.resolve() if against else None, tiny)
    for part in _chosen(parts or ["all"]):
        under = conditions()
        section = _runner(part)(options)
        print("\n".join([f"## {section.title}", "", *section.table, ""]), flush=True)
        if not tiny:
            save_section(section, under)


def _chosen(parts: list[str]) -> tuple[str, ...]:
    known = (*BARS, *ALONE, "all")
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(known)}")
    return BARS if "all" in parts else tuple(parts)


def _runner(part: str) -> Callable[[Options], Section]:
    run: Callable[[Options], Section] = import_module(f"benchmarks.definitions.{part}").run
    return run


if __name__ == "__main__":
    typer.run(main)

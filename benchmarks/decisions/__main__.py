"""`python -m benchmarks.decisions [deciding] [serving] [--tiny] [--save]`: what deciding costs.

`deciding` alone, and the engine with it (`serving`); without a name both. --save writes
`benchmarks/RESULTS.md`, --tiny tries `serving` out with small sizes.
"""

import sys

from benchmarks.decisions.deciding import deciding_table, measure_deciding
from benchmarks.decisions.serving import TINY, ServingSizes, measure_serving
from benchmarks.results import Section, conditions, save_section
from fraud.machine.ending import end_in_order

PARTS = ("deciding", "serving")


def main(arguments: list[str]) -> None:
    """Measure and print."""
    end_in_order()
    for part in [one for one in arguments if one in PARTS] or PARTS:
        under = conditions()
        section = _deciding() if part == "deciding" else _serving("--tiny" in arguments)
        print("\n".join([f"## {section.title}", "", *section.table]))
        if "--save" in arguments:
            save_section(section, under)


def _deciding() -> Section:
    figures = measure_deciding()
    title = "Deciding by 20 rules and 3 lists of 100,000 entries, on one core"
    return Section("deciding", title, figures, deciding_table(figures))


def _serving(is_tiny: bool) -> Section:
    return measure_serving(TINY if is_tiny else ServingSizes())


if __name__ == "__main__":
    main(sys.argv[1:])

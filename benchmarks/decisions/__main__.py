"""`python -m benchmarks.decisions [--save]`: what deciding costs; --save writes `benchmarks/RESULTS.md`."""

import sys

from benchmarks.decisions.deciding import deciding_table, measure_deciding
from benchmarks.results import Section, conditions, save_section


def main() -> None:
    """Measure and print."""
    under = conditions()
    figures = measure_deciding()
    title = "Deciding by 20 rules and 3 lists of 100,000 entries, on one core"
    section = Section("deciding", title, figures, deciding_table(figures))
    print("\n".join([f"## {section.title}", "", *section.table]))
    if "--save" in sys.argv[1:]:
        save_section(section, under)


if __name__ == "__main__":
    main()

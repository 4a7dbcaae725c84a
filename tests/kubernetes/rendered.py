"""`python -m tests.kubernetes.rendered FOLDER`: the chart's variants as files, for scanners."""

import sys
from pathlib import Path

import yaml

from tests.kubernetes.rendering import VARIANTS, variant


def main() -> None:
    """Write each variant to a file of its own."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in VARIANTS:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(variant(name)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What the gates let pass, from `deployments/tools/exceptions.yaml`.

`python -m tests.supply.exceptions` prints it as the configuration of the scanner grype.
"""

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "deployments" / "tools" / "exceptions.yaml"


@dataclass(frozen=True)
class Exemption:
    """One entry; `subject` is an image, or a vulnerability's id with the package that has it."""

    subject: tuple[str, ...]
    reason: str
    expires: date


@dataclass(frozen=True)
class Exemptions:
    """All entries."""

    vulnerabilities: tuple[Exemption, ...]
    images: tuple[Exemption, ...]

    def expired(self, today: date) -> list[str]:
        """What is let pass no longer, one sentence each."""
        entries = (*self.vulnerabilities, *self.images)
        return [
            f"{' of '.join(one.subject)} was let pass until {one.expires}: look at it again ({FILE.name})"
            for one in entries
            if one.expires < today
        ]

    def lets_pass(self, identifiers: set[str], package: str) -> bool:
        """Whether one of the names of a vulnerability is exempt for this package."""
        return any((name, package) == one.subject for name in identifiers for one in self.vulnerabilities)


def load_exemptions(text: str | None = None) -> Exemptions:
    """Read the file, or another text of its form.

    Raises:
        ValueError: an entry lacks its reason.
        KeyError: an entry lacks another field.
    """
    content = yaml.safe_load(FILE.read_text(encoding="utf-8") if text is None else text)
    return Exemptions(
        tuple(_exemption(one, "id", "package") for one in content["vulnerabilities"]),
        tuple(_exemption(one, "image") for one in content["images"]),
    )


def _exemption(entry: dict[str, Any], *names: str) -> Exemption:
    reason = str(entry["reason"]).strip()
    if not reason:
        raise ValueError(f"{entry[names[0]]} has no reason")
    return Exemption(
        tuple(str(entry[name]) for name in names), reason, date.fromisoformat(str(entry["expires"]))
    )


def grype_configuration(exemptions: Exemptions) -> str:
    """The same for grype."""
    rules = [
        {"vulnerability": one.subject[0], "package": {"name": one.subject[1]}}
        for one in exemptions.vulnerabilities
    ]
    return yaml.safe_dump({"ignore": rules})


if __name__ == "__main__":
    sys.stdout.write(grype_configuration(load_exemptions()))

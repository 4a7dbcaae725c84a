"""`make audit`: known vulnerabilities of every locked package, of Python and of the dashboard's page.

Exit codes: 0 nothing is known; 1 something is, or an exemption has expired; 3 a database could not be asked,
which is not the same as nothing.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.supply.exceptions import Exemptions, load_exemptions

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", *sorted((ROOT / "deployments" / "tools").glob("*.lock")))
"""The images' lock files name no package that requirements.lock does not; a test checks that."""
PAGE = ROOT / "serving" / "dashboard" / "web"
PIP_AUDIT = ROOT / ".venv" / "tools" / "pip-audit" / "bin" / "pip-audit"


class UnansweredError(Exception):
    """A database of vulnerabilities gave no answer; the text says which, and why."""


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a locked package."""

    where: str
    package: str
    version: str
    identifiers: frozenset[str]
    fixed_in: str

    def __str__(self) -> str:
        names = ", ".join(sorted(self.identifiers))
        return (
            f"{self.where}: {self.package} {self.version} has {names}; fixed in {self.fixed_in or 'none yet'}"
        )


def main() -> int:
    """Ask the databases; returns the exit code."""
    exemptions = load_exemptions()
    problems = exemptions.expired(datetime.now(UTC).date())
    unanswered = []
    for name, ask in sources():
        try:
            problems += [str(one) for one in open_findings(ask(), exemptions)]
        except UnansweredError as error:
            unanswered.append(f"{name} was not checked: {error}")
    sys.stdout.writelines(f"{line}\n" for line in problems + unanswered)
    if not problems and not unanswered:
        sys.stdout.write("no known vulnerability\n")
    return 1 if problems else 3 if unanswered else 0


def sources() -> Iterator[tuple[str, Callable[[], list[Finding]]]]:
    """What there is to ask: a name, and what asks."""
    for lock in LOCKS:
        yield lock.name, partial(python_findings, lock)
    yield "the dashboard's page", page_findings


def open_findings(findings: list[Finding], exemptions: Exemptions) -> list[Finding]:
    """Those that no exemption lets pass."""
    return [one for one in findings if not exemptions.lets_pass(set(one.identifiers), one.package)]


def python_findings(lock: Path) -> list[Finding]:
    """What pip-audit knows of the packages of a lock file.

    Raises:
        UnansweredError: of one of them it could find nothing out.
    """
    command = [str(PIP_AUDIT), "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    answer = _answer([*command, "--format", "json", "--progress-spinner", "off", "--timeout", "60"], ROOT)
    if "dependencies" not in answer:
        raise UnansweredError("pip-audit printed something else")
    return parse_pip_audit(answer, lock.name)


def parse_pip_audit(answer: dict[str, Any], where: str) -> list[Finding]:
    """The findings of pip-audit's JSON.

    Raises:
        UnansweredError: it skipped a package.
    """
    skipped = [one["name"] for one in answer["dependencies"] if "skip_reason" in one]
    if skipped:
        raise UnansweredError(f"nothing is known of {len(skipped)} of its packages, such as {skipped[0]}")
    return [
        Finding(
            where,
            one["name"],
            one["version"],
            frozenset({known["id"], *known["aliases"]}),
            ", ".join(known["fix_versions"]),
        )
        for one in answer["dependencies"]
        for known in one["vulns"]
    ]


def page_findings() -> list[Finding]:
    """What npm's registry knows of the packages that build the page.

    Raises:
        UnansweredError: it did not answer.
    """
    return parse_npm_audit(_answer(["npm", "audit", "--json", "--package-lock-only"], PAGE))


def parse_npm_audit(answer: dict[str, Any]) -> list[Finding]:
    """The findings of npm's JSON.

    Raises:
        UnansweredError: it is an error's.
    """
    if "vulnerabilities" not in answer:
        raise UnansweredError(
            str(answer.get("message") or answer.get("error") or "npm printed something else")
        )
    found = answer["vulnerabilities"].values()
    return [
        Finding(
            "package-lock.json", one["name"], one["range"], frozenset({known["url"].rpartition("/")[2]}), ""
        )
        for one in found
        for known in one["via"]
        # A text names the package that has it, which is listed itself.
        if isinstance(known, dict)
    ]


def _answer(command: list[str], folder: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
        answer: dict[str, Any] = json.loads(done.stdout)
    except FileNotFoundError:
        raise UnansweredError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise UnansweredError(f"{command[0]} took longer than 15 minutes") from None
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise UnansweredError(f"{Path(command[0]).name}: {lines[-1][:300]}") from None
    return answer


if __name__ == "__main__":
    sys.exit(main())

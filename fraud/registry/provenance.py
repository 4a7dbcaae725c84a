"""Which code is running."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def code_version(root: Path = _ROOT) -> str:
    """The package's version, and the commit when the code runs from a checkout."""
    try:
        release = version("fraud-on-kafka")
    except PackageNotFoundError:
        release = "0"
    commit = _commit(root / ".git")
    return f"{release}+{commit[:12]}" if commit else release


def _commit(git: Path) -> str:
    try:
        head = (git / "HEAD").read_text().strip()
        reference = head.removeprefix("ref: ")
        return head if reference == head else (git / reference).read_text().strip()
    except OSError:
        return ""

"""A card in the files of the home: exports, rejected rows and logs, where asterisks replace its id."""

from collections.abc import Iterator
from pathlib import Path

from fraud.privacy.cards import NamedCard
from fraud.privacy.results import StoreResult

TEXT_FOLDERS = ("rejected", "replay", "what-if", "logs")
"""Folders of the home whose files may name cards and belong to nobody else: servers keep theirs."""

_PART_BYTES = 64 << 20
"""Read at once."""
_OVERLAP = 1_024
"""An id may lie across the border of two parts."""


def forget_in_home(home: Path, card: NamedCard, *, is_dry_run: bool = False) -> list[StoreResult]:
    """Mask the card in the files of the home, in place: a program that writes one of them goes on.

    Raises:
        OSError: a file cannot be read or written.
    """
    results = []
    for folder in TEXT_FOLDERS:
        masked = sum(_mask(path, card, is_dry_run) for path in files_below(home / folder))
        results.append(StoreResult(f"home: {folder}", masked))
    return results


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those in it; a missing one has none."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _mask(path: Path, card: NamedCard, is_dry_run: bool) -> int:
    """Replace the ids by as many asterisks; returns how many there were."""
    count = position = 0
    with path.open("rb" if is_dry_run else "r+b") as file:
        while part := file.read(_PART_BYTES):
            masked, found = card.masked(part)
            if found and not is_dry_run:
                file.seek(position)
                file.write(masked)
            count += found
            is_last = len(part) < _PART_BYTES
            position += len(part) if is_last else len(part) - _OVERLAP
            file.seek(position)
    return count

"""Retention of the home: exports, rejected rows and logs that nobody has written to for some time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from fraud.privacy.home import TEXT_FOLDERS, files_below
from fraud.settings import RetentionSettings


def prune_home(home: Path, retention: RetentionSettings, now: datetime | None = None) -> list[Path]:
    """Remove what was written last before the settings allow; returns the files.

    Raises:
        OSError: a file cannot be removed.
    """
    if retention.file_days < 0:
        return []
    before = ((now or datetime.now(UTC)) - timedelta(days=retention.file_days)).timestamp()
    found = (path for folder in TEXT_FOLDERS for path in files_below(home / folder))
    removed = [path for path in found if path.stat().st_mtime < before]
    for path in removed:
        path.unlink(missing_ok=True)
    return removed

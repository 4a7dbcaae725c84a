"""The files of a registered model that are read, as bytes.

They are read once: what a signature was checked of is what is parsed.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fraud.errors import IncompatibleModelError

DESCRIPTION_FILE = "MLmodel"
TREES_FILE = "model.ubj"


@dataclass(frozen=True)
class BundleFiles:
    """All that decides how a model scores.

    Attributes:
        description: of the file MLmodel.
        trees: of the file model.ubj.
        place: which model it is, for messages.
    """

    description: bytes
    trees: bytes
    place: str

    @property
    def trees_name(self) -> str:
        """The file of the trees, for messages."""
        return f"{TREES_FILE} in {self.place}"

    @cached_property
    def digest(self) -> str:
        """Hash of names and contents, 64 hex digits; it is what the record of a promotion is about."""
        contents = {DESCRIPTION_FILE: self.description, TREES_FILE: self.trees}
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write them into a folder, which must not exist."""
        folder.mkdir(parents=True)
        (folder / DESCRIPTION_FILE).write_bytes(self.description)
        (folder / TREES_FILE).write_bytes(self.trees)


def read_files(folder: Path, place: str = "") -> BundleFiles:
    """The files of an MLflow model's folder.

    Args:
        folder: where they are.
        place: what messages call it; default: the folder.

    Raises:
        IncompatibleModelError: one of them is missing or unreadable.
    """
    contents = [_read(folder, name) for name in (DESCRIPTION_FILE, TREES_FILE)]
    return BundleFiles(contents[0], contents[1], place or str(folder))


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise IncompatibleModelError(
            f"the model in {folder} has no readable {name}; register one that `flows/train.py` made"
        ) from error

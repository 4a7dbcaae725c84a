"""The last good bundle on disk, so that serving starts with the registry down.

Every bundle gets a folder of its own, complete before it gets its name; the file `current.json`, replaced
atomically, says which one counts.
"""

import json
import shutil
import time
import uuid
from pathlib import Path

from fraud.errors import IncompatibleModelError
from fraud.registry.bundle import ModelBundle, read_bundle, write_bundle

_POINTER = "current.json"
_DRAFT_S = 3_600.0


def save_bundle(bundle: ModelBundle, folder: Path) -> None:
    """Make `bundle` the last good one of `folder`; a crash midway leaves the one before."""
    name = f"{bundle.version or 'unregistered'}-{bundle.digest}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists():
        draft = folder / f".{uuid.uuid4().hex}"
        write_bundle(bundle, draft)
        draft.rename(folder / name)
    pointer = folder / f".{_POINTER}.{uuid.uuid4().hex}"
    known = {"version": bundle.version, "run_id": bundle.run_id, "digest": bundle.digest}
    pointer.write_text(json.dumps({"folder": name} | known))
    pointer.replace(folder / _POINTER)
    _forget_others(folder, name)


def last_good_bundle(folder: Path) -> ModelBundle | None:
    """The bundle saved last, with its version and run; None when nothing was ever saved.

    Raises:
        IncompatibleModelError: what is there is broken, or not the model that was saved.
    """
    try:
        current = json.loads((folder / _POINTER).read_text())
        name, version = current["folder"], current["version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompatibleModelError(
            f"the model cache {folder} is broken ({type(error).__name__}); remove the folder"
        ) from error
    bundle = read_bundle(folder / name, version, str(current.get("run_id", "")))
    # An earlier version of this code has kept no digest.
    if current.get("digest", bundle.digest) != bundle.digest:
        raise IncompatibleModelError(
            f"the model in {folder / name} is {bundle.digest}, not {current['digest']} as was saved; remove "
            "the folder"
        )
    return bundle


def _forget_others(folder: Path, name: str) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != name and not _is_being_written(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _is_being_written(entry: Path) -> bool:
    """Whether it is the draft of another worker that keeps its models here too, and not what a crash left."""
    try:
        return entry.name.startswith(".") and time.time() - entry.stat().st_mtime < _DRAFT_S
    except FileNotFoundError:
        return False

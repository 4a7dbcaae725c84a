"""The last good bundle on disk, so that serving starts with the registry down.

Each bundle has its own folder, which is complete before it has its final name. The file `current.json` names
the current one and is replaced atomically.
"""

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fraud.errors import IncompatibleModelError
from fraud.registry.bundle import ModelBundle, parse_bundle, write_bundle
from fraud.registry.bundle_files import BundleFiles, read_files

FilesCheck = Callable[[BundleFiles, str], None]

_POINTER = "current.json"
_DRAFT_S = 3_600.0


def save_bundle(bundle: ModelBundle, folder: Path) -> None:
    """Make `bundle` the last good one of `folder`; a crash midway leaves the one before."""
    name = f"{bundle.version or 'unregistered'}-{bundle.digest}"
    if bundle.files is not None:
        # Other files can be the same model.
        name += f"-{bundle.files.digest[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists():
        draft = folder / f".{uuid.uuid4().hex}"
        _write(bundle, draft)
        draft.rename(folder / name)
    pointer = folder / f".{_POINTER}.{uuid.uuid4().hex}"
    known = {"version": bundle.version, "run_id": bundle.run_id, "digest": bundle.digest}
    known |= {"record": bundle.record}
    pointer.write_text(json.dumps({"folder": name} | known))
    pointer.replace(folder / _POINTER)
    _remove_others(folder, name)


def last_good_bundle(folder: Path, check: FilesCheck = lambda files, record: None) -> ModelBundle | None:
    """The bundle saved last, with its version, run and record; None when none was saved.

    Args:
        folder: where it is.
        check: is given the files and the record before anything of them is parsed.

    Raises:
        IncompatibleModelError: what is there is broken, or not the model that was saved.
    """
    try:
        current = json.loads((folder / _POINTER).read_text())
        name, version = str(current["folder"]), str(current["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompatibleModelError(
            f"the model cache {folder} is broken ({type(error).__name__}); remove the folder"
        ) from error
    files, record = read_files(folder / Path(name).name), str(current.get("record", ""))
    check(files, record)
    bundle = parse_bundle(files, version, str(current.get("run_id", "")))
    # Earlier versions of this code wrote no digest.
    if current.get("digest", bundle.digest) != bundle.digest:
        raise IncompatibleModelError(
            f"the model in {folder / name} is {bundle.digest}, not {current['digest']} as was saved; remove "
            "the folder"
        )
    return replace(bundle, record=record)


def _write(bundle: ModelBundle, folder: Path) -> None:
    """The files as they were signed, where it was read from some."""
    if bundle.files is None:
        write_bundle(bundle, folder)
    else:
        bundle.files.write(folder)


def _remove_others(folder: Path, name: str) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != name and not _is_being_written(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _is_being_written(entry: Path) -> bool:
    """Whether another worker that shares the folder is writing it, rather than a crash having left it."""
    try:
        return entry.name.startswith(".") and time.time() - entry.stat().st_mtime < _DRAFT_S
    except FileNotFoundError:
        return False

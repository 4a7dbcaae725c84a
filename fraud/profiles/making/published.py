"""What was published, kept in the lake: so a run publishes what has changed without reading the topic.

Before anything is sent, the keys that will be are noted as uncertain. If the run is cut off, the next one
sends them again, whatever became of them.
"""

import uuid
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.lake import Lake
from fraud.profiles.making.figures import KeyFigures, empty_figures
from fraud.profiles.making.files import profile_folder, remove_replaced

Ints = npt.NDArray[np.int64]


class PublicationManifest(msgspec.Struct, frozen=True):
    """Written last.

    Attributes:
        topic: the id that the broker gave the topic; another one has nothing of what was published.
        moment: of the last run whose markers were acknowledged; None before the first.
        figures: by field the path of what is in the topic.
        uncertain: by field the path of the keys that a run was sending.
    """

    topic: str
    moment: int | None = None
    figures: dict[str, str] = msgspec.field(default_factory=dict)
    uncertain: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """What a topic has.

    Attributes:
        topic: its id.
        moment: of the last complete run, None before the first.
        figures: by field; those that the last run has emptied are among them.
        uncertain: by field the keys of which the topic may have other figures.
    """

    topic: str
    moment: int | None = None
    figures: dict[str, KeyFigures] = field(default_factory=dict)
    uncertain: dict[str, Ints] = field(default_factory=dict)


class PublicationLog:
    """Reads and writes what was published of the profiles of some definitions."""

    def __init__(self, definitions: Definitions, lake: Lake) -> None:
        self._definitions, self._lake = definitions, lake
        self._folder = f"{profile_folder(definitions)}/topic"
        self._path = f"{self._folder}/manifest.json"

    def read(self, topic: str) -> Published:
        """What the topic with this id has.

        Raises:
            DataError: a file is missing or broken.
        """
        manifest = self._read_manifest()
        if manifest is None or manifest.topic != topic:
            return Published(topic)
        figures = {one: self._read_figures(path) for one, path in manifest.figures.items()}
        uncertain = {
            one: self._lake.read_table(path)["key"].to_numpy() for one, path in manifest.uncertain.items()
        }
        return Published(topic, manifest.moment, figures, uncertain)

    def note_uncertain(self, before: Published, changes: dict[str, KeyFigures]) -> PublicationManifest:
        """Note the keys that are about to be sent; they include those that were uncertain before.

        Returns:
            For `note_complete`.
        """
        manifest = self._read_manifest()
        if manifest is None or manifest.topic != before.topic:
            manifest = PublicationManifest(before.topic)
        paths = {one: self._write(pa.table({"key": found.keys})) for one, found in changes.items()}
        return self._write_manifest(msgspec.structs.replace(manifest, uncertain=paths))

    def note_complete(self, noted: PublicationManifest, published: Published) -> None:
        """Note that the topic has these figures of this moment, and that all is acknowledged.

        If another run has noted anything since, the keys of both stay uncertain.
        """
        current = self._read_manifest()
        if current is not None and current != noted:
            self._write_manifest(self._with_uncertain(current, noted))
            return
        paths = {}
        for name, found in published.figures.items():
            columns = {f"c{number}": column for number, column in enumerate(found.figures.T)}
            paths[name] = self._write(pa.table({"key": found.keys} | columns))
        self._write_manifest(PublicationManifest(published.topic, published.moment, paths))

    def _read_manifest(self) -> PublicationManifest | None:
        if not self._lake.exists(self._path):
            return None
        return msgspec.convert(self._lake.read_json(self._path), PublicationManifest)

    def _with_uncertain(
        self, current: PublicationManifest, noted: PublicationManifest
    ) -> PublicationManifest:
        found: dict[str, list[Ints]] = {}
        for manifest in (current, noted):
            for name, path in manifest.uncertain.items():
                found.setdefault(name, []).append(self._lake.read_table(path)["key"].to_numpy())
        keys = {name: np.unique(np.concatenate(parts)) for name, parts in found.items()}
        paths = {name: self._write(pa.table({"key": one})) for name, one in keys.items()}
        return msgspec.structs.replace(current, uncertain=paths)

    def _read_figures(self, path: str) -> KeyFigures:
        keys, *columns = (column.to_numpy() for column in self._lake.read_table(path).columns)
        return KeyFigures(keys, np.column_stack(columns))

    def _write(self, table: pa.Table) -> str:
        path = f"{self._folder}/{uuid.uuid4().hex}.parquet"
        self._lake.write_table(table, path)
        return path

    def _write_manifest(self, manifest: PublicationManifest) -> PublicationManifest:
        self._lake.write_json(msgspec.to_builtins(manifest), self._path)
        kept = [self._path, *manifest.figures.values(), *manifest.uncertain.values()]
        remove_replaced(self._lake, self._folder, kept)
        return manifest


def changed_figures(
    definitions: Definitions, before: Published, after: dict[str, KeyFigures]
) -> dict[str, KeyFigures]:
    """By field the keys whose figures the topic does not have, with those that it should have.

    A key of which nothing is known any more has empty figures.
    """
    changes = {}
    for name in definitions.profile_fields:
        empty = empty_figures(definitions, name)
        nothing = KeyFigures(np.empty(0, dtype=np.int64), np.empty((0, len(empty)), dtype=np.int64))
        old, uncertain = before.figures.get(name, nothing), before.uncertain.get(name, nothing.keys)
        keys = np.unique(np.concatenate([old.keys, after[name].keys, uncertain]))
        wanted = _rows_of(after[name], keys, empty)
        differs = (wanted != _rows_of(old, keys, empty)).any(axis=1) | np.isin(keys, uncertain)
        changes[name] = KeyFigures(keys[differs], wanted[differs])
    return changes


def emptied_keys(
    definitions: Definitions, before: Published, after: dict[str, KeyFigures]
) -> dict[str, Ints]:
    """By field the keys with an empty profile in the topic, which can be removed: without one they are new.

    Serving has taken over their empty profiles with the run of before.
    """
    found = {}
    for name, old in before.figures.items():
        is_empty = (old.figures == empty_figures(definitions, name)).all(axis=1)
        found[name] = np.setdiff1d(old.keys[is_empty], after[name].keys)
    return found


def with_emptied(
    definitions: Definitions, after: dict[str, KeyFigures], changes: dict[str, KeyFigures]
) -> dict[str, KeyFigures]:
    """What the topic has after a run: the profiles of all keys, and the empty ones that were sent."""
    found = {}
    for name, sent in changes.items():
        is_empty = (sent.figures == empty_figures(definitions, name)).all(axis=1)
        parts = (after[name], KeyFigures(sent.keys[is_empty], sent.figures[is_empty]))
        keys = np.concatenate([one.keys for one in parts])
        order = np.argsort(keys)
        found[name] = KeyFigures(keys[order], np.concatenate([one.figures for one in parts])[order])
    return found


def _rows_of(found: KeyFigures, keys: Ints, empty: Ints) -> Ints:
    """The figures of keys that include all of `found`."""
    rows = np.tile(empty, (len(keys), 1))
    rows[np.searchsorted(keys, found.keys)] = found.figures
    return rows

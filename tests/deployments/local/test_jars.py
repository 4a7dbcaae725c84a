from pathlib import Path

import pytest

from deployments.local import jars
from deployments.local.jars import kafka_jars, verify
from fraud.errors import DataError, UnreachableError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the jars of its lock."""
    made = tmp_path / "jars"
    made.mkdir()
    for name in ("a-1.jar", "b-2.jar"):
        (made / name).write_bytes(name.encode())
    return made


@pytest.fixture
def lock(folder: Path) -> dict[str, str]:
    return {path.name: jars._sha256(path) for path in folder.iterdir()}


def test_the_locked_jars_pass(folder: Path, lock: dict[str, str]) -> None:
    verify(folder, lock)


def test_a_tampered_jar_is_refused(folder: Path, lock: dict[str, str]) -> None:
    (folder / "b-2.jar").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"b-2\.jar .* is not the one"):
        verify(folder, lock)


def test_a_missing_jar_is_refused(folder: Path, lock: dict[str, str]) -> None:
    (folder / "a-1.jar").unlink()
    with pytest.raises(DataError, match=r"a-1\.jar"):
        verify(folder, lock)


def test_a_jar_that_the_lock_does_not_know_is_refused(folder: Path, lock: dict[str, str]) -> None:
    (folder / "c-3.jar").write_bytes(b"a guest")
    with pytest.raises(DataError, match=r"c-3\.jar"):
        verify(folder, lock)


def test_a_download_that_is_not_as_locked_leaves_nothing_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a registry that hands out something else
    def tampered(folder: Path, *_: object, **__: object) -> None:
        folder.mkdir()
        (folder / "evil.jar").write_bytes(b"evil")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(jars, "_retrieve", tampered)
    # when the jars are fetched, then they are refused
    with pytest.raises(DataError):
        kafka_jars()
    # and the next attempt starts from nothing
    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_an_unreachable_registry_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "run_ivy", lambda *_: "UNRESOLVED DEPENDENCY")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(UnreachableError, match="could not be fetched from Maven Central"):
        jars._retrieve(tmp_path / "jars", tmp_path, lambda: None)


def test_the_lock_names_every_module_that_is_asked_for() -> None:
    locked = jars._read_lock()
    for _, name, revision in jars.MODULES:
        assert f"{name}-{revision}.jar" in locked

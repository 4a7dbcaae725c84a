"""A version whose source is elsewhere is refused, whatever way its address is written."""

from pathlib import Path

import pytest

from fraud.errors import UntrustedModelError
from fraud.registry.aliases import promote, version_of_alias
from fraud.registry.bundle import write_bundle
from fraud.registry.connection import mlflow_client
from fraud.registry.trust.sources import is_inside
from fraud.registry.versions import fetch_bundle
from fraud.settings import Settings
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle

BUCKET = "s3://models/mlflow"


@pytest.mark.parametrize(
    ("root", "location"),
    [
        (BUCKET, "s3://models/mlflow/1/models/m-1/artifacts"),
        (f"{BUCKET}/", "s3://models/mlflow/1"),
        ("s3://models", "s3://models/1"),
        ("mlflow-artifacts:/", "mlflow-artifacts:/1/models/m-1/artifacts"),
        ("file:///home/mlartifacts", "file:///home/mlartifacts/1"),
        ("file:///home/mlartifacts", "/home/mlartifacts/1"),
        ("file:///home/a%20b", "file:///home/a%20b/1"),
    ],
)
def test_what_is_below_the_root_is_inside(root: str, location: str) -> None:
    assert is_inside(root, location)


@pytest.mark.parametrize(
    ("root", "location"),
    [
        (BUCKET, BUCKET),
        (BUCKET, "s3://models/mlflow-other/1"),
        (BUCKET, "s3://evil/mlflow/1"),
        (BUCKET, "s3://models/mlflow/../other/1"),
        (BUCKET, "s3://models/mlflow/%2e%2e/other/1"),
        (BUCKET, "s3://models/mlflow/%252e%252e/other/1"),
        (BUCKET, "s3://models/mlflow//1"),
        (BUCKET, "s3://models/mlflow/1?versionId=2"),
        (BUCKET, "s3://models/mlflow/..\\other"),
        (BUCKET, "http://models/mlflow/1"),
        (BUCKET, "file:///mlflow/1"),
        (BUCKET, "models:/other/1"),
        (BUCKET, "runs:/0123/model"),
        (BUCKET, "s3://models@evil/mlflow/1"),
        ("mlflow-artifacts:/", "mlflow-artifacts://evil:5000/1"),
        ("mlflow-artifacts:/", "mlflow-artifacts:/../1"),
        ("mlflow-artifacts:/", "http://evil/1"),
        ("file:///home/mlartifacts", "file:///home/mlartifacts/../other"),
        ("file:///home/mlartifacts", "/etc"),
        ("file:///home/mlartifacts", "file://host/home/mlartifacts/1"),
    ],
)
def test_what_is_elsewhere_is_not(root: str, location: str) -> None:
    assert not is_inside(root, location)


def test_a_link_out_of_the_store_is_not_followed(tmp_path: Path) -> None:
    store, other = tmp_path / "store", tmp_path / "other"
    store.mkdir()
    other.mkdir()
    (store / "link").symlink_to(other)
    assert not is_inside(store.as_uri(), (store / "link").as_uri())


@pytest.mark.parametrize("kind", ["folder", "file", "http", "models", "dots"])
def test_a_version_from_elsewhere_is_neither_loaded_nor_promoted(
    registry: Settings, tmp_path: Path, kind: str
) -> None:
    # given a champion, and a usable model that somebody registered from another place
    champion = registered(registry, a_bundle(5))
    promote(registry, champion, "the first")
    elsewhere = tmp_path / "elsewhere"
    write_bundle(a_bundle(10), elsewhere)
    source = {
        "folder": str(elsewhere),
        "file": elsewhere.as_uri(),
        "http": "http://127.0.0.1:1/model",
        "models": f"models:/fraud-detector/{champion}",
        "dots": f"{(registry.home / 'mlartifacts').resolve().as_uri()}/../../elsewhere",
    }[kind]
    version = _registered_from(registry, source)
    # when, then
    for act in (fetch_bundle, lambda settings, version: promote(settings, version, "looks good")):
        with pytest.raises(UntrustedModelError, match="FRAUD_REGISTRY__ARTIFACT_ROOT"):
            act(registry, version)
    assert version_of_alias(registry) == champion


def _registered_from(settings: Settings, source: str) -> str:
    """A version with this source, written into the database as no check of a client or server allows."""
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
    from sqlalchemy import create_engine, update

    version = registered(settings, a_bundle(10))
    engine = create_engine(settings.tracking_uri)
    with mlflow_client(settings), engine.begin() as connection:
        wanted = SqlModelVersion.version == int(version)
        connection.execute(update(SqlModelVersion).where(wanted).values(source=source, storage_location=None))
    engine.dispose()
    return version

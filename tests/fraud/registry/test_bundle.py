import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import yaml

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature
from fraud.errors import IncompatibleModelError
from fraud.registry.bundle import METADATA_KEY, check_compatible, probe_rows, read_bundle, write_bundle
from fraud.registry.cache import last_good_bundle, save_bundle
from fraud.training.calibration import Isotonic, Platt
from tests.definitions import EXTENDED, EXTENDED_ONLY, V1
from tests.fraud.training.models import a_bundle

ROWS = probe_rows(len(V1.features))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "model"
    write_bundle(a_bundle(calibration=Isotonic(knots=(-3.0, 0.0), values=(0.1, 0.4))), folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "model"
    copied.mkdir()
    for file in written.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    return copied


def test_a_bundle_comes_back_as_it_was_written(written: Path) -> None:
    original = a_bundle(calibration=Isotonic(knots=(-3.0, 0.0), values=(0.1, 0.4)))
    back = check_compatible(read_bundle(written, "3"), V1).verify()
    assert back.version == "3"
    assert back.metadata.calibration == original.metadata.calibration
    assert np.array_equal(back.score(ROWS), original.score(ROWS))


def test_it_is_a_plain_mlflow_model_without_pickle(written: Path) -> None:
    flavour = yaml.safe_load((written / "MLmodel").read_text())["flavors"]["xgboost"]
    assert (flavour["model_format"], flavour["model_class"]) == ("ubj", "xgboost.core.Booster")
    assert not [file for file in written.iterdir() if file.suffix in (".pkl", ".joblib")]


def test_a_score_does_not_depend_on_its_batch() -> None:
    bundle = a_bundle(calibration=Platt(slope=1.3, intercept=-0.2))
    one_by_one = np.concatenate([bundle.score(ROWS[row : row + 1]) for row in range(len(ROWS))])
    assert np.array_equal(one_by_one, bundle.score(ROWS))
    assert bundle.score(ROWS[:0]).shape == (0,)


def test_contributions_name_every_feature() -> None:
    assert a_bundle().contributions(ROWS).shape == ROWS.shape


def test_a_truncated_booster_is_refused(folder: Path) -> None:
    model = folder / "model.ubj"
    model.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(IncompatibleModelError, match="checksum"):
        read_bundle(folder)


def test_a_foreign_model_is_refused(folder: Path) -> None:
    model = yaml.safe_load((folder / "MLmodel").read_text())
    del model["metadata"]
    (folder / "MLmodel").write_text(yaml.safe_dump(model))
    with pytest.raises(IncompatibleModelError, match="not made by this project"):
        read_bundle(folder)


def test_unusable_metadata_are_refused(folder: Path) -> None:
    model = yaml.safe_load((folder / "MLmodel").read_text())
    model["metadata"][METADATA_KEY]["threshold"] = 7
    (folder / "MLmodel").write_text(yaml.safe_dump(model))
    with pytest.raises(IncompatibleModelError, match="threshold"):
        read_bundle(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IncompatibleModelError):
        read_bundle(tmp_path)


def test_another_feature_version_is_refused() -> None:
    with pytest.raises(IncompatibleModelError, match="feature version 99"):
        check_compatible(a_bundle(feature_version=99), V1)


def test_a_model_of_the_shipped_features_takes_its_columns_of_more_features() -> None:
    # given a model of v1.yaml, which records names alone, and rows with six features more
    bundle = a_bundle()
    rows = np.random.default_rng(1).lognormal(size=(20, len(EXTENDED.features))).astype(np.float32)
    # when
    columns = bundle.columns(EXTENDED)
    # then
    assert bundle.metadata.feature_hashes == ()
    assert [EXTENDED.feature_names[column] for column in columns] == [*V1.feature_names]
    assert np.array_equal(bundle.score(bundle.select(EXTENDED, rows)), bundle.score(rows[:, columns]))
    assert check_compatible(bundle, EXTENDED) is bundle


def test_rows_are_not_copied_for_a_model_of_all_features() -> None:
    assert a_bundle().select(V1, ROWS) is ROWS


def test_a_model_is_refused_where_nothing_computes_its_features() -> None:
    # given a model of the features that only the extended definitions have
    bundle = a_bundle(definitions=EXTENDED, feature_names=EXTENDED_ONLY)
    # when, then
    assert list(bundle.columns(EXTENDED)) == [EXTENDED.feature_names.index(name) for name in EXTENDED_ONLY]
    with pytest.raises(IncompatibleModelError, match=r"entry_mode_code, devices.* 1 more.*not compute"):
        check_compatible(bundle, V1)


def test_a_renamed_feature_is_the_same_and_a_changed_one_is_another() -> None:
    # given definitions that have renamed a feature, and others that have changed it under its name
    bundle = a_bundle(definitions=EXTENDED)
    devices = EXTENDED.feature_by_name["devices_30d"]
    renamed = with_feature(EXTENDED, replace(devices, name="phones_30d"))
    changed = with_feature(EXTENDED, replace(devices, hash="0" * 16))
    # when, then
    assert np.array_equal(bundle.columns(renamed), bundle.columns(EXTENDED))
    with pytest.raises(IncompatibleModelError, match=r"devices_30d, which .* computes differently"):
        bundle.columns(changed)


def with_feature(definitions: Definitions, feature: Feature) -> Definitions:
    """The definitions with `devices_30d` replaced."""
    features = tuple(feature if one.name == "devices_30d" else one for one in definitions.features)
    return replace(definitions, features=features)


def test_only_a_model_with_hashes_has_them_on_disk_and_in_its_digest(tmp_path: Path) -> None:
    for name, definitions in (("shipped", V1), ("extended", EXTENDED)):
        # given
        bundle = a_bundle(definitions=definitions)
        # when
        write_bundle(bundle, tmp_path / name)
        # then
        written = yaml.safe_load((tmp_path / name / "MLmodel").read_text())["metadata"][METADATA_KEY]
        assert ("feature_hashes" in written) == (definitions is EXTENDED)
        assert read_bundle(tmp_path / name).metadata == bundle.metadata
        without = bundle.metadata.model_copy(update={"feature_hashes": ()})
        assert (type(bundle)(bundle.booster, without).digest == bundle.digest) == (definitions is V1)


def test_a_model_of_the_shipped_features_keeps_the_digest_of_earlier_releases() -> None:
    bundle = a_bundle()
    scoring = {"booster_sha256", "calibration", "feature_names", "feature_version", "threshold"}
    text = json.dumps(bundle.metadata.model_dump(mode="json", include=scoring), sort_keys=True)
    assert bundle.digest == sha256(text.encode()).hexdigest()[:16]


def test_a_model_with_an_unknown_name_is_refused() -> None:
    others = (*V1.feature_names[:-1], "shoe_size")
    with pytest.raises(IncompatibleModelError, match="shoe_size"):
        check_compatible(a_bundle(feature_names=others), V1)


def test_a_bundle_that_scores_otherwise_is_refused() -> None:
    bundle = a_bundle(calibration=Platt(slope=1.0, intercept=0.0))
    changed = bundle.metadata.model_copy(update={"calibration": Platt(slope=1.0, intercept=0.1)})
    with pytest.raises(IncompatibleModelError, match="does not reproduce"):
        type(bundle)(bundle.booster, changed).verify()


def test_the_cache_keeps_the_last_good_bundle(tmp_path: Path) -> None:
    # given nothing yet
    assert last_good_bundle(tmp_path) is None
    # when two bundles are saved
    for version, rounds in (("1", 5), ("2", 10)):
        bundle = a_bundle(rounds)
        save_bundle(type(bundle)(bundle.booster, bundle.metadata, version), tmp_path)
    # then the second counts, and the first is gone
    back = last_good_bundle(tmp_path)
    assert back is not None
    assert back.version == "2"
    assert np.array_equal(back.score(ROWS), a_bundle(10).score(ROWS))
    assert len([entry for entry in tmp_path.iterdir() if entry.is_dir()]) == 1


def test_a_draft_left_by_a_crash_does_not_count(tmp_path: Path) -> None:
    save_bundle(a_bundle(), tmp_path)
    (tmp_path / ".draft").mkdir()
    assert last_good_bundle(tmp_path) is not None


def test_a_broken_cache_says_so(tmp_path: Path) -> None:
    save_bundle(a_bundle(), tmp_path)
    (tmp_path / "current.json").write_text("{")
    with pytest.raises(IncompatibleModelError, match="remove the folder"):
        last_good_bundle(tmp_path)

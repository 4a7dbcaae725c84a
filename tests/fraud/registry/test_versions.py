import numpy as np
import pytest

from fraud.errors import DataError, IncompatibleModelError
from fraud.registry.aliases import version_of_alias
from fraud.registry.bundle import probe_rows
from fraud.registry.connection import mlflow_client
from fraud.registry.trust.loading import load_bundle
from fraud.registry.versions import record_decision, require_version
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle

ROWS = probe_rows(len(V1.feature_names))


def test_a_registered_bundle_scores_as_before(registry: Settings) -> None:
    version = registered(registry, a_bundle())
    back = load_bundle(registry, version)
    assert back.version == version
    assert np.array_equal(back.score(ROWS), a_bundle().score(ROWS))
    assert version_of_alias(registry) is None


def test_another_feature_version_is_refused(registry: Settings) -> None:
    version = registered(registry, a_bundle(feature_version=99))
    with pytest.raises(IncompatibleModelError, match="feature version 99"):
        load_bundle(registry, version)


def test_a_version_that_does_not_exist_names_the_command_that_lists_them(registry: Settings) -> None:
    registered(registry, a_bundle())
    for version in ("2", "newest"):
        with pytest.raises(DataError, match="`fraud models` lists them"):
            require_version(registry, version)


def test_the_gates_decision_is_on_the_pages_of_the_version_and_of_its_run(registry: Settings) -> None:
    # given a version with a description
    version = registered(registry, a_bundle(), "The first.")
    # when the gate's decision is recorded
    record_decision(registry, version, "not promoted", "Gate: **not promoted**.")
    # then the version's description has both, the run's too, and a tag for the table of runs
    with mlflow_client(registry) as client:
        found = client.get_model_version(registry.registry.model_name, version)
        run = client.get_run(found.run_id)
    assert found.description == "The first.\n\nGate: **not promoted**."
    assert run.data.tags["mlflow.note.content"] == "Gate: **not promoted**."
    assert run.data.tags["gate"] == "not promoted"

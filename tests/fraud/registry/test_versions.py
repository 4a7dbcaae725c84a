import numpy as np
import pytest

from fraud.errors import DataError, IncompatibleModelError
from fraud.features.spec import FEATURE_NAMES
from fraud.registry.aliases import version_of_alias
from fraud.registry.bundle import probe_rows
from fraud.registry.versions import load_bundle, require_version
from fraud.settings import Settings
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle

ROWS = probe_rows(len(FEATURE_NAMES))


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

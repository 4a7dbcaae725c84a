"""A real schema registry, shared by the session."""

from collections.abc import Iterator

import pytest

from tests.fraud.messages.formats.apicurio import Apicurio, NotFetchedError, apicurio, application


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """Apicurio Registry; the tests that need it are skipped where it cannot be downloaded."""
    try:
        application()
    except NotFetchedError as error:
        pytest.skip(str(error))
    with apicurio(tmp_path_factory.mktemp("registry")) as running:
        yield running

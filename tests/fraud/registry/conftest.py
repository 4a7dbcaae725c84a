import pytest

from fraud.settings import Settings


@pytest.fixture
def registry(local_settings: Settings, mlflow_db: str) -> Settings:
    """Settings whose registry is a database of its own."""
    assert local_settings.tracking_uri == mlflow_db
    return local_settings

"""The API against its own description: whatever is asked, the answer is one that it tells of."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from fraud.settings import load_settings
from serving.dashboard.app import ROUTERS
from tests.serving.dashboard.world import Desk, served

Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 15
ENDLESS_OR_ENDING = ("/api/stream", "/api/logout")


def described() -> list[Operation]:
    app = FastAPI(title="Fraud dashboard")
    for router in ROUTERS:
        app.include_router(router)
    schema = schemathesis.openapi.from_dict(app.openapi())
    operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return [one for one in operations if one.path not in ENDLESS_OR_ENDING]


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory, _migrated_database: Path) -> Iterator[Desk]:
    """A dashboard whose Kafka is away, with a registry that has no model."""
    home = tmp_path_factory.mktemp("api")
    shutil.copy(_migrated_database, home / "mlflow.db")
    settings = load_settings(home=home, kafka={"bootstrap_servers": "127.0.0.1:1", "request_timeout_s": 1.0})
    with served(settings) as desk:
        yield desk


@pytest.mark.parametrize("operation", described(), ids=lambda one: one.label)
def test_every_answer_is_one_that_the_api_tells_of(operation: Operation, admin: Desk) -> None:
    browser = admin.shared
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in modes)))
    @settings_of_hypothesis(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def ask(case: Case[Any]) -> None:
        cookies = dict(browser.client.cookies)
        answer = case.call(base_url=admin.url, headers={"X-CSRF-Token": browser.csrf}, cookies=cookies)
        case.validate_response(answer)

    ask()


def test_choices_that_do_not_exist_and_long_texts_are_refused(admin: Desk) -> None:
    """The description would follow a code that took them."""
    browser = admin.shared
    for query in ({"state": "closed"}, {"order": "oldest"}, {"limit": 201}, {"text": "x" * 65}):
        assert browser.get("alerts", **query).status_code == 422, query
    assert browser.get("live", span="7d").status_code == 422
    assert browser.judge("t1", "perhaps").status_code == 422
    assert browser.judge("t1", "fraud", "x" * 2_001).status_code == 422

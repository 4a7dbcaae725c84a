"""The API against its own description: every answer is one that it describes."""

import shutil
import uuid
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
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from fraud.settings import load_settings
from serving.dashboard.app import ROUTERS
from serving.dashboard.feed.recorder import Batch
from tests.serving.dashboard.feed.writing import recorder_for
from tests.serving.dashboard.support import DashboardServer, payment, prediction_for, run_dashboard

Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 15
CARDS = [payment(number, transaction_id="t1", card_id=f"card-{number}") for number in (1, 2)]
"""Two payments that share an id."""

ENDLESS_OR_ENDING = ("/api/stream", "/api/logout")


def description() -> dict[str, Any]:
    app = FastAPI(title="Fraud dashboard")
    for router in ROUTERS:
        app.include_router(router)
    return app.openapi()


def operations() -> list[Operation]:
    schema = schemathesis.openapi.from_dict(description())
    described = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return [one for one in described if one.path not in ENDLESS_OR_ENDING]


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory, _migrated_database: Path) -> Iterator[DashboardServer]:
    """A dashboard whose Kafka is away, with a registry that has no model."""
    home = tmp_path_factory.mktemp("api")
    shutil.copy(_migrated_database, home / "mlflow.db")
    settings = load_settings(home=home, kafka={"bootstrap_servers": "127.0.0.1:1", "request_timeout_s": 1.0})
    with run_dashboard(settings) as dashboard:
        recorder_for(dashboard).write(Batch([*CARDS], [prediction_for(one) for one in CARDS]))
        yield dashboard


def test_a_browser_has_each_bound_of_a_request_exactly() -> None:
    # given the description of the API, whose numbers a browser reads as doubles
    document = description()
    bounds = [*bounds_in(document["paths"]), *bounds_in(document["components"]["schemas"])]
    # then none is beyond the integers that a double has, so that what the description allows is accepted
    assert len(bounds) > 20
    assert [one for one in bounds if abs(one) >= 2**53] == []


def bounds_in(part: Any) -> Iterator[float]:
    if isinstance(part, dict):
        yield from (part[name] for name in ("minimum", "maximum") if isinstance(part.get(name), int | float))
    if isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from bounds_in(one)


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.label)
def test_every_answer_is_one_that_the_api_describes(operation: Operation, admin: DashboardServer) -> None:
    browser = admin.shared
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in modes)))
    @settings_of_hypothesis(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def ask(case: Case[Any]) -> None:
        cookies = dict(browser.client.cookies)
        answer = case.call(base_url=admin.url, headers={"X-CSRF-Token": browser.csrf}, cookies=cookies)
        # Without Kafka no policy and no list can be changed, which the API describes.
        is_away = answer.status_code == 503 and "retry-after" in answer.headers
        case.validate_response(answer, excluded_checks=[not_a_server_error] if is_away else None)

    ask()


@pytest.mark.parametrize(
    ("path", "success"), [("/api/case", 200), ("/api/reviews", 201), ("/api/verdict", 201)]
)
def test_an_id_of_two_cards_takes_the_reference_of_one(
    admin: DashboardServer, monkeypatch: pytest.MonkeyPatch, path: str, success: int
) -> None:
    # given valid requests, about an id that two cards share or another, for one of the cards or none
    (operation,) = [one for one in operations() if one.path == path]
    browser, statuses = admin.shared, set[int]()
    references = [admin.context.store.card_ref(one.card_id) for one in CARDS]
    monkeypatch.setattr(admin.context.limits.reviews_by_analyst, "take", lambda _: True)

    @given(
        case=operation.as_strategy(GenerationMode.POSITIVE),
        identifier=st.sampled_from(["t1", "t1", "t2"]),
        reference=st.sampled_from([None, *references, "0" * 16]),
    )
    @settings_of_hypothesis(
        max_examples=60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    def ask(case: Case[Any], identifier: str, reference: str | None) -> None:
        target: Any = case.query if case.method == "GET" else case.body
        target["transaction_id"] = identifier
        target.pop("card_ref", None)
        if reference is not None:
            target["card_ref"] = reference
        if case.method == "POST":
            target |= {"id": str(uuid.uuid4()), "outcome" if "outcome" in target else "verdict": "unsure"}
        cookies = dict(browser.client.cookies)
        answer = case.call(base_url=admin.url, headers={"X-CSRF-Token": browser.csrf}, cookies=cookies)
        case.validate_response(answer)
        statuses.add(answer.status_code)
        known = identifier == "t1" and reference in references
        expected = success if known else 409 if identifier == "t1" and reference is None else 404
        assert answer.status_code == expected, (identifier, reference, answer.text)

    ask()
    # then each answer that the description has was given
    assert statuses == {success, 404, 409}


def test_choices_that_do_not_exist_and_long_texts_are_refused(admin: DashboardServer) -> None:
    """The description would follow a code that took them."""
    browser = admin.shared
    for query in ({"state": "closed"}, {"order": "oldest"}, {"limit": 201}, {"text": "x" * 65}):
        assert browser.get("alerts", **query).status_code == 422, query
    assert browser.get("live", span="7d").status_code == 422
    assert browser.review("t1", "perhaps").status_code == 422
    assert browser.review("t1", "fraud", "x" * 2_001).status_code == 422

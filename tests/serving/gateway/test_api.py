"""The API against its own description: every answer is one that it describes."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fraud.settings import Settings, load_settings
from serving.gateway.app import create_app
from serving.gateway.context import GatewayContext
from tests.serving.gateway.support import GatewayServer, run_gateway

Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 25


def offline_settings(**overrides: Any) -> Settings:
    """Of a gateway whose Kafka is away; every answer is the fallback, soon."""
    gateway = {"deadline_ms": 5, "max_deadline_ms": 20}
    return load_settings(kafka={"bootstrap_servers": "127.0.0.1:1"}, gateway=gateway, **overrides)


def operations() -> list[Operation]:
    app = create_app(GatewayContext(offline_settings()))
    schema = schemathesis.openapi.from_dict(app.openapi())
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    # Without Kafka a label waits for seconds, and nothing is ready; other tests have these answers.
    return [one for one in found if one.path not in ("/v1/reviews", "/ready")]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    """One gateway for all operations."""
    with run_gateway(offline_settings(home=tmp_path_factory.mktemp("api")), wait=False) as one:
        yield one


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.label)
def test_every_answer_is_one_that_the_api_describes(operation: Operation, described: GatewayServer) -> None:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in modes)))
    @settings_of_hypothesis(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=described.url, headers={"Authorization": f"Bearer {described.key}"})
        # How many decimals a currency has, and its largest amount, no schema says.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    ask()


def test_the_description_has_the_fields_of_the_definitions(described: GatewayServer) -> None:
    document = described.request("GET", "/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/decisions", "/v1/decisions/{transaction_id}", "/v1/reviews", "/live", "/ready",
    }  # fmt: skip
    payment = document["components"]["schemas"]["Transaction"]
    fields = described.settings.loaded_definitions.fields
    assert {one.path[0] for one in fields} == set(payment["properties"])


def test_while_kafka_is_away_the_gateway_lives_but_is_not_ready(described: GatewayServer) -> None:
    assert described.request("GET", "/live").status_code == 200
    answer = described.request("GET", "/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "Kafka does not answer")

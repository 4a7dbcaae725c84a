"""Schemathesis with a login: valid and invalid requests for each operation, as each role and key."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.serving.dashboard.api.test_api import operations as operations_of_dashboard
from tests.serving.dashboard.support import Browser, DashboardServer
from tests.serving.gateway.support import GatewayServer
from tests.serving.gateway.test_api import operations as operations_of_gateway

pytestmark = [pytest.mark.security, pytest.mark.timeout(600)]

Operation = APIOperation[Any, Any, Any, Any]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
MANY = settings_of_hypothesis(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.parametrize("role", ["vera", "anna", "adam"])
@pytest.mark.parametrize("operation", operations_of_dashboard(), ids=lambda one: one.label)
def test_the_dashboard_answers_each_role_as_it_is_described(
    dashboard_server: DashboardServer, logged_in: Callable[[str], Browser], operation: Operation, role: str
) -> None:
    browser = logged_in(role)

    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in MODES)))
    @MANY
    def ask(case: Case[Any]) -> None:
        cookies = dict(browser.client.cookies)
        answer = case.call(
            base_url=dashboard_server.url, headers={"X-CSRF-Token": browser.csrf}, cookies=cookies, timeout=60
        )
        # Without Kafka no policy and no list can be changed, which the API describes.
        is_away = answer.status_code == 503 and "retry-after" in answer.headers
        case.validate_response(answer, excluded_checks=[not_a_server_error] if is_away else None)
        assert answer.headers["x-content-type-options"] == ["nosniff"]

    ask()


@pytest.mark.parametrize("operation", operations_of_gateway(), ids=lambda one: one.label)
@pytest.mark.parametrize("has_key", [True, False], ids=["with a key", "without one"])
def test_the_gateway_answers_as_it_is_described(
    gateway_server: GatewayServer, operation: Operation, has_key: bool
) -> None:
    headers = {"Authorization": f"Bearer {gateway_server.key}"} if has_key else {"Authorization": "Bearer x"}

    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in MODES)))
    @MANY
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=gateway_server.url, headers=headers, timeout=60)
        # How many decimals a currency has, and its largest amount, no schema says.
        # The check of logins expects 401; from an address's thirty-first guess on it is 429.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, ignored_auth])
        if not has_key and operation.path.startswith("/v1/"):
            assert answer.status_code in (401, 413, 415, 429), answer.text

    ask()

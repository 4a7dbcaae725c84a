"""What `fraud explain` says of an amount in the base currency."""

from pathlib import Path

from deployments.cli.models.explain import _in_base
from fraud.definitions.loading import load_definitions
from tests.definitions import V1
from tests.definitions.base import write_v1_in_euros
from tests.serving.dashboard.support import payment, prediction_for


def test_it_gives_the_amount_and_the_date_of_the_rate(tmp_path: Path) -> None:
    # given
    euros = load_definitions(write_v1_in_euros(tmp_path, "2025-01-01,USD,2\n"))
    dollars = payment(1, currency="USD", amount=2_000)
    converted = prediction_for(dollars, amount_base=100_000, rate_date="2025-01-01")
    # then
    assert _in_base(euros, converted) == {"in EUR": "€1,000.00 by the rate of 2025-01-01"}
    assert _in_base(euros, prediction_for(dollars)) == {"in EUR": "unknown: there was no rate of USD"}
    assert _in_base(V1, converted) == {}

"""What `fraud explain` says of the profiles of a payment's fields."""

from deployments.cli.models.explain import _profiles
from fraud.machine.console import Console
from tests.definitions import PROFILED, V1
from tests.serving.dashboard.support import payment, prediction_for


def test_it_gives_the_moment_and_the_words_of_each_field() -> None:
    # given a reviewed payment with profiles of its device and merchant
    found = prediction_for(
        payment(1),
        definitions=PROFILED.digest,
        profile_moment=1_760_000_400_000,
        profiles={"device_payments_1d": 12.0, "device_frauds_7d": 1.0, "merchant_frauds_30d": None},
    )
    console = Console(width=160, record=True)
    # when
    console.print(_profiles(PROFILED, found))
    # then
    page = console.export_text()
    assert "Profiles (before 2025-10-09 09:00:00 UTC)" in page
    assert "payments of the device in 1 day: 12; reported frauds of the device in 7 days: 1" in page
    assert "reported frauds of the merchant in 30 days: unknown" in page


def test_without_profiles_it_says_nothing() -> None:
    assert _profiles(V1, prediction_for(payment(1))) is None

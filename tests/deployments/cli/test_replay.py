"""The options of `fraud replay` that are numbers."""

from pathlib import Path

import pytest

from tests.deployments.conftest import FraudCommand


@pytest.mark.parametrize("speed", ["1_0", "٣", "0", "-1", "nan", "inf", "1e400", "fast", "", " 2"])
def test_a_speed_is_a_number_above_zero_in_digits_0_to_9(
    fraud: FraudCommand, tmp_path: Path, speed: str
) -> None:
    refused = fraud("replay", "--transactions", str(tmp_path / "none.csv"), f"--speed={speed}", "--dry-run")
    assert refused.code == 2
    assert "is neither max nor a number above 0" in refused.err


@pytest.mark.parametrize("speed", ["max", "1", "+2.5", "3600", "1e3", ".5"])
def test_a_speed_may_have_decimals_and_an_exponent(fraud: FraudCommand, tmp_path: Path, speed: str) -> None:
    failed = fraud("replay", "--transactions", str(tmp_path / "none.csv"), f"--speed={speed}", "--dry-run")
    assert "there is no file" in failed.err


@pytest.mark.parametrize("delay", ["1_0d", "٣d", "7", "d", "-1d", "7 d"])
def test_a_label_delay_is_a_number_and_a_unit(fraud: FraudCommand, tmp_path: Path, delay: str) -> None:
    refused = fraud("replay", "--transactions", str(tmp_path / "none.csv"), f"--label-delay={delay}")
    assert refused.code == 2
    assert "is no duration" in refused.err

"""Files of environment variables, read back by what settings read them with."""

from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import example, given
from hypothesis import strategies as st

from fraud.machine.env_files import env_line, variable_with

TEXTS = st.text(st.sampled_from("a b'\"\\\\#$${}:-=%[]é"), max_size=12)


@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(["/répo, [x] & 'y' #1 {x}/keys", "${HOME}/a", "${HOME:-x}", "a\\", "\\'"])
def test_each_line_gives_its_value_back(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    # given any values, as those of folders are
    file = tmp_path_factory.mktemp("env") / "stack.env"
    named = {f"NAME_{number}": value for number, value in enumerate(values)}
    # when they are written
    file.write_text("".join(env_line(*one) for one in named.items()), encoding="utf-8")
    # then
    assert dotenv_values(file, encoding="utf-8") == named


def test_the_environment_is_searched_before_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a value under a name of the environment and of a file, beside a file that is missing
    file = tmp_path / ".env"
    file.write_text(env_line("fraud_b__c", "same") + env_line("FRAUD_B__D", "other"))
    monkeypatch.setenv("FRAUD_B__A", "same")
    files = [tmp_path / "missing", file]
    # then
    assert variable_with("same", "FRAUD_B", files) == "FRAUD_B__A"
    assert variable_with("other", "FRAUD_B", files) == "FRAUD_B__D"
    assert variable_with("same", "FRAUD_C", files) is None

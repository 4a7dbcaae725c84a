"""`fraud policy backtest`, on a lake and predictions with a planted fraud."""

import json
from pathlib import Path

import pytest

from fraud.decisions.log.reading import read_policies
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand
from tests.fraud.decisions.whatif.planted import POLICY, fill


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tried.yaml"
    path.write_text(POLICY)
    return path


@pytest.mark.broker
def test_a_file_is_tried_and_exported(on_kafka: FraudCommand, file: Path, settings: Settings) -> None:
    # given predictions, payments and labels
    fill(settings)
    # when a policy is tried
    done = on_kafka("policy", "backtest", str(file))
    # then there is a table of its parts, and three files
    assert done.code == 0, done.err
    assert "planted" in done.out
    assert "live: default" in done.out
    written = sorted(path.suffix for path in (settings.home / "what-if").iterdir())
    assert written == [".csv", ".html", ".json"]
    # and as JSON the same figures
    document = json.loads(on_kafka("policy", "backtest", str(file), "--json").out)
    [planted] = [one for one in document["parts"] if one["name"] == "planted"]
    assert planted["figures"]["recall"]["value"] == 1


@pytest.mark.broker
def test_a_what_if_is_attached_to_its_version(on_kafka: FraudCommand, file: Path, settings: Settings) -> None:
    # given a proposal
    fill(settings)
    proposed = on_kafka("policy", "propose", str(file), "--as", "ann", "--override-declines", "planted")
    assert proposed.code == 0, proposed.err
    # when its what-if is attached
    done = on_kafka("policy", "backtest", "1", "--attach", "--as", "ann")
    # then those who approve it find it
    assert done.code == 0, done.err
    attached = json.loads(read_policies(settings).version(1).what_if or "")
    assert attached["policy"] == "tried"
    assert attached["policies"][0]["figures"]["recall"]["value"] == 1


@pytest.mark.broker
def test_without_predictions_it_says_what_to_do(on_kafka: FraudCommand, file: Path) -> None:
    refused = on_kafka("policy", "backtest", str(file))
    assert refused.code != 0
    assert refused.err.count("\n") == 1
    assert "there are no logged predictions of these days; give more --days" in refused.err


def test_only_a_version_can_have_it_attached(fraud: FraudCommand, file: Path) -> None:
    refused = fraud("policy", "backtest", str(file), "--attach")
    assert refused.code == 2
    assert "--attach needs the number of a version" in refused.err

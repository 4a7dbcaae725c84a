"""The acquirer's nested messages through a real broker: replayed, read back, decoded and computed."""

from pathlib import Path

import numpy as np
import pytest

from fraud.features.events import encode_transactions
from fraud.features.store import CardStore
from fraud.kafka.topics import create_topics
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import Settings
from producer.replay.run import ReplayRequest, replay
from tests.conftest import SettingsFactory
from tests.examples.running import Example, features_by_id
from tests.producer.replay.files.reading import Quiet
from tests.producer.test_redrive import read

pytestmark = pytest.mark.broker


@pytest.fixture
def example_settings(make_settings: SettingsFactory, broker: str) -> Settings:
    """One partition, so that the messages come back in the order of time."""
    kafka = {"bootstrap_servers": broker, "partitions": 1}
    made = make_settings(kafka=kafka, definitions=Example("acquirer").definitions_file)
    create_topics(made)
    return made


def test_a_replayed_example_has_the_features_of_its_file(example_settings: Settings, tmp_path: Path) -> None:
    # given an example that was replayed
    example = Example("acquirer")
    files = example.files()
    result = replay(example_settings, ReplayRequest(files.transactions, columns=files.columns), Quiet())
    assert (result.sent.transactions, result.sent.labels) == (60, 60)
    # when a consumer reads and admits what is in Kafka
    admission = AdmissionFilter(example.definitions, example_settings.admission)
    messages = read(example_settings, example_settings.topics.transactions)
    found = [admission.validate(one.value(), one.timestamp()[1], one.key()) for one in messages]
    admitted = [one for one in found if isinstance(one, Admitted)]
    assert len(admitted) == 60
    # then the kernel computes the same of it as of the file
    rows, _ = CardStore(example.definitions).process(encode_transactions(example.definitions, admitted))
    expected = features_by_id(example, tmp_path)
    ids = [one.transaction.transaction_id for one in admitted]
    assert np.array_equal(rows, [[*expected[one].values()] for one in ids], equal_nan=True)

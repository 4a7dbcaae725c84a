"""`fraud up --brokers 3`: three real brokers; what stands for the other servers answers any GET."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer

from deployments.local import stack as stack_module
from deployments.local.checks import check_parts
from deployments.local.cluster.home import HomeBrokers
from deployments.local.processes import free_port
from deployments.local.servers import HttpServer
from deployments.local.stack import Stack
from fraud.errors import ConfigurationError
from fraud.kafka.clients import consumer_config, producer_config
from fraud.kafka.topic_checks import check_topics
from fraud.kafka.topics import (
    TopicLayout,
    TopicPlan,
    create_topics,
    make_topics,
    topic_config,
    topic_layouts,
)
from fraud.settings import load_settings
from tests.deployments.conftest import FraudCommand
from tests.serving.world import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

BROKERS = ("Kafka 1", "Kafka 2", "Kafka 3")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A home with three brokers that run."""
    home = tmp_path_factory.mktemp("three")

    def answering(name: str) -> HttpServer:
        port = free_port()
        command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
        return HttpServer(name, port, home / "logs" / f"{name}.log", command, "/", folder=home / name)

    with pytest.MonkeyPatch.context() as patch:
        for server in (answering("MLflow"), answering("Prefect")):
            patch.setattr(stack_module, f"{server.name.lower()}_server", lambda home, port, one=server: one)
        running = Stack(home, brokers=3)
        try:
            # Not the well-known ports, which another worker's stack of three may take at the same moment.
            running.start({name: free_port() for name in ("Kafka", *BROKERS[1:])})
            yield running
        finally:
            running.stop()


@pytest.fixture
def home(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of these tests speak of the running stack."""
    monkeypatch.setenv("FRAUD_HOME", str(stack.home))
    return stack.home


def test_every_broker_answers_and_clients_know_them_all(stack: Stack, home: Path) -> None:
    found = {one.name: one for one in stack.broker_status()}
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(BROKERS, "ready")
    servers = load_settings().kafka.bootstrap_servers
    assert servers.split(",") == [found[name].address for name in BROKERS]


def test_our_topics_and_kafkas_own_outlive_a_broker(home: Path) -> None:
    # given our topics, and Kafka's own, which the first group and the first transaction make
    settings = load_settings()
    create_topics(settings)
    _use_a_group_and_a_transaction()
    # when we look at all of them
    layouts = wait_for(lambda: _with_kafkas_own(topic_layouts(settings)))
    # then each has three replicas, of which two must have a message before it is acknowledged
    assert {layout.replicas for layout in layouts.values()} == {3}
    needed = {topic_config(settings, topic)["min.insync.replicas"] for topic in layouts}
    assert needed == {"2"}
    assert check_topics(settings) == []


def _with_kafkas_own(layouts: dict[str, TopicLayout]) -> dict[str, TopicLayout] | None:
    return layouts if {"__consumer_offsets", "__transaction_state"} <= layouts.keys() else None


def _use_a_group_and_a_transaction() -> None:
    settings = load_settings()
    producer = Producer(producer_config(settings, **{"transactional.id": "one"}))
    producer.init_transactions(30)
    consumer = Consumer(consumer_config(settings, "one"))
    consumer.subscribe([settings.topics.transactions])
    consumer.poll(1.0)
    consumer.close()


def test_a_request_to_the_controller_outlives_a_broker(stack: Stack, home: Path) -> None:
    # given a broker that was killed, and the others still take for alive
    _kill(stack, "Kafka 3")
    # when clients ask the controller, which to each is any of the three
    made = load_settings()
    kafka = made.kafka.model_copy(update={"request_timeout_s": 3.0})
    settings = made.model_copy(update={"kafka": kafka})
    for number in range(8):
        make_topics(settings, [TopicPlan(f"made-{number}", partitions=1)])
    # then each is answered
    named = {f"made-{number}" for number in range(8)}
    wait_for(lambda: named <= topic_layouts(load_settings()).keys())
    assert stack.start() == ["Kafka 3"]


def test_a_dead_broker_is_named_and_comes_back_alone(stack: Stack, fraud: FraudCommand) -> None:
    # given a broker that was killed
    before = {one.name: one for one in stack.status()}
    _kill(stack, "Kafka 2")
    # when somebody looks, then it is named
    assert "Kafka 2   dead" in fraud("status").out
    # and the others take messages, at the latest when they have chosen another controller
    wait_for(lambda: _answering() == [True, False, True], timeout_s=60)
    assert topic_layouts(load_settings())
    # and when the stack is started again, it alone is, where it was
    assert stack.start() == ["Kafka 2"]
    after = {one.name: one for one in stack.status()}
    assert after["Kafka 2"].address == before["Kafka 2"].address
    assert after["Kafka 1"] == before["Kafka 1"]


def _kill(stack: Stack, name: str) -> None:
    pid = {one.name: one.pid for one in stack.status()}[name]
    # Without a number, psutil would take this process, and kill the worker that runs the tests.
    assert pid, f"{name} does not run: {stack.status()}"
    victim = psutil.Process(pid)
    victim.kill()
    victim.wait(20)


def _answering() -> list[bool]:
    states = {one.name: one.ok for one in check_parts(load_settings())}
    return [states[name] for name in BROKERS]


def test_down_ends_all_in_order_and_up_finds_them(stack: Stack, home: Path, fraud: FraudCommand) -> None:
    # given topics on three brokers
    create_topics(load_settings())
    topics = topic_layouts(load_settings()).keys()
    # when they are stopped
    stopped = fraud("down")
    assert set(BROKERS) <= set(stopped.out.removeprefix("stopped ").strip().split(", "))
    # then all ended in order but perhaps the last, which has no majority any more that would let it go
    assert len([*home.glob("kafka/broker-*/data/.kafka_cleanshutdown")]) >= len(BROKERS) - 1
    # and without a word on their number all three come back
    stack.start()
    assert topic_layouts(load_settings()).keys() == topics


def test_a_home_keeps_its_number_of_brokers(fraud: FraudCommand, stack: Stack) -> None:
    refused = fraud("up", "--brokers", "1")
    assert refused.code == ConfigurationError.exit_code
    assert refused.err.count("\n") == 1
    assert f"{stack.home} was made with 3 brokers, not 1" in refused.err


def test_a_home_of_one_broker_gets_no_others(tmp_path: Path) -> None:
    # given the data of one broker
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "meta.properties").touch()
    # when three are asked for, then a sentence says why not
    with pytest.raises(ConfigurationError, match="was made with 1 broker, not 3"):
        Stack(tmp_path, brokers=3).start()
    # and nothing was made
    assert not (tmp_path / "kafka" / "cluster.json").exists()
    assert HomeBrokers(tmp_path, 3).names == ("Kafka",)


def test_other_numbers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fraud: FraudCommand
) -> None:
    refused = fraud("up", "--brokers", "2")
    assert refused.code == ConfigurationError.exit_code
    assert "--brokers 2: Kafka runs with 1 or 3 brokers" in refused.err
    monkeypatch.setenv("FRAUD_KAFKA__EMBEDDED_BROKERS", "5")
    with pytest.raises(ConfigurationError, match="embedded_brokers must be 1 or 3"):
        load_settings()


def test_controllers_move_only_while_no_broker_runs(tmp_path: Path) -> None:
    # given the ports of a cluster
    brokers = HomeBrokers(tmp_path, 3)
    brokers.prepare(())
    before = [brokers.member(name) for name in BROKERS]
    # when one of them is taken while two brokers run, then they stay
    with socket.create_server(("127.0.0.1", before[0].controller_port)):
        brokers.prepare(BROKERS[1:])
        assert [brokers.member(name) for name in BROKERS] == before
        # and when none runs, all get other ports, of the same cluster
        brokers.prepare(())
    after = [brokers.member(name) for name in BROKERS]
    assert after[0].controllers != before[0].controllers
    assert after[0].cluster_id == before[0].cluster_id


def test_a_broken_list_of_controllers_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "cluster.json").write_text("{broken", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"cluster\.json is broken"):
        Stack(tmp_path).status()

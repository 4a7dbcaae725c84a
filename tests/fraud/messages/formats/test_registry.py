"""Payments of Confluent's own serialisers: a real broker, a real registry, ingest and serving."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraud.errors import RefusedError, UnreachableError
from fraud.health_checks import check_environment
from fraud.ingest.commits import committed_files
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.key_sample import check_keys
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.messages.admission import AdmissionFilter
from fraud.messages.formats.payloads import payloads_of
from fraud.messages.formats.registry import SchemaMissingError, SchemaRegistry
from fraud.settings import SchemaRegistrySettings, Settings
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.partition_features import FeatureStage
from serving.state.partition_state import PartitionState
from tests.conftest import SettingsFactory
from tests.definitions import V1
from tests.fraud.messages.formats.apicurio import Apicurio
from tests.fraud.messages.formats.registries import (
    AVRO,
    JSON_SCHEMA,
    PROTO,
    avro_record,
    framed,
    message_class,
    proto_message,
)
from tests.serving.world import (
    BASE_MS,
    disorderly,
    predictions,
    read_all,
    register,
    running,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker

Serialize = Callable[[dict[str, Any]], bytes]
FORMATS = ("avro", "protobuf", "json_schema")
SERVING = {"feature_sample": 1.0, "commit_interval_s": 0.05, "snapshot_interval_s": 0}


@dataclass(frozen=True)
class World:
    """Settings of topics of one partition, whose payments are JSON or have schemas in the registry."""

    settings: Settings
    client: SchemaRegistryClient

    @property
    def topic(self) -> str:
        return self.settings.topics.transactions

    def serializer(self, name: str) -> Serialize:
        """What a sender would use, as Confluent delivers it."""
        context = SerializationContext(self.topic, MessageField.VALUE)
        if name == "avro":
            avro = AvroSerializer(self.client, json.dumps(AVRO))
            return lambda payment: avro(avro_record(payment), context)
        if name == "protobuf":
            kind = message_class(PROTO, "shop.Payment")
            protobuf = ProtobufSerializer(kind, self.client, {"use.deprecated.format": False})
            return lambda payment: protobuf(proto_message(payment, kind), context)
        if name == "json_schema":
            in_json = JSONSerializer(json.dumps(JSON_SCHEMA), self.client)
            return lambda payment: in_json(payment, context)
        return lambda payment: json.dumps(payment).encode()

    def send(self, payments: list[dict[str, Any]], name: str = "", partition: int = 0) -> None:
        serialize = self.serializer(name)
        self.send_bytes([(serialize(one), one) for one in payments], partition)

    def send_bytes(self, values: list[tuple[bytes, dict[str, Any]]], partition: int = 0) -> None:
        producer = Producer(producer_config(self.settings))
        for value, payment in values:
            producer.produce(
                self.topic, value, payment["card_id"], partition, timestamp=payment["timestamp"],
                headers=[("sender", b"shop")],
            )  # fmt: skip
        flush(producer, 30)

    def lake_rows(self) -> list[dict[str, Any]]:
        lake = open_lake(self.settings)
        for partition in range(self.settings.kafka.partitions):
            ingest_partition(self.settings, lake, sources(self.settings)[0], partition)
        files = committed_files(lake, "transactions")
        return [row for file in files for row in lake.read_table(file.path).to_pylist()]

    def features(self) -> tuple[bytes, list[str]]:
        """The rows that serving computes of all messages, and the ids of their payments."""
        messages = sorted(read_all(self.settings, self.topic), key=lambda one: one.offset())
        payloads, metrics = payloads_of(self.settings), Metrics()
        assert payloads.readable([one.value() for one in messages]) == len(messages)
        stage = FeatureStage(metrics, StageTimer(metrics), payloads)
        state = PartitionState(0, 0, AdmissionFilter(V1, self.settings.admission))
        found = stage.process(state, messages)
        return np.ascontiguousarray(found.rows).tobytes(), found.decoded.texts()["transaction_id"]


MakeWorld = Callable[..., World]


@pytest.fixture
def client(registry: Apicurio) -> Iterator[SchemaRegistryClient]:
    """What senders have; without a limit one would wait indefinitely for an answer that is lost."""
    with SchemaRegistryClient({"url": registry.url, "timeout": 10}) as made:
        yield made


@pytest.fixture
def make_world(
    make_settings: SettingsFactory, broker: str, registry: Apicurio, client: SchemaRegistryClient
) -> MakeWorld:
    """Makes worlds with topics and lakes of their own."""

    def make(name: str, payload_format: str = "schema_registry", partitions: int = 1) -> World:
        defaults = make_settings()
        made = make_settings(
            kafka={"bootstrap_servers": broker, "partitions": partitions, "payload_format": payload_format},
            topics={field: f"{topic}.{name}" for field, topic in defaults.topics.model_dump().items()},
            lake={"url": str(defaults.home / name)},
            serving=SERVING | {"group_id": f"{defaults.serving.group_id}.{name}"},
            registry={"poll_interval_s": 0.2},
            schema_registry={"url": registry.url, "timeout_s": 1.0},
        )
        create_topics(made)
        return World(made, client)

    return make


@pytest.mark.parametrize("name", FORMATS)
def test_lake_and_features_are_those_of_the_same_payments_in_json(make_world: MakeWorld, name: str) -> None:
    # given payments, some late or repeated, in JSON and in another format
    payments = disorderly(150)
    in_json, other = make_world("json", "json"), make_world(name)
    in_json.send(payments)
    other.send(payments, name)
    # when both are ingested, and processed by serving
    rows, expected = other.lake_rows(), in_json.lake_rows()
    # then the lake's rows are the same, and so are the features, bit for bit
    assert len(rows) == len(payments)
    assert rows == expected
    assert other.features() == in_json.features()
    assert "keyed by their card" in check_keys(other.settings)


def test_one_topic_may_change_from_schema_to_schema(make_world: MakeWorld) -> None:
    # given a writer that adds a field, then renames one, and names in an alias what it was
    world = make_world("evolving")
    subject = f"{world.topic}-value"
    world.client.set_compatibility(subject, "NONE")
    renamed = [
        one | {"name": "total", "aliases": ["amount"]} if one["name"] == "amount" else one
        for one in AVRO["fields"]
    ]
    added = [{"name": "note", "type": ["null", "string"], "default": None}, *AVRO["fields"]]
    context = SerializationContext(world.topic, MessageField.VALUE)
    values = []
    for number, fields in enumerate((AVRO["fields"], added, renamed)):
        payment = transaction(number, amount="12.30")
        serializer = AvroSerializer(world.client, json.dumps(AVRO | {"fields": fields}))
        record = avro_record(payment) | {"total": avro_record(payment)["amount"]}
        values.append((serializer(record, context), payment))
    # when their payments are ingested
    world.send_bytes(values)
    # then all are there, each by the schema that it was written with
    assert len({value[:5] for value, _ in values}) == 3
    assert [row["amount"] for row in world.lake_rows()] == [1_230] * 3


def test_schemas_that_refer_to_others_are_put_together(make_world: MakeWorld, registry: Apicurio) -> None:
    # given a schema of Avro and one of Protobuf, registered as text, that refer to another subject each
    world = make_world("references")
    money = {
        "type": "record",
        "name": "Money",
        "namespace": "m",
        "fields": [{"name": "value", "type": "long"}],
    }
    whole = {"type": "record", "name": "R", "fields": [{"name": "amount", "type": "m.Money"}]}
    shared = 'syntax = "proto3"; package m; message Money { int64 value = 1; }'
    outer = 'syntax = "proto3"; import "money.proto"; message R { m.Money amount = 1; }'
    ids = []
    for kind, inner, text, reference in (
        ("AVRO", json.dumps(money), json.dumps(whole), "m.Money"),
        ("PROTOBUF", shared, outer, "money.proto"),
    ):
        subject = f"{world.topic}.{kind}"
        world.client.register_schema(f"{subject}.inner", Schema(inner, kind))
        references = [{"name": reference, "subject": f"{subject}.inner", "version": 1}]
        schema = Schema.from_dict({"schema": text, "schemaType": kind, "references": references})
        ids.append(world.client.register_schema(subject, schema))
    # when payloads of both are decoded
    payloads = payloads_of(world.settings)
    values = [framed(ids[0], b"\x0a"), framed(ids[1], b"\0\x0a\x02\x08\x05")]
    # then the types that they refer to are known
    assert payloads.readable(values) == 2
    assert [*payloads.to_json(values)] == [b'{"amount":{"value":5}}'] * 2


def test_serving_waits_for_a_silent_registry_and_refuses_what_it_does_not_know(
    make_world: MakeWorld, registry: Apicurio, mlflow_db: str
) -> None:
    # given an engine that has scored payments in Avro
    world = make_world("serving", partitions=2)
    register(world.settings, tiny_bundle(world.settings))
    first, later, unknown = ([transaction(number + at) for number in range(20)] for at in (0, 100, 200))
    world.send(first, "avro")
    protobuf = world.serializer("protobuf")
    values = [(protobuf(one), one) for one in unknown]
    with running(world.settings) as engine:
        wait_for_predictions(world.settings, len(first))
        # when payments of another schema come while the registry is silent, and known ones elsewhere
        in_avro = world.serializer("avro")
        known = [(in_avro(one), one) for one in later]
        with registry.silent():
            world.send_bytes(values)
            wait_for(lambda: "partitions wait" in engine.engine.status().text)
            world.send_bytes(known, partition=1)
            # then the known ones are scored, the others wait, and health says why
            wait_for_predictions(world.settings, len(first) + len(later))
            assert not engine.engine.status().is_ready
            assert "does not answer" in engine.engine.status().text
            assert len(predictions(world.settings)) == len(first) + len(later)
        # and when it answers again, all are scored, each once
        found = wait_for_predictions(world.settings, len(first) + len(later) + len(unknown))
        assert len({one.transaction_id for one in found}) == len(found)
        wait_for(lambda: engine.engine.status().is_ready)
        # and when messages come whose id it does not know, or that have none
        garbage = framed(999_999, b"abc")
        world.send_bytes([(garbage, first[0]), (b"{}", first[0])])
        letters = wait_for(lambda: two_letters(world))
    # then each is a dead letter with its bytes, its headers and the reason
    assert [letter.value() for letter in letters] == [garbage, b"{}"]
    headers = [dict(letter.headers()) for letter in letters]
    assert [header["sender"] for header in headers] == [b"shop"] * 2
    assert b"schema 999999: the schema registry has no schema 999999" in headers[0]["error"]
    assert b"starts with byte 123" in headers[1]["error"]
    # and a worker that starts again replays the log to the same state
    assert features_after_a_restart(world) == features_in_json(
        make_world("json", "json", 2), [*first, *unknown]
    )


def two_letters(world: World) -> list[Any] | None:
    found = read_all(world.settings, world.settings.topics.dead_letters)
    return found if len(found) == 2 else None


def last_payment() -> dict[str, Any]:
    return transaction(0, transaction_id="last", timestamp=BASE_MS + 500 * 60_000)


def features_after_a_restart(world: World) -> Any:
    world.send([last_payment()], "avro")
    return features_of_last(world)


def features_in_json(world: World, payments: list[dict[str, Any]]) -> Any:
    world.send([*payments, last_payment()])
    register(world.settings, tiny_bundle(world.settings))
    return features_of_last(world)


def features_of_last(world: World) -> Any:
    def last() -> Any:
        found = [one.features for one in predictions(world.settings) if one.transaction_id == "last"]
        return found[0] if found else None

    with running(world.settings):
        return wait_for(last)


def test_ingest_says_that_the_registry_is_silent(
    make_world: MakeWorld, registry: Apicurio, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given payments whose schema is not known yet, and a silent registry
    world = make_world("silent")
    world.send([transaction(1)], "avro")
    monkeypatch.setattr("fraud.messages.formats.payloads.Deadline", lambda _: ImmediateDeadline())
    # then nothing is written, and the error names the registry
    with registry.silent(), pytest.raises(UnreachableError, match="schema registry"):
        world.lake_rows()
    # and the next run brings all
    monkeypatch.undo()
    assert len(world.lake_rows()) == 1


class ImmediateDeadline:
    is_over = True


def test_doctor_asks_the_registry(make_world: MakeWorld, registry: Apicurio) -> None:
    world = make_world("doctor")

    def finding() -> Any:
        return next(one for one in check_environment(world.settings) if one.name == "schema registry")

    assert finding().ok
    assert finding().detail == f"{registry.url} answers"
    with registry.silent():
        assert not finding().ok


@pytest.mark.parametrize("path", ["", "/apis", "/nowhere"])
def test_another_address_of_the_server_is_no_answer_about_an_id(registry: Apicurio, path: str) -> None:
    # given the address of a server that is no registry's
    url = registry.url.removesuffix("/apis/ccompat/v7") + path
    asked = SchemaRegistry(SchemaRegistrySettings(url=url, timeout_s=5))
    # then an id is not taken for unknown: its messages wait
    with pytest.raises(UnreachableError) as raised:
        asked.schema(1)
    assert not isinstance(raised.value, SchemaMissingError | RefusedError)

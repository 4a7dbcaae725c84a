"""Each identity can do its job with exactly its permissions, and with one less is named which it lacks."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from deployments.cli.privacy.stores import OpenStores, forget_everywhere
from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries, read_lists
from fraud.decisions.log.checking import check_proposal
from fraud.decisions.log.publishing import PolicyProposal, propose
from fraud.decisions.whatif.current import live_policy
from fraud.errors import RefusedError
from fraud.evaluation.comparison.logged_scores import read_logged_scores
from fraud.health_checks import check_environment
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.admin.acl import apply_plan, plan_acls
from fraud.kafka.clients import READER_GROUP, flush, producer_config
from fraud.kafka.offsets import end_offsets, group_lag
from fraud.kafka.permission_checks import require_readable, require_topic
from fraud.kafka.permissions import IDENTITIES, Permission, permissions_of
from fraud.kafka.topics import create_topics, topic_plans
from fraud.lake import open_lake
from fraud.monitoring.predictions import read_predictions
from fraud.preprocess.publish import publish_profiles
from fraud.privacy.forgotten import ForgottenCard, publish_forgotten, read_forgotten
from fraud.privacy.housekeeping import finish_forgetting
from fraud.privacy.topics import event_topics
from fraud.settings import Settings, TopicSettings, WebhookEndpoint, WebhookSettings
from fraud.training.splits import TimeRange
from producer.history import HistoryPeriod, publish_history
from producer.publisher import Publisher
from producer.redrive import RedriveRequest, redrive
from producer.replay.run import ReplayRequest, replay
from producer.scenario import load_scenario
from producer.simulator import Simulator
from serving.dashboard.api.reviews import Review, ReviewService
from serving.dashboard.audit_events.sender import AuditEventSender
from serving.dashboard.feed.follower import Follower
from serving.dashboard.feed.store import Store
from serving.dashboard.review_events.sender import ReviewEventSender
from serving.gateway.context import create_context
from serving.run import run
from serving.webhooks.endpoint_worker import EndpointWorker
from serving.webhooks.metrics import WebhookMetrics
from serving.webhooks.run import require_usable
from tests.conftest import SettingsFactory
from tests.fraud.decisions.log.policies import some_policy
from tests.fraud.evaluation.comparison.predictions import prediction
from tests.fraud.preprocess.test_publish import profiles
from tests.fraud.signing.signed import save_champion
from tests.producer.replay.test_run import ProgressListener
from tests.producer.test_redrive import bury
from tests.security.locked import LockedKafka
from tests.serving.gateway.support import payment, run_gateway
from tests.serving.webhooks.receiver import receiving
from tests.serving.webhooks.test_delivery import SECRET
from tests.serving.world import disorderly, predictions, read_all, send, tiny_bundle, wait_for
from tests.serving.world import publish_profiles as put_profiles

pytestmark = pytest.mark.broker

DAY = date(2026, 3, 1)
NOW = int(time.time() * 1_000)
NO_REGISTRY = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}


class World:
    """One test's topics on the locked broker, as its administrator and as users see them."""

    def __init__(self, locked: LockedKafka, make: SettingsFactory) -> None:
        self.locked, self._make = locked, make
        self.as_admin = self._settings(locked.as_admin)
        create_topics(self.as_admin)
        self.name = f"u{uuid.uuid4().hex[:10]}"
        self.as_user = self._settings(locked.add_user(self.name))

    def allow(self, permissions: list[Permission]) -> None:
        """Give the user permissions, and wait until the broker knows."""
        self.locked.allow(self.name, permissions)
        wait_for(lambda: self.locked.knows(self.name, permissions))

    def _settings(self, kafka: dict[str, Any]) -> Settings:
        serving = {"commit_interval_s": 0.05, "snapshot_interval_s": 0}
        return self._make(kafka=kafka | {"retention_days": -1}, serving=serving, registry=NO_REGISTRY)


@pytest.fixture
def world(locked: LockedKafka, make_settings: SettingsFactory) -> World:
    return World(locked, make_settings)


def produce(world: World) -> None:
    settings = world.as_user
    span = HistoryPeriod.before(datetime(2026, 3, 1, 2, tzinfo=UTC), days=1)
    simulator = Simulator(load_scenario("small", cards=20, merchants=400), 5, span.start)
    with Publisher(settings) as publisher:
        done = publish_history(settings, publisher, simulator, span)
    assert done.transactions


def put_file(world: World) -> None:
    # Something younger than the file is there, to be read and found harmless.
    send(world.as_admin, [b"poison"], kafka_time=NOW + 10 * 86_400_000)
    rows = [f"t{number},c,m,1.00,EUR,{NOW + number}" for number in range(5)]
    file = Path("payments.csv")
    file.write_text("\n".join(["transaction_id,card_id,merchant_id,amount,currency,timestamp", *rows]))
    labels = Path("labels.csv")
    labels.write_text("transaction_id,is_fraud\nt1,1\n")
    sent = replay(world.as_user, ReplayRequest(file, labels), ProgressListener()).sent
    assert (sent.transactions, sent.labels) == (5, 1)


def score(world: World) -> None:
    """The real engine, exactly once, until every transaction is answered."""
    sent = disorderly(300)
    send(world.as_admin, [*sent, b"poison"])
    put_profiles(world.as_admin, "2025-10-01", ["merchant-1", "merchant-2"])
    with engine(world.as_user) as failures:
        wanted = len({one["transaction_id"] for one in sent})
        wait_for(lambda: failures or len(predictions(world.as_admin)) >= wanted)
    found = predictions(world.as_admin)
    assert len(found) == len({one.transaction_id for one in found}) == wanted
    assert sum(end for _, end in end_offsets(world.as_admin, world.as_admin.topics.dead_letters).values())


class engine:  # noqa: N801
    """A scoring engine on a thread; what it raised is raised at the end of the block."""

    def __init__(self, settings: Settings) -> None:
        save_champion(settings, tiny_bundle(settings))
        self._settings, self._stop = settings, threading.Event()
        self.failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            run(self._settings, self._stop)
        except BaseException as error:
            self.failures.append(error)

    def __enter__(self) -> list[BaseException]:
        self._thread.start()
        return self.failures

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        if self.failures:
            raise self.failures[0]


def ingest(world: World) -> None:
    settings = world.as_user
    send(world.as_admin, disorderly(50))
    producer = Producer(producer_config(world.as_admin))
    producer.produce(settings.topics.labels, b"{}", b"card")
    reviewed = msgspec.json.encode(prediction("t1", "card", NOW, score=0.9, version="3"))
    producer.produce(settings.topics.predictions, reviewed, b"card")
    flush(producer, 10)
    commits = [
        commit
        for source in sources(settings)
        for partition in range(require_readable(settings, source.topic))
        for commit in ingest_partition(settings, open_lake(settings), source, partition)
    ]
    assert [commit.dataset for commit in commits] == ["transactions", "labels", "decisions"]
    assert sum(end for _, end in end_offsets(world.as_admin, settings.topics.label_dead_letters).values())
    publish_forgotten(world.as_admin, ["card"], ForgottenCard(NOW - 2, NOW - 1))
    assert finish_forgetting(settings, open_lake(settings)).expired == 1


def forget(world: World) -> None:
    """A card is taken off a list, and the other topics are asked until when they keep it."""
    publish_entries(world.as_admin, [ListEntry("blocked_cards", "c1", "ann", NOW)])
    propose(world.as_admin, PolicyProposal(some_policy(), "ann"))
    with OpenStores.of(world.as_user, "c1") as stores:
        results = forget_everywhere(stores, "ann")
    kept = {one.store for one in results if one.kept}
    assert kept >= {f"topic: {topic}" for topic in event_topics(world.as_user)}
    assert not list(read_lists(world.as_admin))
    assert read_forgotten(world.as_admin).has("c1")


def preprocess(world: World) -> None:
    publish_profiles(world.as_admin, DAY, profiles(a=1.0))
    assert publish_profiles(world.as_user, DAY, profiles(a=2.0)) == 1


def train(world: World) -> None:
    """The part of a training that talks to Kafka."""
    one = msgspec.json.encode(prediction("t1", "card", NOW, score=0.5, version="3"))
    producer = Producer(producer_config(world.as_admin))
    producer.produce(world.as_admin.topics.predictions, one, b"card")
    flush(producer, 10)
    assert len(read_logged_scores(world.as_user, "3", TimeRange(NOW, NOW + 1))) == 1


def monitor(world: World) -> None:
    producer = Producer(producer_config(world.as_admin))
    producer.produce(world.as_admin.topics.predictions, b"no prediction", b"card")
    flush(producer, 10)
    assert read_predictions(world.as_user, NOW + 60_000).unreadable == 1
    assert live_policy(world.as_user).review_capacity is None


def decide(world: World) -> None:
    """Block a card, and propose a policy that is tried on yesterday's predictions."""
    entry = ListEntry("blocked_cards", "c1", "ann", NOW)
    assert publish_entries(world.as_user, [entry]).added == 1
    assert check_proposal(world.as_user, some_policy()).unchecked
    assert propose(world.as_user, PolicyProposal(some_policy(), "ann")).version == 1


def show(world: World) -> None:
    """The dashboard's ways to Kafka: it follows everything, sends a review, and changes what decides."""
    send(world.as_admin, [one | {"timestamp": NOW} for one in disorderly(10)])
    settings, store, followed = world.as_user, Store(world.as_user.home / "dashboard.db"), list[Any]()
    follower = Follower(settings, store, lambda *batch: followed.append(batch), lambda state: None)
    at_once = settings.dashboard.model_copy(update={"undo": timedelta(0)})
    settings = settings.model_copy(update={"dashboard": at_once})
    reviews, events = ReviewService(settings, store), ReviewEventSender(settings, store)
    audit_events = AuditEventSender(settings, store)
    follower.start()
    try:
        wait_for(lambda: followed or "does not let" in follower.state.problem)
        if not followed:
            raise RefusedError(follower.state.problem)
        reviews.start()
        assert reviews.add([Review("v", "t1", "card-1", "fraud", "", "ann", NOW)])
        decide(world)
        events.start()
        reviewed = world.as_admin.topics.reviews
        wait_for(lambda: events.problem or read_all(world.as_admin, reviewed))
        if events.problem:
            raise RefusedError(events.problem)
        audit_events.start()
        audited = world.as_admin.topics.audit
        wait_for(lambda: audit_events.problem or read_all(world.as_admin, audited))
        if audit_events.problem:
            raise RefusedError(audit_events.problem)
    finally:
        follower.stop()
        reviews.stop()
        events.stop()
        audit_events.stop()
        store.close()


def answer(world: World) -> None:
    """Without an engine: the fallback, its event, a label."""
    create_context(world.as_user)
    with run_gateway(world.as_user) as gateway:
        assert gateway.decide(payment(1), 50).json()["status"] == "fallback"
        label = {"transaction_id": "t1", "card_id": "card-1", "is_fraud": True, "reported_at": NOW}
        assert gateway.request("POST", "/v1/reviews", json=label).status_code == 201
    for topic in (world.as_admin.topics.gateway_events, world.as_admin.topics.transactions):
        assert len(read_all(world.as_admin, topic)) == 1


def notify(world: World) -> None:
    """Webhooks: one decision is taken, and one becomes a dead letter."""
    with receiving((500, {})) as receiver:
        endpoint = WebhookEndpoint.model_validate({"url": receiver.url, "secret": SECRET})
        webhooks = WebhookSettings(endpoints={"orders": endpoint}, give_up_after=timedelta(), concurrency=1)
        settings = world.as_user.model_copy(update={"webhooks": webhooks})
        require_usable(settings)
        worker = EndpointWorker(settings, "orders", endpoint, WebhookMetrics())
        worker.start()
        try:
            wait_for(lambda: not worker.problem)
            produce_decisions(world.as_admin, "t1", "t2")
            wait_for(lambda: len(receiver.requests) >= 2)
            wait_for(lambda: read_all(world.as_admin, world.as_admin.topics.webhook_dead_letters))
        finally:
            worker.stop()
    assert worker.problem == ""


def produce_decisions(settings: Settings, *ids: str) -> None:
    producer = Producer(producer_config(settings))
    for name in ids:
        one = prediction(name, "card", NOW, score=0.9, version="3")
        producer.produce(settings.topics.predictions, msgspec.json.encode(one), b"card")
    flush(producer, 10)


def make_topics(world: World) -> None:
    """Topics that nobody has made, by who may do nothing else."""
    names = {name: f"{topic}.new" for name, topic in world.as_user.topics.model_dump().items()}
    new = world.as_user.model_copy(update={"topics": TopicSettings(**names)})
    world.allow(list(permissions_of(new, "topics")))
    assert set(create_topics(new)) == {plan.name for plan in topic_plans(new)}


def scale(world: World) -> None:
    """What KEDA asks for: the ends of the topic, and how far the group has come."""
    group, topic = world.as_user.serving.group_id, world.as_user.topics.transactions
    send(world.as_admin, disorderly(3))
    assert group_lag(world.as_user, group, topic) == 3


def put_back(world: World) -> None:
    for labels in (False, True):
        bury(world.as_admin, [("card", b"late", "late", NOW)], labels=labels)
        assert redrive(world.as_user, RedriveRequest(labels=labels)).redriven == 1


JOBS: dict[str, Callable[[World], None]] = {
    "producer": produce,
    "replayer": put_file,
    "serving": score,
    "ingest": ingest,
    "preprocess": preprocess,
    "trainer": train,
    "monitor": monitor,
    "dashboard": show,
    "redrive": put_back,
    "policies": decide,
    "gateway": answer,
    "webhooks": notify,
    "privacy": forget,
}


def in_general(settings: Settings, permission: Permission) -> str:
    """A permission's name without what is one test's own."""
    return str(permission).replace(settings.topics.transactions.rpartition(".")[0] + ".", "")


def cases() -> list[Any]:
    """Every identity with each of its permissions, by number."""
    settings = Settings()
    return [
        pytest.param(identity, number, id=f"{identity} without {permission}".replace(" ", "-"))
        for identity in JOBS
        for number, permission in enumerate(permissions_of(settings, identity))
        if not _is_for_a_warning(identity, permission)
    ]


def _is_for_a_warning(identity: str, permission: Permission) -> bool:
    """Serving looks at the settings of its topics only to warn of them."""
    return identity == "serving" and permission.operation == "describe_configs"


@pytest.mark.parametrize("identity", JOBS)
def test_its_rights_suffice_for_its_job(world: World, identity: str) -> None:
    world.allow(list(permissions_of(world.as_user, identity)))
    JOBS[identity](world)


def test_without_the_right_to_look_at_settings_serving_says_so_and_scores(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    permissions = permissions_of(world.as_user, "serving")
    world.allow([permission for permission in permissions if not _is_for_a_warning("serving", permission)])
    score(world)
    assert "the settings of the topics were not checked" in caplog.text
    assert f"does not let user '{world.name}' do this: describing the configuration of" in caplog.text


def test_the_pipeline_finds_its_environment_with_the_topics_that_it_sees(world: World) -> None:
    # given the rights of the pipeline, which sees neither reviews nor policies
    world.allow(list(permissions_of(world.as_user, "pipeline")))
    # then of Kafka nothing is missing
    found = {one.name: one for one in check_environment(world.as_user, identity="pipeline")}
    assert [name for name in ("Kafka", "topics", "topic settings", "keys") if not found[name].ok] == []
    assert "missing: " in next(one.detail for one in check_environment(world.as_user) if one.name == "topics")


def test_topics_are_created_by_who_may_do_nothing_else(world: World) -> None:
    make_topics(world)


def test_without_the_right_to_create_topics_the_sentence_says_so(world: World) -> None:
    # given serving's rights, with which a topic can be read
    world.allow(list(permissions_of(world.as_user, "serving")))
    # then it creates none, not even one that is there and that it does not see
    with pytest.raises(RefusedError, match="do this: creating "):
        create_topics(world.as_user)


def test_keda_sees_how_far_serving_has_come(world: World) -> None:
    world.allow(list(permissions_of(world.as_user, "keda")))
    scale(world)


@pytest.mark.parametrize(("identity", "number"), cases())
def test_a_missing_permission_is_one_sentence(world: World, identity: str, number: int) -> None:
    # given a user who lacks one permission, and of a topic only knows that it is there
    permissions = list(permissions_of(world.as_user, identity))
    lacking = permissions.pop(number)
    if lacking.kind == "topic":
        permissions.append(Permission("topic", lacking.name, "describe"))
    world.allow(permissions)
    # when it does its job, then the error names what is missing and who can grant it
    with pytest.raises(
        RefusedError, match=f"does not let user '{world.name}' do this: .*`fraud acl grant`"
    ) as followed:
        JOBS[identity](world)
    assert "\n" not in str(followed.value)
    assert lacking.name.rstrip("-") in str(followed.value) or lacking.name == READER_GROUP


def test_a_topic_of_which_one_knows_nothing_is_refused_and_not_missing(world: World) -> None:
    with pytest.raises(
        RefusedError, match=r"looking for the topic .* \(a permission on the topic is missing\)"
    ):
        require_topic(world.as_user, world.as_user.topics.transactions)


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_an_engine_that_loses_a_right_gives_up_and_says_so(world: World, delivery: str) -> None:
    # given an engine that scores
    answers = Permission("topic", world.as_user.topics.predictions, "write")
    world.allow([*permissions_of(world.as_user, "serving"), Permission("topic", answers.name, "describe")])
    send(world.as_admin, disorderly(20))
    serving = world.as_user.serving.model_copy(update={"delivery": delivery})
    running = engine(world.as_user.model_copy(update={"serving": serving}))
    with pytest.raises(RefusedError, match=r"do this: writing (to the topic .*)?predictions"), running:
        _lose(world, answers, running)


def _lose(world: World, permission: Permission, running: "engine") -> None:
    """Take the permission away while there is traffic, and wait until the engine has ended."""
    wait_for(lambda: predictions(world.as_admin))
    world.locked.take_away(world.name, permission)
    send(world.as_admin, disorderly(20, start=100))
    wait_for(lambda: running.failures)


def test_granting_is_complete_and_idempotent(world: World) -> None:
    # given a user for every identity, one of them with a permission beyond its need
    principals = {identity: f"User:{identity}-{world.name}" for identity in IDENTITIES}
    world.locked.allow(f"monitor-{world.name}", [Permission("topic", world.as_admin.topics.labels, "write")])
    # when the permissions are granted, twice
    first = plan_acls(world.as_admin, principals)
    granted = apply_plan(world.as_admin, first)
    second = plan_acls(world.as_admin, principals)
    # then all are there, nothing is granted again, and what is too much is named
    assert granted == sum(len(permissions_of(world.as_admin, identity)) for identity in IDENTITIES)
    assert [plan.missing for plan in second] == [()] * len(IDENTITIES)
    assert apply_plan(world.as_admin, second) == 0
    assert {plan.identity: plan.beyond for plan in second if plan.beyond} == {
        "monitor": (f"write topic {world.as_admin.topics.labels}",)
    }


def test_only_an_administrator_grants(world: World) -> None:
    with pytest.raises(RefusedError, match=r"granting permissions .*cluster is missing"):
        apply_plan(world.as_user, plan_acls(world.as_user, {"serving": "User:me"}))

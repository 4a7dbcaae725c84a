"""A micro-batch decided by policies, without Kafka."""

from typing import Any

import msgspec
import pytest

from fraud.schema import Prediction
from fraud.settings import Settings
from serving.models.serving_model import ServingModel, prepare_model
from serving.ops.metrics import Metrics
from serving.ops.stage_timer import StageTimer
from serving.pipeline.batch import Scorer
from serving.pipeline.profile_sources import ProfileSources
from tests.definitions import V1
from tests.serving.decisions.active import FedPolicies
from tests.serving.decisions.support import (
    DECLINES_SMALL,
    live_one_after_another,
    moved,
    named_policy,
    proposed,
)
from tests.serving.pipeline.test_batch import messages, state
from tests.serving.world import tiny_bundle, transaction

PAYMENTS = [
    transaction(number, amount=amount, channel=channel, merchant_category=category, card_id=f"c{number}")
    for number, (amount, channel, category) in enumerate(
        [
            ("50.00", "chip", "grocery"),
            ("500.00", "online", "grocery"),
            ("500.00", "chip", "grocery"),
            ("500.00", "chip", "travel"),
        ]
    )
]


class Decided:
    """Payments scored in two partitions by a champion that flags nothing by itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.policies = FedPolicies(settings, self.metrics)
        profiles = ProfileSources(settings, self.metrics)
        self._scorer = Scorer(
            settings, profiles, self.policies.active, self.metrics, StageTimer(self.metrics)
        )
        self.champion: ServingModel = prepare_model(V1, tiny_bundle(settings, threshold=1.0))

    def contents(self, payments: list[dict[str, Any]] = PAYMENTS) -> list[bytes]:
        batch = [
            (state(self.settings, number), messages(number, part))
            for number, part in enumerate((payments[:1], payments[1:]))
        ]
        outbox = self._scorer.process(batch, self.champion)
        return [one["value"] for part in outbox for one in part.predictions]

    def predictions(self) -> list[Prediction]:
        return [msgspec.json.decode(one, type=Prediction) for one in self.contents()]

    def counted(self, name: str, **labels: str) -> float:
        samples = self.metrics.samples(f"fraud_{name}_total")
        return sum(value for has, value in samples if labels.items() <= has.items())


@pytest.fixture
def decided(local_settings: Settings) -> Decided:
    return Decided(local_settings)


def test_without_policy_and_entries_messages_are_as_before(decided: Decided) -> None:
    # given the fields that predictions had before there were policies
    before = Prediction.__struct_fields__[: Prediction.__struct_fields__.index("policy")]
    # then no message has another one
    contents = [msgspec.json.decode(one) for one in decided.contents()]
    assert {name for one in contents for name in one} <= {*before}
    # and what was written before is still read
    old = {name: value for name, value in contents[0].items() if name != "challenger_version"}
    read = msgspec.convert(old, Prediction)
    assert (read.decision, read.policy, read.is_sample) == ("approve", None, False)


def test_rules_bands_and_segments_decide(decided: Decided) -> None:
    # given a policy whose rule declines small amounts
    decided.policies.take_events(*live_one_after_another([DECLINES_SMALL]))
    # when
    small, online, other, travel = decided.predictions()
    # then
    assert (small.decision, small.decided_by, small.rules) == ("decline", "rule small", ["small@1"])
    assert {one.decided_by for one in (online, other, travel)} == {None}
    assert [one.segment for one in (small, travel)] == [None, "travel"]
    assert {(one.policy, one.lists_position) for one in (small, travel)} == {("1", 0)}
    # and analysts see why the model would have, with the payment's fields
    assert small.reasons is not None
    assert small.fields is not None
    # and what failed, fired and was decided is counted
    assert decided.counted("rule_failures", rule="ratio") == 4
    assert decided.counted("rule_hits", rule="small", mode="live") == 1
    assert decided.counted("predictions", decision="decline") == 1


def test_lists_decide_before_rules_and_are_recorded_with_their_position(decided: Decided) -> None:
    # given entries of three lists
    decided.policies.take_events(*live_one_after_another([DECLINES_SMALL]))
    decided.policies.put("trusted", PAYMENTS[0]["merchant_id"])
    decided.policies.put("blocked", "c2")
    decided.policies.put("watched", "online")
    # when
    small, online, blocked, _ = decided.predictions()
    # then
    assert (small.decision, small.decided_by, small.lists) == ("approve", "list trusted", ["trusted"])
    assert small.rules == ["small@1"]
    assert (blocked.decision, blocked.decided_by) == ("decline", "list blocked")
    assert (online.shadow_rules, online.rules) == (["online@1"], None)
    assert {one.lists_position for one in (small, online, blocked)} == {3}
    assert decided.counted("list_hits", list="blocked") == 1
    # and an entry that is removed, or has expired, does not count
    decided.policies.remove("blocked", "c2")
    decided.policies.put("trusted", PAYMENTS[0]["merchant_id"], expires=PAYMENTS[0]["timestamp"])
    small, _, free, _ = decided.predictions()
    assert (small.decision, free.decision, free.lists_position) == ("decline", "approve", 5)


def test_the_position_is_recorded_if_only_the_policy_in_shadow_asks_lists(decided: Decided) -> None:
    # given a live policy without lists, one in shadow that declines a blocked card, and an entry
    decided.policies.take_events(
        *live_one_after_another([named_policy("plain")]), proposed(DECLINES_SMALL), moved(2, None, "shadow")
    )
    decided.policies.put("blocked", "c2")
    # when
    found = decided.predictions()
    # then what the policy in shadow decides can be computed again
    assert [one.shadow_decision for one in found][2] == "decline"
    assert {(one.policy, one.shadow_policy, one.lists_position) for one in found} == {("1", "2", 1)}


def test_under_the_default_policy_lists_decide_and_the_position_is_recorded(decided: Decided) -> None:
    # given a blocked card, and no policy
    decided.policies.put("blocked_cards", "c2")
    # when
    contents = [msgspec.json.decode(one) for one in decided.contents()]
    # then
    on_list = {"decision": "decline", "decided_by": "list blocked_cards", "lists": ["blocked_cards"]}
    assert contents[2].items() >= on_list.items()
    assert {one["lists_position"] for one in contents} == {1}
    of_policies = {"policy", "policy_digest", "decided_by", "lists", "is_sample"}
    assert [
        name for one in (contents[0], contents[1], contents[3]) for name in one.keys() & of_policies
    ] == []


def test_a_policy_in_shadow_is_recorded_and_decides_nothing(decided: Decided) -> None:
    decided.policies.take_events(proposed(DECLINES_SMALL), moved(1, None, "shadow"))
    small, *others = decided.predictions()
    assert (small.decision, small.policy, small.shadow_policy, small.shadow_decision) == (
        "approve", None, "1", "decline",
    )  # fmt: skip
    assert {one.shadow_decision for one in others} == {"approve"}
    assert decided.counted("shadow_decisions", decision="decline") == 1
    assert decided.counted("rule_hits") == 0


def test_control_group_and_samples_are_recorded(decided: Decided) -> None:
    # given a policy that declines everything but its control group, which is everybody
    bands = "bands: {on: probability, decline: 0.0}\n"
    control = named_policy("control", f"control_group: 1.0\n{bands}")
    sampled = named_policy("samples", "review: {sample: 1.0}\nbands: {on: probability, review: model}\n")
    decided.policies.take_events(*live_one_after_another([control]))
    # then all are approved, and say what they would have been
    assert {(one.decision, one.would_be) for one in decided.predictions()} == {("approve", "decline")}
    assert decided.counted("control_group", would_be="decline") == 4
    # and samples are shown to analysts
    decided.policies.take_events(*live_one_after_another([control, sampled])[3:])
    found = decided.predictions()
    assert {(one.decision, one.is_sample, one.policy) for one in found} == {("approve", True, "2")}
    assert None not in {one.fields and 1 for one in found}
    # and the counts of rules that are gone are gone
    assert decided.counted("samples") == 4

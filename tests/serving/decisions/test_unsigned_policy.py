"""Somebody with the permission to write to the topic of policies, and without the key, changes nothing."""

import pytest

from fraud.decisions.document import parse_policy
from fraud.decisions.log.events import AliasMoved, PolicyApproved, encode_event
from fraud.decisions.log.publishing import (
    PolicyProposal,
    RefusedChangeError,
    approve,
    proposal_event,
    rollback,
    set_alias,
    sign_log,
)
from fraud.decisions.log.reading import read_policies
from fraud.errors import ConfigurationError
from fraud.kafka.log import read_ordered
from fraud.kafka.sending import Record, send_records
from fraud.settings import Settings, SigningSettings
from tests.definitions import V1
from tests.serving.decisions.changes import make_live
from tests.serving.decisions.support import BANDS, DECLINES_SMALL, named_policy
from tests.serving.world import predictions, running, send, transaction, wait_for, wait_for_predictions

pytestmark = [pytest.mark.broker, pytest.mark.timeout(200)]

APPROVES_ALL = named_policy("evil", "rules: []\n" + BANDS)


def without_key(settings: Settings) -> Settings:
    """The settings of somebody who has no key, and asks nobody else for one."""
    return settings.model_copy(update={"signing": SigningSettings()})


def attack(settings: Settings, *, former: int | None) -> None:
    """Propose, approve and move, straight to the topic."""
    proposal = PolicyProposal(parse_policy(V1, APPROVES_ALL), "eve")
    number = len(read_policies(settings).versions) + 1
    events = (
        proposal_event(settings, proposal),
        PolicyApproved(number, "mallory", 1),
        AliasMoved("live", number, former, "eve", 1),
    )
    send_records(settings, settings.topics.policies, [Record(None, encode_event(one)) for one in events])


def test_an_unsigned_policy_changes_no_decision_and_is_counted(
    serving_settings: Settings, champion: str
) -> None:
    with running(serving_settings) as engine:
        # given a policy that is live
        live = make_live(serving_settings, DECLINES_SMALL)
        send(serving_settings, [transaction(number) for number in range(50)])
        wait_for_predictions(serving_settings, 50)
        # when somebody writes another one to the topic, and repeats what was signed
        attack(serving_settings, former=int(live))
        rollback(serving_settings, "bob")
        last = list(read_ordered(serving_settings, serving_settings.topics.policies))[2]
        headers = {name: content.decode() for name, content in last.headers() or ()}
        copied = [Record(None, last.value(), headers)]
        send_records(serving_settings, serving_settings.topics.policies, copied)
        wait_for(lambda: b"fraud_policy_events_unsigned_total 4.0" in engine.metrics.exposition())
        send(serving_settings, [transaction(number) for number in range(50, 100)])
        found = wait_for_predictions(serving_settings, 100)
    # then only what was signed was ever in force
    assert {one.policy for one in found} <= {None, live}
    state = read_policies(serving_settings)
    assert (state.live, len(state.versions), len(state.refused)) == (None, 1, 4)
    assert {one.transaction_id: one for one in predictions(serving_settings)} == {
        one.transaction_id: one for one in found
    }


def test_a_part_without_the_key_changes_nothing(serving_settings: Settings) -> None:
    # given a part of the system with the public key alone
    signing = serving_settings.signing.model_copy(update={"private_key": None})
    part = serving_settings.model_copy(update={"signing": signing})
    # when, then
    with pytest.raises(ConfigurationError, match="FRAUD_SIGNING__PRIVATE_KEY"):
        make_live(part, DECLINES_SMALL)
    assert read_policies(serving_settings).position == 0


def test_a_log_that_is_older_than_the_key_is_signed_once(serving_settings: Settings) -> None:
    # given a policy that went live before there was a key
    old = without_key(serving_settings)
    make_live(old, DECLINES_SMALL)
    assert read_policies(serving_settings).live is None
    # when
    state = sign_log(serving_settings, "ann", "the first key")
    # then it is live, and goes on with signatures
    assert (state.live, state.refused) == (1, ())
    set_alias(serving_settings, "live", None, "bob")
    with pytest.raises(RefusedChangeError, match="is signed already"):
        sign_log(serving_settings, "ann")
    with pytest.raises(RefusedChangeError, match="version 1"):
        approve(serving_settings, 1, "bob")
    # and who needs no signatures reads the same
    assert read_policies(old).live is None
    assert read_policies(old).versions == read_policies(serving_settings).versions

"""The log of policies where signatures are required: who has no key changes nothing."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fraud.decisions.log.events import LogSigned, PolicyEvent, encode_event
from fraud.decisions.log.fold import PolicyLog
from fraud.decisions.log.signatures import log_digest
from fraud.signing.keys import TrustedKeys, signature_text, signed_bytes
from tests.fraud.decisions.log.events import approved, folded, moved, proposed, reasons, rejected

KEY = Ed25519PrivateKey.generate()
LIVE: tuple[PolicyEvent, ...] = (proposed(), approved(1), moved(1))


class SignedLog:
    """A log that is read with the key's public half."""

    def __init__(self) -> None:
        self.log = PolicyLog(TrustedKeys([KEY.public_key()]))
        self.end = 0

    def write(self, *events: PolicyEvent, key: Ed25519PrivateKey | None = KEY) -> None:
        """Append events, signed with a key or not."""
        for event in events:
            value = encode_event(event)
            self.append(value, signature(value, key) if key else "")

    def append(self, value: bytes, signature: str) -> None:
        self.log.apply(self.end, value, signature)
        self.end += 1


def signature(value: bytes, key: Ed25519PrivateKey = KEY) -> str:
    return signature_text(key.public_key(), key.sign(signed_bytes("policy-event", value)))


@pytest.fixture
def log() -> SignedLog:
    return SignedLog()


def test_signed_events_count_as_they_do_without_signatures(log: SignedLog) -> None:
    log.write(*LIVE)
    assert log.log.state() == folded(*LIVE)
    assert log.log.unsigned == 0


@pytest.mark.parametrize("key", [None, Ed25519PrivateKey.generate()], ids=["no key", "another key"])
def test_events_of_somebody_without_the_key_change_nothing(
    log: SignedLog, key: Ed25519PrivateKey | None
) -> None:
    # given a policy that is live
    log.write(*LIVE)
    # when somebody who may write to the topic makes another one live, and rejects proposals
    log.write(proposed("eve"), approved(2, "mallory"), moved(2, 1), key=key)
    log.write(proposed(rules={"new": "a"}), key=KEY)
    log.write(rejected(2, "eve"), key=key)
    # then all that counts is what was signed, and the others are counted
    state = log.log.state()
    assert (state.live, [one.author for one in state.versions]) == (1, ["ann", "ann"])
    assert state.versions[1].status == "proposed"
    assert log.log.unsigned == 4
    assert len(state.refused) == 4
    assert all("changes nothing" in reason for reason in reasons(state))


def test_a_signed_event_that_is_written_again_does_not_count(log: SignedLog) -> None:
    # given a version that was live, and was rolled back
    log.write(*LIVE, moved(None, 1, is_rollback=True))
    assert log.log.state().live is None
    # when somebody writes the message that made it live once more, with its signature
    value = encode_event(moved(1))
    log.append(value, signature(value))
    # then
    assert log.log.state().live is None
    assert "a copy of one" in reasons(log.log.state())[0]
    assert log.log.unsigned == 1


def test_a_signed_event_that_was_edited_does_not_count(log: SignedLog) -> None:
    log.write(*LIVE[:2])
    log.append(encode_event(moved(1)), signature(encode_event(approved(1))))
    assert log.log.state().live is None
    assert "does not match" in reasons(log.log.state())[0]


def vouched(position: int, *events: PolicyEvent) -> LogSigned:
    return LogSigned(position, log_digest(map(encode_event, events)), "ann", 4_000)


def test_a_log_that_is_older_than_the_key_counts_once_somebody_vouches_for_it(log: SignedLog) -> None:
    # given
    log.write(*LIVE, key=None)
    assert (log.log.state().live, log.log.unsigned) == (None, 3)
    # when
    log.write(vouched(3, *LIVE))
    log.write(proposed())
    # then
    state = log.log.state()
    assert (state.live, len(state.versions), log.log.unsigned) == (1, 2, 0)
    assert state.refused == ()
    assert state.position == 5


def test_what_was_written_while_somebody_vouched_does_not_count(log: SignedLog) -> None:
    # given an event that was written after the log was read and before it was signed
    log.write(*LIVE, proposed("eve", approvals=0), key=None)
    # when
    log.write(vouched(3, *LIVE))
    # then
    state = log.log.state()
    assert (state.live, len(state.versions), log.log.unsigned) == (1, 1, 1)
    assert [one.position for one in state.refused] == [3]


def test_vouching_for_other_events_than_there_are_counts_for_nothing(log: SignedLog) -> None:
    # given a log of another topic, for which somebody vouched
    log.write(proposed("eve", approvals=0), moved(1), key=None)
    # when its message is copied here
    log.write(vouched(2, *LIVE[:2]))
    # then
    assert log.log.state().live is None
    assert "not those that it was signed for" in reasons(log.log.state())[-1]


def test_only_a_log_without_signatures_is_vouched_for(log: SignedLog) -> None:
    # given a signed log, in which somebody without a key has written
    log.write(*LIVE)
    log.write(proposed("eve", approvals=0), key=None)
    # when
    log.write(vouched(4, *LIVE, proposed("eve", approvals=0)))
    # then what they wrote stays out
    assert len(log.log.state().versions) == 1


def test_nobody_vouches_without_the_key(log: SignedLog) -> None:
    log.write(*LIVE, vouched(3, *LIVE), key=None)
    assert log.log.state().live is None
    assert log.log.unsigned == 4


def test_where_no_signature_is_required_all_events_count() -> None:
    assert folded(*LIVE, vouched(3, *LIVE)).live == 1

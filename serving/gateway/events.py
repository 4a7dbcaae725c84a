"""Messages of the topic of the gateway's events: answers that are not the decision."""

from typing import Literal

import msgspec

from fraud.decisions.outcomes import Outcome

EventKind = Literal["fallback", "late", "exception"]


class GatewayEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a caller was answered, and what was decided.

    `fallback`: no decision was visible by the deadline, `answered` is the fallback. `late`: the decision of
    such a payment, `decided`. `exception`: the decision that was answered, `answered`, is not the committed
    one, `decided`; `is_certain` is false where it was visible, and another process may have answered with it.
    `at` is in ms, `caller` the name of a key or client, `gateway` the host.
    """

    kind: EventKind
    transaction_id: str
    card_id: str
    answered: Outcome
    at: int
    gateway: str
    decided: Outcome | None = None
    is_certain: bool = True
    caller: str | None = None
    reason: str | None = None

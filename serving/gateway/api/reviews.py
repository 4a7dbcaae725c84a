"""`POST /v1/reviews`: whether a payment was fraud, as a label on its topic."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from fraud.cards.numbers import holds_card_number
from fraud.cards.rule import CardRule
from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Label
from serving.gateway.api.responses import RETRY_SOON, error_response, json_response
from serving.gateway.context import GatewayContext, context_of
from serving.gateway.log.sender import QueueFullError
from serving.gateway.payments import body_status, field_at_fault

router = APIRouter()

_DELIVERY_TIMEOUT_S = 5.0
NO_KEYS = "it holds a card number, and the gateway has no key of pseudonyms (FRAUD_CARDS__KEY_FILE)"
_decode = Decoder(Label).decode


@router.post("/v1/reviews", name="review")
async def review(request: Request) -> Response:
    """Put a label on the topic; 201 says that Kafka has it. The same label again is the same label.

    A card number becomes its pseudonym under each key, since the payment may have been sent before the key
    changed; of several labels that name no payment none counts.
    """
    context = context_of(request)
    caller = await context.callers.require(request.headers, "review")
    body = await request.body()
    try:
        label = _decode(body)
    except MessageError as error:
        return error_response(body_status(body), str(error), field_at_fault(str(error)))
    labels = _without_card_numbers(context.settings.card_rule, label)
    if not labels:
        return error_response(422, NO_KEYS, "card_id")
    try:
        failures = await asyncio.wait_for(_send(context, labels, caller.name), _DELIVERY_TIMEOUT_S)
    except (QueueFullError, TimeoutError):
        return error_response(503, "Kafka has not taken the label yet; send it again", headers=RETRY_SOON)
    if any(failures):
        return error_response(503, "Kafka has not taken the label; send it again", headers=RETRY_SOON)
    return json_response(labels[0], 201)


def _without_card_numbers(cards: CardRule, label: Label) -> list[Label]:
    """The label under each name that its payment may have; none where there is no key to name it."""
    if cards.keys is None:
        names = (label.transaction_id, label.card_id)
        return [] if any(map(holds_card_number, names)) else [label]
    named = {
        name: cards.keys.lookups(getattr(label, name))
        for name in ("transaction_id", "card_id")
        if name not in cards.exempt
    }
    count = max(map(len, named.values()), default=1)
    return [
        msgspec.structs.replace(label, **{name: of[min(at, len(of) - 1)] for name, of in named.items()})
        for at in range(count)
    ]


async def _send(context: GatewayContext, labels: Sequence[Label], analyst: str) -> list[Any]:
    """What Kafka answers to each label: an error, or None."""
    loop = asyncio.get_running_loop()
    outcomes: list[asyncio.Future[Any]] = [loop.create_future() for _ in labels]

    def delivered(outcome: asyncio.Future[Any], error: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(partial(_settle, outcome, error))

    for label, outcome in zip(labels, outcomes, strict=True):
        context.sender.send_label(label, {"analyst": analyst}, partial(delivered, outcome))
    return await asyncio.gather(*outcomes)


def _settle(outcome: "asyncio.Future[Any]", error: Any) -> None:
    if not outcome.done():
        outcome.set_result(error)

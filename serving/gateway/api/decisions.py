"""`POST /v1/decisions`: send a payment and wait for its decision; `GET`: what is known of a payment."""

import asyncio
import re
import time
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from fraud.native.id_index import CONFLICT_REASON
from serving.gateway.api.middleware import ARRIVED_AT
from serving.gateway.api.responses import RETRY_SOON, error_response, json_response
from serving.gateway.auth.callers import Caller
from serving.gateway.context import GatewayContext, context_of
from serving.gateway.index import Entry
from serving.gateway.log.sender import QueueFullError
from serving.gateway.payments import Payment, RefusedPaymentError

router = APIRouter()

DEADLINE_HEADER = "X-Deadline-Ms"
REPEATED_HEADER = {"Idempotent-Replayed": "true"}
_DIGITS = re.compile("[0-9]{1,9}")


class DecideEndpoint:
    """`decide` as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await decide(Request(scope, receive))
        await response(scope, receive, send)


class _BadDeadlineError(Exception):
    """The header of the deadline cannot be used."""


@router.post("/v1/decisions", name="decide")
async def decide(request: Request) -> Response:
    """Send a payment and answer with its decision, or with the fallback past the deadline."""
    context = context_of(request)
    caller = await context.callers.require(request.headers, "decide")
    body = await request.body()
    try:
        deadline = _deadline(request, context)
        payment, body = context.payments.read(body)
    except _BadDeadlineError as error:
        return error_response(422, str(error), DEADLINE_HEADER)
    except RefusedPaymentError as error:
        return error_response(error.status, str(error), error.field)
    entry = context.index.entry(payment.transaction_id, payment.card_id)
    if not entry.is_same(payment):
        return error_response(409, "this transaction_id belongs to another payment", "transaction_id")
    is_repeated = entry.is_settled or entry.waiters is not None
    try:
        _send_unless_sent(context, entry, payment, body, caller)
    except QueueFullError:
        if not is_repeated:
            context.index.forget(entry)
        return error_response(503, "Kafka takes payments more slowly than they come", headers=RETRY_SOON)
    if not entry.is_settled:
        await _wait(context, entry, deadline)
    return _respond(context, entry, is_repeated=is_repeated)


@router.get("/v1/decisions/{transaction_id}", name="get_decision")
async def get_decision(request: Request, transaction_id: str) -> Response:
    """What is known of a payment; with several cards' payments under the id, `card_id` says whose.

    Card numbers are asked for as they are, and found under their pseudonyms.
    """
    context = context_of(request)
    await context.callers.require(request.headers, "decide")
    names = context.settings.card_rule.lookups
    card_id = request.query_params.get("card_id")
    cards = [None] if card_id is None else names(card_id)
    found = [
        entry for one in names(transaction_id) for card in cards for entry in context.index.find(one, card)
    ]
    if not found:
        return error_response(404, "no payment of the last minutes has this id", "transaction_id")
    if len(found) > 1:
        return error_response(409, "payments of several cards have this id; add card_id", "card_id")
    return json_response(found[0].record())


def _deadline(request: Request, context: GatewayContext) -> float:
    """On the monotonic clock."""
    gateway = context.settings.gateway
    text = request.headers.get(DEADLINE_HEADER)
    if text is None:
        milliseconds = gateway.deadline_ms
    elif _DIGITS.fullmatch(text) and 1 <= int(text) <= gateway.max_deadline_ms:
        milliseconds = int(text)
    else:
        raise _BadDeadlineError(f"the deadline must be 1 to {gateway.max_deadline_ms} (ms)")
    arrived_at: float = request.scope["state"][ARRIVED_AT]
    return arrived_at + milliseconds / 1_000


def _send_unless_sent(
    context: GatewayContext, entry: Entry, payment: Payment, body: bytes, caller: Caller
) -> None:
    """Send the payment, unless this process has, or it is decided: the engine drops a repeated one."""
    if entry.content is not None or entry.decided is not None:
        entry.content = payment.content
        return
    loop = asyncio.get_running_loop()

    def delivered(error: Any) -> None:
        if error is not None and not loop.is_closed():
            loop.call_soon_threadsafe(partial(_take_failure, context, entry))

    context.sender.send_payment(payment, body, delivered)
    entry.content, entry.caller = payment.content, caller.name


def _take_failure(context: GatewayContext, entry: Entry) -> None:
    """Kafka has not taken the payment: answer now, and send it again when it is repeated."""
    if not entry.is_settled:
        context.index.fall_back(entry, context.settings.gateway.fallback, "Kafka has not taken the payment")
    if entry.decided is None:
        context.index.forget(entry)


async def _wait(context: GatewayContext, entry: Entry, deadline: float) -> None:
    """Wait until the payment is settled; past the deadline the fallback settles it."""
    waiter = context.index.expect(entry)
    timer = asyncio.get_running_loop().call_later(
        max(0.0, deadline - time.monotonic()), partial(_end_wait, context, entry)
    )
    try:
        await waiter
    finally:
        timer.cancel()


def _end_wait(context: GatewayContext, entry: Entry) -> None:
    if not entry.is_settled:
        reason = "no decision by the deadline"
        context.index.fall_back(entry, context.settings.gateway.fallback, reason)


def _respond(context: GatewayContext, entry: Entry, *, is_repeated: bool) -> Response:
    if entry.refusal is not None and entry.fallback is None and entry.decided is None:
        return _refusal(entry.refusal)
    answer = entry.answer()
    assert answer is not None
    if answer.status == "decided":
        context.index.mark_answered(entry)
    context.metrics.answers.labels(answer.status, answer.outcome).inc()
    return json_response(answer, headers=REPEATED_HEADER if is_repeated else None)


def _refusal(reason: str) -> Response:
    if reason == CONFLICT_REASON:
        return error_response(409, "this transaction_id belongs to another payment", "transaction_id")
    return error_response(422, reason)

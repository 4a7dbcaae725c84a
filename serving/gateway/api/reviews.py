"""`POST /v1/reviews`: whether a payment was fraud, as a label on its topic."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Label
from serving.gateway.api.responses import RETRY_SOON, error_response, json_response
from serving.gateway.context import context_of
from serving.gateway.log.sender import QueueFullError
from serving.gateway.payments import body_status, field_at_fault

router = APIRouter()

_DELIVERY_TIMEOUT_S = 5.0
_decode = Decoder(Label).decode


@router.post("/v1/reviews", name="review")
async def review(request: Request) -> Response:
    """Put a label on the topic; 201 says that Kafka has it. The same label again is the same label."""
    context = context_of(request)
    caller = await context.callers.require(request.headers, "review")
    body = await request.body()
    try:
        label = _decode(body)
    except MessageError as error:
        return error_response(body_status(body), str(error), field_at_fault(str(error)))
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()

    def delivered(error: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(partial(_settle, outcome, error))

    try:
        context.sender.send_label(label, {"analyst": caller.name}, delivered)
        failure = await asyncio.wait_for(outcome, _DELIVERY_TIMEOUT_S)
    except (QueueFullError, TimeoutError):
        return error_response(503, "Kafka has not taken the label yet; send it again", headers=RETRY_SOON)
    if failure is not None:
        return error_response(503, "Kafka has not taken the label; send it again", headers=RETRY_SOON)
    return json_response(label, 201)


def _settle(outcome: "asyncio.Future[Any]", error: Any) -> None:
    if not outcome.done():
        outcome.set_result(error)

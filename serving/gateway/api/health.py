"""`/live` and `/ready` beside the API, for load balancers that ask on its port."""

from fastapi import APIRouter, Request, Response

from serving.gateway.api.responses import json_response
from serving.gateway.context import context_of

router = APIRouter()


@router.get("/live", name="live")
async def live(_: Request) -> Response:
    """The event loop answers."""
    return json_response({"status": "alive"})


@router.get("/ready", name="ready")
async def ready(request: Request) -> Response:
    """Whether requests should be sent here; 503 while Kafka is away or the last minutes are being read."""
    status = context_of(request).status()
    return json_response({"status": status.text}, 200 if status.is_ready else 503)

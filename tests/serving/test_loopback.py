"""Websites in a browser of this machine do not reach a server that listens on this machine only."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from serving.loopback import LoopbackGuard


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("here")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/", lambda _: PlainTextResponse("here"), methods=["GET", "POST"]),
        WebSocketRoute("/events", _echo),
    ]
    return TestClient(LoopbackGuard(Starlette(routes=routes), ["proxy.example"]), "http://127.0.0.1:4200")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:4200", "[::1]:4200", "LOCALHOST.", "proxy.example"])
@pytest.mark.parametrize("origin", [None, "http://localhost:4200", "http://127.0.0.1"])
def test_this_machine_is_answered(client: TestClient, host: str, origin: str | None) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    assert client.post("/", headers=headers).text == "here"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "localhost@evil", ""]
)
def test_a_name_that_points_here_is_refused(client: TestClient, host: str) -> None:
    refused = client.get("/", headers={"Host": host})
    assert (refused.status_code, "here" in refused.text) == (403, False)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost.evil.example", "null", "file://"]
)
def test_a_page_of_another_site_is_refused(client: TestClient, origin: str) -> None:
    assert client.post("/", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_website_opens_no_websocket(client: TestClient, headers: dict[str, str]) -> None:
    url = "ws://127.0.0.1:4200/events"
    with client.websocket_connect(url) as socket:
        assert socket.receive_text() == "here"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(url, headers=headers):
        pass

"""An open-loop load over HTTP: the n-th request is due at `start + n / rate`, whatever became of the others.

It runs as its own process and prints JSON: for each request the time (ms) from when it was due to its
answer, its HTTP status, and the answer.
"""

import asyncio
import gc
import json
import time
from typing import Annotated, Any

import typer

from benchmarks.serving.harness.model import CARDS
from benchmarks.serving.harness.traffic import SyntheticTraffic

_LEAD_S = 0.5
_CONNECTIONS = 256


class Client:
    """Keep-alive connections to one port; a request takes one that is free, or opens another."""

    def __init__(self, port: int, key: str, deadline_ms: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._limit = asyncio.Semaphore(_CONNECTIONS)
        self._head = (
            "POST /v1/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nX-Deadline-Ms: {deadline_ms}\r\nContent-Length: "
        ).encode()

    async def ask(self, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        async with self._limit:
            reader, writer = await self._connection()
            writer.write(self._head + str(len(body)).encode() + b"\r\n\r\n" + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            answer = await reader.readexactly(length)
            self._free.append((reader, writer))
            return int(head[9:12]), answer

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)


async def run(client: Client, rate: int, count: int, first: int) -> list[list[Any]]:
    """Send `count` requests; for each the time, the status and the answer."""
    traffic = SyntheticTraffic(CARDS, seed=first + 1)
    bodies = [traffic.draw(first + number)[1].encode() for number in range(count)]
    start = time.monotonic() + _LEAD_S
    results: list[list[Any]] = [[] for _ in range(count)]

    async def one(number: int) -> None:
        status, answer = await client.ask(bodies[number])
        taken_ms = (time.monotonic() - start - number / rate) * 1_000
        results[number] = [taken_ms, status, answer.decode()]

    tasks = []
    for number in range(count):
        wait_s = start + number / rate - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    return results


def main(
    port: Annotated[int, typer.Option()],
    rate: Annotated[int, typer.Option()],
    count: Annotated[int, typer.Option()],
    first: Annotated[int, typer.Option()],
    key: Annotated[str, typer.Option()] = "",
    deadline_ms: Annotated[int, typer.Option()] = 5_000,
) -> None:
    """Send them on time."""
    gc.disable()

    async def measure() -> list[list[Any]]:
        return await run(Client(port, key, deadline_ms), rate, count, first)

    print(json.dumps(asyncio.run(measure())), flush=True)


if __name__ == "__main__":
    typer.run(main)

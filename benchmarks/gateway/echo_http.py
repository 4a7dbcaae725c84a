"""The least that could answer over HTTP: produce the body, wait for its id on the other topic, answer.

It runs as its own process, served as the gateway is. Nothing is checked, remembered or counted.
"""

import asyncio
import threading
from typing import Annotated, Any

import typer
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, producer_config
from fraud.settings import Settings, load_settings
from serving.ops.header_timeout import TimedH11Protocol

ID = slice(19, 34)
"""Of the transaction_id in the synthetic payments and in what the copier makes of them."""


class Echo:
    """The application; a thread reads the copies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(producer_config(settings, **{"linger.ms": 0}))
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request with the copy of its body."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._follow, daemon=True).start()
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["path"] == "/v1/decisions":
            waiting = self._waiting[body[ID]] = self._loop.create_future()
            self._producer.produce(self._settings.topics.transactions, body, body[ID])
            self._producer.poll(0)
            body = await waiting
        body = body or b"{}"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _follow(self) -> None:
        config = consumer_config(self._settings, "echo-http", **{"isolation.level": "read_uncommitted"})
        consumer, topic = Consumer(config), self._settings.topics.predictions
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        found = [TopicPartition(topic, number) for number in partitions]
        for one in found:
            _, one.offset = consumer.get_watermark_offsets(one, timeout=10)
        consumer.assign(found)
        assert self._loop is not None
        while True:
            messages = consumer.consume(1, 0.2)
            if messages:
                messages += consumer.consume(5_000, 0)
                values = [message.value() for message in messages if message.error() is None]
                self._loop.call_soon_threadsafe(self._take, values)

    def _take(self, values: list[bytes]) -> None:
        for value in values:
            waiting = self._waiting.pop(value[ID], None)
            if waiting is not None:
                waiting.set_result(value)


def main(port: Annotated[int, typer.Option()]) -> None:
    """Serve until the process ends."""
    uvicorn.run(
        Echo(load_settings()), host="127.0.0.1", port=port, http=TimedH11Protocol, ws="none", lifespan="off",
        log_config=None, access_log=False, timeout_keep_alive=75,
    )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)

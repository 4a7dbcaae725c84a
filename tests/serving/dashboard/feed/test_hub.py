"""Events for open pages."""

import asyncio

from serving.dashboard.feed.hub import Hub, encode_event


def test_what_changes_while_the_first_events_are_made_is_not_lost() -> None:
    async def first_of_stream() -> list[bytes]:
        hub = Hub()
        hub.open(asyncio.get_running_loop())

        async def first() -> list[bytes]:
            # given the first events, made while something changes
            made = [encode_event("kafka", {"connected": False})]
            hub.publish("kafka", {"connected": True})
            await asyncio.sleep(0)
            return made

        # when a page opens
        events = hub.stream(first)
        return [await anext(events), await asyncio.wait_for(anext(events), 5)]

    # then it receives the change as well
    assert asyncio.run(first_of_stream()) == [
        encode_event("kafka", {"connected": False}),
        encode_event("kafka", {"connected": True}),
    ]

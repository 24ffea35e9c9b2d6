from __future__ import annotations

import asyncio

from perftui.pipeline.thread import LoopThread


def test_what_is_held_is_given_back_when_it_is_stopped_and_when_it_fails() -> None:
    for fails in (False, True):
        said: list[str] = []

        async def work(fails: bool = fails, said: list[str] = said) -> None:
            if fails:
                raise ZeroDivisionError("ours")
            said.append("works")
            await asyncio.sleep(60)

        async def at_end(said: list[str] = said) -> None:
            said.append("ended")

        thread = LoopThread("test", work, lambda _, said=said: said.append("failed"), at_end)  # type: ignore[misc]
        thread.start()
        thread.stop()

        assert said == (["ended", "failed"] if fails else ["works", "ended"])

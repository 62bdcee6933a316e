"""The one place that speaks to the police endpoint over HTTP: bounded in time and in size, follows no redirect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from alarm_backend.police.service import PostFailed

CONNECT_S = 3.0
READ_S = 5.0
TOTAL_S = 10.0
"""A whole exchange; an endpoint that sends a byte every few seconds does not hold up the next message. ASSUMED."""
ANSWER_BYTES_MAX = 65_536


async def _exchange(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    limits = httpx.Timeout(READ_S, connect=CONNECT_S)
    async with (
        httpx.AsyncClient(timeout=limits, follow_redirects=False) as client,
        # Begins when the client is made: that reads certificates, and is no fault of the endpoint.
        asyncio.timeout(TOTAL_S),
        client.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        content = b""
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise PostFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        return answer.status_code, answer.headers, content


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """One POST; raises PostFailed.

    On a loop of its own: only there a limit on the whole exchange holds for the headers of an answer too.
    """
    try:
        with ThreadPoolExecutor(1, "police") as alone:
            return alone.submit(lambda: asyncio.run(_exchange(url, body, headers))).result()
    except TimeoutError as error:
        raise PostFailed(f"the answer was not complete within {TOTAL_S:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PostFailed(f"{type(error).__name__}: {error}") from error

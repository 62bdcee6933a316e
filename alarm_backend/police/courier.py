"""The one place that speaks to the police endpoint over HTTP: bounded in time and in size, follows no redirect."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

from alarm_backend.police.service import PostFailed

CONNECT_S = 3.0
READ_S = 5.0
TOTAL_S = 10.0
"""A whole exchange; an endpoint that sends a byte every few seconds does not hold up the next message. ASSUMED."""
ANSWER_BYTES_MAX = 65_536


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """One POST; raises PostFailed."""
    deadline = time.monotonic() + TOTAL_S
    try:
        with (
            httpx.Client(timeout=httpx.Timeout(READ_S, connect=CONNECT_S), follow_redirects=False) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as answer,
        ):
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise PostFailed(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
                if time.monotonic() > deadline:
                    raise PostFailed(f"the answer was not complete within {TOTAL_S:g} s")
            return answer.status_code, answer.headers, content
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PostFailed(f"{type(error).__name__}: {error}") from error

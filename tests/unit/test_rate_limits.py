"""Who asks too often waits; the gateway never does."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from alarm_backend import rate_limits
from alarm_backend.rate_limits import OPEN, SESSION, Buckets, Limit, RateLimits

pytestmark = pytest.mark.anyio
TOKEN = "t" * 40


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Now:
    """A clock that is turned by hand."""

    s = 100.0

    def __call__(self) -> float:
        return self.s


async def _app(scope: dict[str, object], _receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def client(now: Now) -> httpx.AsyncClient:
    limited = RateLimits(_app, TOKEN, "session", now)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://backend")


async def _served(client: httpx.AsyncClient, method: str, path: str, times: int, **headers: str) -> int:
    answers = [await client.request(method, path, headers=headers) for _ in range(times)]
    for answer in answers:
        assert answer.status_code in {200, 429}
        assert answer.status_code == 200 or int(answer.headers["retry-after"]) >= 1
    return sum(answer.status_code == 200 for answer in answers)


async def test_a_session_that_asks_too_fast_waits_and_another_does_not(client: httpx.AsyncClient, now: Now) -> None:
    burst = int(SESSION.burst)
    assert await _served(client, "GET", "/api/v1/alarms", burst + 20, cookie="session=an") == burst
    assert await _served(client, "GET", "/api/v1/alarms", 5, cookie="session=bo") == 5
    now.s += 1
    assert await _served(client, "GET", "/api/v1/alarms", 100, cookie="session=an") == SESSION.per_s


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/login"), ("POST", "/api/v1/feedback"), ("GET", "/sign-in/guess"), ("GET", "/single-sign-on/begin")],
)
async def test_a_door_that_stands_open_cannot_be_hammered(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert await _served(client, method, path, int(OPEN.burst) + 10) == OPEN.burst
    made_up = int(OPEN.burst) + 10
    assert await _served(client, method, path, made_up, cookie="session=made-up") == 0, "a made-up session buys nothing"


async def test_tokens_cannot_be_guessed_fast_and_the_right_one_is_never_turned_away(client: httpx.AsyncClient) -> None:
    assert await _served(client, "POST", "/api/v1/transitions", 60, authorization="Bearer guess") == OPEN.burst
    assert await _served(client, "POST", "/api/v1/transitions", 3000, authorization=f"Bearer {TOKEN}") == 3000


async def test_changing_the_session_does_not_help_an_address_for_ever(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "ADDRESS", Limit(50, 1))
    served = [await _served(client, "GET", "/search", 1, cookie=f"session=s{n}") for n in range(80)]
    assert sum(served) == 50


async def test_every_door_that_is_open_is_there(tmp_path: Path) -> None:
    from alarm_backend.app import create_app
    from alarm_backend.settings import Settings

    app = create_app(Settings(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, TOKEN), int, int)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://b")
    for door in rate_limits.OPEN_DOORS:
        statuses = {(await client.put(path)).status_code for path in (door, f"{door}/x")}
        assert 405 in statuses, f"{door}: no route answers that it does not take this method"
    app.state.services.database.close()


async def test_many_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "KEYS_MAX", 10)
    buckets = Buckets()
    for n in range(100):
        buckets.wait_s(f"address:{n}", OPEN, 0.0)
    assert len(buckets._left) == 10

"""How a process writes its log: a line for people, or one JSON object a line for a collector.

Only what our own code says is written: never a request's address with its query, a body, a position or a name. What was
looked at by whom is in the audit chain, which is guarded; a log file is not.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

FIELDS = ("alarm_id", "order_id", "source", "duration_ms")
"""What a record may carry beside its message (`extra=`). Anything else that is attached to it is dropped."""


class JsonLines(logging.Formatter):
    """One JSON object a record. Of an exception only its kind and place: its text may quote what it was about."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            last = traceback.extract_tb(record.exc_info[2])[-1:]
            line["error"] = record.exc_info[0].__name__
            line["at"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in last]
        return json.dumps(line, ensure_ascii=False)


PLAIN = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure(*, as_json: bool, level: int = logging.INFO, plain: str = PLAIN) -> None:
    """Log to stderr, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(plain))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Clients' loggers name the addresses they call, with what is asked in them.
    for name in ("httpx", "httpcore", "authlib", "nats"):
        logging.getLogger(name).setLevel(logging.WARNING)

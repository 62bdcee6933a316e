"""Runs the decision core over past positions for the backend, in a process of its own with an end in sight.

The backend may not import the core; here, at the composition root, both meet. One at a time, and at a low priority:
it must not take the processor from the alarms.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from alarm_backend.drafts.what_if import KINDS, Question, WhatIfUnavailable

TIMEOUT_S = 20.0
"""A reviewer waits this long at most. ASSUMED."""

_one = threading.Lock()


def ask(question: Question, timeout_s: float = TIMEOUT_S) -> Mapping[str, Any]:
    """The figures; raises WhatIfUnavailable when another one runs, it takes too long or fails."""
    if not _one.acquire(timeout=timeout_s):
        raise WhatIfUnavailable("busy")
    try:
        return _ask(question, timeout_s)
    finally:
        _one.release()


def _ask(question: Question, timeout_s: float) -> Mapping[str, Any]:
    document = {**vars(question), "kinds": KINDS}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "waakzaam.what_if_child"],
            input=json.dumps(document).encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WhatIfUnavailable("too_slow", seconds=f"{timeout_s:g}", n=len(question.rows)) from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise WhatIfUnavailable("failed", why=words[-1][:200] if words else f"status {done.returncode}")
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer

"""retry_after: how long an answer asks its reader to wait, as a number and in words."""

from __future__ import annotations

import email.utils
import math
import time

SHORT_S = 10.0  # so long it takes to type the command again


def seconds(text: str) -> float:
    """Of a Retry-After header (RFC 9110, 10.2.3: a number or a date); 0 for anything else."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def later(wait_s: float) -> str:
    """`run again in 10 min`: where the other side said when, else `run again later`."""
    if wait_s < SHORT_S:
        return "run again later"
    return f"run again in {wait_s:.0f} s" if wait_s < 120 else f"run again in {math.ceil(wait_s / 60)} min"

"""answer: what is sent to a service, what comes back, and what it means that nothing came."""

from __future__ import annotations

from collections.abc import Mapping

from bedplate.frozen import dataclass

SHOWN = 200  # characters of a body in a message


@dataclass(frozen=True)
class Message:
    """An HTTP request. `url`: complete, with host and port."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status. `seconds`: from sending to the last byte.

    `retry_after`: seconds that it asks to wait, 0 where it says nothing of that."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    retry_after: float = 0.0

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class NotUp:
    """Nothing answers. `dropped`: the connection was taken and then closed without an answer, instead of refused.

    `hint`: what is to be done on this side; `lasting`: no waiting mends it."""

    why: str
    dropped: bool = False
    hint: str = ""
    lasting: bool = False


@dataclass(frozen=True)
class TooSlow:
    """The connection stands, but no complete answer came in this time."""

    seconds: float


Reply = Answer | NotUp | TooSlow


def shown(body: bytes) -> str:
    """One line of at most about 200 characters, safe to print, that says what a body is."""
    if not body:
        return "(empty)"
    try:
        text = " ".join(body[: 4 * SHOWN].decode("utf-8", "strict" if len(body) <= 4 * SHOWN else "ignore").split())
    except UnicodeDecodeError:
        return f"({len(body)} bytes, not text)"
    # what a service answers must not move the cursor of the terminal that shows it
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(body)} bytes)"

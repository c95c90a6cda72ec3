"""endpoint: one HTTP request to a service, and what came of it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from bedplate.answer import Answer, Message, NotUp, Reply, TooSlow

if TYPE_CHECKING:
    import requests

CONNECT_S = 5.0
LARGEST = 64 * 1024 * 1024  # bytes of an answer that are read


class Endpoint:
    """Sends requests to a service. `direct`: not through the proxies that the environment names, and without netrc."""

    def __init__(self, direct: bool) -> None:
        self._direct = direct
        self._session: requests.Session | None = None

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._session is not None:
            self._session.close()

    def send(self, message: Message, seconds: float) -> Reply:
        """Sends it once and waits at most this long for a complete answer. Redirects are answers. Raises nothing."""
        import requests

        began = time.monotonic()
        try:
            with self._opened().request(
                message.method,
                message.url,
                headers=message.headers,
                data=message.body,
                timeout=(min(CONNECT_S, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as reply:
                body = bytearray()
                for block in reply.iter_content(65536):
                    body += block
                    if time.monotonic() - began > seconds:  # the timeout of requests is one for each block
                        return TooSlow(seconds)
                    if len(body) > LARGEST:
                        return NotUp(f"the answer is larger than {LARGEST // 1024**2} MB", dropped=True)
                kind = reply.headers.get("Content-Type", "")
                return Answer(reply.status_code, kind, bytes(body), time.monotonic() - began)
        except requests.exceptions.ConnectTimeout:
            return NotUp("no connection in time")
        except requests.exceptions.ReadTimeout:
            return TooSlow(seconds)
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            return _not_up(error)
        except requests.exceptions.RequestException as error:
            return NotUp(f"{type(error).__name__}: {error}")

    def _opened(self) -> requests.Session:
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = not self._direct
        return self._session


def _not_up(error: BaseException) -> NotUp:
    """What requests wraps, often four deep, in the words of the operating system."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        seen.append(one)
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        todo += [e for e in inner if isinstance(e, BaseException) and e not in seen]
    if any(isinstance(e, ConnectionRefusedError) for e in seen):
        return NotUp("connection refused")
    system = next((e for e in seen if isinstance(e, OSError) and e.strerror), None)
    if system is not None and not isinstance(system, ConnectionResetError | BrokenPipeError):
        return NotUp(str(system.strerror).lower())
    return NotUp("the connection was closed without an answer", dropped=True)

"""endpoint: one HTTP request to a service, and what came of it."""

from __future__ import annotations

import socket
import ssl
import time
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bedplate.answer import Answer, Message, NotUp, Reply, TooSlow
from bedplate.clients import retry_after

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
                wait_s = retry_after.seconds(reply.headers.get("Retry-After", ""))
                return Answer(reply.status_code, kind, bytes(body), time.monotonic() - began, wait_s)
        except requests.exceptions.ConnectTimeout:
            return NotUp("no connection in time", hint="" if self._direct else _hint(message.url))
        except requests.exceptions.ReadTimeout:
            return TooSlow(seconds)
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            return _not_up(error, message.url)
        except requests.exceptions.RequestException as error:
            return NotUp(f"{type(error).__name__}: {error}")

    def _opened(self) -> requests.Session:
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = not self._direct
        return self._session


def _hint(url: str) -> str:
    from bedplate.clients.registry_errors import PROXY_HINT, proxy

    host = urlsplit(url).netloc
    return PROXY_HINT if proxy(url) else f"does this machine reach {host} (VPN, firewall, HTTPS_PROXY)?"


def _not_up(error: BaseException, url: str) -> NotUp:
    """What requests wraps, often four deep, in the words of the operating system."""
    from bedplate.clients.registry_errors import certificate_hint, proxy_refused

    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        seen.append(one)
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        todo += [e for e in inner if isinstance(e, BaseException) and e not in seen]
    host = urlsplit(url).netloc
    system = next((e for e in seen if isinstance(e, OSError) and e.strerror), None)
    if type(error).__name__ == "ProxyError":
        said, hint = proxy_refused(url, str(system.strerror if system else seen[-1]))
        return NotUp(said, hint=hint)
    untrusted = next((e for e in seen if isinstance(e, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        ca = f"point REQUESTS_CA_BUNDLE to a file with the CA that signs {host}"
        hint = certificate_hint(untrusted, host) or ca
        return NotUp(f"certificate not trusted: {untrusted.verify_message}", hint=hint, lasting=True)
    if any(isinstance(e, ConnectionRefusedError) for e in seen):
        return NotUp("connection refused")
    if any(isinstance(e, socket.gaierror) for e in seen):
        hint = f"does this machine resolve {host} (VPN, private DNS zone), or must a proxy (HTTPS_PROXY)?"
        return NotUp(f"no such host: {host}", hint=hint)
    if system is not None and not isinstance(system, ConnectionResetError | BrokenPipeError):
        return NotUp(str(system.strerror).lower())
    return NotUp("the connection was closed without an answer", dropped=True)

"""registry_origin: which host an address is of, and whether that is this machine."""

from __future__ import annotations

from urllib.parse import urlsplit


def loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name in ("localhost", "[::1]") or name.startswith("127.")


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

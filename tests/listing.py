"""An engine that has nothing but its two lists, as they are when it is asked."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def listing_engine(folder: Path, lists: Mapping[str, Any], chunked: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked for. `lists`: of `images` and `containers`, or a status."""
    paths: list[str] = []

    class Lists(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                path = line.split()[1].decode()
                paths.append(path)
                said = lists["images" if path.startswith("/images/json") else "containers"]
                if isinstance(said, int):
                    self.wfile.write(f"HTTP/1.1 {said} No\r\nContent-Length: 0\r\n\r\n".encode())
                    continue
                body = json.dumps(said, separators=(",", ":")).encode() + b"\n"
                if chunked:
                    parts = [body[n : n + 100] for n in range(0, len(body), 100)]
                    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    self.wfile.write(head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n")
                else:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with socketserver.ThreadingUnixStreamServer(str(folder / "s"), Lists) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"unix://{folder}/s", paths
        server.shutdown()

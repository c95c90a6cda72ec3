"""seen: what engine and registry were seen to hold before work started; and labels, which a digest fixes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from bedplate.questions import AskManifest


class Seen:
    """`path`: a file that remembers, a line for each digest: it and the fingerprint of its label, or `-` for none.

    digests     answers of the batch; whoever sets a tag notes it here
    lacking     local tags that the engine did not have; whoever is about to give it one takes it out"""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digests: dict[AskManifest, str | None] = {}
        self.lacking: set[str] = set()
        self._labels: dict[str, str] | None = None

    def label(self, digest: str) -> str | None:
        """The fingerprint that the image's label says, "" if it has no such label; None: never read."""
        return self._read().get(digest)

    def keep(self, digest: str, fingerprint: str) -> None:
        self.keep_all({digest: fingerprint})

    def keep_all(self, fingerprints: Mapping[str, str]) -> None:
        """`fingerprints`: what the label of each digest says, "" for no such label."""
        labels = self._read()
        new = {digest: fingerprint for digest, fingerprint in fingerprints.items() if digest not in labels}
        if not new:
            return
        labels.update(new)
        with contextlib.suppress(OSError):  # what is not kept is asked again
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # one write of whole lines: threads and processes that append never mix their lines
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, "".join(f"{digest} {said or '-'}\n" for digest, said in new.items()).encode())
            finally:
                os.close(handle)

    def _read(self) -> dict[str, str]:
        if self._labels is None:
            try:
                lines = self.path.read_text(encoding="ascii", errors="replace").split("\n")
            except OSError:
                lines = []
            # what a kill cut short has no line break, and is the last of them
            pairs = (line.split(" ") for line in lines[:-1] if line.count(" ") == 1)
            self._labels = {digest: "" if label == "-" else label for digest, label in pairs}
        return self._labels

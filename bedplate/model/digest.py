"""digest: the name of some content."""

from __future__ import annotations

import re

from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Digest:
    """A content digest as OCI writes it: `sha256:` and 64 lower-case hex digits (OCI image-spec, descriptor.md)."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Raises ValueError for anything else."""
        algorithm, _, digits = text.partition(":")
        if algorithm != "sha256" or not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(digits)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

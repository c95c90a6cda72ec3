"""refs: image references, as the engine reads them (github.com/distribution/reference, grammar in reference.go)."""

from __future__ import annotations

import re

from bedplate.frozen import dataclass

DEFAULT_DOMAIN = "docker.io"
LONGEST_PATH = 255
LONGEST_REFERENCE = 1000  # more than domain, path, tag and digest can have together


@dataclass(frozen=True)
class ImageRef:
    """`domain/path[:tag][@digest]`. `domain` is "" only for what `parse_strict` read without one."""

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageRef:
        """As `docker pull` takes it: `ubuntu` is docker.io/library/ubuntu. Raises ValueError, which says why."""
        if not text:
            raise ValueError("an empty name")
        if "://" in text:
            raise ValueError("a reference has no http:// or https:// before it")
        if _IDENTIFIER.fullmatch(text):
            raise ValueError("a digest or an image id alone names no repository: write NAME@sha256:...")
        domain, rest = split_domain(text)
        name = rest.split(":")[0] if ":" in rest else rest.split("@")[0]
        if name.lower() != name:
            raise ValueError("a repository name is lower-case")
        return cls.parse_strict(f"{domain}/{rest}")

    @classmethod
    def parse_strict(cls, text: str) -> ImageRef:
        """By the grammar alone, without Docker Hub's defaults. Raises ValueError, which says why."""
        if len(text) > LONGEST_REFERENCE:
            raise ValueError(f"a reference has {LONGEST_REFERENCE} characters at most")
        found = _REFERENCE.fullmatch(text)
        if not found:
            raise ValueError(_why(text))
        domain, path = _parts(found["name"])
        if len(path) > LONGEST_PATH:
            raise ValueError(f"a repository name has {LONGEST_PATH} characters at most")
        digest = found["digest"]
        if digest is not None:
            _check_digest(digest)
        return cls(domain, path, found["tag"], digest)

    @property
    def name(self) -> str:
        """Domain and path, without tag and digest."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def familiar(self) -> str:
        """As people write it: docker.io/library/ubuntu is `ubuntu`."""
        official = self.path.removeprefix("library/")
        for short in (official, self.path):
            # what stands alone may look like a domain of its own
            if split_domain(short) == (self.domain, self.path):
                return str(ImageRef("", short, self.tag, self.digest))
        return str(self)

    @property
    def pinned(self) -> bool:
        return self.digest is not None

    def with_default_tag(self) -> ImageRef:
        """What is pulled: `:latest` where there is neither tag nor digest; a digest makes the tag idle."""
        if self.digest:
            return ImageRef(self.domain, self.path, None, self.digest)
        return self if self.tag else ImageRef(self.domain, self.path, "latest")

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def split_domain(text: str) -> tuple[str, str]:
    """Domain and remainder, with Docker Hub's defaults (normalize.go, splitDockerDomain)."""
    first, slash, rest = text.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost" or first.lower() != first):
        domain, rest = DEFAULT_DOMAIN, text
    else:
        domain = first
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = "library/" + rest
    return domain, rest


def valid_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def valid_path(text: str) -> bool:
    """A repository without its domain: `team/app`."""
    return len(text) <= LONGEST_PATH and _PATH.fullmatch(text) is not None


def valid_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


def valid_name(text: str) -> bool:
    """Domain and path, or path alone; how long it may be is another rule."""
    return _NAME.fullmatch(text) is not None


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    assert found, "a reference that matched has a name"
    return found["domain"] or "", found["path"]


def _check_digest(digest: str) -> None:
    algorithm, _, digits = digest.partition(":")
    if algorithm != "sha256":
        raise ValueError(f"digests are sha256, not {algorithm}")
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise ValueError("a sha256 digest has 64 lower-case hex digits")


def _why(text: str) -> str:
    """What is wrong with a reference that the grammar refuses."""
    if not text:
        return "an empty name"
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return "what stands after '@' is no digest"
    head, _, last = name.rpartition("/")
    base, colon, tag = last.partition(":")
    path = f"{head}/{base}" if head else base
    if path.lower() != path and _REFERENCE.fullmatch(text.lower()):
        return "a repository name is lower-case"
    if colon and _NAME.fullmatch(path):
        return f"'{tag}' is no tag: letters, digits, '_', '.' and '-', 128 at most, not beginning with '.' or '-'"
    return "a name is parts of lower-case letters and digits, parted by '/', and within by '.', '_', '__' or '-'"


_COMPONENT_TEXT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN_TEXT = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_TEXT = rf"{_COMPONENT_TEXT}(?:/{_COMPONENT_TEXT})*"
_NAME_TEXT = rf"(?:{_DOMAIN_TEXT}/)?{_PATH_TEXT}"
_TAG_TEXT = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST_TEXT = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_DOMAIN = re.compile(_DOMAIN_TEXT)
_PATH = re.compile(_PATH_TEXT)
_NAME = re.compile(rf"(?:(?P<domain>{_DOMAIN_TEXT})/)?(?P<path>{_PATH_TEXT})")
_TAG = re.compile(_TAG_TEXT)
_DIGEST = re.compile(_DIGEST_TEXT)
_REFERENCE = re.compile(rf"(?P<name>{_NAME_TEXT})(?::(?P<tag>{_TAG_TEXT}))?(?:@(?P<digest>{_DIGEST_TEXT}))?")
_IDENTIFIER = re.compile("(sha256:)?[0-9a-f]{64}")

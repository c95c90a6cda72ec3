"""scratch: projects of images that build in a moment, and the images of others that they start from."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registries import DOCKER_CONFIG, DOCKER_INDEX, DOCKER_MANIFEST, put_manifest, sha256

REPO = Path(__file__).parent.parent
DOIT = Path(sys.executable).with_name("doit")


class Scratch:
    """A project without services: `images` is the spec's section, in YAML's flow style or as lines.

    Projects with one name and one registry are clones of one another, on the same machine."""

    def __init__(self, root: Path, images: str, registry: str, project: str = "") -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.project = project or f"t{uuid.uuid4().hex[:8]}"
        self.registry = registry  # address
        self.output = ""
        lines = (REPO / "pyproject.toml").read_text(encoding="utf-8")
        self.write({"dodo.py": (REPO / "dodo.py").read_text(encoding="utf-8")})
        self.write({"pyproject.toml": lines[lines.index("[tool.doit]") :].split("\n[tool.", 2)[0]})
        self.spec(images)

    def spec(self, images: str, more: str = "") -> None:
        target = f"targets: {{local: {{registry: {{kind: generic, address: '{self.registry}', insecure: true}}}}}}"
        head = f"version: 1\nproject: {self.project}\nimages:\n"
        self.write({"pipeline.yaml": f"{head}{_indented(images)}{more}{target}\n"})

    def write(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def doit(self, *args: str, **environ: str) -> int:
        """Exit code; what was printed is in `output`."""
        ran = subprocess.run(
            [DOIT, *args],
            cwd=self.root,
            env={**os.environ, "COLUMNS": "200", "XDG_DATA_HOME": str(self.root.parent / "data"), **environ},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.output = ran.stdout + ran.stderr
        assert "Traceback" not in self.output, self.output
        return ran.returncode

    def run(self, *args: str, code: int = 0, **environ: str) -> list[str]:
        """Names of the tasks that ran, in the order in which they began."""
        ended = self.doit(*args, **environ)
        assert ended == code, f"doit {' '.join(args)} ended with {ended}:\n{self.output}"
        return [line.split()[1] for line in self.output.splitlines() if line.startswith(".  ")]

    def record(self, task: str) -> dict[str, Any]:
        """The task's last good output."""
        lines = (self.root / ".bedplate/local.jsonl").read_text(encoding="utf-8").splitlines()
        output: dict[str, Any] = dict(json.loads(line) for line in lines)[task]["_values_:"]["output"]
        return output

    def lock(self) -> dict[str, dict[str, dict[str, str]]]:
        import yaml

        text = (self.root / "pipeline.lock").read_text(encoding="utf-8")
        images: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)["images"]
        return images

    def tags(self, image: str) -> dict[str, str]:
        """Digests in the registry, by tag."""
        host, _, below = self.registry.partition("/")
        repository = f"{below}/{self.project}/{image}".lstrip("/")
        status, _, body = _ask(host, "GET", f"/v2/{repository}/tags/list")
        names = (json.loads(body).get("tags") or []) if status == 200 else []
        return {name: head(host, repository, name) for name in names}

    def empty_engine(self) -> None:
        """Takes every image of the project out of the engine."""
        untag(f"{self.project}/")
        for image in set(docker("images", "-aq", "--filter", f"label=dev.bedplate.project={self.project}").split()):
            subprocess.run(["docker", "rmi", "-f", image], capture_output=True, check=False)

    def images(self) -> list[str]:
        """Names of the project's images in the engine."""
        names = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        return sorted(name for name in names if f"{self.project}/" in name)

    def file_of(self, image: str, path: str) -> str:
        """Content of a file of the image as it is recorded; the engine has it."""
        container = docker("create", self.record(f"build_base:{image}")["tag"], "nothing")
        try:
            tar = subprocess.run(["docker", "cp", f"{container}:{path}", "-"], capture_output=True, check=True).stdout
        finally:
            docker("rm", container)
        with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
            file = opened.extractfile(opened.getmembers()[0])
            assert file
            return file.read().decode()


def untag(part: str) -> None:
    """Takes every image whose name has this in it out of the engine."""
    # one that was pulled by its digest has no tag
    lines = docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    for name, image in (line.split() for line in lines if part in line):
        subprocess.run(["docker", "rmi", "-f", image if ">" in name else name], capture_output=True, check=False)


def docker(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout.strip()


def upstream(address: str, repository: str, tag: str, content: str, auth: str = "", arch: str = "amd64") -> str:
    """Puts an image of somebody else's into a registry: one file, /up, with this content. Its digest."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as opened:
        info = tarfile.TarInfo("up")
        info.size = len(content)
        opened.addfile(info, io.BytesIO(content.encode()))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    diff = f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"
    document = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff]}}
    config = json.dumps(document).encode()
    for blob in (layer, config):
        _put_blob(address, repository, blob, auth)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(config), "digest": sha256(config)},
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": len(layer),
                "digest": sha256(layer),
            }
        ],
    }
    return put_manifest(address, repository, tag, manifest, auth)


def index(address: str, repository: str, tag: str, by_platform: Mapping[str, str]) -> str:
    """An index of images that are in the repository: architecture -> digest. Its digest."""
    entries = []
    for architecture, digest in by_platform.items():
        status, _, body = _ask(address, "GET", f"/v2/{repository}/manifests/{digest}")
        assert status == 200
        kind = json.loads(body)["mediaType"]
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": kind, "size": len(body), "digest": digest, "platform": platform})
    return put_manifest(address, repository, tag, {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": entries})


def head(address: str, repository: str, reference: str) -> str:
    """The digest of a tag; "" if it is not there."""
    _, headers, _ = _ask(address, "HEAD", f"/v2/{repository}/manifests/{reference}")
    return headers.get("Docker-Content-Digest", "")


def delete(address: str, repository: str, digest: str) -> None:
    """Takes the manifest and all its tags out of the registry."""
    status, _, body = _ask(address, "DELETE", f"/v2/{repository}/manifests/{digest}")
    assert status == 202, body


def _put_blob(address: str, repository: str, blob: bytes, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    status, answered, body = _ask(address, "POST", f"/v2/{repository}/blobs/uploads/", headers=headers)
    assert status == 202, body
    place = urlsplit(answered["Location"])
    query = f"{place.query}&digest={sha256(blob)}" if place.query else f"digest={sha256(blob)}"
    headers["Content-Type"] = "application/octet-stream"
    status, _, body = _ask(address, "PUT", f"{place.path}?{query}", blob, headers)
    assert status == 201, body


def _ask(
    address: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any, bytes]:
    accept = f"{DOCKER_MANIFEST}, application/vnd.oci.image.manifest.v1+json, {DOCKER_INDEX}"
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request(method, path, body, {"Accept": accept, **(headers or {})})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def _indented(images: str) -> str:
    return "".join(f"  {line}\n" for line in images.strip().splitlines())

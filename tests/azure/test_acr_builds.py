"""Every kind of image and an environment, built by ACR Tasks from a machine on which no engine answers."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import PASSWORD, USER, htpasswd, put_image, real_registry

from tests.azure.judges.prism import Prism
from tests.azure.standin import StandIn, docker_registry
from tests.conftest import DOIT, REPO

pytestmark = [
    pytest.mark.engine,  # the stand-in's
    pytest.mark.long,
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
NOWHERE = "unix:///nowhere/docker.sock"
SPEC = """\
version: 1
project: {project}
images:
  os: {{rootfs: {{suite: bookworm, packages: [python3, python3-venv, ca-certificates]}}}}
  base: {{context: base, from: {{BASE: os}}, requires: {{python: ">=3.8", os: debian, packages: {{libc6: ">=2.30"}}}}}}
  taken: {{reference: "registry.example.org/team/hello:1", platform: linux/amd64}}
  upon: {{context: upon, from: {{BASE: taken}}}}
environments:
  tools: {{image: base, pip: requirements.txt, requires: {{pip: {{tabulate: "==0.9.0"}}}}}}
targets:
  cloud:
    workspace: {{resource_group: rg, name: demo}}
    registry: {{kind: workspace}}
    builder: {{kind: acr_tasks}}
"""
# a build in Azure is not on this machine's network, but the stand-in's is
BASE = "ARG BASE\nFROM ${BASE}\nCOPY network.pem /opt/network.pem\nENV PIP_CERT=/opt/network.pem\n"
LOCK = """\
version: 1
images:
  "registry.example.org/team/hello:1":
    linux/amd64: {{digest: "{digest}", taken: "2024-01-02T03:04:05Z"}}
"""


class Project:
    def __init__(self, root: Path, azure: StandIn, elsewhere: str, authorization: str) -> None:
        self.root, self.azure = root, azure
        self.name = f"t{azure.url.rpartition(':')[2]}"
        bundle = next((p for n in ("PIP_CERT", "SSL_CERT_FILE") if (p := os.environ.get(n)) and Path(p).is_file()), "")
        self.digest = put_image(elsewhere, "team/hello", "1", {"made": "elsewhere"}, authorization)
        texts = {
            "pipeline.yaml": SPEC.format(project=self.name),
            "pipeline.lock": LOCK.format(digest=self.digest),
            "pyproject.toml": (REPO / "pyproject.toml").read_text(encoding="utf-8"),
            "dodo.py": (REPO / "dodo.py").read_text(encoding="utf-8"),
            "requirements.txt": "tabulate==0.9.0\n",
            "base/Dockerfile": BASE if bundle else "ARG BASE\nFROM ${BASE}\nCOPY network.pem /opt/\n",
            "base/network.pem": Path(bundle).read_text(encoding="utf-8") if bundle else "",
            "upon/Dockerfile": "ARG BASE\nFROM ${BASE}\nCOPY a /a\n",
            "upon/a": self.name,
            "docker/config.json": json.dumps({"auths": {"registry.example.org": {"auth": authorization.split()[1]}}}),
        }
        for path, text in texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        more = {"DOCKER_HOST": NOWHERE, "DOCKER_CONFIG": str(root / "docker"), "COLUMNS": "200"}
        self.environ = {**os.environ, **azure.sign_in(root.parent / "az"), **more}
        self.output = ""

    def doit(self, *args: str, code: int = 0) -> list[str]:
        """Names of the tasks that ran."""
        command = [DOIT, *args]
        ran = subprocess.run(command, cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=600)
        self.output = ran.stdout + ran.stderr
        assert ran.returncode == code, self.output
        return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(".  ")]

    def asked(self, what: str) -> list[Any]:
        return [json.loads(e.body) for e in self.azure.recorder.matching("POST", what)]

    def log(self, task: str) -> str:
        return (self.root / f".bedplate/logs/cloud/{task}.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("cloud")
    (folder / "elsewhere").mkdir()
    (folder / "work").mkdir()
    basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    with StandIn() as azure, real_registry(folder / "elsewhere", **htpasswd(folder / "elsewhere")) as elsewhere:
        there = azure.add_registry("standinacr", program=True)
        azure.add_workspace("demo", there)
        azure.azure.hosts["registry.example.org"] = elsewhere
        made = Project(folder / "work", azure, elsewhere, basic)
        try:
            made.doit()
            yield made
        finally:
            # the stand-in's engine keeps the parents that it pulled by digest
            listed = ["docker", "images", "--quiet", "--no-trunc", f"{there.login_server}/{made.name}/*"]
            for image in set(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()):
                subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


def test_everything_is_built_in_azure_and_no_engine_is_asked(project: Project) -> None:
    built = [name for body in project.asked("scheduleRun") for name in body["imageNames"]]
    images = sorted(name.partition(":")[0].removeprefix(f"{project.name}/") for name in built)
    assert images == ["base", "environments/tools", "os", "upon"]


def test_what_stands_on_an_image_of_the_project_takes_it_by_digest_from_the_registry(project: Project) -> None:
    (base,) = (b for b in project.asked("scheduleRun") if b["imageNames"][0].startswith(f"{project.name}/base:"))
    (argument,) = base["arguments"]
    assert argument["name"] == "BASE" and f"/{project.name}/os@sha256:" in argument["value"]


def test_requirements_are_read_from_the_layers(project: Project) -> None:
    assert "from its layers" in project.log("push.base")
    assert "3.11" in project.log("push.base") and "debian 12" in project.log("push.base")
    assert "tabulate" in project.log("create_environment.tools")


def test_a_reference_is_imported_by_azure_with_its_sign_in_and_by_digest(project: Project) -> None:
    (body,) = project.asked("importImage")
    assert body["source"]["sourceImage"] == f"team/hello@{project.digest}"
    assert body["source"]["registryUri"] == "registry.example.org"
    assert body["source"]["credentials"] == {"username": USER, "password": PASSWORD}
    assert PASSWORD not in project.output + project.log("build_base.taken")


def test_a_second_run_and_a_fresh_checkout_build_and_import_nothing(project: Project) -> None:
    before = len(project.asked("scheduleRun")), len(project.asked("importImage"))
    assert project.doit() == []
    kept = project.root.parent / "kept"
    (project.root / ".bedplate").rename(kept)
    try:
        project.doit()
    finally:
        shutil.rmtree(project.root / ".bedplate")
        kept.rename(project.root / ".bedplate")
    assert (len(project.asked("scheduleRun")), len(project.asked("importImage"))) == before


def test_an_image_that_is_not_what_is_required_is_told(project: Project) -> None:
    spec = project.root / "pipeline.yaml"
    good = spec.read_text(encoding="utf-8")
    spec.write_text(good.replace('python: ">=3.8"', 'python: ">=99"'), encoding="utf-8")
    try:
        project.doit("push:base", code=1)
    finally:
        spec.write_text(good, encoding="utf-8")
    assert "image base is not what is required of it: python" in project.output


@pytest.mark.judges
def test_all_that_was_asked_is_as_microsofts_documents_say(project: Project, prism: Prism) -> None:
    # the stand-in's engine signs in as engines do
    ours = [e for e in project.azure.recorder if "docker" not in e.headers.get("user-agent", "").lower()]
    judged, wrong = prism.judge(ours)
    assert wrong == [] and judged > 20, "\n".join(map(str, wrong))

"""The demo on a target of Azure ML's, run by doit against a stand-in that serves what is deployed in containers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.azure.standin import Containers, StandIn, docker_registry
from tests.conftest import Pipeline

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
ROOT = Path(__file__).parents[2]
SUBSCRIPTION = "subscription: 00000000-0000-0000-0000-000000000000, "
TARGET = """\
  azure:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2, instance_count: 1}
    protect: true
"""


class OnAzure:
    """The demo as it stands, but that the engine of this machine builds."""

    def __init__(self, folder: Path, azure: StandIn) -> None:
        (folder / "work").mkdir()
        self.azure = azure
        self.demo = demo = Pipeline(folder / "work", folder / "home")
        file = demo.root / "pipeline.yaml"
        text = file.read_text(encoding="utf-8")
        text = text[: text.index("  azure:\n")] + TARGET
        text = text.replace("within_ms: 500", "within_ms: 5000")
        file.write_text(text, encoding="utf-8")
        self.environ = azure.sign_in(folder / "az")

    def run(self, *args: str, code: int = 0) -> list[str]:
        ran = self.demo.doit("--target", "azure", *args, **self.environ)
        assert ran.returncode == code, self.demo.output
        return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(".  ")]

    @property
    def held(self) -> dict[str, Any]:
        found: dict[str, Any] = self.azure.azure.workspaces[next(iter(self.azure.azure.workspaces))].documents
        return found

    @property
    def deployments(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.held if "/deployments/" in path]

    @property
    def traffic(self) -> dict[str, int]:
        found: dict[str, int] = self.held["onlineEndpoints/iris"]["properties"]["traffic"]
        return found


@pytest.fixture(scope="module")
def on_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnAzure]:
    with StandIn() as azure:
        azure.add_workspace("demo", azure.add_registry("standinacr", program=True))
        containers = Containers(azure.azure, ready_within=30)
        made = OnAzure(tmp_path_factory.mktemp("azure"), azure)
        try:
            made.run()
            yield made
        finally:
            containers.end()
            made.demo.remove()
            label = f"label=dev.bedplate.project={made.demo.project}"
            for image in made.demo.docker("images", "-q", "--filter", label).split():
                subprocess.run(["docker", "rmi", "-f", image], capture_output=True, check=False)


def test_the_demo_is_deployed_tried_and_serves(on_azure: OnAzure) -> None:
    (name,) = on_azure.deployments
    assert on_azure.traffic == {name: 100}
    scored = [one.status for one in on_azure.azure.recorder if one.path == "/endpoints/iris/score"]
    assert scored == [200] * 4  # two cases: at 0 % by header, then with all traffic


def test_a_second_run_does_nothing(on_azure: OnAzure) -> None:
    before = len(list(on_azure.azure.recorder))
    assert on_azure.run() == []
    after = list(on_azure.azure.recorder)[before:]
    assert not [one.path for one in after if one.method in ("PUT", "PATCH", "DELETE")]


def test_the_environment_is_an_image_of_its_own_by_digest(on_azure: OnAzure) -> None:
    ((_, environment),) = [
        (path, on_azure.held[path]) for path in on_azure.held if path.startswith("environments/iris/")
    ]
    image = environment["properties"]["image"]
    assert "/environments/iris@sha256:" in image
    assert "condaFile" not in environment["properties"]


def test_azure_is_asked_and_what_differs_is_said_and_mended(on_azure: OnAzure) -> None:
    (name,) = on_azure.deployments
    on_azure.run("plan", "--remote")
    assert on_azure.demo.output.splitlines()[-1] == "in Azure: all is as the spec says"
    on_azure.held[f"onlineEndpoints/iris/deployments/{name}"]["sku"]["capacity"] = 3
    on_azure.run("plan", "--remote", code=2)
    assert f"  deploy:iris  deployment {name} of endpoint iris: instance_count: 3 in Azure, 1 in the spec" in (
        on_azure.demo.output
    )
    assert "`doit -t azure run -a -s --yes deploy:iris` makes it as the spec says" in on_azure.demo.output
    ran = on_azure.demo.doit("--target", "azure", "plan", "--json", "--remote", **on_azure.environ)
    said = json.loads(ran.stdout)
    schema = json.loads((ROOT / "schemas/plan.schema.json").read_bytes())
    jsonschema.validate(said, schema)
    assert [one["differences"] for one in said["remote"]][1] == [
        {
            "where": f"deployment {name} of endpoint iris",
            "setting": "instance_count",
            "spec": "1",
            "azure": "3",
        }
    ]
    assert on_azure.run("run", "-a", "-s", "--yes", "deploy:iris") == ["deploy:iris"]
    assert on_azure.held[f"onlineEndpoints/iris/deployments/{name}"]["sku"]["capacity"] == 1
    on_azure.run("plan", "--remote")


def test_edited_scoring_code_is_deployed_and_tried_and_nothing_else_runs(on_azure: OnAzure) -> None:
    (first,) = on_azure.deployments
    on_azure.demo.edit("services/iris/score.py", append="# edited\n")
    assert on_azure.run("--yes") == ["deploy:iris", "smoke_test:iris"]
    (second,) = on_azure.deployments
    assert first != second
    assert on_azure.traffic == {second: 100}


def test_a_script_that_fails_leaves_traffic_untouched_and_its_log_is_shown(on_azure: OnAzure) -> None:
    before = on_azure.traffic
    script = on_azure.demo.root / "services/iris/score.py"
    good = script.read_text(encoding="utf-8")
    on_azure.demo.edit("services/iris/score.py", append="raise ValueError('no such flower')\n")
    on_azure.run("--yes", code=1)
    assert "ValueError: no such flower" in on_azure.demo.output
    assert "traffic is untouched" in on_azure.demo.output
    assert (on_azure.traffic, on_azure.deployments) == (before, list(before))
    script.write_text(good, encoding="utf-8")
    on_azure.run("--yes")
    assert on_azure.traffic == before


@pytest.mark.long
def test_its_own_target_builds_deploys_and_serves_from_a_machine_without_an_engine(tmp_path: Path) -> None:
    """pipeline.yaml's `azure`, with nothing of it replaced but the names of subscription and workspace."""
    with StandIn() as azure:
        registry = azure.add_registry("standinacr", program=True)
        workspace = azure.add_workspace("demo", registry)
        containers = Containers(azure.azure, ready_within=60)
        demo = Pipeline(tmp_path, tmp_path / "home")
        demo.engine = "unix:///nowhere/docker.sock"
        demo.edit("pipeline.yaml", SUBSCRIPTION, "", "name: iris-ws", "name: demo", "500", "5000")
        _trust(demo)
        try:
            ran = demo.doit("--target", "azure", **azure.sign_in(tmp_path / "az"))
            assert ran.returncode == 0, demo.output
            ((name, share),) = workspace.documents["onlineEndpoints/iris"]["properties"]["traffic"].items()
            assert share == 100
            deployment = workspace.documents[f"onlineEndpoints/iris/deployments/{name}"]["properties"]
            environment = workspace.documents[deployment["environmentId"][len(workspace.id) + 1 :]]["properties"]
            assert environment["image"].startswith(f"{registry.login_server}/{demo.project}/environments/iris@sha256:")
            assert [one.status for one in azure.recorder if one.path == "/endpoints/iris/score"] == [200] * 4
        finally:
            containers.end()
            listed = ["docker", "images", "--quiet", "--no-trunc", f"{registry.login_server}/{demo.project}/*"]
            images = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
            for image in set(images):
                subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


def _trust(demo: Pipeline) -> None:
    """A build in Azure is not on this machine's network, but the stand-in's is: it needs this network's bundle."""
    bundle = next((p for n in ("PIP_CERT", "SSL_CERT_FILE") if (p := os.environ.get(n)) and Path(p).is_file()), None)
    if bundle:
        (demo.root / "images/base/network.pem").write_bytes(Path(bundle).read_bytes())
        lines = "FROM ${BASE}\nCOPY network.pem /opt/network.pem\nENV PIP_CERT=/opt/network.pem\n"
        demo.edit("images/base/Dockerfile", "FROM ${BASE}\n", lines)

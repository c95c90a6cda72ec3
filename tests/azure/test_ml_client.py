"""azure-ai-ml's MLClient works against the stand-in, from an environment to an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.azure.judges.prism import Prism
from tests.azure.standin import StandIn

pytestmark = pytest.mark.judges
COLOURS = ("blue", "green")


@pytest.fixture
def containers() -> Iterator[dict[str, str]]:
    """Two that answer with their colour."""

    def container(colour: str) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(colour)))
                self.end_headers()
                self.wfile.write(colour.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    servers = {colour: container(colour) for colour in COLOURS}
    yield {colour: f"http://127.0.0.1:{server.server_port}" for colour, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


def test_ml_client_goes_from_an_image_to_an_answer(
    answered: Callable[[StandIn, dict[str, str]], dict[str, Any]],
    standin: StandIn,
    containers: dict[str, str],
    prism: Prism,
    tmp_path: Path,
) -> None:
    registry = standin.add_registry("standinacr")
    workspace = standin.add_workspace("demo", registry, computes={"k8s": "Kubernetes"})
    workspace.logs["iris/blue"] = "one\ntwo\nthree\n"
    standin.operations.lasts = 0  # a first question is asked at once, the next after seconds
    for colour, url in containers.items():
        standin.serve("iris", colour, url)
    for name, text in {
        "model/weights.json": "{}",
        "code/score.py": "x = 1\n",
        "conda.yml": "name: x\ndependencies: [python=3.11]\n",
        "request.json": '{"data": [1]}',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    image = f"{registry.login_server}/base@sha256:{'1' * 64}"
    said = answered(
        standin,
        {
            "authority": standin.url,
            "tenant": standin.tenant,
            "client": standin.client,
            "secret": standin.tokens.secret,
            "subscription": standin.subscription,
            "group": standin.group,
            "workspace": "demo",
            "folder": str(tmp_path),
            "image": image,
            "name": "iris",
        },
    )
    assert said["registry"] == registry.id
    assert said["environment"] == [f"{workspace.id}/environments/iris/versions/f00d", image]
    assert said["model"][0] == f"{workspace.id}/models/iris/versions/1"
    for colour in COLOURS:
        assert said[colour] == [f"{workspace.id}/onlineEndpoints/iris/deployments/{colour}", "Succeeded", 1]
    assert said["kubernetes"] == [f"{workspace.id}/onlineEndpoints/iris-k8s/deployments/blue", "Succeeded", 2]
    assert said["traffic"] == {"blue": 100, "green": 0}
    assert (said["answer"], said["green answer"]) == ("blue", "green")
    assert said["log"] == "two\nthree\n"
    assert (said["deployments"], said["after"], said["endpoints"]) == (["blue", "green"], ["blue"], [])

    uploads = standin.recorder.matching("PUT", "score.py$")
    assert len([e for e in uploads if "comp=metadata" not in e.target]) == 1  # one code for both deployments
    _, wrong = prism.judge(standin.recorder, ours=False)
    assert wrong == [], "\n".join(map(str, wrong))

"""The scoring URL of an endpoint: checks the key, picks a deployment, hands the request on."""

from __future__ import annotations

import http.client
import random
from urllib.parse import urlsplit

from .exchange import Answer, Request, Route
from .state import Azure, Workspace

HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}


def score(azure: Azure, request: Request, endpoint: str, route: str) -> Answer:
    found = next((w for w in azure.workspaces.values() if f"onlineEndpoints/{endpoint.lower()}" in w.documents), None)
    if found is None:
        return _text(404, f"Endpoint '{endpoint}' was not found")
    document = found.documents[f"onlineEndpoints/{endpoint.lower()}"]
    sent = request.headers.get("authorization", "").partition(" ")[2]
    by_key = document["properties"].get("authMode") == "Key"
    if not (sent in found.keys.get(endpoint.lower(), []) if by_key else azure.tokens.holds(sent)):
        return _text(401, "Unauthorized: the key or token is missing or not valid")
    deployment = request.headers.get("azureml-model-deployment") or _by_traffic(
        document["properties"].get("traffic") or {}
    )
    if not deployment:
        return _text(404, "No traffic is routed to any deployment of this endpoint")
    if not _ready(found, endpoint, deployment):
        return _text(404, f"Deployment '{deployment}' of endpoint '{endpoint}' was not found")
    url = azure.served.get((endpoint.lower(), deployment.lower()))
    if url is None:
        return _text(502, "no healthy upstream")
    if route == "score":
        route = azure.scoring_paths.get((endpoint.lower(), deployment.lower()), "/score").lstrip("/")
    answer = _forward(url, request, route)
    answer.headers["azureml-model-deployment"] = deployment
    answer.headers["azureml-model-group"] = endpoint
    return answer


def _ready(found: Workspace, endpoint: str, deployment: str) -> bool:
    document = found.documents.get(
        f"onlineEndpoints/{endpoint}/deployments/{deployment}".replace(endpoint, endpoint.lower(), 1)
    )
    return document is not None and document["properties"]["provisioningState"] in ("Succeeded", "Updating")


def _by_traffic(traffic: dict[str, int]) -> str:
    names = [name for name, share in traffic.items() if share > 0]
    return random.choices(names, [traffic[n] for n in names])[0] if names else ""


def _forward(url: str, request: Request, route: str) -> Answer:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    headers = {k: v for k, v in request.headers.items() if k not in HOP}
    try:
        connection.request(request.method, f"{place.path.rstrip('/')}/{route}", request.body or None, headers)
        answer = connection.getresponse()
        body = answer.read()
        return Answer(answer.status, body, {k: v for k, v in answer.getheaders() if k.lower() not in HOP})
    except OSError as error:
        return _text(502, f"upstream connect error or disconnect/reset before headers: {error}")
    finally:
        connection.close()


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/plain"})


ROUTES = tuple(Route(method, "/endpoints/{endpoint}/{route:path}", score) for method in ("GET", "POST"))

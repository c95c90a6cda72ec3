"""The stages of a run on Azure at which one is cut, each by the request that it then makes."""

from __future__ import annotations

from dataclasses import dataclass

ENDPOINT = r"/onlineEndpoints/[^/]+$"


@dataclass(frozen=True)
class Stage:
    """`edit`: what there is to do. The run is cut when it asks for `method` `path` the first time after `skip`: before

    that is `done` or after, while operations on `held` go on. `said` after Ctrl-C. `sent`: how many requests of the two
    runs together have this method and path, so that nothing is done twice."""

    edit: str
    method: str
    path: str
    skip: int = 0
    done: bool = False
    held: str = ""
    said: tuple[str, ...] = ()
    sent: tuple[tuple[str, str, int], ...] = ()
    target: str = "azure"


BEFORE = "the version before"
SERVES = "serves on in Azure: deployment v-"
STAGES = {
    "signing in": Stage("sign-in", "POST", "/oauth2/v2.0/token"),
    "resolving the registry": Stage("registry", "GET", "/registries/standinacr$"),
    "sending a context": Stage("all", "PUT", "/source/", sent=(("POST", "scheduleRun", 2),)),
    "asking for an import": Stage("all", "POST", "importImage", said=("goes on in Azure: import of registry.",)),
    "importing": Stage(
        "all",
        "GET",
        "/operationStatuses/",
        held="importImage",
        said=("goes on in Azure: import of registry.",),
        sent=(("POST", "importImage", 1),),
    ),
    "pushing": Stage("all", "PATCH", "/v2/.*/blobs/uploads/", target="pushing"),
    "setting a tag": Stage("all", "PUT", "/v2/.*/manifests/latest$", sent=(("POST", "importImage", 1),)),
    "writing an environment": Stage("all", "PUT", "/environments/", sent=(("PUT", "/environments/iris", 1),)),
    "having written an environment": Stage(
        "all", "PUT", "/environments/", done=True, sent=(("PUT", "/environments/iris", 1),)
    ),
    "sending a model": Stage("all", "PUT", "/LocalUpload/", sent=(("PUT", "/models/", 1),)),
    "sending code": Stage("code", "PUT", "/code/score.py", sent=(("PUT", "/codes/", 1),)),
    "having registered code": Stage("code", "PUT", "/codes/", done=True, sent=(("PUT", "/codes/", 1),)),
    "creating an endpoint": Stage(
        "endpoint",
        "PUT",
        ENDPOINT,
        done=True,
        held=ENDPOINT,
        said=("goes on in Azure: creating endpoint endpoint-",),
        sent=(("PUT", ENDPOINT, 2),),  # and its traffic
    ),
    "asking for a deployment": Stage(
        "code", "PUT", "/deployments/", said=(SERVES,), sent=(("PUT", "/deployments/", 1),)
    ),
    "creating a deployment": Stage(
        "code",
        "GET",
        "mfeOperationsStatus",
        held="/deployments/",
        said=(SERVES, "goes on in Azure: creating deployment v-"),
        sent=(("PUT", "/deployments/", 1),),
    ),
    "trying it at 0 %": Stage(
        "code", "POST", "/score$", said=(SERVES, "waits in Azure: deployment v-"), sent=(("PUT", "/deployments/", 1),)
    ),
    "moving traffic": Stage(
        "code",
        "PUT",
        ENDPOINT,
        done=True,
        held=ENDPOINT,
        said=("goes on in Azure: moving the traffic of endpoint ",),
        sent=(("PUT", ENDPOINT, 1), ("PUT", "/deployments/", 1)),
    ),
    "removing the version before": Stage(
        "code",
        "DELETE",
        "/deployments/",
        done=True,
        held=BEFORE,
        said=("goes on in Azure: removing deployment v-",),
        sent=(("DELETE", "/deployments/", 1), ("PUT", ENDPOINT, 1)),
    ),
    "the smoke test": Stage(
        "code", "POST", "/score$", skip=1, sent=(("PUT", "/deployments/", 1), ("PUT", ENDPOINT, 1))
    ),
}

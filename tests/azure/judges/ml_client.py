"""What a user of azure-ai-ml does from an image to an answer; run with that package's interpreter against the stand-in.

Its one argument is JSON: authority, tenant, client, secret, subscription, group, workspace, folder. Prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(asked: dict[str, str]) -> dict[str, Any]:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import (
        CodeConfiguration,
        Environment,
        KubernetesOnlineDeployment,
        KubernetesOnlineEndpoint,
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        Model,
        OnlineRequestSettings,
        ProbeSettings,
        ResourceRequirementsSettings,
        ResourceSettings,
    )
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(
        asked["tenant"],
        asked["client"],
        asked["secret"],
        authority=asked["authority"],
        disable_instance_discovery=True,
    )
    client = MLClient(credential, asked["subscription"], asked["group"], asked["workspace"])
    folder, said = Path(asked["folder"]), {}
    said["registry"] = client.workspaces.get(asked["workspace"]).container_registry

    image, name = asked["image"], asked["name"]
    environment = client.environments.create_or_update(
        Environment(name=name, version="f00d", image=image, conda_file=str(folder / "conda.yml"))
    )
    said["environment"] = [environment.id, environment.image]
    again = client.environments.get(name, "f00d")
    said["same environment"] = again.id == environment.id

    model = client.models.create_or_update(Model(name=name, version="1", path=str(folder / "model")))
    said["model"] = [model.id, model.path]

    client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).result()
    for colour in ("blue", "green"):
        deployment = ManagedOnlineDeployment(
            name=colour,
            endpoint_name=name,
            model=model,
            environment=environment,
            code_configuration=CodeConfiguration(code=str(folder / "code"), scoring_script="score.py"),
            instance_type="Standard_DS3_v2",
            instance_count=1,
            environment_variables={"COLOUR": colour},
        )
        made = client.online_deployments.begin_create_or_update(deployment).result()
        said[colour] = [made.id, made.provisioning_state, made.instance_count]
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic = {"blue": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    said["traffic"] = client.online_endpoints.get(name).traffic
    request = str(folder / "request.json")
    said["answer"] = client.online_endpoints.invoke(endpoint_name=name, request_file=request)
    said["green answer"] = client.online_endpoints.invoke(
        endpoint_name=name, deployment_name="green", request_file=request
    )
    said["log"] = client.online_deployments.get_logs(name="blue", endpoint_name=name, lines=2)
    said["deployments"] = sorted(d.name for d in client.online_deployments.list(endpoint_name=name))
    client.online_deployments.begin_delete(name="green", endpoint_name=name).result()
    said["after"] = sorted(d.name for d in client.online_deployments.list(endpoint_name=name))
    client.online_endpoints.begin_delete(name=name).result()

    route = {"port": 5001, "path": "/"}
    inference = {"liveness_route": route, "readiness_route": route, "scoring_route": {"port": 5001, "path": "/score"}}
    whole = client.environments.create_or_update(
        Environment(name=name, version="beef", image=image, inference_config=inference, tags={"a": "b"})
    )
    client.online_endpoints.begin_create_or_update(
        KubernetesOnlineEndpoint(name=f"{name}-k8s", compute="k8s", auth_mode="key")
    ).result()
    probe = ProbeSettings(failure_threshold=30, initial_delay=10, period=10, success_threshold=1, timeout=2)
    resources = ResourceSettings(cpu="1", memory="1Gi")
    kubernetes = KubernetesOnlineDeployment(
        name="blue",
        endpoint_name=f"{name}-k8s",
        model=f"azureml:{name}:1",
        environment=whole.id,
        instance_type="defaultinstancetype",
        instance_count=2,
        request_settings=OnlineRequestSettings(max_concurrent_requests_per_instance=2, request_timeout_ms=5500),
        liveness_probe=probe,
        readiness_probe=probe,
        resources=ResourceRequirementsSettings(requests=resources, limits=resources),
        app_insights_enabled=True,
        tags={"fingerprint": "f"},
    )
    made = client.online_deployments.begin_create_or_update(kubernetes).result()
    said["kubernetes"] = [made.id, made.provisioning_state, made.instance_count]
    client.online_endpoints.begin_delete(name=f"{name}-k8s").result()
    said["endpoints"] = [e.name for e in client.online_endpoints.list()]
    return said


if __name__ == "__main__":
    print("\n" + json.dumps(main(json.loads(sys.argv[1]))))

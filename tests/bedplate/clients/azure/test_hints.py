"""What is said to do next, by the service's codes and words."""

from __future__ import annotations

import pytest

from bedplate.clients.azure import hints
from bedplate.clients.azure.account import Account

ACCOUNT = Account("AzureCloud", "https://arm", "https://arm/.default", "sub", "tenant-1", "ada@x.io")
WORKSPACE = "https://arm/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
DEPLOYMENT = f"{WORKSPACE}/onlineEndpoints/iris/deployments/blue?api-version=1"


@pytest.mark.parametrize(
    ("status", "code", "said", "hint"),
    [
        (401, "ExpiredAuthenticationToken", "The access token expiry is earlier.", "`az login --tenant tenant-1`"),
        (
            401,
            "InvalidAuthenticationTokenTenant",
            "The access token is from the wrong issuer 'https://sts.windows.net/tenant-1/'. It must match the tenant "
            "'https://sts.windows.net/tenant-2/' associated with this subscription.",
            "`az login --tenant tenant-2`",
        ),
        (
            403,
            "LinkedAuthorizationFailed",
            "The client has permission to perform action 'Microsoft.ContainerRegistry/registries/importImage/action' on"
            " scope 'x', however it does not have permission",
            "the role 'Container Registry Data Importer and Data Reader' is missing",
        ),
        (
            409,
            "UserError",
            "Environment e with version 3 is already registered and cannot be changed.",
            "a higher `version`",
        ),
        (404, "SubscriptionNotFound", "The subscription 'x' could not be found.", "`workspace.subscription`"),
        (404, "ResourceGroupNotFound", "Resource group 'rg' could not be found.", "`workspace.resource_group`"),
        (
            404,
            "ParentResourceNotFound",
            "Failed to perform 'read' on resource(s) of type 'workspaces/codes', because the parent resource "
            "'/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws' could not"
            " be found.",
            "correct `workspace:`",
        ),
        (
            409,
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.MachineLearningServices'.",
            "`az provider register --namespace Microsoft.MachineLearningServices --wait`",
        ),
        (409, "ScopeLocked", "The scope 'x' cannot perform write operation", "`az lock list -g rg -o table`"),
        (403, "RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy.", "az policy assignment list -g rg"),
        (403, "ReadOnlyDisabledSubscription", "The subscription 'x' is disabled", "enabled again in the portal"),
        (403, "Forbidden", "No.", "ada@x.io may not do this"),
        (409, "Conflict", "Another operation is in progress.", "wait for its end and run again"),
        (429, "TooManyRequests", "", "run again later"),
        (
            400,
            "BadRequest",
            "Not enough quota available for Standard_DS3_v2 in",
            "Standard_DS3_v2 machines in this region",
        ),
        (400, "OutOfQuota", "Not enough disk quota", "do not fit on the disk"),
        (400, "OutOfQuota", "Not enough role assignment quota", "`az role assignment list --all`"),
        (400, "OutOfCapacity", "region has no Standard_F4 left", "the region has no free Standard_F4 machines"),
        (400, "BadArgument", "name is too long", ""),
    ],
)
def test_a_refusal_is_followed_by_what_mends_it(status: int, code: str, said: str, hint: str) -> None:
    found = hints.refused(status, code, said, DEPLOYMENT, ACCOUNT, "run again later")
    assert hint in found and bool(hint) == bool(found)


@pytest.mark.parametrize(
    ("status", "code", "said", "hint"),
    [
        ("Canceled", "OperationCanceled", "quota", "cancelled it: run again"),
        ("Failed", "OutOfQuota", "Not enough subscription CPU quota.", "Azure ML studio, Quota"),
        (
            "Failed",
            "ImagePullFailure",
            "Failed to pull image acme.azurecr.io/iris@sha256:1: unauthorized: authentication required",
            '$(az ml online-endpoint show -n iris -w ws -g rg --query identity.principal_id -o tsv)" --role AcrPull '
            '--scope "$(az acr show -n acme',
        ),
        ("Failed", "UserContainerCrash", "User container has crashed or terminated.", "the end of its log says why"),
        ("Failed", "ImageBuildFailure", "conda failed", "built here"),
        ("Failed", "InternalServerError", "", "run again; if it stays so, `az monitor activity-log list -g rg"),
        ("Failed", "Unheard", "of", "`az monitor activity-log list -g rg --offset 1h --status Failed` may tell more"),
    ],
)
def test_an_operation_that_ended_badly_is_followed_by_what_mends_it(
    status: str, code: str, said: str, hint: str
) -> None:
    assert hint in hints.ended(status, code, said, DEPLOYMENT, ACCOUNT)

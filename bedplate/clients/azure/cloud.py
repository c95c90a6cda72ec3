"""azure.cloud: how the active cloud of `az` (public, Government, China, a private one) names its services."""

from __future__ import annotations

from typing import Any

from bedplate.errors import StepError
from bedplate.frozen import dataclass

REGISTRY = "https://containerregistry.azure.net"  # Microsoft Entra's name for registries, in every cloud of Microsoft's
ML = "https://ml.azure"  # of Azure ML, but for the top domain, which is that of the cloud's portal


@dataclass(frozen=True)
class Cloud:
    """`arm`: address of the Resource Manager. `registries`, `storage`: endings of host names, "" where the cloud has
    none. The others are scopes of tokens: the Resource Manager's, login servers', Azure ML's own."""

    name: str
    arm: str
    registries: str
    storage: str
    scope: str
    registry_scope: str
    ml_scope: str

    def has_registry(self, server: str) -> bool:
        """Whether this host is a login server of the cloud's."""
        return bool(self.registries) and server.endswith(self.registries)


def cli() -> Any:  # azure-cli-core has no types
    """What azure-cli-core reads of the configuration that `az` has. StepError: it cannot."""
    try:
        from azure.cli.core import get_default_cli
    except ImportError as error:
        raise StepError(f"the sign-in of Azure needs azure-cli-core: {error}", "pip install azure-cli-core") from None
    try:
        found = get_default_cli()
        found.cloud  # noqa: B018  # it is read when first asked for
    except Exception as error:  # a damaged configuration: whatever azure-cli-core says of it
        raise unreadable(error) from None
    return found


def of(cli: Any) -> Cloud:
    """The active cloud. It is known without a sign-in."""
    cloud = cli.cloud
    arm, resource = _said(cloud.endpoints, "resource_manager"), _said(cloud.endpoints, "active_directory_resource_id")
    if not arm or not resource:
        hint = f"`az cloud show --name {cloud.name}` shows it, `az cloud update` mends it"
        raise StepError(f"cloud {cloud.name} of `az` names no Resource Manager", hint)
    registries = _said(cloud.suffixes, "acr_login_server_endpoint")
    # as Microsoft's own clients find it: the domain of the portal, whose first two names are its own
    domain = ".".join(_said(cloud.endpoints, "portal").rstrip("/").split(".")[2:]) or "com"
    return Cloud(
        name=str(cloud.name),
        arm=arm.rstrip("/"),
        registries="." + registries.lstrip(".") if registries else "",
        storage=_said(cloud.suffixes, "storage_endpoint").lstrip("."),
        scope=f"{resource}/.default",
        registry_scope=f"{_registry_audience(cli)}/.default",
        ml_scope=f"{ML}.{domain}/.default",
    )


def unreadable(error: BaseException) -> StepError:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return StepError(f"the configuration of `az` cannot be read: {' '.join(text.split())}", "`az login`")


def _registry_audience(cli: Any) -> str:
    """`az config set acr.audience_resource=...`: a cloud apart may know another (a URL, or a name below azure.net)."""
    told = cli.config.get("acr", "audience_resource", fallback=None)
    if not told:
        return REGISTRY
    return str(told).rstrip("/") if str(told).startswith("https://") else f"https://{told}.azure.net"


def _said(part: Any, name: str) -> str:
    try:
        return str(getattr(part, name))
    except Exception:  # azure-cli-core raises for what a cloud does not have
        return ""

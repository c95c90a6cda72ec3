"""registry_user: as whom Azure ML's first version pulls a target's images, as far as the spec says."""

from __future__ import annotations

from bedplate.model import (
    AcrRegistry,
    AzureMlV1Environment,
    GenericRegistry,
    RegistryEntry,
    SecretSource,
    Target,
    WorkspaceRegistry,
)


def user(target: Target) -> tuple[SecretSource | str | None, SecretSource | None]:
    """Where user name and password are found; None where the spec does not say it. Nothing is read."""
    own = target.environment
    named = own.base_image_registry_username if isinstance(own, AzureMlV1Environment) else None
    registry = _private(target.registry)
    if registry is None or (named is not None and named != registry.username):
        return named, None  # the password in the spec is another user's
    return registry.username, registry.password


def _private(registry: RegistryEntry) -> AcrRegistry | GenericRegistry | None:
    if isinstance(registry, WorkspaceRegistry):
        return registry.fallback
    return registry if isinstance(registry, (AcrRegistry, GenericRegistry)) else None

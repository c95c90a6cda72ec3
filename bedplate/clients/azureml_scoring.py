"""azureml_scoring: how a caller of an online endpoint signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedplate.clients.azure.versions import ML

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure


def sign_in(azure: Azure, endpoint: str) -> dict[str, str]:
    """The header that a caller of this endpoint (ARM id) signs in with; it is asked for each time, never kept."""
    mode = ((azure.get(endpoint, ML) or {}).get("properties") or {}).get("authMode", "Key")
    if mode == "Key":
        secret = str(azure.post(f"{endpoint}/listKeys", None, ML).document.get("primaryKey") or "")
    elif mode == "AMLToken":
        secret = str(azure.post(f"{endpoint}/token", None, ML).document.get("accessToken") or "")
    else:
        secret = azure.token(azure.sign_in.cloud.ml_scope).reveal()
    return {"Authorization": f"Bearer {secret}"}

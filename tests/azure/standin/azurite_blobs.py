"""Blob storage that Azurite keeps, by the same names as the stand-in's own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .exchange import Answer, Request


@dataclass
class AzuriteBlobs:
    """The same, kept by Azurite: clients are sent there."""

    url: str  # http://127.0.0.1:PORT
    account: str
    key: str
    lifetime: float = 3600

    def add_account(self, account: str) -> None:
        """Azurite has the one account that it was started with."""

    def account_of(self, account: str) -> str:
        return self.account

    def address(self, account: str, container: str, name: str) -> str:
        return f"{self.url}/{self.account}/{container}/{quote(name)}".rstrip("/")

    def signed(self, account: str, container: str, name: str = "", permissions: str = "rw") -> str:
        self._make(container)
        return f"{self.address(account, container, name)}?{self.signature(account, container, name, permissions)}"

    def signature(self, account: str, container: str, name: str, permissions: str) -> str:
        import datetime

        from azure.storage.blob import generate_blob_sas, generate_container_sas

        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.lifetime)
        asked: dict[str, Any] = {"account_key": self.key, "permission": permissions, "expiry": until}
        if not name:
            return str(generate_container_sas(self.account, container, **asked))
        return str(generate_blob_sas(self.account, container, name, **asked))

    def read(self, account: str, container: str, name: str) -> bytes | None:
        client = self._client(container, name)
        return bytes(client.download_blob().readall()) if client.exists() else None

    def names(self, account: str, container: str, prefix: str = "") -> list[str]:
        self._make(container)
        return sorted(self._service().get_container_client(container).list_blob_names(name_starts_with=prefix))

    def begin_log(self, account: str, container: str, name: str) -> None:
        self._make(container)
        self._client(container, name).create_append_blob()

    def append(self, account: str, container: str, name: str, text: bytes) -> None:
        self._client(container, name).append_block(text)

    def describe(self, account: str, container: str, name: str, metadata: Mapping[str, str]) -> None:
        self._client(container, name).set_blob_metadata(dict(metadata))

    def answer(self, request: Request) -> Answer | None:
        return None

    def _service(self) -> Any:
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient(f"{self.url}/{self.account}", {"account_name": self.account, "account_key": self.key})

    def _client(self, container: str, name: str) -> Any:
        return self._service().get_blob_client(container, name)

    def _make(self, container: str) -> None:
        from azure.core.exceptions import ResourceExistsError

        with contextlib.suppress(ResourceExistsError):
            self._service().create_container(container)

"""Azurite, Microsoft's emulator of blob storage, as a process of its own."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import time

from tests.azure.standin import AzuriteBlobs

from .programs import AZURITE, npm_program


class Azurite:
    """Running from its making to `end`. Raises CannotInstall."""

    def __init__(self) -> None:
        program = npm_program(AZURITE, "azurite-blob")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = int(s.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self.account, self.key = "judgeaccount", base64.b64encode(secrets.token_bytes(64)).decode()
        # the client's version is newer than what Azurite knows
        options = ("--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
        command = [str(program), *options, "--blobPort", str(port)]
        environ = {**os.environ, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}
        self._process = subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.time() + 60
        while time.time() < until:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert self._process.poll() is None, f"azurite ended with {self._process.returncode}"
            time.sleep(0.05)
        self.end()
        raise TimeoutError("azurite does not answer")

    def blobs(self) -> AzuriteBlobs:
        return AzuriteBlobs(self.url, self.account, self.key)

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

"""azure.versions: the api-version that each interface is spoken in, whose documents the tests judge by."""

from __future__ import annotations

REGISTRY = "2023-07-01"  # Microsoft.ContainerRegistry/registries and their credentials, stable/2023-07-01
TASKS = "2019-06-01-preview"  # ACR Tasks: runs, upload places, logs, preview/2019-06-01-preview
ML = "2024-04-01"  # Microsoft.MachineLearningServices, stable/2024-04-01
BLOB = "2021-08-06"  # x-ms-version of the blob service

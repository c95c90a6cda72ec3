"""score: measurements of irises become their species, by the two functions that Azure ML's inference server calls."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

model: dict[str, Any] = {}


def init() -> None:
    """Called once, before the first request. AZUREML_MODEL_DIR is the model's folder, or one above it."""
    (path,) = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("iris.safetensors")
    with safe_open(path, framework="numpy") as file:
        model.update(weights=file.get_tensor("weights"), bias=file.get_tensor("bias"))
        model["classes"] = file.metadata()["classes"].split()
    print(f"{os.environ.get('GREETING', 'hello')}: {len(model['classes'])} species from {path}")


def run(raw_data: str) -> list[dict[str, Any]]:
    """`{"data": [[sepal length, sepal width, petal length, petal width], ...]}` in cm -> one answer for each flower."""
    scores = np.asarray(json.loads(raw_data)["data"], float) @ model["weights"] + model["bias"]
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return [
        {"species": model["classes"][flower.argmax()], "probability": round(float(flower.max()), 4)}
        for flower in probabilities
    ]

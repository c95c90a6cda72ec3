"""Answers each row of numbers with its sum: put your model's prediction here."""

import json
import os

model = None


def init():
    """Called once, before the first request."""
    global model
    model = os.environ.get("AZUREML_MODEL_DIR")


def run(raw):
    """`raw`: `{"data": [[...], ...]}`."""
    return [sum(row) for row in json.loads(raw)["data"]]

"""The demo's model: the weights come from the training data, and so do the answers that the smoke test expects."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

REPO = Path(__file__).parent.parent
MODEL = REPO / "services/iris/model"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flowers() -> list[tuple[list[float], str]]:
    with (REPO / "examples/iris/iris.csv").open(newline="") as file:
        return [([float(n) for n in row[:4]], row[4]) for row in list(csv.reader(file))[1:]]


def smoke_cases() -> list[dict[str, Any]]:
    spec = yaml.safe_load((REPO / "pipeline.yaml").read_text(encoding="utf-8"))
    cases: list[dict[str, Any]] = spec["services"]["iris"]["smoke_test"]
    return cases


@pytest.fixture
def score(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load(REPO / "services/iris/score.py")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(MODEL))
    module.init()
    return module


def test_training_again_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train = load(REPO / "examples/iris/train.py")
    monkeypatch.setattr(train, "MODEL", tmp_path / "model/iris.safetensors")
    train.main()
    assert train.MODEL.read_bytes() == (MODEL / "iris.safetensors").read_bytes()


def test_the_weights_are_those_of_the_greatest_likelihood() -> None:
    train = load(REPO / "examples/iris/train.py")
    measurements, species = train.read(REPO / "examples/iris/iris.csv")

    def loss(weights: Any, bias: Any) -> float:
        p = train.probabilities(measurements @ weights + bias)[np.arange(150), species]
        return float(-np.log(p).sum() + train.PENALTY / 2 * (weights**2).sum())

    weights, bias = train.fit(measurements, species)
    least = loss(weights, bias)
    for index in np.ndindex(weights.shape):
        for change in (-0.01, 0.01):
            other = weights.copy()
            other[index] += change
            assert loss(other, bias) > least


def test_nearly_all_flowers_are_named_rightly(score: ModuleType) -> None:
    answers = score.run(json.dumps({"data": [measured for measured, _ in flowers()]}))
    right = [answer["species"] == species for answer, (_, species) in zip(answers, flowers(), strict=True)]
    assert sum(right) == 147
    assert all(0 <= a["probability"] <= 1 for a in answers)


@pytest.mark.parametrize("below", ["", "1", "iris/1", "iris/1/model"])
def test_the_model_is_found_wherever_azure_ml_puts_it(
    below: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(MODEL, tmp_path / below, dirs_exist_ok=True)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    module = load(REPO / "services/iris/score.py")
    module.init()
    assert module.run('{"data": [[5.1, 3.5, 1.4, 0.2]]}')[0]["species"] == "setosa"


def test_the_smoke_test_asks_for_flowers_of_the_training_data_and_their_species() -> None:
    known = {tuple(measured): species for measured, species in flowers()}
    for case in smoke_cases():
        asked = [known[tuple(row)] for row in case["request"]["json"]["data"]]
        if "json" in case["expect"]:
            assert [answer["species"] for answer in case["expect"]["json"]] == asked


def test_the_model_answers_the_smoke_test_as_it_expects(score: ModuleType) -> None:
    case = smoke_cases()[0]
    answers = score.run(json.dumps(case["request"]["json"]))
    for answer, expected in zip(answers, case["expect"]["json"], strict=True):
        assert answer["species"] == expected["species"]
        assert answer["probability"] == pytest.approx(expected["probability"], abs=case["expect"]["tolerance"])


def test_what_the_service_is_sent_holds_no_training_data() -> None:
    sent = {
        p.relative_to(REPO / "services/iris").as_posix() for p in (REPO / "services/iris").rglob("*") if p.is_file()
    }
    assert {p for p in sent if "__pycache__" not in p} == {"score.py", "requirements.txt", "model/iris.safetensors"}

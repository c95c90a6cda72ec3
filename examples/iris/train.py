"""train: Fisher's measurements become the weights that services/iris serves.

A multinomial logistic regression, fitted by Newton's method; needs numpy and safetensors.

    python examples/iris/train.py          # writes services/iris/model/iris.safetensors
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from safetensors.numpy import save

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "services/iris/model/iris.safetensors"
SPECIES = ("setosa", "versicolor", "virginica")
PENALTY = 0.1  # on the squared weights: without one they grow for ever, since setosa is separable


def main() -> None:
    measurements, species = read(HERE / "iris.csv")
    weights, bias = fit(measurements, species)
    right = (measurements @ weights + bias).argmax(axis=1) == species
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(save({"weights": weights, "bias": bias}, metadata={"classes": " ".join(SPECIES)}))
    print(f"{right.sum()} of {len(right)} flowers named rightly; wrote {MODEL}")


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Measurements in cm, (flowers, 4), and the index of each flower's species in SPECIES, (flowers,)."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([row[:4] for row in rows], float), np.array([SPECIES.index(row[4]) for row in rows])


def fit(measurements: np.ndarray, species: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (4, 3) and bias (3,) of the greatest penalised likelihood, to 6 decimals.

    Raises RuntimeError if Newton's steps do not end."""
    flowers, features = measurements.shape
    classes = len(SPECIES)
    x = np.column_stack([measurements, np.ones(flowers)])
    wanted = np.eye(classes)[species]
    penalty = np.full(((features + 1), classes), PENALTY)
    penalty[-1] = 1e-6  # the bias goes free, but for the one direction in which it does not matter
    w = np.zeros((features + 1, classes))
    for _ in range(50):
        p = probabilities(x @ w)
        gradient = x.T @ (p - wanted) + penalty * w
        curvature = np.einsum("ni,nab,nj->iajb", x, p[:, :, None] * np.eye(classes) - p[:, :, None] * p[:, None, :], x)
        hessian = curvature.reshape(w.size, w.size) + np.diag(penalty.ravel())
        step = np.linalg.solve(hessian, gradient.ravel()).reshape(w.shape)
        w -= step
        if np.abs(step).max() < 1e-10:
            # rounded, so that every machine writes the same bytes
            return np.round(w[:-1], 6), np.round(w[-1], 6)
    raise RuntimeError("the fit did not settle in 50 steps")


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


if __name__ == "__main__":
    main()

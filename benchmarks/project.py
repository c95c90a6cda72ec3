"""project: a made-up project of N images, each with an environment, a model and a service of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FIRST_PORT = 20_000
DOCKERFILE = "ARG BASE\nFROM $BASE\nARG NAME\nCOPY app /app\nENV NAME=$NAME\nWORKDIR /app\n"
SOURCE = "def run(text):\n    return text.upper()  # {name}\n"


def write(root: Path, images: int, registry_port: int, *, services: bool = True) -> None:
    """Five tasks an image, and three for all: the registry, and a root file system that all images start from.

    With one image it has the shape of the demo. Without `services`, three tasks an image."""
    root.mkdir(parents=True)
    names = [image_name(number) for number in range(images)]
    for entry in names:
        files = {
            f"images/{entry}/Dockerfile": DOCKERFILE,
            f"images/{entry}/app/main.py": SOURCE.format(name=entry),
            f"images/{entry}/app/words.txt": "one\ntwo\nthree\n",
            f"images/{entry}/README.md": "No COPY takes this file.\n",
            f"services/{entry}/score.py": SOURCE.format(name=entry),
            f"services/{entry}/requirements.txt": "numpy==1.26.4\n",
            f"services/{entry}/model/weights.txt": "0.1 0.2 0.3\n",
        }
        for path, content in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
    (root / "pipeline.yaml").write_text(spec(names, registry_port, services=services), encoding="utf-8")
    configure(root)


def configure(root: Path) -> None:
    """What makes doit know the pipeline: as in the repository itself."""
    repository = Path(__file__).parent.parent
    shutil.copy(repository / "dodo.py", root)
    lines = (repository / "pyproject.toml").read_text(encoding="utf-8")
    (root / "pyproject.toml").write_text(lines[lines.index("[tool.doit]") :].split("\n[tool.", 2)[0], encoding="utf-8")


def image_name(number: int) -> str:
    return f"i{number:04}"


def spec(names: list[str], registry_port: int, *, services: bool = True) -> str:
    """About 33 lines an image."""
    lines = ["version: 1", "project: bench", "images:", "  os:", "    rootfs:", "      suite: bookworm"]
    for name in names:
        lines += [
            f"  {name}:",
            f"    context: images/{name}",
            "    from:",
            "      BASE: os",
            "    args:",
            f"      NAME: {name}",
            "    tags:",
            "      - latest",
        ]
    lines.append("environments:")
    for name in names:
        lines += [
            f"  {name}:",
            f"    image: {name}",
            f"    pip: services/{name}/requirements.txt",
            "    variables:",
            f"      SERVICE: {name}",
            "      OMP_NUM_THREADS: '1'",
        ]
    lines += _services(names) if services else []
    lines += ["targets:", "  local:", "    registry:", "      kind: local", f"      port: {registry_port}"]
    if services:
        lines += ["    deploy:", "      kind: container", f"      port: {FIRST_PORT}", "      ports:"]
        lines += [f"        {name}: {FIRST_PORT + number}" for number, name in enumerate(names)]
    return "\n".join(lines) + "\n"


def _services(names: list[str]) -> list[str]:
    lines = ["models:"]
    for name in names:
        lines += [f"  {name}:", f"    path: services/{name}/model", "    version: '1'"]
    lines.append("services:")
    for name in names:
        lines += [
            f"  {name}:",
            f"    environment: {name}",
            f"    model: {name}",
            f"    code: services/{name}",
            "    entry_script: score.py",
            "    smoke_test:",
            "      - name: it answers",
            "        request:",
            "          json:",
            "            data: [[5.1, 3.5, 1.4, 0.2]]",
            "        expect:",
            "          status: 200",
            "          json_schema:",
            "            type: array",
            "          within_ms: 500",
        ]
    return lines


def tree(root: Path, files: int, *, size: int = 4096, folder_of: int = 100) -> None:
    """`files` files of `size` bytes, `folder_of` in a folder, all different."""
    for number in range(files):
        folder = root / f"d{number // folder_of // 100:03}" / f"d{number // folder_of % 100:03}"
        if number % folder_of == 0:
            folder.mkdir(parents=True, exist_ok=True)
        text = f"{number:08} of a context\n".encode()
        handle = os.open(folder / f"f{number % folder_of:03}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(handle, (text * (size // len(text) + 1))[:size])
        os.close(handle)

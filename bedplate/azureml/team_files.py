"""azureml.team_files: what a YAML of Azure ML's that a team has stands for on disk: itself and all that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate import links
from bedplate.azureml import ignored, read
from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment
from bedplate.azureml.team_yaml import elsewhere
from bedplate.context import disk
from bedplate.file_set import FileSet
from bedplate.step import TeamFile, Tree

if TYPE_CHECKING:
    from bedplate.stat_cache import StatCache


def file_set(files: TeamFile, root: Path, cache: StatCache) -> FileSet:
    """By their paths below the project's root. Raises SpecError with every mistake in the YAML."""
    cache.looked.update((str(root / files.path), *links.followed(str(root / files.path))))
    noun, paths = read.with_files(files.path, root, deployment=files.deployment, compute=files.compute)
    found = {}
    for path in (*paths, *(_named(noun))):
        one = disk.tree(Tree(path), root, cache)
        # of a file, the set's root is the folder that it lies in; of a folder, the folder itself
        above = "" if one.root in ("", ".") else f"{one.root}/"
        left_out = ignored.in_folder(root / path)
        files_sent = (file for file in one.files if file.kind != "dir" and not left_out(file.path))
        found.update({above + file.path: replace(file, path=above + file.path) for file in files_sent})
    return FileSet("", tuple(found[path] for path in sorted(found)))


def _named(noun: EnvironmentVersion | OnlineDeployment) -> Iterator[str]:
    """Files and folders of the project; what stands elsewhere is Azure's to know."""
    if isinstance(noun, EnvironmentVersion):
        yield from _of_environment(noun)
        return
    if isinstance(noun.environment, EnvironmentVersion):
        yield from _of_environment(noun.environment)
    if isinstance(noun.model, ModelVersion) and not elsewhere(noun.model.path):
        yield noun.model.path
    if isinstance(noun.code, str):
        yield noun.code


def _of_environment(noun: EnvironmentVersion) -> Iterator[str]:
    if noun.conda_file:
        yield noun.conda_file
    if noun.build and not elsewhere(noun.build.path):
        yield noun.build.path

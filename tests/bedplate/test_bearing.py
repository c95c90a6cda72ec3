"""Which entries of a spec bear on which others."""

from __future__ import annotations

from bedplate import bearing, specfile
from bedplate.model import Spec
from bedplate.specfile import entries
from bedplate.specfile.rules import schema_path

TEXT = """
version: 1
project: p
images:
  os: {context: os}
  lib: {context: lib, from: {BASE: os}}
  app: {context: app, from: {BASE: lib, TOOLS: lib}}
  alone: {reference: 'debian:12'}
environments:
  one: {image: app, user_managed: true}
  two: {image: app, user_managed: true}
models:
  m: {path: m}
services:
  s: {environment: one, model: m, code: s, entry_script: score.py}
  t: {environment: one, code: t, entry_script: score.py}
targets:
  local: {registry: {kind: local}}
"""


def spec() -> Spec:
    return entries.spec(specfile.read(TEXT.encode(), schema_path().read_bytes(), "pipeline.yaml"), "local")


def test_an_entry_is_used_by_what_is_made_of_it() -> None:
    used = {entry: sorted(users) for entry, users in bearing.used_by(spec()).items() if users}
    assert used == {
        ("images", "os"): [("images", "lib")],
        ("images", "lib"): [("images", "app")],
        ("images", "app"): [("environments", "one"), ("environments", "two")],
        ("environments", "one"): [("services", "s"), ("services", "t")],
        ("models", "m"): [("services", "s")],
    }


def test_an_image_is_known_by_what_stands_on_it_and_a_service_by_what_it_runs_in() -> None:
    known = {entry: sorted(set(others)) for entry, others in bearing.known_by(spec()).items() if others}
    assert known == {
        ("images", "lib"): [("images", "os")],
        ("images", "app"): [("environments", "one"), ("environments", "two"), ("images", "lib")],
        ("environments", "one"): [("images", "app"), ("services", "s"), ("services", "t")],
        ("environments", "two"): [("images", "app")],
        ("services", "s"): [("environments", "one"), ("models", "m")],
        ("services", "t"): [("environments", "one")],
    }

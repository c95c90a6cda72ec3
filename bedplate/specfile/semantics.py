"""semantics: what a schema cannot say of a spec: names that must exist, cycles, paths, references, ports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from bedplate import refs
from bedplate.mistakes import Mistakes, did_you_mean
from bedplate.specfile import paths, targets
from bedplate.specfile.places import Keys, at, key_at
from bedplate.yamlfile.nodes import Mapping as MappingNode
from bedplate.yamlfile.nodes import Node

Plain: TypeAlias = Mapping[str, Any]  # what conforms to the schema; what did not is missing


def check(plain: Plain, root: Node, mistakes: Mistakes) -> None:
    """Notes every mistake; parts that the schema refused are passed over."""
    _names(plain, root, mistakes)
    _cycles(plain.get("images", {}), root, mistakes)
    for keys, path in paths.stated(plain):
        why = paths.leaves(path)
        if why:
            mistakes.add(at(root, keys), f"{_said(keys)}: the path {why}", "paths are relative to pipeline.yaml")
    _images(plain.get("images", {}), root, mistakes)
    _environments(plain, root, mistakes)
    _services(plain.get("services", {}), root, mistakes)
    targets.check(plain, root, mistakes)


# ---- names of other entries


def _names(plain: Plain, root: Node, mistakes: Mistakes) -> None:
    for keys, name, where, what in _mentions(plain):
        if name not in _entry_names(root, where):
            # not what is wrong itself, nor what would make a cycle
            taken = _above(plain["images"], keys[1]) if keys[0] == "images" else set()
            known = [entry for entry in plain.get(where, {}) if entry not in taken]
            hint = did_you_mean(name, known) or f"write it under '{where}', or take this out"
            mistakes.add(at(root, keys), f"{_said(keys)}: there is no {what} '{name}'", hint)


def _mentions(plain: Plain) -> Iterator[tuple[Keys, str, str, str]]:
    """Where an entry names another: place, name, section of the file, kind of entry."""
    for name, image in plain.get("images", {}).items():
        for argument, other in image.get("from", {}).items():
            yield ("images", name, "from", argument), other, "images", "image"
    for name, environment in plain.get("environments", {}).items():
        if "image" in environment:
            yield ("environments", name, "image"), environment["image"], "images", "image"
    for name, service in plain.get("services", {}).items():
        for key in ("environment", "model"):
            if key in service:
                yield ("services", name, key), service[key], key + "s", key


def _entry_names(root: Node, section: str) -> list[str]:
    found = at(root, (section,))
    return list(found.entries) if isinstance(found, MappingNode) and found is not root else []


def _above(images: Plain, name: str) -> set[str]:
    """The image and all that build on it."""
    found, new = {name}, {name}
    while new:
        new = {other for other, image in images.items() if new & set(image.get("from", {}).values())} - found
        found |= new
    return found


def _cycles(images: Plain, root: Node, mistakes: Mistakes) -> None:
    """Follows `from`, each image once, without recursion."""
    done: set[str] = set()
    for start in images:
        trail: dict[str, Iterator[tuple[str, str]]] = {}  # the images on the way here, and what each still has to show
        arrived: str | None = start if start not in done else None
        while arrived is not None or trail:
            if arrived is not None:
                trail[arrived] = iter(images[arrived].get("from", {}).items())
            name = next(reversed(trail))
            arrived = None
            for argument, other in trail[name]:
                if other in trail:
                    ring = [*list(trail)[list(trail).index(other) :], other]
                    place = at(root, ("images", name, "from", argument))
                    message = f"images.{name}.from: images build on each other: {' -> '.join(ring)}"
                    mistakes.add(place, message, "one of them must begin elsewhere")
                elif other in images and other not in done:
                    arrived = other
                    break
            else:
                del trail[name]
                done.add(name)


# ---- entries


def _images(images: Plain, root: Node, mistakes: Mistakes) -> None:
    for name, image in images.items():
        if "reference" in image:
            _reference(image["reference"], ("images", name, "reference"), root, mistakes)
        _requires("images", name, image, root, mistakes)
        if "mirror" in image.get("rootfs", {}):
            _credentials(image["rootfs"]["mirror"], ("images", name, "rootfs", "mirror"), root, mistakes)
        for argument in image.get("from", {}):
            if argument in image.get("args", {}):
                place = key_at(root, ("images", name, "args", argument))
                mistakes.add(place, f"images.{name}.args: '{argument}' stands in 'from' too", "keep one of them")


def _requires(section: str, name: str, entry: Plain, root: Node, mistakes: Mistakes) -> None:
    from bedplate.image_contents import ranges

    for inner, is_key, why, hint in ranges.wrong(entry.get("requires", {})):
        keys = (section, name, "requires", *inner)
        mistakes.add((key_at if is_key else at)(root, keys), f"{_said(keys)}: {why}", hint)


def _reference(text: str, keys: Keys, root: Node, mistakes: Mistakes) -> None:
    if _credentials(text, keys, root, mistakes):
        return
    try:
        refs.ImageRef.parse(text)
    except ValueError as error:
        mistakes.add(at(root, keys), f"{_said(keys)}: Docker would refuse this reference: {error}")


def _credentials(text: str, keys: Keys, root: Node, mistakes: Mistakes) -> bool:
    """Whether a secret stands in an address. It is never shown."""
    found = _USER_AND_PASSWORD.search(text)
    if not found:
        return False
    mistakes.hide(found["password"])
    hint = "take out user and password: `docker login` keeps them, or `username` and `password` of a target's registry"
    mistakes.add(at(root, keys), f"{_said(keys)}: a password stands in the address", hint)
    return True


def _environments(plain: Plain, root: Node, mistakes: Mistakes) -> None:
    for name, environment in plain.get("environments", {}).items():
        keys = ("environments", name)
        _requires("environments", name, environment, root, mistakes)
        for key in ("pip", "conda"):
            if environment.get("user_managed") and key in environment:
                message = f"environments.{name}: '{key}' adds to an image that 'user_managed' says is complete"
                mistakes.add(key_at(root, (*keys, key)), message, "keep one of them")


def _services(services: Plain, root: Node, mistakes: Mistakes) -> None:
    for name, service in services.items():
        if "entry_script" in service and "code" not in service:
            place = key_at(root, ("services", name, "entry_script"))
            mistakes.add(place, f"services.{name}: 'code' is missing", "it is the folder that entry_script lies in")
        elif _leaves_only(service.get("entry_script", ""), service.get("code", "")):
            mistakes.add(
                at(root, ("services", name, "entry_script")),
                f"services.{name}.entry_script: the path leaves '{service['code']}'",
                "it is relative to 'code'; what lies elsewhere is not sent to the service",
            )
        cases: Iterable[Plain] = service.get("smoke_test", ())
        names = [case.get("name") for case in cases]
        for number, case_name in enumerate(names):
            if case_name is not None and case_name in names[:number]:
                place = at(root, ("services", name, "smoke_test", str(number), "name"))
                mistakes.add(place, f"services.{name}.smoke_test: '{case_name}' is the name of two cases")


def _leaves_only(path: str, folder: str) -> bool:
    """Does the path leave its folder, though not the project, which is told already?"""
    return bool(paths.leaves(path)) and not paths.leaves(f"{folder}/{path}")


def _said(keys: Keys) -> str:
    return ".".join(keys)


_USER_AND_PASSWORD = re.compile(r"(?:^|//)[^/@\s:]*:(?P<password>[^/@\s]+)@(?!sha(?:256|384|512):)")

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from image_files import image

from bedplate.image_contents import running
from bedplate.image_contents.look import Image, Late, Look

PASSWD = "root:x:0:0::/root:/bin/sh\nservice:x:1000:1000::/home/service:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n"


@pytest.mark.parametrize(
    ("user", "wanted", "said"),
    [
        ("", "non-root", ("root", False)),
        ("root", "non-root", ("root", False)),
        ("0:0", "non-root", ("0", False)),
        ("toor", "non-root", ("toor, which is root", False)),
        ("service", "non-root", ("service", True)),
        ("1000:1000", "non-root", ("1000", True)),
        ("4711", "non-root", ("4711", True)),
        ("nobody-here", "non-root", ("nobody-here, not in /etc/passwd", False)),
        ("service", "service", ("service", True)),
        ("1000", "service", ("1000", True)),
        ("service", "1000", ("service", True)),
        ("service", "other", ("service", False)),
        ("", "root", ("root", True)),
    ],
)
def test_the_user_that_the_image_runs_as(tmp_path: Path, user: str, wanted: str, said: tuple[str, bool]) -> None:
    assert running.user(wanted, image(tmp_path, {"/etc/passwd": PASSWD}, User=user)) == said


def test_a_port_is_one_that_is_exposed_for_tcp(tmp_path: Path) -> None:
    seen = image(tmp_path, {}, ExposedPorts={"8080/tcp": {}, "53/udp": {}})
    assert running.port("8080", seen) == ("53/udp, 8080", True)
    assert running.port("53", seen) == ("53/udp, 8080", False)
    assert running.port("80", image(tmp_path, {})) == ("none exposed", False)


FILES = {
    "/bin/sh": "\x7fELF",
    "/usr/bin/env": "\x7fELF",
    "/app/bin/serve": "#!/bin/sh\n",
    "/app/run.sh": "#!/bin/sh\n",
    "/app/bin/windows": "#!/bin/sh\r\nexit\r\n",
    "/app/bin/lost": "#!/opt/gone/bin/python\n",
    "/usr/bin/server": "\x7fELF",
}
LINKS = {"/usr/local/bin/linked": "/etc/alternatives/linked", "/etc/alternatives/linked": "/usr/bin/server"}
LINKS |= {"/usr/local/bin/broken": "/usr/bin/gone"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Entrypoint": ["/app/bin/serve"], "Cmd": ["nothing"]}, ("/app/bin/serve", True)),
        ({"Cmd": ["server", "--port", "1"]}, ("server", True)),
        ({"Cmd": ["linked"]}, ("linked", True)),
        ({"Cmd": ["broken"]}, ("broken missing", False)),
        ({"Cmd": ["/app/run.sh"]}, ("/app/run.sh not executable", False)),
        ({"Cmd": ["/app"]}, ("/app is a folder", False)),
        ({"Cmd": ["bin/serve"], "WorkingDir": "/app"}, ("bin/serve", True)),
        ({"Cmd": ["bin/serve"]}, ("bin/serve missing", False)),
        ({"Cmd": ["gunicorn"]}, ("gunicorn missing", False)),
        ({"Cmd": ["serve"], "Env": ["PATH=/app/bin"]}, ("serve", True)),
        ({"Cmd": ["/bin/sh", "-c", "exec /app/bin/none --x"]}, ("/app/bin/none missing", False)),
        ({"Cmd": ["/bin/sh", "-c", "/app/bin/serve | tee x"]}, ("/app/bin/serve", True)),
        ({"Cmd": ["/bin/sh", "-c", "cd /x && gunicorn"]}, ("/bin/sh", True)),
        ({"Cmd": ["/bin/sh", "-c", "echo 'not closed"]}, ("/bin/sh", True)),
        ({"Cmd": ["/app/bin/lost"]}, ("/app/bin/lost needs /opt/gone/bin/python, missing", False)),
        ({}, ("no ENTRYPOINT and no CMD", False)),
        ({"Entrypoint": [], "Cmd": None}, ("no ENTRYPOINT and no CMD", False)),
    ],
)
def test_the_program_that_the_image_runs(tmp_path: Path, config: dict[str, Any], said: tuple[str, bool]) -> None:
    assert running.command("*", image(tmp_path, FILES, LINKS, **config)) == said


def test_line_ends_of_windows_are_named(tmp_path: Path) -> None:
    said, met = running.command("/app/bin/windows", image(tmp_path, FILES))
    assert "line ends of Windows" in said
    assert not met


def test_a_shell_is_a_program(tmp_path: Path) -> None:
    assert running.shell("/bin/sh", image(tmp_path, FILES)) == ("/bin/sh", True)
    assert running.shell("/bin/bash", image(tmp_path, FILES)) == ("/bin/bash missing", False)


@pytest.mark.parametrize(
    ("said", "wanted", "met"),
    [("1000", "non-root", True), ("", "non-root", False), ("root", "non-root", False), ("1000:1000", "1000", True)],
)
def test_a_user_of_numbers_and_root_are_known_without_a_file(said: str, wanted: str, met: bool) -> None:
    def opened() -> Look:
        raise AssertionError("a file was asked for")

    assert running.user(wanted, Image(Late(opened), {"User": said}))[1] is met

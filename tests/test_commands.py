"""./run, ./test and .ci/run on a machine of fakes: what they install and start, when they stop, what they hand on."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent
TOOLS = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "env",
    "flock",
    "grep",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "setsid",
    "sleep",
    "tail",
    "touch",
]

APT_GET = """#!/usr/bin/env bash
echo "apt-get $*" >> "$LOG"
[ ! -e "$MACHINE/apt-fails" ] || { echo "E: Unable to locate package"; exit 100; }
case " $* " in *" install "*) ;; *) exit 0 ;; esac
for word in "$@"; do
    case $word in
        docker.io) cp "$MACHINE/store/dockerd" "$MACHINE/usr/sbin/" ;;
        docker-registry | mmdebstrap | iptables) echo > "$MACHINE/usr/bin/$word"; chmod +x "$MACHINE/usr/bin/$word" ;;
        debian-archive-keyring) mkdir -p "$MACHINE/usr/share/keyrings"; touch "$MACHINE/usr/share/keyrings/$word.gpg" ;;
        python3-venv) touch "$MACHINE/has-venv" ;;
        ca-certificates) touch "$MACHINE/etc/ssl/certs/ca-certificates.crt" ;;
    esac
done
"""
PYTHON = """#!/usr/bin/env bash
case "$*" in
    *sys.version_info*) [ ! -e "$MACHINE/old-python" ] ;;
    *platform.python_version*) echo 3.9.2 ;;
    *ensurepip*) [ -e "$MACHINE/has-venv" ] ;;
    *realpath*) echo "$MACHINE/usr/bin/python3" ;;
    "-m venv "*) echo "python3 $*" >> "$LOG"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *"-m pip install"*)
        echo "pip ${*: -3}" >> "$LOG"
        [ ! -e "$MACHINE/pip-fails" ] || { echo "no matching distribution"; exit 1; }
        [ ! -e "$MACHINE/pip-hangs" ] || { touch "$MACHINE/pip-is-here"; sleep 60; }
        printf '#!/usr/bin/env bash\\necho "doit $*" >> "$LOG"\\nexit ${DOIT_EXIT:-0}\\n' > .venv/bin/doit
        chmod +x .venv/bin/doit ;;
    "-m pytest"*) echo "pytest CI=${CI-} $*" >> "$LOG"; exit "${PYTEST_EXIT:-0}" ;;
    *) exec "$REAL_PYTHON" "$@" ;;
esac
"""
DOCKERD = """#!{python}
import os, pathlib, socket, sys
run = pathlib.Path(os.environ["MACHINE"], "var/run")
if pathlib.Path(os.environ["MACHINE"], "engine-fails").exists():
    sys.exit("failed to start daemon: no iptables")
assert not (run / "docker.pid").exists(), "pid file found, ensure docker is not running"
assert not (run / "docker/containerd/containerd.pid").exists(), "failed to save daemon pid to disk"
(run / "docker.pid").write_text(str(os.getpid()))
(run / "docker.sock").unlink(missing_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind(str(run / "docker.sock"))
server.listen()
while True:
    client, _ = server.accept()
    client.recv(999)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nOK")
    client.close()
"""
SYSTEMCTL = """#!/usr/bin/env bash
echo "systemctl $*" >> "$LOG"
[ "$*" != "start docker" ] || "$MACHINE/usr/sbin/dockerd" > /dev/null 2>&1 9>&- &
"""


class Machine:
    """A root folder with fakes that log their calls, and a copy of the scripts in which absolute paths lead there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "m"  # short: the path of a socket has an end
        self.repo = folder / "a repository"
        self.log = folder / "log"
        self.log.touch()
        for name in ("usr/bin", "usr/sbin", "var/run", "etc/ssl/certs", "store", "home"):
            (self.root / name).mkdir(parents=True)
        for tool in TOOLS:
            (self.root / "usr/bin" / tool).symlink_to(
                next(p for p in (f"/bin/{tool}", f"/usr/bin/{tool}") if Path(p).exists())
            )
        self.program("usr/bin/apt-get", APT_GET)
        self.program("usr/bin/python3", PYTHON)
        self.program("usr/bin/id", '#!/usr/bin/env bash\ncat "$MACHINE/uid"\n')
        self.program("store/dockerd", DOCKERD.format(python=Path(sys.executable).resolve()))
        (self.root / "uid").write_text("0\n")
        (self.root / "etc/os-release").write_text('NAME="Debian GNU/Linux"\nID=debian\n')
        self.add("etc/ssl/certs/ca-certificates.crt")
        for name in ("run", "test", ".ci/run", ".ci/setup.sh", ".ci/venv.sh", ".ci/packages.sh", ".ci/engine.sh"):
            text = (REPO / name).read_text(encoding="utf-8")
            first, rest = text.split("\n", 1)
            for path in ("/usr/sbin", "/usr/bin", "/usr/share", "/var/run", "/etc", "/run/systemd"):
                rest = rest.replace(f"={path}", f"={self.root}{path}").replace(f" {path}", f" {self.root}{path}")
            rest = rest.replace(":/usr/sbin:/sbin", f":{self.root}/usr/sbin")
            self.program(self.repo / name, f"{first}\n{rest}")
        (self.repo / "pyproject.toml").write_text('[dependency-groups]\ntest = ["pytest>=8", "mypy"]\n')

    def program(self, name: str | Path, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def add(self, *names: str) -> None:
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            self.program(name, "") if "bin" in name else (self.root / name).touch()

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.root}/usr/bin",
            "HOME": f"{self.root}/home",
            "MACHINE": str(self.root),
            "LOG": str(self.log),
            "REAL_PYTHON": sys.executable,
            **more,
        }

    def call(self, *command: str, code: int = 0, **environ: str) -> str:
        """What the script said; `calls` then holds what it called."""
        self.log.write_text("")
        said = subprocess.run(
            [self.repo / command[0], *command[1:]],
            env=self.environ(**environ), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert said.returncode == code, said.stderr
        return said.stderr

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def engine(self) -> int | None:
        """Process id of the engine, if it runs."""
        try:
            pid = int((self.root / "var/run/docker.pid").read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return None if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z" else pid

    def end_engine(self, how: int = signal.SIGKILL) -> None:
        pid = self.engine
        if pid:
            os.kill(pid, how)
            while self.engine:
                time.sleep(0.01)

    def start_engine(self) -> None:
        self.add("usr/bin/iptables")
        subprocess.Popen(
            [self.root / "store/dockerd"], env=self.environ(), stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not (self.root / "var/run/docker.sock").exists():
            time.sleep(0.01)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    if not sys.platform.startswith("linux"):
        pytest.skip("plays a Debian machine")
    machine = Machine(tmp_path)
    yield machine
    machine.end_engine()


@pytest.fixture
def complete(bare: Machine) -> Machine:
    """A machine on which `./run` has been through."""
    bare.call("run")
    return bare


def test_a_bare_machine_gets_all_that_is_missing(bare: Machine) -> None:
    said = bare.call("run", "list", "a b")
    assert [c.split("--no-install-recommends ")[-1] for c in bare.calls[:2]] == ["update", "install python3-venv"]
    assert sorted(bare.calls[2:-1])[0].endswith("install python3-venv docker.io iptables docker-registry mmdebstrap")
    assert sorted(bare.calls[2:-1])[1:] == ["pip -q -e .", "python3 -m venv .venv"]
    assert bare.calls[-1] == "doit list a b"
    assert bare.engine
    assert said.splitlines()[:3] == [
        "run: installing Debian packages: python3-venv docker.io iptables docker-registry mmdebstrap",
        "run: installing into .venv: bedplate and the Python packages of pyproject.toml",
        "run: starting the Docker engine, which goes on running; its log: "
        f"{bare.root}/home/.local/share/bedplate/engine/dockerd.log",
    ]


def test_what_will_be_installed_is_said_before(bare: Machine) -> None:
    bare.add("apt-fails")
    said = bare.call("run", code=1)
    assert said.index("installing Debian packages") < said.index("apt-get could not install")
    assert "Unable to locate package" in said
    assert not any(c.startswith("doit") for c in bare.calls)


def test_a_second_run_starts_nothing_but_doit(complete: Machine) -> None:
    engine = complete.engine
    assert complete.call("run", "plan") == ""
    assert complete.calls == ["doit plan"]
    assert complete.engine == engine


def test_a_second_run_adds_less_than_a_tenth_of_a_second(complete: Machine) -> None:
    def seconds(command: Path) -> float:
        began = time.perf_counter()
        subprocess.run([command], env=complete.environ(), check=True)
        return time.perf_counter() - began

    run, doit = complete.repo / "run", complete.repo / ".venv/bin/doit"
    assert min(seconds(run) for _ in range(5)) - min(seconds(doit) for _ in range(5)) < 0.1


def test_the_exit_code_is_that_of_doit(complete: Machine) -> None:
    complete.call("run", code=3, DOIT_EXIT="3")


def test_an_engine_that_runs_is_used_and_none_installed(bare: Machine) -> None:
    bare.start_engine()
    engine = bare.engine
    said = bare.call("run")
    assert "docker.io" not in said + "".join(bare.calls)
    assert "Docker engine" not in said
    assert bare.engine == engine


@pytest.mark.parametrize("environ", [{"DOCKER_HOST": "tcp://192.0.2.1:2375"}, {"DOCKER_CONTEXT": "colima"}])
def test_an_engine_elsewhere_is_left_to_docker_s_own_settings(bare: Machine, environ: dict[str, str]) -> None:
    assert "Docker engine" not in bare.call("run", **environ)
    assert bare.engine is None


def test_a_docker_context_chosen_with_docker_s_client_counts(bare: Machine) -> None:
    config = bare.root / "home/.docker/config.json"
    config.parent.mkdir()
    config.write_text('{\n\t"auths": {},\n\t"currentContext": "colima"\n}')
    assert "Docker engine" not in bare.call("run")
    config.write_text('{"currentContext": "default"}')
    assert "Docker engine" in bare.call("run")


def test_a_docker_host_where_nothing_listens_is_named(bare: Machine) -> None:
    said = bare.call("run", code=1, DOCKER_HOST="unix:///nowhere.sock")
    assert "no Docker engine listens where DOCKER_HOST says: unix:///nowhere.sock" in said
    assert bare.calls == []


def test_without_root_it_stops_with_the_commands_to_type(bare: Machine) -> None:
    (bare.root / "uid").write_text("1000\n")
    said = bare.call("run", code=1)
    packages = "python3-venv docker.io iptables docker-registry mmdebstrap"
    assert f"    sudo apt-get install --no-install-recommends {packages}\n" in said
    assert "usermod -aG docker" in said
    assert bare.calls == []


def test_without_root_but_with_everything_there_it_goes_on(bare: Machine) -> None:
    bare.start_engine()
    bare.add("has-venv", "usr/bin/docker-registry", "usr/bin/mmdebstrap")
    (bare.root / "uid").write_text("1000\n")
    bare.call("run")
    assert bare.calls == ["python3 -m venv .venv", "pip -q -e .", "doit "]


def test_another_system_is_told_what_is_lacking(bare: Machine) -> None:
    (bare.root / "etc/os-release").write_text("ID=fedora\n")
    bare.add("has-venv")
    said = bare.call("run", code=1)
    assert "neither Debian nor Ubuntu" in said
    assert "docker.io iptables docker-registry mmdebstrap" in said


def test_a_python_that_is_too_old_is_named(bare: Machine) -> None:
    bare.add("old-python")
    said = bare.call("run", code=1)
    assert f"Python 3.9.2 ({bare.root}/usr/bin/python3) is too old: bedplate needs 3.10 or newer" in said


def test_a_newer_python_beside_an_old_one_is_found(bare: Machine) -> None:
    bare.add("old-python", "has-venv")
    bare.program("usr/bin/python3.12", PYTHON.replace('[ ! -e "$MACHINE/old-python" ]', "true"))
    bare.call("run")
    assert bare.calls[-1] == "doit "


def test_a_set_up_that_was_killed_is_repaired_by_the_next(bare: Machine) -> None:
    bare.add("has-venv", "pip-hangs")
    process = subprocess.Popen(
        [bare.repo / "run"], env=bare.environ(), start_new_session=True, stderr=subprocess.DEVNULL
    )
    while not (bare.root / "pip-is-here").exists():
        time.sleep(0.01)
    (bare.repo / ".venv/half-a-package").touch()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    bare.remove("pip-hangs")
    bare.call("run")
    assert "python3 -m venv .venv" in bare.calls
    assert not (bare.repo / ".venv/half-a-package").exists()
    assert bare.call("run") == ""


def test_a_changed_pyproject_installs_again_into_the_same_environment(complete: Machine) -> None:
    (complete.repo / ".venv/mine").touch()
    (complete.repo / "pyproject.toml").write_text("[project]\n")
    complete.call("run")
    assert complete.calls == ["pip -q -e .", "doit "]
    assert (complete.repo / ".venv/mine").exists()
    assert complete.call("run") == ""


def test_ubuntu_gets_the_keys_by_which_packages_of_debian_are_verified(bare: Machine) -> None:
    bare.add("etc/debian_version")
    said = bare.call("run")
    assert said.splitlines()[0].endswith(" mmdebstrap debian-archive-keyring gpg")
    assert bare.call("run") == ""


def test_an_environment_that_somebody_made_by_hand_is_kept(bare: Machine) -> None:
    bare.program(bare.repo / ".venv/bin/python", PYTHON)
    (bare.repo / ".venv/mine").touch()
    bare.call("run")
    assert (bare.repo / ".venv/mine").exists()


def test_a_moved_repository_gets_a_new_environment(complete: Machine) -> None:
    complete.repo = complete.repo.rename(complete.repo.with_name("elsewhere"))
    complete.call("run")
    assert complete.calls == ["python3 -m venv .venv", "pip -q -e .", "doit "]


def test_a_python_that_was_removed_gives_a_new_environment(complete: Machine) -> None:
    (complete.root / "usr/bin/python3").rename(complete.root / "usr/bin/python3.12")
    complete.call("run")
    assert complete.calls[0] == "python3 -m venv .venv"


def test_a_failed_pip_shows_what_it_said(bare: Machine) -> None:
    bare.add("pip-fails")
    said = bare.call("run", code=1)
    assert "    no matching distribution\n" in said
    assert "/bedplate/pip.log" in said
    assert not any(c.startswith("doit") for c in bare.calls)


def test_a_killed_engine_is_started_again_in_spite_of_what_it_left(complete: Machine) -> None:
    complete.end_engine()
    assert (complete.root / "var/run/docker.pid").exists()
    said = complete.call("run")
    assert "starting the Docker engine" in said
    assert complete.engine
    assert complete.calls == ["doit "]


def test_a_pid_that_went_to_another_program_is_no_engine(complete: Machine) -> None:
    complete.end_engine()
    (complete.root / "var/run/docker.pid").write_text(str(os.getpid()))
    assert "starting the Docker engine" in complete.call("run")


def test_the_pid_of_a_containerd_that_went_to_another_program_does_not_keep_the_engine_down(complete: Machine) -> None:
    complete.end_engine()
    left = complete.root / "var/run/docker/containerd/containerd.pid"
    left.parent.mkdir(parents=True)
    left.write_text(str(os.getpid()))
    complete.call("run")
    assert complete.engine


def test_an_engine_that_does_not_start_shows_its_log(bare: Machine) -> None:
    bare.add("engine-fails")
    said = bare.call("run", code=1)
    assert "the Docker engine ended while it started" in said
    assert "    failed to start daemon: no iptables\n" in said


def test_systemd_starts_the_engine_and_leaves_the_registry_to_us(bare: Machine) -> None:
    (bare.root / "run/systemd/system").mkdir(parents=True)
    bare.program("usr/bin/systemctl", SYSTEMCTL)
    bare.call("run")
    assert [c for c in bare.calls if c.startswith("systemctl")] == [
        "systemctl disable --now docker-registry", "systemctl start docker",
    ]  # fmt: skip
    assert bare.engine


def test_a_user_who_may_not_use_the_engine_is_told_how(complete: Machine) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may use every socket")
    (complete.root / "var/run/docker.sock").chmod(0)
    assert "usermod -aG docker" in complete.call("run", code=1)


def test_two_set_ups_at_once_take_turns(bare: Machine) -> None:
    both = [subprocess.Popen([bare.repo / "run"], env=bare.environ(), stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [p.wait(60) for p in both] == [0, 0]
    assert bare.calls.count("python3 -m venv .venv") == 1


@pytest.mark.parametrize(
    ("args", "workers", "selected"),
    [
        ((), 2, "not long"),
        (("fast",), 3, "not engine and not long and not judges and not measures"),
        (("long", "-x"), 2, "long -x"),
        (("--update-golden",), 2, "not long --update-golden"),
    ],
)
def test_the_modes_choose_by_mark_and_hand_on_the_rest(
    bare: Machine, args: tuple[str, ...], workers: int, selected: str
) -> None:
    bare.call("test", *args)
    assert bare.calls[-1] == f"pytest CI= -m pytest -n {workers} --dist loadfile -m {selected}"


def test_the_test_packages_are_installed_once(bare: Machine) -> None:
    bare.call("test", "fast")
    assert "pip . -r .venv/test-requirements.txt" in bare.calls
    assert (bare.repo / ".venv/test-requirements.txt").read_text() == "pytest>=8\nmypy\n"
    assert bare.call("test", "fast") == ""
    bare.call("run")
    assert not any(c.startswith("pip") for c in bare.calls)


def test_run_alone_does_not_satisfy_test(complete: Machine) -> None:
    complete.call("test", "fast")
    assert "pip . -r .venv/test-requirements.txt" in complete.calls


def test_the_fast_tests_need_no_engine_and_no_registry(bare: Machine) -> None:
    bare.call("test", "fast")
    assert bare.engine is None
    assert "docker" not in "".join(bare.calls)


def test_an_engine_that_test_started_is_ended(bare: Machine) -> None:
    bare.call("test", code=1, PYTEST_EXIT="1")
    assert bare.engine is None


def test_an_engine_that_was_there_outlives_the_tests(complete: Machine) -> None:
    engine = complete.engine
    complete.call("test")
    assert engine is not None
    assert complete.engine == engine


@pytest.mark.parametrize("code", [1, 2, 5])
def test_the_exit_code_is_that_of_pytest(bare: Machine, code: int) -> None:
    bare.call("test", "fast", code=code, PYTEST_EXIT=str(code))


def test_a_mistyped_mode_is_refused(bare: Machine) -> None:
    assert "unknown mode or path 'fsat'" in bare.call("test", "fsat", code=2)
    assert bare.calls == []


def test_a_path_is_not_taken_for_a_mode(bare: Machine) -> None:
    (bare.repo / "tests").mkdir()
    (bare.repo / "tests/test_x.py").touch()
    bare.call("test", "tests/test_x.py::test_y")
    assert bare.calls[-1].endswith("-m not long tests/test_x.py::test_y")


def test_continuous_integration_runs_the_tests(bare: Machine) -> None:
    bare.call(".ci/run", code=5, PYTEST_EXIT="5")
    assert bare.calls[-1].startswith("pytest CI=true ")

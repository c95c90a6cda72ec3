"""What is found in files that stand here as fixtures, laid out as the real packages of conda, CUDA, cuDNN, NCCL and MPI
lay them out: none of those can be had from Debian or PyPI. Real images are looked at in tests/test_requirements.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from image_files import image

from bedplate.image_contents import found
from bedplate.image_contents.found import Found
from bedplate.image_contents.look import UnreadableError

STATUS = "/var/lib/dpkg/status"
HEADER = "#define {0}_MAJOR 7\n#define {0}_MINOR 5\n#define {0}_PATCHLEVEL 1\n#define X 4\n"


def dpkg(**packages: str) -> dict[str, str]:
    stanzas = [
        f"Package: {n.replace('_', '-')}\nStatus: install ok installed\nVersion: {v}\n" for n, v in packages.items()
    ]
    return {STATUS: "\n".join(stanzas)}


def of(root: Path, key: str, files: dict[str, Any], links: dict[str, str] | None = None, **config: Any) -> str | None:
    """The version that is found."""
    there = found.find(key, "", image(root, files, links, **config))
    return None if there is None else f"{there.name} {there.version}".strip()


# ---- the system


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n', "debian 12"),
        ("ID=ubuntu\nVERSION_ID='22.04'\n# ID=other\n", "ubuntu 22.04"),
        ('ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.3"\n', "rhel 9.3"),
        ("ID=debian\nVERSION_CODENAME=trixie\n", "debian"),
        ("NAME=unknown\n", "linux"),
    ],
)
def test_the_system_is_what_os_release_says(tmp_path: Path, text: str, said: str) -> None:
    links = {"/etc/os-release": "../usr/lib/os-release"}
    assert of(tmp_path, "os", {"/usr/lib/os-release": text}, links) == said


def test_an_image_of_nothing_has_nothing(tmp_path: Path) -> None:
    for key in found.FINDERS:
        assert found.find(key, "", image(tmp_path, {})) is None, key
    for key in ("packages", "pip", "conda_packages"):
        assert found.find(key, "git", image(tmp_path, {})) is None, key


def test_git_is_the_program_and_its_package_says_the_version(tmp_path: Path) -> None:
    assert of(tmp_path, "git", dpkg(git="1:2.39.5-0+deb12u2")) is None
    assert of(tmp_path, "git", {"/usr/bin/git": ""}) == "2.39.5"


def test_a_git_that_no_package_brought_is_there_with_a_version_that_no_file_tells(tmp_path: Path) -> None:
    assert of(tmp_path, "git", {"/usr/local/bin/git": ""}) == ""


def test_of_several_names_the_first_that_is_there_counts(tmp_path: Path) -> None:
    there = found.find("packages", "fuse | libfuse-dev", image(tmp_path, dpkg(libfuse_dev="2.9.9-6")))
    assert there == Found("2.9.9-6", "dpkg", "libfuse-dev")


def test_each_family_of_systems_has_its_database(tmp_path: Path) -> None:
    alpine = image(tmp_path / "alpine", {"/lib/apk/db/installed": "P:git\nV:2.45.2-r0\n"})
    assert found.find("packages", "git", alpine) == Found("2.45.2-r0", "apk", "git")
    bare = image(
        tmp_path / "bare", {f"{STATUS}.d/libc6": "Package: libc6\nVersion: 2.36-9\n", f"{STATUS}.d/a.md5sums": "x"}
    )
    assert found.find("packages", "libc6", bare) == Found("2.36-9", "dpkg", "libc6")


@pytest.mark.parametrize(
    ("name", "said"),
    [("Packages", "is no hash of Berkeley DB"), ("Packages.db", "is cut short"), ("rpmdb.sqlite", "is no")],
)
def test_a_database_of_rpm_is_said_to_be_unreadable_and_not_empty(tmp_path: Path, name: str, said: str) -> None:
    old = image(tmp_path, {f"/var/lib/rpm/{name}": b"\0\0"})
    with pytest.raises(UnreadableError, match=said):
        found.find("packages", "git", old)
    assert found.find("cudnn", "", old) is None


# ---- Python


def test_pythons_version_stands_in_the_package_of_debian(tmp_path: Path) -> None:
    files = {"/usr/bin/python3.11": "", **dpkg(python3="3.11.2-1+b1", python3_11_minimal="9")}
    files[STATUS] = files[STATUS].replace("python3-11-minimal", "python3.11-minimal").replace(" 9\n", " 3.11.2-6\n")
    assert of(tmp_path, "python", files, {"/usr/bin/python3": "python3.11"}) == "3.11.2"


def test_a_virtual_environment_that_is_first_in_path_says_its_version(tmp_path: Path) -> None:
    files = {"/usr/bin/python3.11": "", "/opt/venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.9\n"}
    links = {"/opt/venv/bin/python3": "/usr/bin/python3.11"}
    assert of(tmp_path, "python", files, links, Env=["PATH=/opt/venv/bin:/usr/bin"]) == "3.11.9"


def test_a_python_of_its_own_make_says_its_version_in_a_header(tmp_path: Path) -> None:
    files = {
        "/usr/local/bin/python3.12": "",
        "/usr/local/include/python3.12/patchlevel.h": '#define PY_VERSION              "3.12.4+"\n',
    }
    assert of(tmp_path, "python", files, {"/usr/local/bin/python3": "python3.12"}) == "3.12.4"


def test_without_any_of_these_the_programs_name_says_two_numbers(tmp_path: Path) -> None:
    assert of(tmp_path, "python", {"/usr/bin/python3.9": ""}, {"/usr/bin/python3": "/usr/bin/python3.9"}) == "3.9"


def test_a_python_that_path_does_not_name_is_missing(tmp_path: Path) -> None:
    assert of(tmp_path, "python", {"/opt/python/bin/python3": ""}) is None


def test_packages_are_those_that_the_default_python_imports(tmp_path: Path) -> None:
    """A virtual environment with the system's packages, as create_environment makes it on Debian."""
    files = {
        "/usr/bin/python3.11": "",
        "/opt/venv/pyvenv.cfg": "version = 3.11.2\ninclude-system-site-packages = true\n",
        "/opt/venv/lib/python3.11/site-packages/numpy-2.0.1.dist-info/METADATA": "",
        "/usr/lib/python3/dist-packages/numpy-1.24.2.egg-info": "",
        "/usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO": "",
        "/opt/other/lib/python3.11/site-packages/torch-2.0.dist-info/METADATA": "",
    }
    seen = image(tmp_path, files, {"/opt/venv/bin/python3": "/usr/bin/python3.11"}, Env=["PATH=/opt/venv/bin"])
    assert found.find("pip", "numpy", seen) == Found("2.0.1", "pep440", "numpy")
    assert found.find("pip", "pyyaml", seen) == Found("6.0", "pep440", "pyyaml")
    assert found.find("pip", "torch", seen) is None


# ---- fixtures: conda, as the Miniconda installer leaves it


@pytest.mark.parametrize("path", [["PATH=/opt/miniconda/bin:/usr/bin"], []], ids=["in PATH", "where it is put"])
def test_conda_is_known_by_its_own_list_of_packages(tmp_path: Path, path: list[str]) -> None:
    files = {
        "/opt/miniconda/bin/conda": "#!/opt/miniconda/bin/python\n",
        "/opt/miniconda/bin/python3.7": "",
        "/opt/miniconda/conda-meta/history": "",
        "/opt/miniconda/conda-meta/conda-4.7.12-py37_0.json": "{}",
        "/opt/miniconda/conda-meta/python-3.7.4-h265db76_1.json": "{}",
        "/opt/miniconda/conda-meta/openssl-1.1.1d-h7b6447c_3.json": "{}",
    }
    seen = image(tmp_path, files, {"/opt/miniconda/bin/python3": "python3.7"}, Env=path)
    assert found.find("conda", "", seen) == Found("4.7.12")
    assert found.find("conda_packages", "openssl", seen) == Found("1.1.1d", "conda", "openssl")
    assert found.find("conda_packages", "numpy", seen) is None
    assert found.find("python", "", seen) == (Found("3.7.4") if path else None)


# ---- fixtures: CUDA, cuDNN, NCCL as NVIDIA's packages lay them out


@pytest.mark.parametrize(
    ("files", "links", "env", "version"),
    [
        ({"/usr/local/cuda-10.1/version.txt": "CUDA Version 10.1.243\n"}, "10.1", [], "10.1.243"),
        (
            {"/usr/local/cuda-12.2/version.json": '{"cuda": {"name": "CUDA SDK", "version": "12.2.2"}}'},
            "12.2",
            [],
            "12.2.2",
        ),
        ({"/usr/local/cuda-11.4/version.json": '{"cuda": {"version": "11.4.20210728"}}'}, "11.4", [], "11.4"),
        ({"/usr/local/cuda-12.4/version.json": "not JSON"}, "12.4", [], "12.4"),
        ({"/usr/local/cuda-12.4/lib64/x": "", **dpkg(cuda_cudart_12_4="12.4.127-1")}, "12.4", [], "12.4"),
        (
            {"/usr/local/cuda-12.4/lib64/x": "", **dpkg(cuda_cudart_12_4="12.4.127-1")},
            "12.4",
            ["CUDA_VERSION=12.4.1"],
            "12.4.1",
        ),
        ({"/opt/conda/conda-meta/cudatoolkit-10.1.243-h6bb024c_0.json": "{}"}, "", [], "10.1.243"),
    ],
)
def test_the_version_of_cuda(tmp_path: Path, files: dict[str, str], links: str, env: list[str], version: str) -> None:
    to = (
        {"/usr/local/cuda": "/etc/alternatives/cuda", "/etc/alternatives/cuda": f"/usr/local/cuda-{links}"}
        if links
        else {}
    )
    assert of(tmp_path, "cuda", files, to, Env=env) == version


@pytest.mark.parametrize(
    ("files", "links", "version"),
    [
        ({"/usr/include/cudnn.h": HEADER.format("CUDNN")}, {}, "7.5.1"),
        ({"/usr/include/x86_64-linux-gnu/cudnn_version.h": HEADER.format("CUDNN")}, {}, "7.5.1"),
        (
            {"/usr/lib/x86_64-linux-gnu/libcudnn.so.8.9.2": ""},
            {"/usr/lib/x86_64-linux-gnu/libcudnn.so.8": "libcudnn.so.8.9.2"},
            "8.9.2",
        ),
        (dpkg(libcudnn7="7.6.5.32-1+cuda10.1"), {}, "7.6.5.32"),
        (dpkg(libcudnn9_cuda_12="9.1.0.70-1"), {}, "9.1.0.70"),
        ({"/opt/conda/conda-meta/cudnn-7.6.5-cuda10.1_0.json": "{}"}, {}, "7.6.5"),
    ],
)
def test_the_version_of_cudnn(tmp_path: Path, files: dict[str, str], links: dict[str, str], version: str) -> None:
    assert of(tmp_path, "cudnn", files, links) == version


def test_the_version_of_nccl(tmp_path: Path) -> None:
    header = '#define NCCL_MAJOR 2\n#define NCCL_MINOR 4\n#define NCCL_PATCH 8\n#define NCCL_SUFFIX ""\n'
    assert of(tmp_path / "a", "nccl", {"/usr/include/nccl.h": header}) == "2.4.8"
    assert of(tmp_path / "b", "nccl", dpkg(libnccl2="2.4.8-1+cuda10.1")) == "2.4.8"


# ---- fixtures: MPI


@pytest.mark.parametrize(
    ("files", "version"),
    [
        (
            {
                "/usr/local/bin/mpirun": "",
                "/usr/local/include/mpi.h": "#define OMPI_MAJOR_VERSION 3\n#define OMPI_MINOR_VERSION 1\n"
                "#define OMPI_RELEASE_VERSION 2\n",
            },
            "3.1.2",
        ),
        ({"/usr/local/lib/pkgconfig/ompi.pc": "Name: Open MPI\nVersion: 4.1.0\n"}, "4.1.0"),
        ({"/usr/local/bin/mpirun": "", "/usr/local/include/mpi.h": '#define MPICH_VERSION "3.3"\n'}, None),
        (dpkg(openmpi_bin="4.1.4-3+b1"), "4.1.4"),
        ({"/opt/conda/conda-meta/openmpi-4.1.6-hc5af2df_101.json": "{}"}, "4.1.6"),
    ],
)
def test_the_version_of_open_mpi(tmp_path: Path, files: dict[str, str], version: str | None) -> None:
    assert of(tmp_path, "openmpi", files) == version


def test_the_version_of_intel_mpi(tmp_path: Path) -> None:
    root = "/opt/intel/compilers_and_libraries_2018.3.222/linux/mpi"
    assert of(tmp_path / "a", "intelmpi", {f"{root}/x": ""}, Env=[f"I_MPI_ROOT={root}"]) == "2018.3.222"
    link = {"/opt/intel/compilers_and_libraries": "compilers_and_libraries_2018.3.222"}
    assert of(tmp_path / "b", "intelmpi", {f"{root}/x": ""}, link) == "2018.3.222"
    latest = {"/opt/intel/oneapi/mpi/latest": "2021.11"}
    assert of(tmp_path / "c", "intelmpi", {"/opt/intel/oneapi/mpi/2021.11/x": ""}, latest) == "2021.11"
    assert of(tmp_path / "d", "intelmpi", dpkg(intel_oneapi_mpi_2021_11="2021.11.0-49493")) is None
    packaged = {STATUS: "Package: intel-oneapi-mpi-2021.11\nStatus: install ok installed\nVersion: 2021.11.0-49493\n"}
    assert of(tmp_path / "e", "intelmpi", packaged) == "2021.11"

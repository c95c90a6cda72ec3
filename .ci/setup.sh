# Set-up shared by ./run and ./test, which source it in the repository's folder. Bash 3.2 is enough: macOS has no newer one.
#
#   is_ready KIND   is nothing missing? starts no process, so that every ./run can ask
#   set_up KIND     says what is missing, installs and starts it; or stops with the commands to type
#   end_engine      ends the engine, if this very process started it
#
# KIND: run (the packages, an engine, programs), test (those and the test packages), fast (packages and test packages alone).

. .ci/venv.sh
. .ci/packages.sh
. .ci/engine.sh

PATH=$PATH:/usr/sbin:/sbin # where Debian keeps dockerd and iptables; `su` leaves them out
data=${XDG_DATA_HOME:-${HOME:-/root}/.local/share}/bedplate
log=$data/setup.log
default_socket=/var/run/docker.sock
default_pid_file=/var/run/docker.pid
containerd_pid_file=/var/run/docker/containerd/containerd.pid
os_release=/etc/os-release
systemd=/run/systemd/system
debian_version=/etc/debian_version
debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg
certificates=/etc/ssl/certs/ca-certificates.crt
python=
started_engine=

is_ready() {
    venv_ready "$1" || return 1
    [ "$1" = fast ] || { engine_ready && programs_ready; }
}

set_up() {
    local kind=$1 began=$SECONDS venv= engine= packages=
    mkdir -p "$data"
    take_turns
    : > "$log"
    venv_ready "$kind" || venv=missing
    [ "$kind" = fast ] || engine_ready || engine=missing
    [ -z "$venv" ] || find_python
    [ -z "$engine" ] || check_the_users_choice_of_engine
    list_packages
    [ -z "$packages$engine" ] || may_install || stop_with_commands

    [ -z "$packages" ] || say "installing Debian packages: $packages"
    [ -z "$venv" ] || say "installing into .venv: bedplate and the Python packages of pyproject.toml"
    [ -z "$engine" ] || say "starting the Docker engine, which goes on running; its log: $(engine_log)"
    install_all
    [ -z "$engine" ] || start_engine
    exec 9>&-
    say "set up in $((SECONDS - began)) s"
}

say() { echo "${0##*/}: $1" >&2; }

# fail MESSAGE [HINT [LOG]]
fail() {
    say "$1"
    [ -z "${3-}" ] || { tail -n 15 "$3" | sed 's/^/    /' >&2; }
    [ -z "${2-}" ] || echo "  hint: $2" >&2
    exit 1
}

# Two set-ups at once would install over each other. Whatever goes on running is started with 9>&-, or it would keep the lock.
take_turns() {
    command -v flock > /dev/null || return 0
    exec 9> "$data/setup.lock"
    flock -n 9 || { say "waiting for another set-up to end"; flock 9; }
}

# The container engine: found where the user's settings point, else started; sourced by setup.sh.

# Sets socket: where the engine should listen; empty where a Docker context or an address other than a socket says it.
# As bedplate/clients/docker_host.py looks for it.
find_socket() {
    local config=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/config.json
    socket=$default_socket
    [ -S "$socket" ] || [ ! -S "${XDG_RUNTIME_DIR-}/docker.sock" ] || socket=$XDG_RUNTIME_DIR/docker.sock
    case ${DOCKER_HOST-} in
        unix://*) socket=${DOCKER_HOST#unix://} ;;
        ?*) socket= ;;
        *)
            case ${DOCKER_CONTEXT-} in
                default) ;;
                ?*) socket= ;;
                *)
                    [ -r "$config" ] || return 0
                    IFS= read -r -d '' config < "$config" || true
                    if [[ $config =~ \"currentContext\":[[:space:]]*\"([^\"]*)\" && ${BASH_REMATCH[1]} != default ]]; then
                        socket=
                    fi ;;
            esac ;;
    esac
}

engine_ready() {
    local socket
    find_socket
    [ -n "$socket" ] || return 0
    [ -S "$socket" ] && [ -w "$socket" ] || return 1
    # a killed engine leaves its socket
    [ "$socket" != "$default_socket" ] || [ ! -r "$default_pid_file" ] || engine_runs
}

engine_runs() {
    local pid= name=
    read -r pid < "$default_pid_file" || true
    [ -r "/proc/$pid/comm" ] && read -r name < "/proc/$pid/comm" && [ "$name" = dockerd ] || return 1
    read -r -d '' name < "/proc/$pid/cmdline" # empty when it has ended and nobody has asked for its exit code
}

containerd_runs() {
    local pid= name=
    read -r pid < "$containerd_pid_file" || true
    read -r name < "/proc/$pid/comm" && [ "$name" = containerd ]
}

engine_log() { if [ -d "$systemd" ]; then echo "journalctl -u docker"; else echo "$data/engine/dockerd.log"; fi; }

check_the_users_choice_of_engine() {
    local socket
    find_socket
    if [ ! -S "$socket" ] && [ -n "${DOCKER_HOST-}" ]; then
        fail "no Docker engine listens where DOCKER_HOST says: $DOCKER_HOST" "start that engine, or unset DOCKER_HOST"
    fi
    if [ -S "$socket" ] && [ ! -w "$socket" ]; then
        fail "this user may not talk to the Docker engine ($socket)" \
            "sudo usermod -aG docker \"\$USER\", then log in again"
    fi
}

start_engine() {
    local socket=$default_socket
    if [ -d "$systemd" ]; then
        engine_ready || systemctl start docker >> "$log" 2>&1 || fail "the Docker engine does not start" "journalctl -u docker" "$log"
        started_engine=systemd
    elif engine_ready; then # its package has started it
        read -r started_engine < "$default_pid_file" || true
    else
        if engine_runs 2> /dev/null; then
            fail "a Docker engine runs, but does not listen at $socket" "set DOCKER_HOST to where it listens"
        fi
        rm -f "$default_pid_file" # a killed engine leaves it, and the next one then refuses to start
        # as it does where its containerd's number belongs to another process since a container was started anew
        containerd_runs 2> /dev/null || rm -f "$containerd_pid_file"
        mkdir -p "$data/engine"
        setsid dockerd > "$data/engine/dockerd.log" 2>&1 < /dev/null 9>&- &
        started_engine=$!
        echo "$started_engine" > "$data/engine/dockerd.pid"
    fi
    until engine_answers; do
        if [ "$started_engine" != systemd ] && ! kill -0 "$started_engine" 2> /dev/null; then
            fail "the Docker engine ended while it started (log: $(engine_log))" "" "$data/engine/dockerd.log"
        fi
        [ $((SECONDS - began)) -lt 600 ] || fail "the Docker engine does not answer (log: $(engine_log))"
        sleep 0.1
    done
}

engine_answers() {
    [ -S "$socket" ] && "${python:-python3}" - "$socket" 2> /dev/null << 'END'
import socket, sys
engine = socket.socket(socket.AF_UNIX)
engine.settimeout(30)
engine.connect(sys.argv[1])
engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
sys.exit(b" 200 " not in engine.recv(64))
END
}

end_engine() {
    case $started_engine in
        '') return 0 ;;
        systemd) systemctl stop docker docker.socket ;;
        *)
            kill "$started_engine" 2> /dev/null || true
            while kill -0 "$started_engine" 2> /dev/null; do sleep 0.1; done ;;
    esac
    say "ended the Docker engine that it had started"
}

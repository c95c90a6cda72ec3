# What comes from Debian or Ubuntu, installed by root with apt-get; sourced by setup.sh.

programs_ready() {
    case $OSTYPE in darwin*) return 0 ;; esac
    command -v docker-registry > /dev/null && command -v mmdebstrap > /dev/null && keys_ready
}

# Ubuntu has Debian's keys, by which the demo's packages are verified, in a package of its own.
keys_ready() { [ -e "$debian_keys" ] || [ ! -e "$debian_version" ]; }

# Reads kind, venv and engine of set_up; sets its packages.
list_packages() {
    case $OSTYPE in darwin*) return 0 ;; esac
    if [ -n "$venv" ] && [ -z "$python" ]; then
        python=/usr/bin/python3
        add python3 python3-venv
    elif [ -n "$venv" ] && ! "$python" -c 'import ensurepip, venv' 2>> "$log"; then
        case $python in
            /usr/bin/* | /bin/*) add "${python##*/}-venv" ;;
            *) fail "$python comes without its modules venv and ensurepip" "put another python3 first in PATH" ;;
        esac
    fi
    [ -e "$certificates" ] || add ca-certificates
    [ "$kind" != fast ] || return 0
    [ -z "$engine" ] || command -v dockerd > /dev/null || add docker.io
    [ -z "$engine" ] || command -v iptables > /dev/null || add iptables
    command -v docker-registry > /dev/null || add docker-registry
    command -v mmdebstrap > /dev/null || add mmdebstrap
    keys_ready || add debian-archive-keyring gpg # mmdebstrap finds them with it
}

add() { packages="${packages:+$packages }$*"; }

may_install() {
    case $OSTYPE in darwin*) return 1 ;; esac
    [ "$(id -u)" = 0 ] || return 1
    [ -z "$packages" ] || { is_debian && command -v apt-get > /dev/null; }
}

is_debian() { [ -r "$os_release" ] && grep -Eq '^ID(_LIKE)?=.*(debian|ubuntu)' "$os_release"; }

stop_with_commands() {
    case $OSTYPE in
        darwin*)
            say "no Docker engine answers. Install and start one (or Docker Desktop), then type ./${0##*/} again:"
            echo "    brew install colima docker && colima start" >&2
            exit 1 ;;
    esac
    if ! is_debian && [ -n "$packages" ]; then
        say "this system is neither Debian nor Ubuntu, and lacks what these Debian packages bring: $packages"
        echo "  hint: install them with the system's own package manager, start the Docker engine, then type ./${0##*/} again" >&2
        exit 1
    fi
    say "only root can install and start what is missing. Type, then ./${0##*/} again:"
    {
        [ -z "$packages" ] || echo "    sudo apt-get update"
        [ -z "$packages" ] || echo "    sudo apt-get install --no-install-recommends $packages"
        case $packages in *docker-registry*) [ ! -d "$systemd" ] || echo "    sudo systemctl disable --now docker-registry" ;; esac
        if [ -n "$engine" ]; then
            if [ -d "$systemd" ]; then echo "    sudo systemctl start docker"; else echo "    sudo sh -c 'dockerd > /var/log/dockerd.log 2>&1 &'"; fi
            echo "    sudo usermod -aG docker \"\$USER\"    # and log in again, so that it holds"
        fi
    } >&2
    exit 1
}

# apt-get works beside pip, and in the background, where Ctrl-C does not cut it off in the middle of a package.
install_all() {
    local apt= first= name
    if [ -n "$packages" ]; then
        apt_get update || true # a source of somebody else's may be out of reach; what matters is the installing
        for name in $packages; do
            case $name in python3* | ca-certificates) first="$first $name" ;; esac
        done
        [ -z "$first" ] || [ -z "$venv" ] || apt_get install $first || apt_failed
        { apt_get install $packages; } 9>&- &
        apt=$!
    fi
    if [ -n "$venv" ] && ! make_venv "$kind" >> "$data/pip.log.new" 2>&1; then
        mv "$data/pip.log.new" "$data/pip.log"
        [ -z "$apt" ] || wait $apt || true
        fail "pip could not install the Python packages (log: $data/pip.log)" "" "$data/pip.log"
    fi
    rm -f "$data/pip.log.new"
    [ -z "$apt" ] || wait $apt || apt_failed
    case $packages in *docker-registry*) silence_registry_service ;; esac
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$@" >> "$log" 2>&1 < /dev/null
}

apt_failed() { fail "apt-get could not install $packages (log: $log)" "" "$log"; }

# Debian starts the registry at once, on the port and with the settings of its own. Bedplate starts the program by itself.
silence_registry_service() {
    if [ -d "$systemd" ]; then
        systemctl disable --now docker-registry >> "$log" 2>&1 || true
    elif [ -x /etc/init.d/docker-registry ]; then
        { /etc/init.d/docker-registry stop; update-rc.d docker-registry disable; } >> "$log" 2>&1 || true
    fi
}

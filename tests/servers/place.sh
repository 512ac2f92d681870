# Where the servers of the tests live, and what both kinds have in common. Sourced by `up` and `down`.
#
# Everything is under $SERVERS_DIR. Each folder has addresses of its own on the loopback network (127.x.i.1 for node i),
# so that two checkouts on one machine do not meet.

say() { printf 'tests/servers: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${SERVERS_DIR:-$here/target/servers}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
# What was fetched from the registries: kept when the servers' data is thrown away.
fetched=${SERVERS_FETCHED:-$here/target/test-env/servers}
number=$(($(printf %s "$dir" | cksum | cut -d' ' -f1) % 200 + 20))
net=${SERVERS_NET:-127.$number}

# One at a time: several test processes may ask at once, and each finds the servers up after the first.
take_turn() {
  have flock || die "flock is needed (package util-linux)"
  exec 9>"$dir/lock"
  flock 9
}

# runs PIDFILE WORD: the process of the file is still the one that was started, which has WORD among its arguments.
runs() {
  local pid state
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ -r "/proc/$pid/status" ] || return 1
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status")
  [ "$state" != Z ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$2"
}

# stop PIDFILE WORD SIGNAL: ends the process and waits for it; one that does not heed is killed.
stop() {
  runs "$1" "$2" || { rm -f "$1"; return 0; }
  local pid
  pid=$(cat "$1")
  kill -s "$3" "$pid"
  if [ "$3" = STOP ] || [ "$3" = CONT ]; then return 0; fi
  for _ in $(seq 300); do
    runs "$1" "$2" || break
    sleep 0.1
  done
  ! runs "$1" "$2" || kill -s KILL "$pid"
  rm -f "$1"
}

# engine: the container engine that answers, or nothing. SERVERS_ENGINE chooses one; `none` does without.
engine() {
  local candidate
  case ${SERVERS_ENGINE:-} in
    none) return 1 ;;
    ?*) echo "$SERVERS_ENGINE" && return 0 ;;
  esac
  for candidate in docker podman; do
    if have "$candidate" && timeout 10 "$candidate" info >/dev/null 2>&1; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

container_name() { echo "clarion-tests-$number-$1-$2"; }

container_runs() { [ "$("$1" inspect -f '{{.State.Running}}' "$2" 2>/dev/null)" = true ]; }

# answered UNTIL PROBE…: runs the probe until it succeeds or the second UNTIL has come.
answered() {
  local until=$1
  shift
  until "$@"; do
    [ $SECONDS -lt "$until" ] || return 1
    sleep 0.1
  done
}

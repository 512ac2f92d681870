# Where a peer listens, and how it says that it does. Sourced by the scripts beside it.

# A port of the loopback network that is free just now.
free_port() {
  python3 -c 'import socket; listener = socket.socket(); listener.bind(("127.0.0.1", 0)); print(listener.getsockname()[1])'
}

address=127.0.0.1:$(free_port)

# Waits until somebody listens there, in the background while the server takes the place of the script.
tell_when_ready() {
  local _
  for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/${address%:*}/${address#*:}") 2>/dev/null; then
      echo "peer is ready: http://$address"
      return
    fi
    sleep 0.1
  done
}

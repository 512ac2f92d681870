# The store of a cluster: ScyllaDB in a container, or Apache Cassandra out of the Java registry. Sourced by `up` and `down`.

scylla_nodes=${SCYLLA_NODES:-1}
scylla_port=${SCYLLA_PORT:-29042}
scylla_image=${SCYLLA_IMAGE:-docker.io/scylladb/scylla:2025.4}
cassandra_version=${CASSANDRA_VERSION:-5.0.9}
cassandra_jars=$fetched/cassandra-$cassandra_version
cassandra_word=org.apache.cassandra.service.CassandraDaemon
cassandra_storage_port=27000

# An OPTIONS frame of the protocol's version 4 is answered by SUPPORTED.
cql_answers() {
  local answer
  answer=$({ exec 3<>"/dev/tcp/$1/$scylla_port" && printf '\x04\x00\x00\x01\x05\x00\x00\x00\x00' >&3 && timeout 2 head -c 9 <&3 | od -An -tx1; } 2>/dev/null) || return 1
  # shellcheck disable=SC2086
  [ "$(echo $answer | cut -d' ' -f5)" = 06 ]
}

scylla_up() {
  local i which=${SCYLLA_ONLY:-$(seq "$scylla_nodes")} by addresses=
  if [ -e "$dir/scylla-by" ]; then by=$(cat "$dir/scylla-by"); else by=$(engine) || by=jvm; fi
  if [ "$by" != jvm ] && ! scylla_container_up "$by" "$which"; then
    say "the container of the store does not start; Cassandra out of the Java registry is taken"
    scylla_container_down "$by" all
    by=jvm
  fi
  if [ "$by" = jvm ]; then cassandra_up "$which"; fi
  echo "$by" >"$dir/scylla-by"
  for i in $(seq "$scylla_nodes"); do
    if cql_answers "$net.$i.1"; then addresses+="${addresses:+,}$net.$i.1:$scylla_port"; fi
  done
  echo "CLARION_SCYLLA=$addresses"
}

# scylla_down NODES SIGNAL
scylla_down() {
  local by i
  [ -e "$dir/scylla-by" ] || return 0
  by=$(cat "$dir/scylla-by")
  if [ "$by" = jvm ]; then
    for i in $1; do stop "$dir/cassandra-$i/pid" "$cassandra_word" "$2"; done
  else
    for i in $1; do "$by" kill -s "$2" "$(container_name scylla "$i")" >/dev/null 2>&1 || true; done
  fi
}

scylla_wipe() {
  [ ! -e "$dir/scylla-by" ] || [ "$(cat "$dir/scylla-by")" = jvm ] || scylla_container_down "$(cat "$dir/scylla-by")" all
  rm -rf "$dir"/cassandra-* "$dir/scylla-by"
}

# ---- ScyllaDB in containers --------------------------------------------------------------------------------------------------

scylla_container_up() {
  local by=$1 i name address
  for i in $2; do
    name=$(container_name scylla "$i")
    address=$net.$i.1
    if container_runs "$by" "$name"; then continue; fi
    if "$by" inspect "$name" >/dev/null 2>&1; then
      "$by" start "$name" >/dev/null || return 1
    else
      # The host's network: every node is where it says that it is, which a driver needs.
      "$by" run -d --name "$name" --network host "$scylla_image" --smp 1 --memory 750M --overprovisioned 1 --developer-mode 1 \
        --seeds "$net.1.1" --listen-address "$address" --rpc-address "$address" --broadcast-address "$address" \
        --broadcast-rpc-address "$address" --api-address "$address" --prometheus-address "$address" \
        --native-transport-port "$scylla_port" >/dev/null || return 1
    fi
  done
  for i in $2; do answered $((SECONDS + ${SERVERS_WAIT:-180})) cql_answers "$net.$i.1" || return 1; done
}

scylla_container_down() {
  local i
  for i in $(seq 9); do "$1" rm -f "$(container_name scylla "$i")" >/dev/null 2>&1 || true; done
}

# ---- Apache Cassandra out of the Java registry ---------------------------------------------------------------------------------

cassandra_fetch() {
  [ ! -e "$cassandra_jars/complete" ] || return 0
  have mvn || die "the store is not given (CLARION_SCYLLA), no container engine answers, and Maven is missing to fetch Cassandra; on Debian: apt-get install openjdk-17-jre-headless maven"
  say "fetching Cassandra $cassandra_version with Maven"
  rm -rf "$cassandra_jars"
  mkdir -p "$cassandra_jars"
  cat >"$cassandra_jars/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>cassandra-run</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>$cassandra_version</version>
  </dependency></dependencies>
</project>
XML
  (cd "$cassandra_jars" && mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$cassandra_jars") >&2 \
    || die "Maven could not fetch Cassandra $cassandra_version; what it said is above"
  [ -e "$cassandra_jars/cassandra-all-$cassandra_version.jar" ] || die "Maven brought no cassandra-all-$cassandra_version.jar"
  touch "$cassandra_jars/complete"
}

cassandra_java() {
  local java=${CASSANDRA_JAVA:-java} version
  have "$java" || die "a Java 17 is needed for Cassandra; on Debian: apt-get install openjdk-17-jre-headless, or set CASSANDRA_JAVA"
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  case $version in
    11 | 17) echo "$java" ;;
    *) die "Cassandra runs on Java 11 or 17, and $java is $version; set CASSANDRA_JAVA" ;;
  esac
}

cassandra_up() {
  local i j until java
  cassandra_fetch
  java=$(cassandra_java)
  until=$((SECONDS + ${SERVERS_WAIT:-180}))
  for i in $1; do
    if ! runs "$dir/cassandra-$i/pid" "$cassandra_word"; then
      ! cql_answers "$net.$i.1" || die "$net.$i.1:$scylla_port is another server's; set SERVERS_NET or SCYLLA_PORT"
      (cassandra_start "$i" "$java")
    fi
  done
  for i in $1; do
    until cql_answers "$net.$i.1"; do
      # Not by its name, which it has a moment after its start only.
      kill -0 "$(cat "$dir/cassandra-$i/pid")" 2>/dev/null || {
        tail -n 25 "$dir/cassandra-$i/system.log" "$dir/cassandra-$i/console.log" >&2
        die "Cassandra ended; the end of its logs is above"
      }
      [ $SECONDS -lt "$until" ] || die "Cassandra at $net.$i.1:$scylla_port does not answer"
      sleep 0.1
    done
  done
  # Every node must see every other one that runs, or a quorum right after the start may fail.
  for i in $1; do
    for j in $(seq "$scylla_nodes"); do
      if [ "$i" = "$j" ] || ! runs "$dir/cassandra-$j/pid" "$cassandra_word"; then continue; fi
      answered "$until" grep -qE "/$net\.$j\.1:$cassandra_storage_port is now UP" "$dir/cassandra-$i/system.log" || die "node $i of Cassandra does not see node $j"
    done
  done
}

cassandra_start() {
  local i=$1 java=$2 home=$dir/cassandra-$1 address=$net.$1.1 heap seeds= j quick=
  # Each table costs it about a megabyte, and each test that starts a cluster has a keyspace with fifty of them.
  heap=${CASSANDRA_HEAP:-$([ "$scylla_nodes" -gt 1 ] && echo 512M || echo 1536M)}
  mkdir -p "$home/conf" "$home/data" "$home/tmp"
  for j in $(seq "$scylla_nodes"); do seeds+="${seeds:+,}$net.$j.1:$cassandra_storage_port"; done
  # Tokens evenly over the ring, and written down: with them all nodes may start at once.
  [ -s "$home/conf/token" ] || awk -v i="$i" -v n="$scylla_nodes" 'BEGIN { printf "%.0f", -9223372036854775808 + (i - 1) * (18446744073709551616 / n) + 1024 }' >"$home/conf/token"
  cassandra_yaml "$home" "$address" "$seeds" >"$home/conf/cassandra.yaml"
  cat >"$home/conf/logback.xml" <<XML
<configuration>
  <appender name="F" class="ch.qos.logback.core.FileAppender">
    <file>$home/system.log</file>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="F"/></root>
</configuration>
XML
  cassandra_modules >"$home/conf/modules.args"
  : >"$home/system.log"
  # Several cold machines on two cores otherwise spend their first minute compiling.
  [ "$scylla_nodes" -eq 1 ] || quick=-XX:TieredStopAtLevel=1
  # A table is made in a fraction of the time when its making does not wait for the disk.
  [ "${CASSANDRA_TABLES:-durable}" != quick ] || quick="$quick -Dcassandra.unsafesystem=true"
  quick="$quick ${CASSANDRA_OPTIONS:-}"
  cd "$home"
  # setsid: a Ctrl-C of the terminal is not for the store. 9 is the lock of `up`, which it must not keep.
  # shellcheck disable=SC2086
  setsid "$java" @"$home/conf/modules.args" -javaagent:"$(ls "$cassandra_jars"/jamm-*.jar | head -1)" \
    -Xms"$heap" -Xmx"$heap" -Xss256k -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:+PerfDisableSharedMem $quick -Djava.io.tmpdir="$home/tmp" \
    -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true -Djava.net.preferIPv4Stack=true -Dfile.encoding=UTF-8 \
    -Dlogback.configurationFile="$home/conf/logback.xml" -Dcassandra.config="file://$home/conf/cassandra.yaml" \
    -Dcassandra.storagedir="$home/data" -Dcassandra.logdir="$home" -Dcassandra-foreground=yes \
    -Dcassandra.jmx.local.port=$((20000 + number * 10 + i)) -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=2000 \
    -Dcassandra.consistent.rangemovement=false -cp "$home/conf:$cassandra_jars/*" $cassandra_word >"$home/console.log" 2>&1 </dev/null 9>&- &
  echo $! >"$home/pid"
}

cassandra_yaml() {
  cat <<YAML
cluster_name: clarion-tests
num_tokens: 1
initial_token: $(cat "$1/conf/token")
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "$3"
listen_address: $2
storage_port: $cassandra_storage_port
ssl_storage_port: $((cassandra_storage_port + 1))
rpc_address: $2
native_transport_port: $scylla_port
data_file_directories: [$1/data/data]
commitlog_directory: $1/data/commitlog
saved_caches_directory: $1/data/saved_caches
hints_directory: $1/data/hints
cdc_raw_directory: $1/data/cdc_raw
commitlog_segment_size: 32MiB
commitlog_total_space: 256MiB
disk_optimization_strategy: ssd
auto_snapshot: false
concurrent_reads: 16
concurrent_writes: 32
concurrent_compactors: 1
compaction_throughput: 0MiB/s
key_cache_size: 16MiB
file_cache_enabled: false
authenticator: AllowAllAuthenticator
authorizer: AllowAllAuthorizer
read_request_timeout: 5000ms
write_request_timeout: 5000ms
range_request_timeout: 10000ms
cas_contention_timeout: 2000ms
YAML
  # `periodic`, the server's default, may lose the last 10 s when its only node is killed; `batch` loses nothing.
  case ${CASSANDRA_SYNC:-periodic} in
    periodic) printf 'commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n' ;;
    batch) echo 'commitlog_sync: batch' ;;
    *) die "CASSANDRA_SYNC is periodic or batch" ;;
  esac
  case $cassandra_version in 4.*) ;; *) echo 'storage_compatibility_mode: NONE' ;; esac
}

# What Cassandra reaches into, as arguments of the Java machine.
cassandra_modules() {
  local module
  for module in java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref \
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql \
    jdk.unsupported/sun.misc jdk.attach/sun.tools.attach jdk.compiler/com.sun.tools.javac.file; do
    echo "--add-exports $module=ALL-UNNAMED"
  done
  for module in java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref java.base/jdk.internal.reflect \
    java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.util.jar java.base/sun.nio.ch java.base/java.io \
    java.base/java.nio java.base/java.lang java.base/java.lang.reflect java.base/java.math java.base/java.net java.base/java.util \
    java.base/java.util.concurrent java.base/java.util.concurrent.atomic jdk.management/com.sun.management.internal \
    jdk.compiler/com.sun.tools.javac java.rmi/sun.rmi.transport.tcp; do
    echo "--add-opens $module=ALL-UNNAMED"
  done
}

#!/bin/sh
# A whole pipeline on this machine: sends 5,000 events through a server, an archiver, a loader and a
# compactor, and prints what each of them holds. Installs and builds what is missing.
#
#   sh examples/pipeline.sh            # files, dir: objects and SQLite
#   sh examples/pipeline.sh --full     # two servers behind HAProxy, RabbitMQ, S3 and PostgreSQL
#
# Everything is under a temporary folder, which is named at the end and stays. The compactor's clock
# is two hours ahead, since an hour is compacted only when it is over.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
full=
[ "${1-}" != --full ] || full=yes
cd -- "$root"

if [ -z "$full" ]; then
  sh cmake/install-packages.sh build pipeline
  # Once it is configured, the build notices by itself what has changed.
  [ -f build/release/build.ninja ] || cmake --preset server </dev/null >&2
  more=
else
  sh cmake/install-packages.sh build test pipeline
  cmake --preset release </dev/null >&2
  more=early_compactor
fi
{
  cmake --build --preset release --target \
    eventcollect-server eventcollect-archive eventcollect-compact eventcollect-load $more
} </dev/null >&2
bin=$root/build/release/bin
if [ -n "$full" ] && [ -z "${EVENTCOLLECT_TEST_SERVICES-}" ]; then
  exec python3 tests/services.py with sh "$0" --full
fi

folder=$(mktemp -d)
cd -- "$folder"
children=
cleanup() {
  for child in $children; do kill "$child" 2>/dev/null || true; done
  for child in $children; do wait "$child" || true; done
  children=
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail() {
  echo "pipeline.sh: $1; the logs are in $folder" >&2
  exit 1
}

# start NAME COMMAND…: in the background, with its log in NAME.log.
start() {
  log=$1.log
  shift
  "$@" >"$log" 2>&1 &
  children="$children $!"
}

# until_true WHAT COMMAND…: runs the command until it succeeds, for about a minute at most.
until_true() {
  what=$1 tries=600
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "timed out waiting until $what"
    sleep 0.1
  done
}

# address_of NAME: where a server says that it listens.
address_of() { sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$1.log" | head -n 1 | grep .; }
listens() { address_of "$1" >/dev/null; }

serve() {
  start "$1" "$bin/eventcollect-server" --listen 127.0.0.1:0 --drain-delay 0s \
    --dead-letter "file:rejected-$1" --to "$2"
  until_true "$1 listens" listens "$1"
}

# 5,000 events of 100 visitors' clicks, 100 in a request.
send() {
  request=0
  while [ "$request" -lt 50 ]; do
    awk -v r="$request" 'BEGIN {
      split("buy help more", button, " ")
      for (i = 0; i < 100; ++i)
        printf "{\"event\":\"clicked_event\",\"url\":\"https://example.org/%d\",\"properties\":{\"button\":\"%s\",\"visit\":%d}}\n", r, button[i % 3 + 1], i
    }' >request.ndjson
    status=$(curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/x-ndjson' \
      --data-binary @request.ndjson "$1/events")
    [ "$status" = 202 ] || fail "the server answered $status"
    request=$((request + 1))
  done
}

if [ -z "$full" ]; then
  objects=dir:objects
  database=sqlite:events.db
  serve server 'file:events?rotate_age=1s'
  address=$(address_of server)
  queue='file:events?consume=1'
  count_rows() { sqlite3 events.db 'SELECT count(*) FROM events' 2>/dev/null || echo 0; }
else
  table=pipeline$$
  queue="${EVENTCOLLECT_TEST_AMQP%/*}/?queue=$table&declare=classic"
  objects=$(echo "$EVENTCOLLECT_TEST_S3" | sed "s|/tests?|/$table?|")
  database="$EVENTCOLLECT_TEST_POSTGRES?table=$table"
  count_rows() { psql -qtAX "$EVENTCOLLECT_TEST_POSTGRES" -c "SELECT count(*) FROM $table" 2>/dev/null || echo 0; }
  serve server1 "$queue"
  serve server2 "$queue"
  # The server that has made the queue waits until the broker has written it.
  for server in server1 server2; do
    until_true "$server is ready" curl -sf -o answer "$(address_of "$server")/readyz"
  done
  port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >haproxy.cfg <<END
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
frontend events
    bind 127.0.0.1:$port
    default_backend servers
backend servers
    option httpchk GET /healthz
    server one $(address_of server1 | sed 's|.*//||') check
    server two $(address_of server2 | sed 's|.*//||') check
END
  start haproxy haproxy -q -db -f haproxy.cfg
  address=http://127.0.0.1:$port
fi
until_true 'a server is ready' curl -sf -o answer "$address/readyz"

start archive "$bin/eventcollect-archive" --from "$queue" --to "$objects" --max-age 1s
start load "$bin/eventcollect-load" --from "$objects" --to "$database" --every 1s
send "$address"
echo "server     5000 events sent to $address/events, all answered 202"
has_all_rows() { [ "$(count_rows)" -ge 5000 ]; }
until_true 'all events are in the database' has_all_rows
cleanup

echo "archive    $(grep stopped archive.log | sed 's/.*stopped: //')"
if [ -z "$full" ]; then
  echo "           $(find objects/raw -name '*.json.gz' | wc -l) raw objects, $(find objects/raw -name '*.json.gz' -exec zcat {} + | wc -l) events, $(du -sh objects/raw | cut -f 1) gzipped"
  faketime -f +2h "$bin/eventcollect-compact" --at "$objects" --grace 0s >compact.log 2>&1 || fail 'the compactor failed'
else
  # S3 rejects requests whose clock is hours ahead, so only the planning of this one uses that clock.
  "$bin/early_compactor" "$objects" 7200 once >compact.log 2>&1 || fail 'the compactor failed'
fi
echo "compact    $(sed -n 's/^.*\(....-..-..T..: .* raw objects\)/\1/p' compact.log)"
if [ -z "$full" ]; then
  echo "           $(find objects/hourly -name '*.json.gz' | wc -l) hourly objects, $(find objects/hourly -name '*.json.gz' -exec zcat {} + | wc -l) events, $(du -sh objects/hourly | cut -f 1) gzipped"
fi
"$bin/eventcollect-load" --from "$objects" --to "$database" >load-again.log 2>&1 || fail 'loading again failed'
echo "load       $(count_rows) rows in the table; again: $(tail -n 1 load-again.log | cut -d ' ' -f 2-)"
[ "$(count_rows)" -eq 5000 ] || fail 'the table does not hold each event once'
echo "Everything is in $folder"

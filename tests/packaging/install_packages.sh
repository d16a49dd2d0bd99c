#!/bin/sh
# cmake/install-packages.sh waits where another apt holds a lock, and ends at any other failure.
#
#   install_packages.sh SOURCE_FOLDER
#
# apt-get and sleep are stand-ins here: nothing is installed, and no time passes.
set -eu

script=$1/cmake/install-packages.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"

# The first so many calls fail with what `failure` holds.
cat >"$folder/bin/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$FOLDER/calls"
left=$(cat "$FOLDER/failures")
[ "$left" -gt 0 ] || exit 0
echo $((left - 1)) >"$FOLDER/failures"
cat "$FOLDER/failure" >&2
exit 100
END
cat >"$folder/bin/sleep" <<'END'
#!/bin/sh
echo "$1" >>"$FOLDER/pauses"
END
printf '#!/bin/sh\nexit 1\n' >"$folder/bin/dpkg-query" # so that all is missing
printf '#!/bin/sh\necho 0\n' >"$folder/bin/id"
chmod +x "$folder"/bin/*

# run FAILURES MESSAGE: prints the exit status.
run() {
  echo "$1" >"$folder/failures"
  echo "$2" >"$folder/failure"
  : >"$folder/calls"
  : >"$folder/pauses"
  status=0
  FOLDER=$folder PATH="$folder/bin:$PATH" sh "$script" pipeline 2>"$folder/said" || status=$?
  echo "$status"
}

# expect STATUS CALLS PAUSES WHAT
expect() {
  got="$status $(wc -l <"$folder/calls") $(wc -l <"$folder/pauses")"
  [ "$got" = "$1 $2 $3" ] && return
  echo "$4: exit status, calls and pauses are $got, not $1 $2 $3" >&2
  cat "$folder/said" >&2
  exit 1
}

lock='E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)'
status=$(run 0 '')
expect 0 2 0 'no lock is held'
status=$(run 3 "$lock")
expect 0 5 3 'a lock is held for a while'
status=$(run 1000 "$lock")
expect 1 60 59 'a lock is held for ever'
grep -q 'lists/lock' "$folder/said"
status=$(run 1 'E: Unable to locate package')
expect 1 1 0 'a failure that no wait mends'
grep -q 'Unable to locate package' "$folder/said"

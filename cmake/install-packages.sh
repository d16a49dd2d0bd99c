#!/bin/sh
# Installs the Debian packages of the given purposes that are missing:
#
#   sh cmake/install-packages.sh build test
#
# build: to compile the library and the server. test: to run every test. dev: format and lint.
# bench: to compile and run the benchmarks. pipeline: for examples/pipeline.sh.
# apt-get is only called when dpkg misses something.
# shellcheck disable=SC2086 # lists of packages are split into words
set -eu

# From the third line on: what a driver needs, a line each.
build='g++ cmake ninja-build ccache pkgconf libsimdjson-dev libfmt-dev zlib1g-dev
  libcpp-httplib-dev libcli11-dev prometheus-cpp-dev libisal-dev
  librabbitmq-dev
  libqpid-proton11-dev
  libpq-dev
  libmariadb-dev
  libsqlite3-dev
  libcurl4-openssl-dev libssl-dev libpugixml-dev'
test='clang doctest-dev python3 git
  chromium chromium-driver firefox-esr webkit2gtk-driver xvfb
  postgresql pgbouncer mariadb-server rabbitmq-server openssl default-jdk-headless maven
  ceph-mon ceph-osd radosgw curl nodejs haproxy nginx-light faketime'
dev='clang libclang-rt-dev clang-format clang-tidy'
bench='libbenchmark-dev wrk nodejs'
pipeline='curl faketime sqlite3'

# Some packages of nodejs bring npm along, and cannot stand beside Debian's.
command -v npm >/dev/null || test="$test npm"

wanted=
for purpose; do
  case $purpose in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    dev) wanted="$wanted $dev" ;;
    bench) wanted="$wanted $bench" ;;
    pipeline) wanted="$wanted $pipeline" ;;
    *) echo "install-packages.sh: unknown purpose '$purpose' (build, test, dev, bench, pipeline)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system, so nothing is installed. Needed are the equivalents of:$wanted" >&2
  exit 0
fi

# A package that dpkg has never heard of is not listed, and dpkg-query then fails.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
missing=
for package in $wanted; do
  case "
$installed
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages:$missing" >&2
    echo "Neither root nor sudo here; as root: apt-get install$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

# Waits for minutes where another apt holds a lock: apt-get itself waits for that of dpkg only, not for those of its
# lists and archives.
apt_get() {
  tries=60
  until said=$($as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 "$@" 2>&1 </dev/null); do
    tries=$((tries - 1))
    case $tries:$said in
      0:*) ;;
      *'Could not get lock'*)
        sleep 5
        continue
        ;;
    esac
    echo "$said" >&2
    return 1
  done
}

echo "Installing:$missing" >&2
apt_get update
apt_get install -y --no-install-recommends $missing

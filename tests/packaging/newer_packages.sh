#!/bin/sh
# Proves that everything compiles with newer releases of what it uses: Debian's packages of a later
# suite, unpacked into a folder beside the system. Templates are instantiated, but no code is generated: the
# libraries in those packages want a newer C library than this system may have, so nothing is linked. Only
# cpp-httplib's source is a header that needs no library: the adapter's tests run with it.
#
#   newer_packages.sh SOURCE SUITE BUILD
#
# apt gets a configuration of its own here; neither its state nor the system's packages change.
# shellcheck disable=SC2086 # lists of packages are split into words
set -eu
source=$1 suite=$2 build=$3
packages='libcpp-httplib-dev libsimdjson-dev libfmt-dev libcli11-dev prometheus-cpp-dev doctest-dev
  libzstd-dev' # which newer cpp-httplib's header includes

# What is missing here is a failure where all must run, and a skip elsewhere.
unable() {
  echo "$1"
  [ -z "${CI:-}" ] && exit 77
  exit 1
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if ! command -v apt-get >/dev/null || [ ! -e "$keyring" ]; then
  unable "no apt with Debian's keys here"
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/archives/partial" "$tmp/packages" "$tmp/root"
for kind in deb deb-src; do
  echo "$kind [signed-by=$keyring] http://deb.debian.org/debian $suite main"
done >"$tmp/sources.list"
: >"$tmp/status"
# A mirror that lags behind is good enough; what it has must still be signed.
cat >"$tmp/apt.conf" <<END
Dir::State "$tmp";
Dir::State::status "$tmp/status";
Dir::Cache "$tmp";
Dir::Etc::SourceList "$tmp/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "";
END
export APT_CONFIG="$tmp/apt.conf"

apt-get -qq update -o APT::Update::Error-Mode=any || unable "cannot reach Debian's archive"

# CMake packages check that the libraries of the same version are there: "Depends: libfmt10 (= …)".
libraries=$(apt-cache show $packages | sed -n 's/^Depends: //p' | tr , '\n' |
  sed -n 's/^ *\(lib[^ ]*\) (= .*/\1/p' | sort -u)
(cd "$tmp/packages" && apt-get -qq download $packages $libraries)
for package in "$tmp"/packages/*.deb; do
  dpkg-deb -f "$package" Package Version | tr '\n' ' '
  echo
  dpkg-deb -x "$package" "$tmp/root"
done

# Before the long part: what runs.
mkdir "$tmp/httplib"
(cd "$tmp/httplib" && apt-get -qq source --download-only cpp-httplib && tar -xf ./*.orig.tar.*)
httplib=$(find "$tmp/httplib" -name httplib.h)
[ -f "$httplib" ] || { echo "not one httplib.h in the source package: '$httplib'" >&2; exit 1; }
grep 'define CPPHTTPLIB_VERSION ' "$httplib"
# Linked with the core of this build, which uses the system's packages.
"$CXX" -std=c++20 -DCPPHTTPLIB_ZLIB_SUPPORT -isystem "$(dirname "$httplib")" \
  -I "$source/include" -I "$source/src" -I "$source/tests" \
  "$source/tests/support/main.cpp" "$source/tests/http/adapter.cpp" \
  "$source/tests/http/adapter_connections.cpp" -o "$tmp/adapter_tests" \
  "$build/src/libeventcollect.a" $(pkg-config --cflags --libs simdjson fmt zlib) -pthread
"$tmp/adapter_tests"

# Their pkg-config files say /usr, which is a folder of that root.
PKG_CONFIG_PATH=$(find "$tmp/root/usr" -type d -name pkgconfig | tr '\n' :)
export PKG_CONFIG_PATH
find "$tmp/root/usr" -name '*.pc' -exec sed -i "s|/usr|$tmp/root/usr|" {} +

mkdir "$tmp/source"
(cd "$source" && cp -R CMakeLists.txt cmake examples include src tests "$tmp/source")

cmake -G Ninja -S "$tmp/source" -B "$tmp/build" -DCMAKE_PREFIX_PATH="$tmp/root/usr" \
  -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_CXX_COMPILER_LAUNCHER= \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-fsyntax-only \
  -DCMAKE_AR=/bin/true -DCMAKE_RANLIB=/bin/true

# Everything up to linking: what would be object files, of the tests and programs too.
cd "$tmp/build"
ninja -t targets all | sed -n 's/^\(.*\.o\): .*/\1/p' >objects
[ -s objects ] || { echo "nothing to compile" >&2; exit 1; }
xargs ninja <objects

# The system's own release of a header would prove nothing.
ninja -t deps >dependencies
for header in httplib.h simdjson.h fmt/ CLI/ prometheus/ doctest/; do
  if grep -q "^ */usr/include/$header" dependencies ||
    ! grep -q "root/usr/include/$header" dependencies; then
    echo "compiled against the system's $header, or against none" >&2
    exit 1
  fi
done

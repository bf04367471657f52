#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# millrace as a part of a user's project: only the library is built, with the settings of that project.
# usage: test_inside.sh SOURCE WORK CASE
#   add_subdirectory   file by file; the user's compiler launcher compiles everything
#   fetch_content      from a local path; as one unity source, which finds equal names in two files
#   foreign_abseil     Abseil is a target of the same build; no installed Abseil can be found
set -euo pipefail
source=$1 work=$2 case=$3
here=$(cd "$(dirname "$0")" && pwd)
build=$work/build
rm -rf "$work"
mkdir -p "$work"
trap 'rm -f /dev/shm/inside-$$-*' EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# The user's launcher, which records what it was started for.
cat >"$work/launcher" <<LAUNCHER
#!/usr/bin/env bash
echo "\$*" >>"$work/launched"
exec $(command -v ccache || true) "\$@"
LAUNCHER
chmod +x "$work/launcher"
touch "$work/launched"

settings=("-DMILLRACE_SOURCE=$source" "-DCMAKE_CXX_COMPILER_LAUNCHER=$work/launcher" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
unity=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0)
case $case in
  add_subdirectory) ;;
  fetch_content) settings+=(-DMILLRACE_FROM=FetchContent "${unity[@]}") ;;
  foreign_abseil) settings+=(-DFOREIGN_ABSEIL=ON "${unity[@]}") ;;
  *) fail "no case \"$case\"" ;;
esac
cmake -S "$here/inside" -B "$build" -G Ninja "${settings[@]}" >"$work/log" 2>&1 || { cat "$work/log"; fail "configuring"; }

# millrace adds no targets, tests or packages to the project.
targets=$(cmake --build "$build" --target help | grep -oE '^[A-Za-z_]+: phony' | cut -d: -f1 | sort -u)
for unwanted in shmctl unit_tests promise_tests millrace_stress millrace_writer millrace_bench package; do
  ! grep -qx "$unwanted" <<<"$targets" || fail "the build has a target \"$unwanted\""
done
grep -qx millrace <<<"$targets" || fail "the build has no target \"millrace\": $targets"
tests=$(cd "$build" && ctest -N | sed -n 's/^Total Tests: //p')
((tests == 0)) || fail "the build has $tests tests"
[[ ! -e $build/CPackConfig.cmake ]] || fail "the build makes packages"
for variable in BUILD_SHARED_LIBS CMAKE_CXX_STANDARD CMAKE_COMPILE_WARNING_AS_ERROR; do
  ! grep -q "^$variable:" "$build/CMakeCache.txt" || fail "$variable is in the cache"
done
type=$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$build/CMakeCache.txt")
[[ -z $type ]] || fail "the build type is \"$type\", nobody chose one"
! grep -E -- '-Werror|-Wall|-Wconversion' "$build/compile_commands.json" || fail "warnings are imposed (above)"

cmake --build "$build" >"$work/log" 2>&1 || { cat "$work/log"; fail "building"; }
programs=$(find "$build" -type f -executable ! -path '*/CMakeFiles/*' ! -path '*/_deps/*-subbuild/*' -printf '%f\n' | sort | tr '\n' ' ')
[[ $programs == "inside " ]] || fail "the build made these programs: $programs"
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || { cat "$work/log"; fail "installing"; }
[[ ! -d $work/prefix ]] || fail "installing the project installed millrace: $(find "$work/prefix" -type f | head -3)"

compiled=$(grep -c '"file":' "$build/compile_commands.json")
launched=$(grep -cE -- ' -c ' "$work/launched")
((launched == compiled)) || fail "$compiled files were compiled, the user's launcher was started for $launched"

ring=inside-$$
timeout 60 "$build/inside" read "$ring" >"$work/output" &
reader=$!
timeout 60 "$build/inside" publish "$ring" || { kill "$reader" 2>/dev/null; fail "publishing"; }
wait "$reader"
[[ $(<"$work/output") == "outside: 100000 messages" ]] || fail "the reader said: $(<"$work/output")"
echo "$case: $compiled files compiled by the user's launcher, only the library, a reader got all messages"

#!/bin/sh
# Installs the executable of mcp-remote-exec for the user who runs this script, without root.
#
#   MCP_REMOTE_EXEC_URL   where the files of a release are; default: the release that this script belongs to
#   MCP_REMOTE_EXEC_DIR   directory for the executable; default: ~/.local/bin
#
# Needs curl or wget, and sha256sum, shasum or openssl. A failure leaves an installed version as it is.
set -eu

name='mcp-remote-exec'
# `deno task release` writes the address here.
default_url=''

main() {
  url=${MCP_REMOTE_EXEC_URL:-$default_url}
  [ -n "$url" ] || fail 'the address of the downloads is not decided yet' \
    'Set MCP_REMOTE_EXEC_URL to the address of the files of a release'
  [ -n "${MCP_REMOTE_EXEC_DIR:-${HOME:-}}" ] || fail 'HOME is not set' 'Set MCP_REMOTE_EXEC_DIR'
  dir=${MCP_REMOTE_EXEC_DIR:-${HOME:-}/.local/bin}
  file=$name-$(system)

  work=''
  trap 'clean' EXIT
  trap 'exit 1' HUP INT TERM
  # In the same directory, so that the last step is one rename. A relative path has no place in PATH.
  mkdir -p "$dir" 2>/dev/null && full=$(CDPATH='' cd -- "$dir" 2>/dev/null && pwd) &&
    dir=$full && work=$(mktemp -d "$dir/.$name.XXXXXX" 2>/dev/null) ||
    fail "cannot write to $dir" 'Set MCP_REMOTE_EXEC_DIR to a directory of yours'
  [ ! -d "$dir/$name" ] || fail "$dir/$name is a directory" 'Move it away, or set MCP_REMOTE_EXEC_DIR'

  fetch "$url/SHA256SUMS" "$work/SHA256SUMS"
  expected=$(checksum_of "$file" "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "the release has no $file" 'Build it with deno task compile'
  echo "Downloading $url/$file"
  fetch "$url/$file" "$work/$name"
  found=$(sha256 "$work/$name")
  [ "$found" = "$expected" ] ||
    fail "$file has the checksum $found, not $expected" 'Try again; if it stays, do not use the file'
  chmod 755 "$work/$name"
  version=$("$work/$name" --version) ||
    fail "$file does not run on this system" 'On Linux it needs glibc, which Alpine does not have'
  mv -f "$work/$name" "$dir/$name"

  echo "Installed $version: $dir/$name"
  next_step
}

# Prints this system as the name of a release's file has it.
system() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) fail "there is no executable for $(uname -s)" 'On Windows run install.ps1 in PowerShell' ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) fail "there is no executable for $(uname -m)" 'Run the program from source' ;;
  esac
  # A shell that Rosetta translates says that the processor is an Intel.
  if [ "$os-$cpu" = macos-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    cpu=arm64
  fi
  echo "$os-$cpu"
}

# Downloads a URL to a file.
fetch() {
  if command -v curl >/dev/null 2>&1; then
    case $1 in
      https:*) curl -fsSL --proto '=https' --connect-timeout 30 -o "$2" "$1" || missing "$1" ;;
      *) curl -fsSL --connect-timeout 30 -o "$2" "$1" || missing "$1" ;;
    esac
  elif command -v wget >/dev/null 2>&1; then
    # busybox 1.35 crashes with a time limit (-T).
    wget -q -t 3 -O "$2" "$1" || missing "$1"
  else
    fail 'neither curl nor wget is installed' 'Install one of them'
  fi
}

missing() {
  fail "cannot download $1" 'Check the network and the proxy (https_proxy), and try again'
}

# Prints the checksum that a list has for a file.
checksum_of() {
  while read -r sum entry; do
    if [ "$entry" = "$1" ]; then echo "$sum"; fi
  done <"$2"
}

sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sum=$(sha256sum <"$1")
  elif command -v shasum >/dev/null 2>&1; then
    sum=$(shasum -a 256 <"$1")
  elif command -v openssl >/dev/null 2>&1; then
    # "SHA2-256(stdin)= HEX", or the same without the name.
    sum=$(openssl dgst -sha256 <"$1")
    sum=${sum##* }
  else
    fail 'no program for checksums is installed' 'Install sha256sum, shasum or openssl'
  fi
  echo "${sum%% *}"
}

next_step() {
  program=$name
  case :${PATH:-}: in
    *":$dir:"*) ;;
    *)
      program=$dir/$name
      echo "$dir is not in PATH. Add this line to ~/.profile: export PATH=\"$dir:\$PATH\""
      ;;
  esac
  echo "Next: $program trust HOST    (adds its keys to known_hosts, if ssh has never reached it)"
  echo "Then: $program install HOST    (adds it to an MCP client, such as Claude Desktop)"
}

fail() {
  printf '%s: %s\n  -> %s\n' "$name" "$1" "$2" >&2
  exit 1
}

clean() {
  [ -z "$work" ] || rm -rf "$work"
}

# The last line: a script that was cut off while it was downloaded does nothing.
main

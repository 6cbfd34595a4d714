#!/usr/bin/env bash
# What knows the operating system is in folders named after it (core/base/linux, core/base/posix), so that a port adds
# folders and changes no file: docs/porting.md. What stands elsewhere includes no header of a platform and calls
# nothing of it, and posix/ has nothing that Linux alone has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Of ids, sizes and the like: a platform without them supplies a header of that name.
everywhere='sys/types\.h'
linux_headers='linux/|sys/(epoll|eventfd|timerfd|signalfd|inotify|prctl|random|sendfile|syscall)\.h|sched\.h|features\.h|gnu/|link\.h|elf\.h|malloc\.h|sys/mount\.h'
linux_words='\b(epoll|eventfd|timerfd|signalfd|inotify|memfd|pidfd|sched)_[a-z0-9_]+\(|\b(EPOLL|IN_|MFD_|EFD_|TFD_)[A-Z_]+\b|\b(SYS_|__NR_)[a-z_]+'
linux_words+='|\b(eventfd|syscall|prctl|accept4|pipe2|ppoll|fallocate|gettid|getrandom|unshare)\(|\bfutex\(|"/(proc|sys)/|\bSO_PEER|\b(SOCK|MSG_CMSG)_(CLOEXEC|NONBLOCK)|\bPOLLRDHUP|\bMADV_|\bF_(ADD|GET)_SEALS'
linux_words+='|LinuxCalls|linux_calls'
posix_headers='sys/|unistd|fcntl|poll|pthread|signal\.h|dlfcn|grp\.h|pwd\.h|dirent|netinet/|arpa/|netdb|termios|spawn|csignal'
posix_words='\b(pollfd|msghdr|cmsghdr|iovec|sockaddr[a-z_]*|sigaction|sigset_t|pthread_[a-z_]+|dl(open|sym|addr))\b|(^|[^A-Za-z0-9_>])::(close|fork|kill|poll|mmap|munmap|getpid|get[e]?[ug]id|l?stat|unlink)\(|__linux__|__APPLE__|_WIN32|__unix__'

status=0

roots=(core bindings)

# Sources below the roots, without those in the folders of these names.
sources_outside() {
  local skip=() folder
  for folder in "$@"; do skip+=(-not -path "*/$folder/*"); done
  find "${roots[@]}" -name '*.[ch]pp' "${skip[@]}"
}

# Lines of these files that match, besides those of the third pattern. Comments may tell what the systems do.
refuse() {
  local why=$1 pattern=$2 but=$3
  shift 3
  if sources_outside "$@" | sort | xargs grep -HnE "$pattern" | sed -E 's@//.*@@' | grep -E "$pattern" | grep -vE "$but" >&2; then
    echo "$why" >&2
    status=1
  fi
}

nothing='^$'
include='#\s*include\s*'
refuse 'only a folder linux/ may have this' "$include<($linux_headers)|$linux_words" "$nothing" linux
refuse 'only a folder posix/ or linux/ may have this' "$include<($posix_headers)|$posix_words" "<$everywhere>" linux posix
refuse 'headers of a platform are for its own sources' "$include\"[a-z_/]*/(linux|posix)/" "$nothing" linux posix
refuse 'headers of Linux are for its own sources' "$include\"[a-z_/]*/linux/" "$nothing" linux

# Of the tests a port leaves out the folders linux/, and brings two files of its own.
roots=(tests/core)
refuse 'a test that looks at Linux belongs into a folder linux/' "$include<($linux_headers)|$linux_words|$include\"[a-z_/]*/linux/" \
  '^tests/core/support/(test|faulty)_system\.' linux
exit $status

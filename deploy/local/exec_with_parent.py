"""Become the program in argv, so that it can't outlive the launcher: `exec_with_parent.py PARENT_PID PROGRAM ARG…`

Run as a file of its own between fork and exec, because Python may not run code there itself when the launcher has
threads. On Linux, prctl(PR_SET_PDEATHSIG) asks the kernel to kill this process when the thread that forked it (the
launcher's event loop) ends, by whatever cause, kill -9 too; exec keeps the request, and a process that is killed
this way needs no cleaning up: MongoDB has its journal. It holds for the child itself, not for children of its own,
so no part of the stack may fork. Elsewhere than on Linux an orderly stop is the only one that stops the children.

No core dumps: a service's memory holds keys.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, argv: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the request was made
            sys.exit(1)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"Can't run {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

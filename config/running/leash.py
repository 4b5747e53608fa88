"""Leash: a program that is told to end when the process that started it is gone, however that one ended.

python -m config.running.leash PARENT PROGRAM [ARGUMENT…]

It becomes the program. On Linux the kernel keeps the leash, so not even a `kill -9` of the parent leaves anything
behind; elsewhere there is none.
"""

import ctypes
import os
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PARENT_IS_GONE = 1


def leashed(command: list[str], *, parent: int) -> list[str]:
    """Return the command that runs this one on a leash."""
    return [sys.executable, "-m", "config.running.leash", str(parent), *command]


def main(arguments: list[str]) -> NoReturn:
    parent, *command = arguments
    if sys.platform == "linux":
        hold()
    if os.getppid() != int(parent):
        sys.exit(PARENT_IS_GONE)  # It went before the leash was on.
    os.execv(command[0], command)  # noqa: S606  # no shell is meant


def hold() -> None:
    """Have SIGTERM sent to this process when its parent ends. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Processes: the name under which one holds a lease, and whether whoever has a name can still be at work."""

import os
import secrets
import socket


def process_name() -> str:
    """A name that no other process has, nor will have after this one."""
    return f"{_host()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_gone(name: str) -> bool:
    """Whether the process of this name ran on this host and is no more. Of other hosts nothing is known: not gone.

    A lease says when it ends at the latest; this spares a restart the wait after a crash. To be wrong here costs
    nothing but work done twice: what a former holder writes is refused by its fencing token.
    """
    host, _, rest = name.partition(":")
    number, _, _ = rest.partition(":")
    if host != _host() or not number.isascii() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _host() -> str:
    return socket.gethostname()[:40]

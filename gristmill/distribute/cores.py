"""CPU cores for the engines of several actors on one machine: each takes its own, or they would crowd the same ones.

A core is held by a socket's abstract name (unix(7); Linux only), which leaves no file and ends with the actor's
process. vLLM computes on the cores that its process may use.
"""

import errno
import os
import socket
import sys


def take_cores(count: int) -> list[socket.socket]:
    """Binds this process to `count` cores that no other actor holds; gives what holds them, to be kept.

    Fewer where fewer are free; where none is, or the system is not Linux, the process keeps all that it had.
    """
    if sys.platform != "linux":
        return []
    held: dict[int, socket.socket] = {}
    for core in sorted(os.sched_getaffinity(0)):
        if len(held) == count:
            break
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0gristmill-core-{os.getuid()}-{core}")
        except OSError as error:
            name.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        held[core] = name
    if held:
        os.sched_setaffinity(0, held)
    return list(held.values())

"""The control: how scripts are often locked up, with another user, limits and an empty environment, and no
more. The corpus must breach it, or the corpus shows nothing."""

import os
import resource
import sys

import numpy  # noqa: F401  (as loaded as in the jail)
import talib  # noqa: F401
from tests.scripts.jail.raw_zygote import raw

from holdfast.scripts.jail import walls

source = sys.stdin.buffer.read()
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(walls.UID, walls.UID, walls.UID)
    os.setresuid(walls.UID, walls.UID, walls.UID)
os.environ.clear()
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (2, 3))
resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
os.write(1, raw(source, b""))
os._exit(0)

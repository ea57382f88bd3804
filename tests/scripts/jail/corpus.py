"""Attacks on the jail, by class. Each is plain Python that leaves ``loot`` when it got what it wanted.

``world`` tells what is there to be had: a readable ``secret`` file, a ``folder`` anybody may write to, ports
that listen, a ``victim`` process of the same user, a System V ``segment``.
"""

from typing import Final, NamedTuple


class Attack(NamedTuple):
    kind: str
    source: str


def _all(kind: str, *sources: str) -> list[Attack]:
    return [Attack(kind, source) for source in sources]


_C: Final = (
    "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(*a):\n    r = libc.syscall(*a)\n    return r if r >= 0 else None\n"
)

CORPUS: Final[list[Attack]] = [
    *_all(
        "filesystem",
        "loot = open(world['secret']).read()",
        "import os; loot = os.read(os.open(world['secret'], 0), 99)",
        "import pathlib; loot = pathlib.Path(world['secret']).read_text()",
        "import numpy as np; loot = np.fromfile(world['secret'], dtype=np.uint8).tobytes()",
        "import numpy as np; loot = np.loadtxt(world['secret'], dtype=str)",
        "import numpy as np; loot = bytes(np.memmap(world['secret'], mode='r'))",
        "import os; loot = os.listdir('/')",
        "import os; loot = [one.name for one in os.scandir(world['folder'])]",
        "import os; loot = os.stat(world['secret']).st_size",
        "import os; loot = os.access('/etc/passwd', os.R_OK)",
        "import os; loot = os.getcwd()[:0] or os.path.exists('/etc')",
        "f = open(world['folder'] + '/made', 'w'); f.write('x'); f.close(); loot = 1",
        "import os; os.mkdir(world['folder'] + '/dir'); loot = 1",
        "import os; os.symlink('/etc/passwd', world['folder'] + '/link'); loot = 1",
        "import os; os.mkfifo(world['folder'] + '/fifo'); loot = 1",
        "open('/dev/shm/holdfast-attack', 'w').close(); loot = 1",
        _C + "libc.open.argtypes = [ctypes.c_char_p, ctypes.c_int]\n"
        "fd = libc.open(world['secret'].encode(), 0); loot = fd > 0",
        _C + "loot = call(437, -100, world['secret'].encode(), (ctypes.c_uint64 * 3)(), 24)",
        _C + "loot = call(304, -1, b'', 0)",
        "import sqlite3; loot = sqlite3.connect(':memory:') and 'a library was loaded'",
        "import importlib.util; loot = importlib.util.find_spec('pandas')",
        "import linecache; loot = linecache.getlines(world['secret'])",
        "import traceback, tokenize; loot = tokenize.open(world['secret']).read()",
    ),
    *_all(
        "secrets",
        "import os; loot = [v for v in os.environ.values() if 'secret' in v]",
        _C + "env = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')\ni = 0\nfound = []\n"
        "while env and env[i]:\n    found.append(env[i])\n    i += 1\n"
        "loot = [one for one in found if b'secret' in one]",
        "loot = open('/proc/self/environ', 'rb').read()",
        "loot = open('/proc/1/environ', 'rb').read()",
        "loot = open('/proc/self/maps').read()",
        "loot = open('/proc/self/status').read()",
        "import gc\nmark = '-'.join(['NEIGHBOUR', 'TOKEN'])\n"
        "loot = [o['keep'] for o in gc.get_objects()\n"
        "        if isinstance(o, dict) and o is not globals() and o.get('password') == mark]",
        "import sys; loot = [a for a in sys.argv if 'secret' in a]",
        "import os; loot = os.getlogin()",
        "import pwd; loot = pwd.getpwuid(0)",
    ),
    *_all(
        "memory of others",
        _C + "buf = ctypes.create_string_buffer(8)\n"
        "io = (ctypes.c_uint64 * 2)(ctypes.addressof(buf), 8)\n"
        "there = (ctypes.c_uint64 * 2)(0x400000, 8)\n"
        "loot = call(310, world['victim'], io, 1, there, 1, 0)",
        _C + "loot = call(101, 16, world['victim'], 0, 0) is not None",
        "loot = open(f\"/proc/{world['victim']}/mem\", 'rb')",
        _C + "loot = call(434, world['victim'], 0)",
        _C + "loot = call(312, world['victim'], world['victim'], 0, 0, 0) is not None",
    ),
    *_all(
        "network",
        "import socket; s = socket.create_connection(('127.0.0.1', world['tcp']), 2); loot = s.getpeername()",
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "loot = s.sendto(b'x', ('127.0.0.1', world['udp']))",
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0' + world['abstract']); loot = 1",
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect(world['unix']); loot = 1",
        "import socket; a, b = socket.socketpair(); loot = 1",
        "import socket; loot = socket.getaddrinfo('localhost', 80)",
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); loot = s.getsockname()",
        "import socket; s = socket.socket(socket.AF_INET); s.settimeout(1)\n"
        "s.connect(('169.254.169.254', 80)); loot = 1",
        "import socket; loot = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
        _C + "loot = call(41, 2, 1, 0)",
    ),
    *_all(
        "processes",
        "import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0); loot = pid",
        "import os; loot = os.posix_spawn('/bin/true', ['true'], {})",
        "import subprocess; loot = subprocess.run(['/bin/echo', 'x'], capture_output=True).stdout",
        "import os; loot = os.system('exit 0') == 0",
        "import os; os.execv('/bin/echo', ['echo', '-n', 'loot: a program'])",
        "import threading; t = threading.Thread(target=lambda: None); t.start(); t.join(); loot = 1",
        "import _thread; loot = _thread.start_new_thread(lambda: None, ())",
        _C + "r = call(56, 17, 0, 0, 0, 0)\nif r == 0: libc._exit(0)\nloot = r",
        _C
        + "a = (ctypes.c_uint64 * 11)(); a[4] = 17\nr = call(435, a, 88)\nif r == 0: libc._exit(0)\nloot = r",
        "import multiprocessing.dummy; loot = multiprocessing.dummy.Pool(1).map(str, [1])",
    ),
    *_all(
        "signals",
        "import os; os.kill(world['victim'], 0); loot = 1",
        "import os; os.kill(os.getppid(), 0); loot = 1",
        "import os; os.kill(1, 0); loot = 1",
        "import os; os.kill(-1, 0); loot = 1",
        "import os; os.killpg(0, 0); loot = 1",
        "import os, signal; signal.pidfd_send_signal(os.pidfd_open(world['victim']), 0); loot = 1",
        _C + "loot = call(234, world['victim'], world['victim'], 0) == 0",
        _C + "loot = call(129, world['victim'], 0, ctypes.create_string_buffer(128)) == 0",
        "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN); loot = 1",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 100); loot = 1",
    ),
    *_all(
        "descriptors",
        "import os\nloot = []\nfor fd in [0, *range(2, 300)]:\n"
        "    try: loot.append((fd, os.fstat(fd).st_mode))\n    except OSError: pass",
        "import os\nloot = []\nfor fd in range(300):\n"
        "    try: loot.append(os.read(fd, 1))\n    except OSError: pass",
        "import os; loot = os.dup(1)",
        "import os; loot = os.pipe()",
        "import os; loot = os.memfd_create('x')",
        "import os; loot = os.eventfd(1)",
        "import select; loot = select.epoll()",
        "import fcntl; loot = fcntl.fcntl(1, fcntl.F_GETFL)",
        "import os; loot = os.ttyname(1) or 1",
        "import os; loot = os.write(2, b'x')",
        "import tempfile; loot = tempfile.TemporaryFile().fileno()",
    ),
    *_all(
        "raw calls",
        _C + "loot = call(0x40000000 + 39)",
        _C + "loot = call(425, 1, ctypes.create_string_buffer(128))",
        _C + "loot = call(321, 0, 0, 0)",
        _C + "loot = call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
        _C + "loot = call(323, 1)",
        _C + "loot = call(250, 0, -3, 1)",
        _C + "loot = call(135, 0x0040000) is not None",
        _C + "loot = call(447, 0)",
        _C + "loot = call(424, 0, 0, 0, 0)",
        _C + "loot = call(175, 0, 0, 0)",
        _C + "loot = call(216, 0, 0, 0, 0, 0)",
        _C + "loot = call(219, 0, 0, 0) and 1",
        _C + "loot = [n for n in (425, 426, 427) if call(n, 0, 0, 0) is not None]",
        "import mmap; loot = mmap.mmap(-1, 4096, prot=7)",
        _C + "import mmap\nm = mmap.mmap(-1, 4096)\nat = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]\n"
        "loot = libc.mprotect(at, 4096, 5) == 0",
        _C + "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(m))\nloot = ctypes.CFUNCTYPE(ctypes.c_int)(at)()",
        "import ctypes; f = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1); loot = f()",
    ),
    *_all(
        "shared memory",
        _C + "loot = call(29, world['segment'], 16, 0) is not None",
        _C + "loot = call(29, 0x7A7A, 4096, 0o1666) is not None",
        _C + "loot = call(64, 0x7A7A, 1, 0o1666) is not None",
        _C + "loot = call(68, 0x7A7A, 0o1666) is not None",
        _C + "loot = call(240, b'holdfast', 0o102, 0o600, 0)",
    ),
    *_all(
        "privileges",
        "import os; os.setuid(0); loot = os.getuid() == 0",
        "import os; os.setresuid(0, 0, 0); loot = 1",
        "import os; os.setgroups([0]); loot = 1",
        "import os; os.chroot('/'); loot = 1",
        _C + "loot = libc.unshare(0x10000000) == 0",
        _C + "loot = libc.unshare(0x20000) == 0",
        _C + "loot = libc.setns(3, 0) == 0",
        _C + "loot = libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0",
        _C + "loot = libc.prctl(4, 1, 0, 0, 0) == 0",
        _C + "loot = libc.prctl(22, 0, 0, 0, 0) == 0",
        _C + "loot = call(317, 0, 0, 0) == 0",
        "import resource; s, h = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (h, h)); loot = 1",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); loot = 1",
        "import os; os.nice(1); loot = 1",
        "import os; os.sched_setaffinity(0, {0}); loot = 1",
        _C
        + "loot = call(126, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[2**31] * 6)) == 0",
    ),
]

POISON: Final = [
    "import numpy as np\nnp.add = np.subtract; np.pi = 3; np.float64 = int; np.random.seed(1)",
    "import builtins\nbuiltins.sum = builtins.len = lambda *a: 0; builtins.bytes = str",
    "import talib\ntalib.RSI = lambda *a: None; talib.set_unstable_period('ALL', 50)",
    "import ctypes, talib\nctypes.memset(id(talib.RSI), 0, 64)",
    "import numpy as np, ctypes\nctypes.memset(id(np.ndarray), 0, 256)",
    "import ctypes\nctypes.memset(id(7), 255, 28)",
    "import sys\nsys.modules.clear(); sys.setrecursionlimit(50)",
    "import ctypes, numpy as np\na = np.frombuffer(bars, 'u1')\nctypes.memset(a.ctypes.data, 0, a.nbytes)",
    "import numpy as np\na = np.frombuffer(bars, 'u1'); a.flags.writeable = True; a[:] = 0",
    "import ctypes, numpy as np\na = np.frombuffer(bars, 'u1'); libc = ctypes.CDLL(None)\n"
    "libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]\n"
    "libc.mprotect(a.ctypes.data & ~4095, 4096, 3)\nctypes.memset(a.ctypes.data, 7, 8)",
    "import os\nos.write = os._exit = None",
    "import random, decimal\nrandom.seed = None; decimal.getcontext().prec = 1",
    "import numpy as np\nnp.seterr(all='raise'); np.set_printoptions(precision=1)",
    "import holdfast.scripts.jail.zygote as z\nz._write_all = None; z.write = None",
]
"""What one run does to its own process, which no other run may notice."""

HARM: Final = {
    "loop": "while True: pass",
    "loop that blocks signals": "import signal\nsignal.pthread_sigmask(0, range(1, 65))\nwhile True: pass",
    "wait": "import threading\nlock = threading.Lock(); lock.acquire(); lock.acquire()",
    "sleep": "import time\ntime.sleep(1000)",
    "regular expression": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "large number": "x = 7 ** (10 ** 9)",
    "memory": "x = []\nwhile True: x.append(bytearray(10 ** 7))",
    "one array": "import numpy as np\nx = np.ones(10 ** 11)",
    "fork": "import os\nwhile True: os.fork()",
    "threads": "import threading\nwhile True: threading.Thread(target=input).start()",
    "recursion": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()",
    "brackets": "eval('(' * 10 ** 6)",
    "deep list": "x = []\nfor _ in range(10 ** 7): x = [x]\ndel x",
    "decompression": "import zlib\nx = zlib.decompress(zlib.compress(bytes(10 ** 8)) * 1 , bufsize=10 ** 10)",
    "null": "import ctypes\nctypes.string_at(0)",
    "abort": "import os\nos.abort()",
    "exit": "import os\nos._exit(0)",
    "stack": "import ctypes\nctypes.memset(0x7ffff0000000, 0, 1)",
    "output": "result = bytes(10 ** 9)",
    "flood": "import os\nwhile True: os.write(1, bytes(65536))",
    "bytecode": "def f(): pass\n"
    "f.__code__ = f.__code__.replace(co_code=bytes(range(2, 250)) * 9, co_stacksize=1)\nf()",
}

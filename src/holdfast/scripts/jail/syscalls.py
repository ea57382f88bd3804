"""The system calls of Linux that scripts may make, and those that fail politely, by their numbers. Pure.

Numbers from ``asm/unistd_64.h`` (x86_64) and ``asm-generic/unistd.h`` (aarch64, which lacks the old ones).
"""

from typing import Final

FREE: Final = frozenset(
    (
    "brk", "munmap", "mremap", "clock_gettime", "clock_getres", "gettimeofday", "time", "sched_yield",
    "restart_syscall", "rt_sigreturn", "rt_sigprocmask", "exit", "exit_group", "getpid", "gettid", "getuid",
    "geteuid", "getgid", "getegid",
)
)  # fmt: skip
"""Memory, the clock, and the end: none of them names anything outside of the process."""

RULED: Final = frozenset(("write", "mmap", "mprotect", "madvise", "futex"))
"""Allowed with some arguments only; ``filter`` says which."""

DENIED: Final = frozenset(
    (
    "read", "readv", "pread64", "preadv", "writev", "pwrite64", "pwritev", "open", "openat", "creat",
    "close", "close_range", "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir",
    "mknod", "mknodat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime",
    "utimes", "utimensat", "futimesat", "truncate", "ftruncate", "fallocate", "statfs", "fstatfs",
    "getdents", "getdents64", "lseek", "sendfile", "copy_file_range", "splice", "tee", "vmsplice", "fsync",
    "fdatasync", "sync", "syncfs", "flock", "fcntl", "dup", "dup2", "dup3", "pipe", "pipe2", "eventfd",
    "eventfd2", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll",
    "select", "pselect6", "inotify_init", "inotify_init1", "timerfd_create", "signalfd", "signalfd4",
    "memfd_create", "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto",
    "recvfrom", "sendmsg", "recvmsg", "getsockopt", "setsockopt", "getsockname", "getpeername", "shutdown",
    "ioctl", "clone", "clone3", "fork", "vfork", "execve", "execveat", "wait4", "waitid", "kill", "tkill",
    "tgkill", "pidfd_open", "pidfd_send_signal", "rt_sigaction", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigqueueinfo", "rt_sigsuspend", "sigaltstack", "pause", "alarm", "setitimer", "getitimer",
    "getppid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "getresuid", "getresgid", "getgroups",
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "getrlimit",
    "setrlimit", "prlimit64", "getrusage", "sysinfo", "uname", "umask", "times", "getpriority",
    "setpriority", "sched_setaffinity", "sched_getaffinity", "sched_setscheduler", "sched_getscheduler",
    "sched_getparam", "prctl", "arch_prctl", "ptrace", "process_vm_readv", "process_vm_writev", "shmget",
    "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open", "getrandom", "getxattr", "setxattr", "mlock", "mlockall", "munlock", "msync", "mincore",
    "getcpu", "set_robust_list", "set_tid_address", "chroot", "sethostname", "unshare", "setns",
    "nanosleep", "clock_nanosleep",
)
)  # fmt: skip
"""What Python code naturally tries. It gets ``EPERM``, so that its author sees a ``PermissionError`` with a
line number. Every other call ends the process."""


def _table(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in (entry.split() for entry in text.split(","))}


X86_64: Final = _table(
    """
accept 43, accept4 288, access 21, alarm 37, arch_prctl 158, bind 49, brk 12, chdir 80, chmod 90, chown
92, chroot 161, clock_getres 229, clock_gettime 228, clock_nanosleep 230, clone 56, clone3 435, close 3,
close_range 436, connect 42, copy_file_range 326, creat 85, dup 32, dup2 33, dup3 292, epoll_create 213,
epoll_create1 291, epoll_ctl 233, epoll_pwait 281, epoll_wait 232, eventfd 284, eventfd2 290, execve 59,
execveat 322, exit 60, exit_group 231, faccessat 269, faccessat2 439, fallocate 285, fchdir 81, fchmod
91, fchmodat 268, fchown 93, fchownat 260, fcntl 72, fdatasync 75, flock 73, fork 57, fstat 5, fstatfs
138, fsync 74, ftruncate 77, futex 202, futimesat 261, getcpu 309, getcwd 79, getdents 78, getdents64
217, getegid 108, geteuid 107, getgid 104, getgroups 115, getitimer 36, getpeername 52, getpgid 121,
getpgrp 111, getpid 39, getppid 110, getpriority 140, getrandom 318, getresgid 120, getresuid 118,
getrlimit 97, getrusage 98, getsid 124, getsockname 51, getsockopt 55, gettid 186, gettimeofday 96,
getuid 102, getxattr 191, inotify_init 253, inotify_init1 294, ioctl 16, kill 62, lchown 94, link 86,
linkat 265, listen 50, lseek 8, lstat 6, madvise 28, memfd_create 319, mincore 27, mkdir 83, mkdirat 258,
mknod 133, mknodat 259, mlock 149, mlockall 151, mmap 9, mprotect 10, mq_open 240, mremap 25, msgctl 71,
msgget 68, msgrcv 70, msgsnd 69, msync 26, munlock 150, munmap 11, nanosleep 35, newfstatat 262, open 2,
openat 257, pause 34, pidfd_open 434, pidfd_send_signal 424, pipe 22, pipe2 293, poll 7, ppoll 271, prctl
157, pread64 17, preadv 295, prlimit64 302, process_vm_readv 310, process_vm_writev 311, pselect6 270,
ptrace 101, pwrite64 18, pwritev 296, read 0, readlink 89, readlinkat 267, readv 19, recvfrom 45, recvmsg
47, rename 82, renameat 264, renameat2 316, restart_syscall 219, rmdir 84, rt_sigaction 13, rt_sigpending
127, rt_sigprocmask 14, rt_sigqueueinfo 129, rt_sigreturn 15, rt_sigsuspend 130, rt_sigtimedwait 128,
sched_getaffinity 204, sched_getparam 143, sched_getscheduler 145, sched_setaffinity 203,
sched_setscheduler 144, sched_yield 24, select 23, semctl 66, semget 64, semop 65, sendfile 40, sendmsg
46, sendto 44, set_robust_list 273, set_tid_address 218, setgid 106, setgroups 116, sethostname 170,
setitimer 38, setns 308, setpgid 109, setpriority 141, setregid 114, setresgid 119, setresuid 117,
setreuid 113, setrlimit 160, setsid 112, setsockopt 54, setuid 105, setxattr 188, shmat 30, shmctl 31,
shmdt 67, shmget 29, shutdown 48, sigaltstack 131, signalfd 282, signalfd4 289, socket 41, socketpair 53,
splice 275, stat 4, statfs 137, statx 332, symlink 88, symlinkat 266, sync 162, syncfs 306, sysinfo 99,
tee 276, tgkill 234, time 201, timerfd_create 283, times 100, tkill 200, truncate 76, umask 95, uname 63,
unlink 87, unlinkat 263, unshare 272, utime 132, utimensat 280, utimes 235, vfork 58, vmsplice 278, wait4
61, waitid 247, write 1, writev 20
"""
)

AARCH64: Final = _table(
    """
accept 202, accept4 242, bind 200, brk 214, chdir 49, chroot 51, clock_getres 114, clock_gettime 113,
clock_nanosleep 115, clone 220, clone3 435, close 57, close_range 436, connect 203, copy_file_range 285,
dup 23, dup3 24, epoll_create1 20, epoll_ctl 21, epoll_pwait 22, eventfd2 19, execve 221, execveat 281,
exit 93, exit_group 94, faccessat 48, faccessat2 439, fallocate 47, fchdir 50, fchmod 52, fchmodat 53,
fchown 55, fchownat 54, fcntl 25, fdatasync 83, flock 32, fstat 80, fstatfs 44, fsync 82, ftruncate 46,
futex 98, getcpu 168, getcwd 17, getdents64 61, getegid 177, geteuid 175, getgid 176, getgroups 158,
getitimer 102, getpeername 205, getpgid 155, getpid 172, getppid 173, getpriority 141, getrandom 278,
getresgid 150, getresuid 148, getrlimit 163, getrusage 165, getsid 156, getsockname 204, getsockopt 209,
gettid 178, gettimeofday 169, getuid 174, getxattr 8, inotify_init1 26, ioctl 29, kill 129, linkat 37,
listen 201, lseek 62, madvise 233, memfd_create 279, mincore 232, mkdirat 34, mknodat 33, mlock 228,
mlockall 230, mmap 222, mprotect 226, mq_open 180, mremap 216, msgctl 187, msgget 186, msgrcv 188, msgsnd
189, msync 227, munlock 229, munmap 215, nanosleep 101, newfstatat 79, openat 56, pidfd_open 434,
pidfd_send_signal 424, pipe2 59, ppoll 73, prctl 167, pread64 67, preadv 69, prlimit64 261,
process_vm_readv 270, process_vm_writev 271, pselect6 72, ptrace 117, pwrite64 68, pwritev 70, read 63,
readlinkat 78, readv 65, recvfrom 207, recvmsg 212, renameat 38, renameat2 276, restart_syscall 128,
rt_sigaction 134, rt_sigpending 136, rt_sigprocmask 135, rt_sigqueueinfo 138, rt_sigreturn 139,
rt_sigsuspend 133, rt_sigtimedwait 137, sched_getaffinity 123, sched_getparam 121, sched_getscheduler
120, sched_setaffinity 122, sched_setscheduler 119, sched_yield 124, semctl 191, semget 190, semop 193,
sendfile 71, sendmsg 211, sendto 206, set_robust_list 99, set_tid_address 96, setgid 144, setgroups 159,
sethostname 161, setitimer 103, setns 268, setpgid 154, setpriority 140, setregid 143, setresgid 149,
setresuid 147, setreuid 145, setrlimit 164, setsid 157, setsockopt 208, setuid 146, setxattr 5, shmat
196, shmctl 195, shmdt 197, shmget 194, shutdown 210, sigaltstack 132, signalfd4 74, socket 198,
socketpair 199, splice 76, statfs 43, statx 291, symlinkat 36, sync 81, syncfs 267, sysinfo 179, tee 77,
tgkill 131, timerfd_create 85, times 153, tkill 130, truncate 45, umask 166, uname 160, unlinkat 35,
unshare 97, utimensat 88, vmsplice 75, wait4 260, waitid 95, write 64, writev 66
"""
)

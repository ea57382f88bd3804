"""The system call filter, instruction by instruction, for both machines: what it says to any call."""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.scripts.jail import filter as rules
from holdfast.scripts.jail import syscalls
from holdfast.scripts.jail.filter import ALLOW, ARCHITECTURES, EPERM, KILL, Instruction

MACHINES = sorted(ARCHITECTURES)
PROGRAMS = {machine: rules.program(machine) for machine in MACHINES}
I386 = 0x4000_0003
X32_BIT = 0x4000_0000
WORD = st.integers(0, 2**64 - 1)
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def answer(program: list[Instruction], data: bytes) -> int:
    """What the kernel's interpreter would return."""
    position, value = 0, 0
    while True:
        code, if_true, if_false, operand = program[position]
        position += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            value &= operand
        else:
            holds = {0x15: value == operand, 0x45: bool(value & operand)}[code]
            position += if_true if holds else if_false


def call(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    audit = ARCHITECTURES[machine][0] if audit is None else audit
    six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    return answer(PROGRAMS[machine], struct.pack("=IIQ6Q", number, audit, 0, *six))


def named(machine: str, name: str, *arguments: int) -> int:
    return call(machine, ARCHITECTURES[machine][1][name], *arguments)


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 2**32 - 1) | st.integers(0, 600), arguments=st.lists(WORD, max_size=6))
def test_only_listed_calls_live(machine: str, number: int, arguments: list[int]) -> None:
    names = {at: name for name, at in ARCHITECTURES[machine][1].items()}
    said, name = call(machine, number, *arguments), names.get(number)
    if name is None:
        assert said == KILL
    elif name in syscalls.FREE:
        assert said == ALLOW
    elif name in syscalls.DENIED:
        assert said == EPERM
    else:
        assert said in (ALLOW, EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, 600), audit=st.integers(0, 2**32 - 1))
def test_other_machines_calls_kill(machine: str, number: int, audit: int) -> None:
    ours = ARCHITECTURES[machine][0]
    assert audit == ours or call(machine, number, audit=audit) == KILL
    assert call(machine, number, audit=I386) == KILL


@given(number=st.integers(0, 600), arguments=st.lists(WORD, max_size=6))
def test_the_other_numbers_of_x86_kill(number: int, arguments: list[int]) -> None:
    assert call("x86_64", number | X32_BIT, *arguments) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@given(place=WORD, size=WORD, protection=WORD, flags=WORD)
def test_memory_is_never_executable_and_never_a_file(
    machine: str, place: int, size: int, protection: int, flags: int
) -> None:
    said = named(machine, "mmap", place, size, protection, flags)
    plain = protection <= 3 and flags < 2**32 and flags & 0x20
    assert said == (ALLOW if plain else EPERM)
    assert named(machine, "mprotect", place, size, protection) == (ALLOW if protection <= 3 else EPERM)
    assert named(machine, "mmap", place, size, protection & 3, flags & 0xFFFF_FFFF | 0x20) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_the_result_alone_can_be_written(machine: str) -> None:
    assert named(machine, "write", 1, 0, 8) == ALLOW
    for descriptor in (0, 2, 3, 2**32 + 1, 2**64 - 1):
        assert named(machine, "write", descriptor, 0, 8) == EPERM
    assert named(machine, "read", 0, 0, 8) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_locks_work_and_no_more(machine: str) -> None:
    for operation in (0, 1, 9, 10, 0x80, 0x81, 0x189, 0x18A):
        assert named(machine, "futex", 0, operation) == ALLOW
    for operation in (3, 4, 5, 6, 7, 8, 11, 12, 13, 0x86):
        assert named(machine, "futex", 0, operation) == EPERM


def test_the_lists_do_not_overlap() -> None:
    assert not syscalls.FREE & syscalls.DENIED
    assert not syscalls.RULED & (syscalls.FREE | syscalls.DENIED)
    named_somewhere = syscalls.X86_64.keys() | syscalls.AARCH64.keys()
    assert named_somewhere == syscalls.FREE | syscalls.DENIED | syscalls.RULED
    assert syscalls.RULED | {"exit_group", "brk", "munmap"} <= syscalls.AARCH64.keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_the_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not on this machine")
    text = HEADERS[machine].read_text()
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    found |= {"newfstatat": found.get("newfstatat", found.get("fstatat", 0))}
    for name, number in ARCHITECTURES[machine][1].items():
        assert found[name] == number, name

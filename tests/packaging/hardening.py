#!/usr/bin/env python3
"""Proves that the programs are built so that a fault of memory is hard to make use of.

    hardening.py PROGRAM…

Each is position-independent, has no memory that is writable and executable, resolves all of its symbols at
the start and makes their table read-only, and checks its stack and the calls that copy into buffers.
"""

import re
import subprocess
import sys

# What is looked for in what `readelf` says with these options.
WANTED = [
    ("is position-independent", "--dynamic", r"\(FLAGS_1\).*\bPIE\b"),
    ("binds at the start", "--dynamic", r"\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b"),
    ("makes its tables read-only", "--program-headers", r"^\s*GNU_RELRO\b"),
    ("has a stack that is not executable", "--program-headers", r"^\s*GNU_STACK\s+(\S+\s+){5}RW\s"),
    ("checks its stack", "--dyn-syms", r"\bUND __stack_chk_fail\b"),
    ("checks calls that copy", "--dyn-syms", r"\bUND __\w+_chk@"),
]


def problems_of(program):
    for what, option, pattern in WANTED:
        said = subprocess.run(["readelf", "--wide", option, program], capture_output=True, text=True, check=True).stdout
        if not re.search(pattern, said, re.MULTILINE):
            yield f"{program}: nothing shows that it {what}"


def main(programs):
    problems = [problem for program in programs for problem in problems_of(program)]
    print(f"{len(programs)} programs")
    sys.exit("\n".join(problems) if problems else 0 if programs else "no programs")


main(sys.argv[1:])

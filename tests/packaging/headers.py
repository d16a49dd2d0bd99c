#!/usr/bin/env python3
"""Proves that each public header compiles alone, without a warning, and pulls in nothing but the
standard library and other public headers. Further compilers get all headers in one file: that they
compile alone was shown, so it is their warnings that are asked for.

    headers.py INCLUDE_FOLDER COMPILER [FURTHER_COMPILER…]
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Adapters bring their framework along, so no other header may include them.
ADAPTERS = {"httplib.hpp": "cpp-httplib", "httplib_client.hpp": "cpp-httplib",
            "httplib_connection.hpp": "cpp-httplib"}
FLAGS = ["-std=c++20", "-x", "c++", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion",
         "-Wsign-conversion", "-Wold-style-cast", "-Wnon-virtual-dtor", "-Werror"]


def compile_text(compiler, text, flags=()):
    """What the compiler has to say about the text, and the files that it includes at any depth."""
    with tempfile.NamedTemporaryFile("r") as rule:
        result = subprocess.run(
            [compiler, *FLAGS, *flags, "-fsyntax-only", "-MD", "-MF", rule.name, "-MT", "x", "-"],
            input=text, text=True, capture_output=True, check=False)
        words = rule.read().replace("\\\n", " ").split()
    files = {os.path.realpath(word) for word in words if word not in ("x:", "-")}
    return result.stderr if result.returncode else "", files


def flags_for(include, headers):
    """What the compiler has to be told so that it finds all that the headers include."""
    flags = ["-I", str(include)]
    for header in headers:
        if header.name in ADAPTERS:
            flags += subprocess.run(["pkg-config", "--cflags", ADAPTERS[header.name]], text=True,
                                    capture_output=True, check=True).stdout.split()
    return flags


def check_alone(include, compiler, header, allowed):
    """The problems of one header."""
    flags = flags_for(include, [header])
    said, files = compile_text(compiler, f"#include <eventcollect/{header.name}>\n", flags)
    if said:
        yield f"{compiler}: {header.name} does not compile alone:\n{said}"
    if os.path.realpath(header) not in files:
        yield f"{compiler}: {header.name}: no list of what it includes"
    if header.name not in ADAPTERS:
        # C and POSIX headers come along with the standard library's, but are not to be relied on.
        for name in re.findall(r"#\s*include\s*<([^>]*\.[^>]*)>", header.read_text("utf-8")):
            yield f"{header.name} includes <{name}>"
        yield from (f"{compiler}: {header.name} pulls in {file}" for file in sorted(files - allowed))


# A row of a table that users only read.
NOT_SET_BY_USERS = {"RequestHeader"}
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^  (?!static|using|struct|class|enum|friend|//)[\w:<>,\s*&()]+?[ >*&](\w+)"
                    r"(?:\{.*?\}| = [^;]*)?;", re.MULTILINE | re.DOTALL)


def check_initialisers(include, compiler, headers):
    """Whether a user can set one member of any public struct and be warned of no other."""
    text, count = "", 0
    for header in headers:
        if header.name in ADAPTERS:
            continue
        text += f"#include <eventcollect/{header.name}>\n"
        for name, body in STRUCT.findall(header.read_text("utf-8")):
            member = MEMBER.search(body)
            if member and name not in NOT_SET_BY_USERS:
                text += (f"inline void set_one_of_{name}(const decltype(eventcollect::{name}::"
                         f"{member[1]})& value) {{\n  const eventcollect::{name} one"
                         f"{{.{member[1]} = value}};\n  static_cast<void>(one);\n}}\n")
                count += 1
    said, _ = compile_text(compiler, text, flags_for(include, headers))
    if said:
        yield f"{compiler}: a public struct warns when one member is set:\n{said}"
    if count < 30:
        yield f"only {count} public structs were found"


def main(include, compilers):
    include = pathlib.Path(include)
    headers = sorted((include / "eventcollect").glob("*.hpp"))
    own = {os.path.realpath(header) for header in headers if header.name not in ADAPTERS}
    for compiler in compilers:
        if not shutil.which(compiler):
            print(compiler, "is not installed")
            sys.exit(1 if os.environ.get("CI") else 77)
    first, *further = compilers
    # The header of libstdc++ that includes all the others.
    said, standard = compile_text(first, "#include <bits/stdc++.h>\n")
    if said:
        sys.exit(said)
    problems = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda header: list(check_alone(include, first, header,
                                                              standard | own)), headers):
            problems += found
    for compiler in compilers:
        problems += check_initialisers(include, compiler, headers)
    together = "".join(f"#include <eventcollect/{header.name}>\n" for header in headers)
    for compiler in further:
        said, files = compile_text(compiler, together, flags_for(include, headers))
        problems += [f"{compiler}: {said}"] if said else []
        problems += [f"{compiler}: {header.name} was not compiled" for header in headers
                     if os.path.realpath(header) not in files]
    print(f"{len(headers)} headers, {len(compilers)} compilers")
    sys.exit("\n".join(problems) if problems else 0 if headers else "no headers")


main(sys.argv[1], sys.argv[2:])

#!/usr/bin/env python3
"""Proves that the guides tell the truth: codes, options with their defaults, links and the names of files.

    documentation.py SOURCE_FOLDER SERVER ARCHIVE COMPACT LOAD

The last four are the built programs, whose --help is compared with the guides' tables.
"""

import pathlib
import re
import subprocess
import sys

MAX_README_LINES = 150
SERVER_GUIDE = "examples/server/README.md"
PIPELINE_GUIDE = "examples/pipeline/README.md"
COMMON_OPTIONS = {"help", "version", "config"}  # of every program; the server's table has them

NAMESPACE_CODE = re.compile(r"namespace (?:eventcollect::)?code\s*\{(.*?)^\}", re.M | re.S)
CODE = re.compile(r'=\s*"([a-z_]+\.[a-z_]+)"')
CODE_ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \|", re.M)

HELP_OPTION = re.compile(r"^  (?:-\w, ?)?--([a-z-]+)(?: ([A-Z:]+))?(?: \.\.\.)?(?=\s|$)(.*?)(?=^  -|\Z)", re.M | re.S)
OPTION_ROW = re.compile(r"^\| `--([a-z-]+)(?: ([A-Z:]+))?` \|([^|]*)\|(.*)\|$", re.M)

LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"')
FILE_NAME = re.compile(r"(?<![\w./:-])((?:[\w-]+/)+[\w.-]+\.(?:cpp|hpp|py|sh))(?![\w/])")
COLOUR = re.compile(r"#[0-9a-f]{6}")


def read(path):
    return path.read_text(encoding="utf-8")


def section_of(text, title):
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        sys.exit(f"no guide has the section '## {title}'")
    return found.group(1)


def differences(what, ours, written, where):
    """Sentences about names that only the program has, or only the guide."""
    return ([f"{what} {name} is missing from {where}" for name in sorted(ours - written)] +
            [f"{where} has {what} {name}, which does not exist" for name in sorted(written - ours)])


def check_codes(source):
    codes = []
    for folder in ("include", "src"):
        for path in sorted((source / folder).rglob("*.[ch]pp")):
            for block in NAMESPACE_CODE.findall(read(path)):
                codes += CODE.findall(block)
    if not codes:
        return ["no codes found in a namespace `code` under include/ and src/"]
    written = CODE_ROW.findall(section_of(read(source / SERVER_GUIDE), "Codes"))
    twice = sorted({code for code in written if written.count(code) > 1})
    return (differences("the code", set(codes), set(written), SERVER_GUIDE) +
            [f"{SERVER_GUIDE} has the code {code} twice" for code in twice])


def options_of_help(program):
    """What --help prints, by name: the type, the default, and whether the option is repeatable."""
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30, check=True)
    options = {}
    for name, kind, rest in HELP_OPTION.findall(done.stdout):
        text = " ".join(rest.split())
        default = re.search(r"\[([^\]]+)\]", text)
        value = default.group(1) if default else "required" if "(required)" in text else None
        options[name] = (kind, value, "(repeatable)" in text)
    return options


def options_of_table(text):
    options = {}
    for name, kind, cell, rest in OPTION_ROW.findall(text):
        quoted = re.search(r"`([^`]+)`", cell)
        value = quoted.group(1) if quoted else "required" if cell.strip() == "required" else None
        options[name] = (kind, value, "repeatable" in rest)
    return options


def describe(option):
    kind, value, repeatable = option
    default = "required" if value == "required" else f"default {value}"
    return f"{kind or 'no value'}, {default}{', repeatable' if repeatable else ''}"


def check_options(program, guide, table, without=frozenset()):
    printed = {name: option for name, option in options_of_help(program).items() if name not in without}
    written = options_of_table(table)
    label = f"{guide} (for {pathlib.Path(program).name})"
    problems = differences("the option", set(printed), set(written), label)
    for name in sorted(set(printed) & set(written)):
        if printed[name] != written[name]:
            problems.append(f"--{name}: --help says {describe(printed[name])}; "
                            f"{label} says {describe(written[name])}")
    return problems


def anchors_of(path):
    """The ids that the code host gives to headings."""
    titles = re.findall(r"^#+ (.*)$", read(path), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_links(guide):
    problems = []
    for pair in LINK.findall(read(guide)):
        link = pair[0] or pair[1]
        if re.match(r"[a-z]+:|/", link):  # elsewhere, or a path of a server in an example
            continue
        name, _, anchor = link.partition("#")
        target = guide.parent / name if name else guide
        if not target.exists():
            problems.append(f"{guide}: the link {link} leads to nothing")
        elif anchor and anchor not in anchors_of(target):
            problems.append(f"{guide}: the link {link} leads to no heading")
    return problems


def check_file_names(source, guide):
    places = [guide.parent, source, source / "include"]
    return [f"{guide} names {name}, which does not exist" for name in sorted(set(FILE_NAME.findall(read(guide))))
            if not any((place / name).is_file() for place in places)]


def check_readme(source):
    lines = read(source / "README.md").splitlines()
    problems = []
    if len(lines) > MAX_README_LINES:
        problems.append(f"README.md has {len(lines)} lines; {MAX_README_LINES} is the limit")
    for command in ("sh examples/run.sh", "sh tests/run.sh"):
        if not any(line.strip().startswith(command) for line in lines):
            problems.append(f"README.md does not show `{command}`")
    return problems


def check_pictures(source):
    """A picture for dark pages differs from that for light ones in its colours alone."""
    problems = []
    for light in sorted((source / "examples/pictures").glob("*-light.svg")):
        dark = light.with_name(light.name.replace("-light", "-dark"))
        if not dark.exists() or COLOUR.sub("", read(light)) != COLOUR.sub("", read(dark)):
            problems.append(f"{light} and {dark.name} differ in more than colours")
    return problems


def main(source, server, archive, compact, load):
    guides = [source / "README.md"]
    for folder in ("examples", "src", "tests"):
        guides += sorted((source / folder).rglob("README.md"))
    problems = check_readme(source) + check_pictures(source) + check_codes(source)
    for guide in guides:
        problems += check_links(guide) + check_file_names(source, guide)
    problems += check_options(server, SERVER_GUIDE, section_of(read(source / SERVER_GUIDE), "Options"))
    for name, program in (("archive", archive), ("compact", compact), ("load", load)):
        table = section_of(read(source / PIPELINE_GUIDE), name)
        problems += check_options(program, PIPELINE_GUIDE, table, COMMON_OPTIONS)
    print(f"{len(guides)} guides")
    sys.exit("\n".join(problems) if problems else 0)


main(pathlib.Path(sys.argv[1]).resolve(), *sys.argv[2:])

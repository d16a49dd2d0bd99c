#!/usr/bin/env python3
"""Proves that the parts of the library stand on each other in one direction: an include points to
the same layer or down, drivers do not know each other, and no headers include each other in turn.

    layers.py SOURCE_FOLDER

A file belongs to the part that is its name without the ending; failing that, x_y.cpp belongs to x.
A file of no part is an error: it has to be given its place here.
"""

import pathlib
import re
import sys

# From the ground up.
LAYERS = [
    ["version"],
    ["clock", "timer", "uuid", "url", "gzip", "checksum", "network",
     "file_system", "posix_file_system"],
    ["event", "batch", "rules", "parser", "json", "page_url", "properties", "stored_event"],
    ["sink", "source", "ledger", "object_store"],
    ["collector", "pump", "tee", "retry", "dead_letter", "memory", "open",
     "built_in", "registry", "committer", "statistics", "metrics"],
    ["endpoint", "httplib"],
    ["objects"],
    ["file", "postgres", "sqlite", "amqp", "s3"],
    ["spool", "forwarder", "compact", "load"],
    ["eventcollect", "drivers", "programs", "server", "demo_page"],
]
DRIVERS = LAYERS[7]
FOLDERS = [*DRIVERS, "objects", "compact", "load", "programs", "server"]  # of one part each
LAYER_OF = {part: number for number, parts in enumerate(LAYERS) for part in parts}

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([a-z0-9_]+/[a-z0-9_]+\.hpp)[">]',
                     re.MULTILINE)


def part_of(path):
    """The part that a file belongs to, or None. Some folders are one part as a whole."""
    folder = path.parent.name
    if folder in FOLDERS:
        return folder
    name = path.stem
    while name and name not in LAYER_OF:
        name = name.rpartition("_")[0]
    return name or None


def find_cycle(graph):
    """Some headers that include each other in turn, or nothing."""
    done = set()

    def visit(node, trail):
        if node in trail:
            return trail[trail.index(node):] + [node]
        if node in done:
            return None
        for other in sorted(graph.get(node, ())):
            cycle = visit(other, trail + [node])
            if cycle:
                return cycle
        done.add(node)
        return None

    return next(filter(None, (visit(node, []) for node in sorted(graph))), None)


def main(source):
    roots = [source / "include", source / "src"]
    files = {path.relative_to(root).as_posix(): path
             for root in roots for path in sorted(root.glob("*/*.[ch]pp"))}
    if not files:
        sys.exit(f"no sources in {source}")

    problems = []
    graph = {}
    for name, path in files.items():
        part = part_of(path)
        if part is None:
            problems.append(f"{name}: of which layer is it?")
            continue
        included = INCLUDE.findall(path.read_text(encoding="utf-8"))
        graph[name] = {other for other in included if other in files}
        for other in sorted(graph[name]):
            other_part = part_of(files[other])
            if other_part is None:
                continue  # said where it is defined
            if LAYER_OF[other_part] > LAYER_OF[part]:
                problems.append(f"{name} ({part}) includes {other} ({other_part}), which is above")
            if part in DRIVERS and other_part in DRIVERS and part != other_part:
                problems.append(f"{name}: the driver {part} knows the driver {other_part}")

    cycle = find_cycle(graph)
    if cycle:
        problems.append("in turn: " + " -> ".join(cycle))
    print(f"{len(files)} files, {sum(map(len, graph.values()))} includes")
    sys.exit("\n".join(problems) if problems else 0)


main(pathlib.Path(sys.argv[1]))

#!/usr/bin/env python3
"""Proves that the rooms of the house stand on each other in one direction: an include points to the
same room or to one below it, no driver knows another, and no headers include each other in turn. A
header under src/ puts its names into the namespace of its room.

    layers.py SOURCE_FOLDER

The order of the rooms, the sources and the public headers of each are those that the CMakeLists.txt in
src/ list. A file that none of them lists, or two do, is an error.
"""

import pathlib
import re
import sys

ROOM = re.compile(r"add_subdirectory\(([a-z0-9_]+)\)")
FILE = re.compile(r"(?:^|\s|eventcollect/)([a-z0-9_]+\.[ch]pp)(?=[\s)\"]|$)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([a-z0-9_/]+\.hpp)[">]', re.MULTILINE)

PUBLIC_NAMESPACE = re.compile(r"^namespace eventcollect \{$(.*?)^\}  //", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(r"^\w.*", re.MULTILINE)
NESTED_TYPE = re.compile(r"(?:class|struct) \w+::\w+")

# A namespace cannot have the name of a public function: compact(), load(), pump().
NAMESPACES = {"compact": "compaction", "load": "loading", "pump": "pumping"}


def code_of(path):
    return re.sub(r"#.*", "", path.read_text(encoding="utf-8"))


def rooms_below(folder):
    """The folders that `folder` adds, in order, each with its name relative to src/."""
    return [folder / name for name in ROOM.findall(code_of(folder / "CMakeLists.txt"))]


class House:
    """Each file's name as it is included, its path, the number of its room from the ground, and the
    driver that it is part of, if it is."""

    def __init__(self, source):
        self.include = source / "include"
        self.src = source / "src"
        self.files = {}  # name -> path
        self.place = {}  # name -> (number of the room, driver or None)
        self.names = {}  # number of the room -> its name
        self.problems = []
        rooms = rooms_below(self.src)
        for number, room in enumerate(rooms):
            self.names[number] = room.name
            self.enter(room, number, None)
            for driver in rooms_below(room):
                self.enter(driver, number, driver.name)
        self.names[len(rooms)] = "the top"
        self.enter(self.src, len(rooms), None)

    def enter(self, folder, number, driver):
        listed = FILE.findall(code_of(folder / "CMakeLists.txt"))
        headers = [self.include / "eventcollect" / name for name in listed if name.endswith(".hpp")]
        for name in listed:
            if name.endswith(".cpp") and not (folder / name).is_file():
                self.problems.append(f"{folder.name} lists {name}, which is not there")
        for path in sorted(folder.glob("*.cpp")):
            if path.name not in listed:
                self.problems.append(f"{folder.name} does not list {path.name}")
        for path in headers + sorted(folder.glob("*.[ch]pp")):
            root = self.include if self.include in path.parents else self.src
            name = path.relative_to(root).as_posix()
            if name in self.files:
                self.problems.append(f"{name} is listed twice")
            if not path.is_file():
                self.problems.append(f"{folder.name} lists {name}, which is not there")
                continue
            self.files[name] = path
            self.place[name] = (number, driver)

    def check_all_are_in(self):
        for root in (self.include, self.src):
            for path in root.rglob("*.[ch]pp"):
                if path.relative_to(root).as_posix() not in self.files:
                    self.problems.append(f"{path.relative_to(root)}: of which room is it?")

    def check_include(self, name, other):
        number, driver = self.place[name]
        other_number, other_driver = self.place[other]
        if other_number > number:
            self.problems.append(f"{name} ({self.names[number]}) includes {other}, "
                                 f"which is above it ({self.names[other_number]})")
        if driver and other_driver != driver and other_number == number:
            self.problems.append(f"the driver {driver} includes {other}, which is not its own: {name}")

    def check_namespace(self, name):
        """Only a type that is nested in a public class is outside of the room's namespace."""
        path = self.files[name]
        if self.src not in path.parents or path.suffix != ".hpp":
            return
        text = path.read_text(encoding="utf-8")
        namespace = NAMESPACES.get(path.parent.name, path.parent.name)
        names = DECLARATION.findall("".join(PUBLIC_NAMESPACE.findall(text)))
        is_room = f"namespace eventcollect::{namespace} {{" in text
        if not all(map(NESTED_TYPE.match, names)) or not (names or is_room):
            self.problems.append(f"{name} has names that are not in namespace eventcollect::{namespace}")


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
    house = House(source)
    house.check_all_are_in()
    graph = {}
    for name, path in house.files.items():
        house.check_namespace(name)
        included = INCLUDE.findall(path.read_text(encoding="utf-8"))
        graph[name] = {other for other in included if other in house.files}
        for other in sorted(set(included) - graph[name]):
            if other.startswith("eventcollect/") or other.split("/")[0] in house.names.values():
                house.problems.append(f"{name} includes {other}, which is not there")
        for other in sorted(graph[name]):
            house.check_include(name, other)

    cycle = find_cycle(graph)
    if cycle:
        house.problems.append("in turn: " + " -> ".join(cycle))
    print(f"{len(house.names)} rooms, {len(house.files)} files, "
          f"{sum(map(len, graph.values()))} includes")
    sys.exit("\n".join(house.problems) if house.problems else 0 if graph else "no files")


main(pathlib.Path(sys.argv[1]))

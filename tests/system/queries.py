#!/usr/bin/env python3
"""The SQL that examples/pipeline/README.md shows for DuckDB answers real questions over hourly/, where the objects lie.

It is taken from there as it stands. DuckDB comes from npm, into --node.
"""

import json
import pathlib
import re
import subprocess
import sys
import uuid

import harness
import npm
from harness import check
from pipeline import HOUR
from pipeline_programs import Pipeline

DUCKDB = "@duckdb/node-api@1.5.6-r.1"
GUIDE = pathlib.Path(__file__).parents[2] / "examples/pipeline/README.md"

RUN = """
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [node, ...statements] = JSON.parse(process.argv[2]);
const require = createRequire(node + '/');
const { DuckDBInstance } = await import(pathToFileURL(require.resolve('@duckdb/node-api')));
const connection = await (await DuckDBInstance.create(':memory:')).connect();
let answer;
for (const statement of statements) answer = await connection.runAndReadAll(statement);
console.log(JSON.stringify(answer.getRowsJson()));
"""


def statements():
    """The view and the questions of the guide's block that begins with `CREATE VIEW events`."""
    block = re.search(r"^( +)CREATE VIEW events .*?(?=^\S)", GUIDE.read_text(), re.M | re.S)
    check(block, f"{GUIDE} has no block with CREATE VIEW events")
    view, *questions = [statement.strip() for statement in block.group(0).split(";") if statement.strip()]
    return view, questions


def duckdb(context, *sql):
    node = context.options.node
    npm.install(node, DUCKDB)
    script = context.folder / "run.mjs"
    script.write_text(RUN)
    done = subprocess.run(["node", str(script), json.dumps([str(node), *sql])], cwd=context.folder, capture_output=True,
                          text=True, timeout=120)
    check(done.returncode == 0, f"DuckDB fails: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def event(name, seconds, event_id=None, **properties):
    """What happened so many seconds before it was sent."""
    sent = 1_795_000_000_000
    return {"event": name, "event_id": event_id or str(uuid.uuid4()), "properties": properties, "sent_time": sent,
            "client_time": sent - 1000 * seconds}


def the_questions_of_the_guide(context):
    view, questions = statements()
    check(len(questions) == 2, f"{GUIDE} asks {len(questions)} questions, not two")
    pipeline = Pipeline(context)
    again = event("clicked_event", 0, button="buy")
    clicks = [event("clicked_event", 0, button=button) for button in ("buy", "buy", "help")] + [again]
    uses = []
    for visit, waited in enumerate((3, 10, 700)):
        uses.append(event("page_opened", 1000, visit=f"v{visit}"))
        uses += [event("feature_used", 1000 - waited - later, visit=f"v{visit}") for later in (0, 100)]
    uses.append(event("page_opened", 1000, visit="never used it"))
    pipeline.send(clicks + uses)
    pipeline.send([again], at=HOUR)  # a client that has missed the answer
    pipeline.run("archive", "--once")
    pipeline.run("compact", "--grace", "0s", env=pipeline.late)
    check(sum(map(len, pipeline.lines("hourly/"))) == len(clicks + uses) + 1, "not all events are in hourly/")
    objects = pipeline.objects.folder.relative_to(context.folder)
    view = view.replace("'archive/", f"'{objects}/")
    rows = duckdb(context, view, questions[0])
    check([row[-2:] for row in rows] == [["buy", "3"], ["help", "1"]], f"clicks per button and hour: {rows}")
    rows = duckdb(context, view, questions[1])
    check([float(row[0]) for row in rows] == [10.0], f"median seconds to the first use: {rows}")


def add_arguments(parser):
    parser.add_argument("--bin", required=True, type=lambda path: pathlib.Path(path).resolve(), help="where the programs are")
    parser.add_argument("--node", required=True, type=lambda path: pathlib.Path(path).resolve(), help="where npm puts DuckDB")


if __name__ == "__main__":
    sys.exit(harness.run(__doc__, [the_questions_of_the_guide], 300, add_arguments))

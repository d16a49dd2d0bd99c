#!/usr/bin/env python3
"""The client where it is not alone: blocklists let through all that the demo page loads and sends, and a bundler's page
sends events.

The blocklists are EasyList, EasyPrivacy and others, compiled into the engine of an ad blocker, as an npm package has them.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import browsers
import npm
from events import stored_events
from harness import check, wait_until

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "src/client"
BLOCKER = "@ghostery/adblocker@2.15.0"
BLOCKLISTS = "@browserless/goto@10.12.13"
BUNDLER = "esbuild@0.28.2"

# What is asked of the engine: pairs of a kind of request and a URL. It answers with those that it blocks.
MATCH = """
const {FiltersEngine, Request} = require('@ghostery/adblocker');
const lists = require('fs').readFileSync('package/src/engine.bin');
const engine = FiltersEngine.deserialize(new Uint8Array(lists));
const blocked = JSON.parse(process.argv[2]).filter(([type, url]) =>
  engine.match(Request.fromRawDetails({type, url, sourceUrl: 'https://shop.example/'})).match);
console.log(JSON.stringify(blocked));
"""

KNOWN_AS_BAD = [
    ["ping", "/api/events"],
    ["ping", "/collect?v=1"],
    ["image", "/track?id=1&event=a"],
    ["fetch", "/analytics/events"],
    ["fetch", "/events?event=pageview&x"],
    ["script", "/beacon.js"],
]


def blocked(context, requests):
    npm.install(context.options.node, BLOCKER)
    npm.unpack(context.options.node, BLOCKLISTS)
    on_a_site = [[kind, f"https://shop.example{path}"] for kind, path in requests]
    return json.loads(npm.node(context.options.node, MATCH, json.dumps(on_a_site)))


def blocklists_know_the_usual_paths(context):
    passed = len(KNOWN_AS_BAD) - len(blocked(context, KNOWN_AS_BAD))
    check(passed == 0, f"{passed} of {len(KNOWN_AS_BAD)} requests that blockers know are let through: the lists are not there")


def nothing_of_the_demo_page_is_blocked(context):
    server = context.start()
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        session.click("#second")
        wait_until(lambda: session.text("output") == "clicked_event: accepted", "the page shows the verdict")
        made = session.evaluate("performance.getEntriesByType('resource').map(({initiatorType, name}) => [initiatorType, name])")
    server.stop()
    made = [[kind, url.removeprefix(server.url)] for kind, url in made]
    check({"/events", "/events/client.js"} <= {path for _, path in made}, f"not all requests are seen: {made}")
    requests = made + [["ping", "/events"], ["fetch", "/events"]]  # as a page is left
    stopped = blocked(context, requests)
    check(not stopped, f"blocked: {stopped}")


APP = """import {send} from 'eventcollect';
send('bundled', {n: 1}).then(verdict => document.title = JSON.stringify(verdict));
"""


def a_bundle_sends_events(context):
    tools = context.options.node.with_name(context.options.node.name + "-bundler")
    npm.install(tools, BUNDLER)
    folder = context.folder / "app"
    shutil.copytree(CLIENT, folder / "node_modules/eventcollect")
    (folder / "app.mjs").write_text(APP)
    bundle = subprocess.run([tools / "node_modules/.bin/esbuild", "app.mjs", "--bundle", "--minify"], cwd=folder, capture_output=True, text=True,
                            timeout=60, check=True).stdout
    page = context.folder / "page.html"
    page.write_text('<!doctype html><title>-</title><link rel="icon" href="data:,">'
                    f'<script data-visit="page">{bundle}</script>')
    server = context.start("--page", page)
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        wait_until(lambda: session.evaluate("document.title") == '{"accepted":true}', "the verdict")
    server.stop()
    events = stored_events(context.events)
    check([event["event"] for event in events] == ["bundled"], f"not the one event: {events}")
    check(set(events[0]["properties"]) == {"n", "visit"}, f"not read from the bundle's tag: {events}")


def add_arguments(parser):
    parser.add_argument("--node", required=True, type=lambda path: pathlib.Path(path).resolve(),
                        help="where npm puts the ad blocker, and beside it the bundler")


if __name__ == "__main__":
    cases = [blocklists_know_the_usual_paths, nothing_of_the_demo_page_is_blocked, a_bundle_sends_events]
    sys.exit(browsers.run(__doc__, cases, 300, add_arguments))

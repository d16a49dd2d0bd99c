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

SITE = "https://shop.example"

# The guide names them all.
KNOWN_AS_BAD = [
    ["ping", f"{SITE}/api/events"],
    ["ping", f"{SITE}/collect?v=1"],
    ["image", f"{SITE}/track?id=1&event=a"],
    ["image", f"{SITE}/pixel.gif?id=1"],
    ["fetch", f"{SITE}/analytics/events"],
    ["fetch", f"{SITE}/events?event=pageview&x"],
    ["script", f"{SITE}/beacon.js"],
    ["script", f"{SITE}/stat.js?1"],
    ["fetch", "https://collector.shop.example/events"],
    ["fetch", "https://analytics.shop.example/events"],
    ["fetch", "https://stats.shop.example/events"],
    ["fetch", "https://tracking.shop.example/events"],
]
KNOWN_AS_GOOD = [[kind, SITE + path] for path in ("/events", "/shop/log") for kind in ("fetch", "ping")] + [
    ["script", f"{SITE}/shop/log/client.js"], ["fetch", "https://events.shop.example/events"]]


def blocked(context, requests):
    npm.install(context.options.node, BLOCKER)
    npm.unpack(context.options.node, BLOCKLISTS)
    return json.loads(npm.node(context.options.node, MATCH, json.dumps(requests)))


def blocklists_know_the_usual_paths(context):
    stopped = blocked(context, KNOWN_AS_BAD + KNOWN_AS_GOOD)
    check(stopped == KNOWN_AS_BAD, f"not what the guide says: {[request for request in KNOWN_AS_BAD if request not in stopped]} are "
          f"let through, {[request for request in stopped if request not in KNOWN_AS_BAD]} are blocked")


def nothing_of_the_demo_page_is_blocked(context):
    server = context.start()
    with browsers.browser(context) as session:
        session.open(server.url + "/")
        session.click("#second")
        wait_until(lambda: session.text("output") == "clicked_event: accepted", "the page shows the verdict")
        made = session.evaluate("performance.getEntriesByType('resource').map(({initiatorType, name}) => [initiatorType, name])")
    server.stop()
    made = [[kind, url.replace(server.url, SITE)] for kind, url in made]
    check({SITE + "/events", SITE + "/events/client.js"} <= {url for _, url in made}, f"not all requests are seen: {made}")
    stopped = blocked(context, made)
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

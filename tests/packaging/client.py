#!/usr/bin/env python3
"""Proves that client.min.js is what terser makes of client.js, that it is small, that its syntax is of ES2018, and that
a bundler, Node and TypeScript can import it.

    client.py SOURCE_FOLDER NODE_FOLDER [--write]

The tools come from npm, into NODE_FOLDER. --write makes client.min.js anew.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import npm  # noqa: E402
from harness import SKIPPED, Skip  # noqa: E402

MAX_BYTES = 3072  # as `gzip -9` makes it
TOOLS = ["terser@5.51.4", "esbuild@0.28.2", "acorn@8.15.0", "typescript@5.9.3"]

IMPORTS = """import client, {send, flush, off, on} from 'eventcollect';
client.with({from: 'a bundle'});
send('imported', {all: [flush, off, on].every(Boolean)});
"""

TYPES = """import client, {type Client, type Properties, flush, off, on, send} from 'eventcollect';
const verdict = await send('signed_up', {plan: 'pro', items: [{cents: 1999}]});
const code: string | undefined = verdict.accepted ? undefined : verdict.code;
const all: [Promise<void>, void, void, Properties] = [flush(), off(), on(), client.with({release: code})];
await client.push(['opened', {all}]);
await client.push(['opened']);
const same: Client = window.eventcollect;
// @ts-expect-error
send(5);
// @ts-expect-error
send('name', 'no properties');
// @ts-expect-error
same.push('opened');
"""


def run(*command, text=None, cwd=None):
    done = subprocess.run(command, input=text, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


# What names are made of. The letters that the rest of the text has most often come first: they cost the least.
LETTERS = "etrnioaslcdupmgfvhbwxyzqkjSTDONACPMR_EBJHILWYFVXGKQUZ$"
MINIFY = """
const letters = process.argv[3];
const get = n => n < 0 ? '' : letters[n % letters.length] + get(Math.floor(n / letters.length) - 1);
require('terser').minify(process.argv[2], {
  ecma: 2018,
  compress: {passes: 3, unsafe_arrows: true, booleans_as_integers: true, inline: 1, loops: false},
  mangle: {nth_identifier: {get}},
}).then(({code}) => process.stdout.write(code));
"""


def minify(node, source):
    # One keyword in place of two is 1 % less once it is gzipped.
    script = re.sub(r"(^ *|\()const ", r"\1let ", source, flags=re.M)
    return npm.node(node, MINIFY, script, LETTERS) + "\n"


def check_bundle(tools, client):
    """An import ends up in the bundle as the whole client; in Node it is harmless; to TypeScript it has types."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        shutil.copytree(client, folder / "node_modules/eventcollect")
        (folder / "app.mjs").write_text(IMPORTS)
        bundle = run(tools / "esbuild", "app.mjs", "--bundle", "--minify", "--format=iife", cwd=folder)
        run("node", "app.mjs", cwd=folder)
        (folder / "types.mts").write_text(TYPES)
        run(tools / "tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "esnext",
            "--moduleResolution", "bundler", "types.mts", cwd=folder)
    if "a bundle" not in bundle or "queue.full" not in bundle:
        sys.exit("the bundle lacks the import or the client")


def main(source, node, write):
    client = source / "src/client"
    npm.install(node, *TOOLS)
    tools = node / "node_modules/.bin"
    minified = minify(node, (client / "client.js").read_text())
    if write:
        (client / "client.min.js").write_text(minified)
    elif minified != (client / "client.min.js").read_text():
        sys.exit("client.min.js is not made of client.js: run this test with --write")
    size = len(subprocess.run(["gzip", "-9", "-n"], input=minified.encode(), capture_output=True, check=True).stdout)
    print(f"client.min.js: {len(minified)} bytes, {size} as gzip -9, at most {MAX_BYTES}")
    if size > MAX_BYTES:
        sys.exit("client.min.js is too large")
    run(tools / "acorn", "--ecma2018", "--silent", text=minified)
    check_bundle(tools, client)


try:
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), "--write" in sys.argv[3:])
except Skip as reason:
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)

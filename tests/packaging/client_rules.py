#!/usr/bin/env python3
"""Runs client_rules.js where Node is installed."""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
from harness import SKIPPED, Skip, need  # noqa: E402

try:
    need(shutil.which("node"), "node")
except Skip as reason:
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)
sys.exit(subprocess.run(["node", "--test", HERE / "client_rules.js"], check=False).returncode)

"""Packages from npm, for tests that need them."""

import json
import shutil
import subprocess

from harness import need


def install(folder, *packages):
    """Puts these packages, each `NAME@VERSION`, into a folder of their own, unless it has them."""
    need(shutil.which("npm") and shutil.which("node"), "npm and node")
    if all(has(folder, package) for package in packages):
        return
    folder.mkdir(parents=True, exist_ok=True)
    installed = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts",
                                "--prefix", folder, *packages], timeout=240, check=False)
    need(installed.returncode == 0, f"{', '.join(packages)} from npm")


def has(folder, package):
    name, _, version = package.rpartition("@")
    description = folder / "node_modules" / name / "package.json"
    return description.exists() and json.loads(description.read_text())["version"] == version


def unpack(folder, package):
    """The files of one package in folder/package, without what it depends on."""
    if (folder / "package").exists():
        return
    need(shutil.which("npm"), "npm")
    folder.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, timeout=240, capture_output=True,
                             text=True).stdout.strip()
    shutil.unpack_archive(folder / archive, folder)
    (folder / archive).unlink()


def node(folder, script, *arguments):
    """What a script, as text, prints that may require the packages of `folder`."""
    done = subprocess.run(["node", "--input-type=commonjs", "-", *arguments], input=script, cwd=folder, capture_output=True,
                          text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"node fails: {done.stderr[-2000:]}")
    return done.stdout

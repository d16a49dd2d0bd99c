"""Packages from npm, for tests that need them."""

import shutil
import subprocess

from harness import need


def install(folder, *packages):
    """Puts these packages, each `NAME@VERSION`, into a folder of their own, unless it has them."""
    need(shutil.which("npm") and shutil.which("node"), "npm and node")
    names = [package.rpartition("@")[0] for package in packages]
    if all((folder / "node_modules" / name).exists() for name in names):
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", folder,
                    *packages], check=True, timeout=240)


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

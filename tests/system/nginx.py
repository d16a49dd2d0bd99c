"""nginx as a child process, around a server block; also around that of the guide."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess

from harness import environment, need

GUIDE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "server" / "README.md"

AROUND = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr emerg;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{block}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def guides_block(port, server_port):
    """What the guide tells an operator to write, but for its two ports."""
    text = GUIDE.read_text().split("### Behind nginx", 1)[1].split("\n#", 1)[0]
    block = "".join(line for line in text.splitlines(keepends=True) if line.startswith("    "))
    for pattern, replacement, times in (
            (r"listen \d+;", f"listen 127.0.0.1:{port};", 1),
            (r"proxy_pass http://127\.0\.0\.1:\d+;", f"proxy_pass http://127.0.0.1:{server_port};", 2)):
        block, count = re.subn(pattern, replacement, block)
        if count != times:
            raise ValueError(f"{count} times {pattern!r} in the block of {GUIDE}")
    return block


@contextlib.contextmanager
def running(block, folder):
    """Runs nginx with this block, and its files in `folder`."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")  # which an ordinary user's may lack
    need(program, "nginx")
    file = pathlib.Path(folder) / "nginx.conf"
    file.write_text(AROUND.format(folder=folder, block=block))
    process = subprocess.Popen([program, "-e", "stderr", "-c", str(file)], env=environment(), stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

#!/usr/bin/env python3
"""Starts the servers that tests talk to, in a temporary directory, on free ports of 127.0.0.1.

    python3 tests/services.py with COMMAND ARGUMENT…         # becomes the command; they end when it does
    python3 tests/services.py run                            # in the foreground, until Ctrl-C
    python3 tests/services.py --only s3,postgres run         # of the servers only these
    vars=$(python3 tests/services.py --until-pid $$ start)   # in the background, until that process has gone
    set -a; eval "$vars"; set +a

The command gets these variables once every server answers (some 10 s); the others print them, one NAME='value' a line,
quoted for a shell. Where EVENTCOLLECT_TEST_SERVICES is set already, `with` uses what it names:

    EVENTCOLLECT_TEST_POSTGRES    postgres://postgres@127.0.0.1:PORT/postgres: PostgreSQL, its superuser, no password.
                                  The role password_user has the password `secret`, must give it, and may make tables.
    EVENTCOLLECT_TEST_PGBOUNCER   the same database through PgBouncer in transaction mode, the same users, no password
    EVENTCOLLECT_TEST_MYSQL       mysql://root@127.0.0.1:PORT/eventcollect: MariaDB, its superuser, no password. The user
                                  password_user has the password `secret`, and may do everything in that database.
    EVENTCOLLECT_TEST_MYSQL_CA    the file of the authority that signed its certificate, for localhost and 127.0.0.1
    EVENTCOLLECT_TEST_AMQP        amqp://guest:guest@127.0.0.1:PORT/: RabbitMQ, an administrator
    EVENTCOLLECT_TEST_AMQPS       amqps://guest:guest@localhost:PORT/: the same over TLS, with a certificate for
                                  localhost and 127.0.0.1
    EVENTCOLLECT_TEST_CA          the file of the authority that signed it
    EVENTCOLLECT_TEST_S3          s3://eventcollect/tests?endpoint=http://127.0.0.1:PORT&region=us-east-1&style=path:
                                  S3, by the gateway of a Ceph cluster; buckets may be made, and are found as
                                  BUCKET.localhost too
    EVENTCOLLECT_TEST_S3_TLS      the same bucket over https://localhost:PORT
    EVENTCOLLECT_TEST_S3_CA       the file of the authority that signed its certificate
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    of the user whose bucket it is
    EVENTCOLLECT_TEST_AMQP_PLUGIN    amqp1://guest:guest@127.0.0.1:PORT/: RabbitMQ's plugin for AMQP 1.0
    EVENTCOLLECT_TEST_ARTEMIS     amqp1://tester:secret@127.0.0.1:PORT/: ActiveMQ Artemis; an address that begins with
                                  full.fail., full.block. or full.page. is full after some messages, and rejects them,
                                  grants no credit or pages
    EVENTCOLLECT_TEST_ARTEMIS_TLS, EVENTCOLLECT_TEST_ARTEMIS_CA    the same over TLS, as localhost; a client that is
                                  silent for two seconds is dropped
    EVENTCOLLECT_TEST_CLASSIC     amqp1://tester:secret@127.0.0.1:PORT/: ActiveMQ Classic; a queue that begins with
                                  full. is full after some messages, and settles none
    EVENTCOLLECT_TEST_CLASSIC_TLS, EVENTCOLLECT_TEST_CLASSIC_CA    the same over TLS, as localhost
    EVENTCOLLECT_TEST_SERVICES    a command, to which one appends what is to be done:

    … kill NAME             SIGKILLs a server (postgres, pgbouncer, mysql, rabbitmq, artemis, classic, s3) with all its
                            processes, of s3 the gateway only; returns when they are gone
    … pause NAME, resume NAME    SIGSTOPs the process of a server, and lets it go on
    … start NAME            starts it again with the same data on the same port; returns when it answers
    … rabbitmqctl ARGUMENT… talks to the RabbitMQ node, e.g. set_vm_memory_high_watermark 0; needs a second or two
    … stop                  ends everything and removes the directory

A server whose program is not installed is named on stderr and left out; so are those that Maven brings (ActiveMQ)
where it cannot. They are kept in ~/.cache/eventcollect. As root the servers run as the user postgres,
since PostgreSQL and PgBouncer reject root.

To add a server: derive from Service, say what to run and when it answers, and put it into SERVICES.
"""

import argparse
import concurrent.futures
import contextlib
import ctypes
import glob
import json
import os
import pathlib
import random
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import uuid

HOST = "127.0.0.1"
ACCOUNT = "postgres"
START_SECONDS = 60
PR_SET_CHILD_SUBREAPER = 36


class Problem(Exception):
    """A server does not do what it should; the message is for the person who runs this."""


def say(message):
    print(f"services.py: {message}", file=sys.stderr, flush=True)


def free_port(taken=set()):
    """A port outside the range of outgoing connections, which could take it while a server is down, and past those that
    browsers do not open (10080 is the last)."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(10_100, max(first, 12_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            if port not in taken:
                taken.add(port)
                return port


class Children:
    """All processes below this one. What a killed server leaves becomes a child of this process and is ended too."""

    def __init__(self):
        self.lock = threading.Lock()
        self.known = {}
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def spawn(self, command, **options):
        """Starts a program that dies with the calling thread: so the threads here live as long as the process."""
        prefix = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            prefix += ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"]
        with self.lock:
            child = subprocess.Popen([*prefix, *map(str, command)], stdin=subprocess.DEVNULL,
                                     start_new_session=True, **options)
            self.known[child.pid] = child
        return child

    def run(self, command, **options):
        """Runs a program to its end and returns its exit status and all that it said."""
        child = self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                           **options)
        said, _ = child.communicate()
        self.forget(child)
        return child.returncode, said

    def forget(self, child):
        with self.lock:
            del self.known[child.pid]

    def kill(self, child):
        child.kill()
        child.wait()
        self.forget(child)
        self.end_strays()

    def end_strays(self):
        while True:
            with self.lock:
                strays = self.now() - self.known.keys()
            if not strays:
                return
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    @staticmethod
    def now():
        pids = set()
        for name in glob.glob("/proc/self/task/*/children"):
            with contextlib.suppress(OSError):
                pids.update(map(int, pathlib.Path(name).read_text().split()))
        return pids


class Service:
    """A server. All but variables() is called by one thread, the server's own."""

    name = ""
    program = ""  # a pattern of paths, of which the last is taken
    package = ""  # what to install where it is missing

    def __init__(self, directory, children):
        self.directory = directory / self.name
        self.children = children
        self.child = None
        self.port = free_port()
        self.stopping = threading.Event()
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.directory),
                            "LANG": "C.UTF-8"}

    @classmethod
    def find(cls):
        found = sorted(glob.glob(cls.program))
        return found[-1] if found else None

    # What a server defines.

    def prepare(self):
        """Makes what it needs before its first start."""

    def command(self):
        raise NotImplementedError

    def answers(self):
        """Whether it does what clients want of it. OSError is a no."""
        raise NotImplementedError

    def first_use(self):
        """What is left to do once it answered for the first time."""

    def variables(self):
        return {}

    # What all of them do.

    def run(self, *command):
        status, said = self.children.run(command, cwd=self.directory, env=self.environment)
        if status != 0:
            raise Problem(f"{self.name}: {' '.join(map(str, command))}: {said.strip()[-2000:]}")
        return said

    def make_certificates(self):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.run("openssl", "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj",
                 "/CN=eventcollect test authority")
        self.run("openssl", "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (self.directory / "names").write_text(f"subjectAltName=DNS:localhost,IP:{HOST}\n")
        self.run("openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                 "-CAcreateserial", "-out", "server.crt", "-days", "2", "-extfile", "names")

    def make(self):
        self.directory.mkdir()
        give_to_account(self.directory)
        self.prepare()
        self.start()
        self.first_use()

    def start(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)  # a test that was killed may have left it paused
            return
        deadline = time.monotonic() + START_SECONDS
        log = self.directory / "output.log"
        while time.monotonic() < deadline and not self.stopping.is_set():
            if self.child is None:
                with log.open("wb") as output:
                    self.child = self.children.spawn(self.command(), cwd=self.directory, env=self.environment,
                                                     stdout=output, stderr=subprocess.STDOUT)
            with contextlib.suppress(OSError):
                if self.answers():
                    self.children.end_strays()
                    return
            if self.child.poll() is not None:
                break
            self.stopping.wait(0.02)
        raise Problem(f"{self.name} does not answer: {log.read_text(errors='replace')[-2000:]}")

    def kill(self):
        if self.child:
            child, self.child = self.child, None
            self.children.kill(child)

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)


def give_to_account(path):
    if os.geteuid() == 0:
        shutil.chown(path, ACCOUNT, ACCOUNT)


def connect(port):
    connection = socket.create_connection((HOST, port), timeout=5)
    connection.settimeout(5)
    return connection


def postgres_is_ready(port):
    """Logs in without a password and waits for ReadyForQuery (PostgreSQL's protocol 3.0)."""
    words = b"user\0postgres\0database\0postgres\0\0"
    with connect(port) as connection:
        connection.sendall(struct.pack("!II", 8 + len(words), 3 << 16) + words)
        answer = b""
        while b"Z\0\0\0\5I" not in answer:
            more = connection.recv(4096)
            if not more or (answer + more)[:1] == b"E":
                return False
            answer += more
        return True


class Postgres(Service):
    name = "postgres"
    program = "/usr/lib/postgresql/*/bin/postgres"
    package = "postgresql"

    def prepare(self):
        self.run(pathlib.Path(self.find()).with_name("initdb"), "--pgdata=data", "--username=postgres", "--auth=trust",
                 "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        (self.directory / "data/pg_hba.conf").write_text("host all password_user 127.0.0.1/32 scram-sha-256\n"
                                                         "host all all 127.0.0.1/32 trust\n")

    def command(self):
        settings = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": ""}
        return [self.find(), "-D", "data", *(f"--{name}={value}" for name, value in settings.items())]

    def answers(self):
        return postgres_is_ready(self.port)

    def first_use(self):
        self.run("psql", "--no-psqlrc", "--quiet", self.url(), "-c",
                 "CREATE ROLE password_user LOGIN PASSWORD 'secret'; GRANT CREATE ON SCHEMA public TO password_user")

    def url(self):
        return f"postgres://postgres@{HOST}:{self.port}/postgres"

    def variables(self):
        return {"EVENTCOLLECT_TEST_POSTGRES": self.url()}


class PgBouncer(Service):
    name = "pgbouncer"
    program = "/usr/sbin/pgbouncer"
    package = "pgbouncer"

    def __init__(self, directory, children, postgres):
        super().__init__(directory, children)
        self.postgres = postgres

    def prepare(self):
        (self.directory / "users").write_text('"postgres" ""\n"password_user" "secret"\n')
        (self.directory / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={HOST} port={self.postgres.port}\n[pgbouncer]\n"
            f"listen_addr = {HOST}\nlisten_port = {self.port}\nunix_socket_dir =\n"
            "auth_type = trust\nauth_file = users\npool_mode = transaction\ndefault_pool_size = 4\n"
            # It does not wait its 15 s before it tries a server again that was started again.
            "server_login_retry = 0.2\n")

    def command(self):
        return [self.find(), "pgbouncer.ini"]

    def answers(self):
        return postgres_is_ready(self.port)

    def variables(self):
        return {"EVENTCOLLECT_TEST_PGBOUNCER": f"postgres://postgres@{HOST}:{self.port}/postgres"}


class MariaDB(Service):
    name = "mysql"
    program = "/usr/sbin/mariadbd"
    package = "mariadb-server"

    def __init__(self, directory, children):
        super().__init__(directory, children)
        # Two that are installed at once take the same names in a folder for temporary files.
        self.environment["TMPDIR"] = str(self.directory)

    def prepare(self):
        self.make_certificates()
        self.run("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
                 f"--datadir={self.directory}/data")

    def command(self):
        at = self.directory
        return [self.find(), "--no-defaults", f"--datadir={at}/data", f"--port={self.port}", f"--bind-address={HOST}",
                f"--socket={at}/socket", f"--pid-file={at}/pid", f"--ssl-ca={at}/ca.crt",
                f"--ssl-cert={at}/server.crt", f"--ssl-key={at}/server.key"]

    def answers(self):
        # It greets as soon as it takes clients; an error begins with 255 where the greeting has the protocol, 10.
        with connect(self.port) as connection:
            return connection.recv(5)[4:] == b"\n"

    def first_use(self):
        self.run("mariadb", "--no-defaults", f"--host={HOST}", f"--port={self.port}", "--user=root", "--execute",
                 "CREATE DATABASE eventcollect; CREATE USER password_user@'%' IDENTIFIED BY 'secret'; "
                 "GRANT ALL ON eventcollect.* TO password_user@'%'")

    def variables(self):
        return {"EVENTCOLLECT_TEST_MYSQL": f"mysql://root@{HOST}:{self.port}/eventcollect",
                "EVENTCOLLECT_TEST_MYSQL_CA": f"{self.directory}/ca.crt"}


class RabbitMQ(Service):
    name = "rabbitmq"
    program = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the wrapper in /usr/sbin forces a user
    package = "rabbitmq-server"

    def __init__(self, directory, children):
        super().__init__(directory, children)
        self.tls_port = free_port()
        self.epmd_port = free_port()
        self.epmd = None
        at = self.directory
        self.environment.update({
            "RABBITMQ_NODENAME": "eventcollect@localhost",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{at}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{at}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{at}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{at}/data",
            "RABBITMQ_LOG_BASE": f"{at}/log",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{at}/generated",
            "RABBITMQ_PID_FILE": f"{at}/pid",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": HOST,
            # Makes its script become the server instead of waiting for it.
            "RUNNING_UNDER_SYSTEMD": "true",
        })

    def prepare(self):
        self.make_certificates()
        files = {
            "rabbitmq.conf": f"listeners.tcp.1 = {HOST}:{self.port}\nlisteners.ssl.1 = {HOST}:{self.tls_port}\n"
                             f"ssl_options.cacertfile = {self.directory}/ca.crt\n"
                             f"ssl_options.certfile = {self.directory}/server.crt\n"
                             f"ssl_options.keyfile = {self.directory}/server.key\n"
                             "ssl_options.verify = verify_none\ndisk_free_limit.absolute = 50MB\n",
            "advanced.config": "[].\n",
            "plugins": "[rabbitmq_amqp1_0].\n",
        }
        for name, text in files.items():
            (self.directory / name).write_text(text)

    def start(self):
        # Else the node would start one as a daemon, which outlives it.
        if self.epmd is None:
            self.epmd = self.children.spawn(["epmd", "-port", self.epmd_port, "-address", HOST], env=self.environment,
                                            cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().start()

    def command(self):
        return [self.find()]

    def answers(self):
        # It accepts connections a little before it is all up.
        if "completed with" not in (self.directory / "output.log").read_text(errors="replace"):
            return False
        with connect(self.port) as connection:
            connection.sendall(b"AMQP\0\0\x09\x01")
            return connection.recv(1) == b"\x01"

    def variables(self):
        return {"EVENTCOLLECT_TEST_AMQP": f"amqp://guest:guest@{HOST}:{self.port}/",
                "EVENTCOLLECT_TEST_AMQPS": f"amqps://guest:guest@localhost:{self.tls_port}/",
                "EVENTCOLLECT_TEST_CA": f"{self.directory}/ca.crt",
                "EVENTCOLLECT_TEST_AMQP_PLUGIN": f"amqp1://guest:guest@{HOST}:{self.port}/"}


def from_maven(name, *goals, files):
    """The folder of that name in the cache, which Maven fills the first time; None where it cannot."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "eventcollect"
    folder = cache / name
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            try:
                for goal in goals:
                    subprocess.run(["mvn", "-q", "-B", *goal, f"-DoutputDirectory={made}"], cwd=made, check=True, timeout=300,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            except (OSError, subprocess.SubprocessError) as problem:
                said = getattr(problem, "stdout", None) or str(problem).encode()
                say(f"{name}: {said.decode(errors='replace').strip()[-500:]}")
                return None
            # Another run may have been quicker.
            with contextlib.suppress(OSError):
                shutil.copytree(made, folder.with_suffix(".new"), dirs_exist_ok=True)
                folder.with_suffix(".new").rename(folder)
    return folder if any(folder.glob(files)) else None


class ActiveMQ(Service):
    """What both brokers have in common: Java, a certificate, a user."""

    package = "default-jdk-headless and maven"
    user = "tester"
    password = "secret"

    def __init__(self, directory, children):
        super().__init__(directory, children)
        self.tls_port = free_port()

    @classmethod
    def find(cls):
        return shutil.which("java") and shutil.which("javac") and cls.fetch()

    def prepare(self):
        self.make_certificates()
        self.run("openssl", "pkcs12", "-export", "-in", "server.crt", "-inkey", "server.key", "-out", "keys.p12",
                 "-passout", "pass:secret")
        self.unpack()
        for folder in "data", "tmp":
            (self.directory / folder).mkdir()
            give_to_account(self.directory / folder)

    def java(self, *arguments):
        # What compiles for long is not worth it here.
        return [shutil.which("java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m",
                f"-Djava.io.tmpdir={self.directory}/tmp", *arguments]

    def answers(self):
        if self.ready not in (self.directory / "output.log").read_text(errors="replace"):
            return False
        with connect(self.port) as connection:
            connection.sendall(b"AMQP\3\1\0\0")
            return connection.recv(4) == b"AMQP"

    def variables(self):
        name = f"EVENTCOLLECT_TEST_{self.name.upper()}"
        user = f"{self.user}:{self.password}"
        return {name: f"amqp1://{user}@{HOST}:{self.port}/",
                f"{name}_TLS": f"amqp1s://{user}@localhost:{self.tls_port}/",
                f"{name}_CA": f"{self.directory}/ca.crt"}


class Artemis(ActiveMQ):
    name = "artemis"
    version = "2.40.0"
    ready = "AMQ221007"

    @classmethod
    def fetch(cls):
        artifact = f"-Dartifact=org.apache.activemq:apache-artemis:{cls.version}:tar.gz:bin"
        return from_maven(f"artemis-{cls.version}", ["dependency:get", "-Dtransitive=false", artifact],
                          ["dependency:copy", artifact], files="*.tar.gz")

    def unpack(self):
        home = self.directory / "artemis"
        home.mkdir()
        # As root, who may read the cache, and in this process: what it runs that Children does not know is a stray.
        with tarfile.open(next(self.find().glob("*.tar.gz"))) as archive:
            for member in archive:
                member.name = member.name.partition("/")[2]
                member.uid, member.gid = os.geteuid(), os.getegid()
                member.uname = member.gname = ""
                if member.name and not member.name.startswith(("web/", "examples/", "lib/client/")):
                    archive.extract(member, home)
        at = self.directory
        source = pathlib.Path(__file__).with_name("activemq") / "artemis"
        places = {"DIRECTORY": str(at), "PORT": str(self.port), "TLS_PORT": str(self.tls_port), "USER": self.user,
                  "PASSWORD": self.password}
        for file in source.iterdir():
            text = file.read_text()
            for name, value in places.items():
                text = text.replace(f"@{name}@", value)
            (at / file.name).write_text(text)

    def command(self):
        at = self.directory
        return self.java(f"-Djava.security.auth.login.config={at}/login.config", "-cp", f"{at}/artemis/lib/artemis-boot.jar",
                         f"-Dartemis.home={at}/artemis", f"-Dartemis.instance={at}", f"-Dartemis.instance.etc={at}",
                         f"-Ddata.dir={at}/data", f"-Dlog4j2.configurationFile={at}/log4j2.properties",
                         f"-Djava.library.path={at}/artemis/bin/lib/linux-x86_64",
                         "org.apache.activemq.artemis.boot.Artemis", "run")


class Classic(ActiveMQ):
    name = "classic"
    version = "5.18.6"
    ready = "started"

    @classmethod
    def fetch(cls):
        pom = pathlib.Path(__file__).with_name("activemq") / "pom.xml"
        return from_maven(f"classic-{cls.version}",
                          ["-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"], files="*.jar")

    def unpack(self):
        lib = self.directory / "lib"
        lib.mkdir()
        # As root, who may read the cache.
        for jar in self.find().glob("*.jar"):
            shutil.copy(jar, lib)
        source = pathlib.Path(__file__).with_name("activemq") / "Classic.java"
        shutil.copy(source, self.directory)
        self.run(pathlib.Path(shutil.which("javac")), "-cp", "lib/*", "-d", "tmp-classes", "Classic.java")

    def command(self):
        return self.java("-Djavax.net.ssl.keyStore=keys.p12", "-Djavax.net.ssl.keyStorePassword=secret", "-cp",
                         "lib/*:tmp-classes", "Classic", "data", self.port, self.tls_port, self.user, self.password)


class S3(Service):
    """Ceph's gateway, which is what is killed, and the smallest cluster behind it, which keeps the data in memory."""

    name = "s3"
    program = "/usr/bin/radosgw"
    package = "radosgw (and ceph-mon, ceph-osd)"
    bucket = "eventcollect"
    key = "EVENTCOLLECTTESTKEY1"
    secret = "test/secret+test/secret+test/secret+test"

    def __init__(self, directory, children):
        super().__init__(directory, children)
        self.tls_port = free_port()
        self.backstage = []
        # Their library looks for it before it knows any option.
        self.environment["CEPH_CONF"] = str(self.directory / "ceph.conf")

    @classmethod
    def find(cls):
        needed = [cls.program, "/usr/bin/ceph-mon", "/usr/bin/ceph-osd", "/usr/bin/radosgw-admin"]
        return cls.program if all(map(os.path.exists, needed)) else None

    def prepare(self):
        self.make_certificates()
        fsid, osd = uuid.uuid4(), uuid.uuid4()
        addresses = f"[v2:{HOST}:{free_port()},v1:{HOST}:{free_port()}]"
        (self.directory / "ceph.conf").write_text(self.configuration(fsid, addresses))
        for folder in "mon", "osd", "gateway":
            (self.directory / folder).mkdir()
            give_to_account(self.directory / folder)
        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, "monmap")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap")
        self.put_backstage("ceph-mon", "-f", "-i", "a")
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "--no-mon-config")
        self.put_backstage("ceph-osd", "-f", "-i", "0")

    def configuration(self, fsid, addresses):
        # The modes of [global] are repeated: without them the gateway hangs. A proposal waits for others
        # otherwise, which makes the start take 12 s; Nagle's algorithm costs 44 ms for each GET.
        modes = ("auth cluster required = none\nauth service required = none\nauth client required = none\n"
                 "ms mon client mode = crc\n")
        at = self.directory
        return (f"[global]\nfsid = {fsid}\nmon host = {addresses}\n{modes}"
                f"osd pool default size = 1\nosd pool default min size = 1\nosd pool default pg num = 8\n"
                f"osd pool default pg autoscale mode = off\nosd crush chooseleaf type = 0\n"
                f"mon allow pool size one = true\nmon data avail crit = 0\n"
                f"run dir = {at}\nadmin socket =\nlog file =\nmon cluster log file =\nlog to stderr = true\n"
                f"err to stderr = true\nkeyring = {at}/keyring\ncrash dir = {at}\n"
                f"[mon]\nmon data = {at}/mon\npaxos propose interval = 0.05\npaxos min wait = 0.01\n"
                f"[osd]\nosd data = {at}/osd\nosd objectstore = memstore\nmemstore device bytes = 8589934592\n"
                f"[client.rgw]\n{modes}rgw data = {at}/gateway\nrgw dns name = localhost\n"
                f"rgw frontends = beast endpoint={HOST}:{self.port} ssl_endpoint={HOST}:{self.tls_port} "
                f"ssl_certificate={at}/server.crt ssl_private_key={at}/server.key tcp_nodelay=1\n")

    def put_backstage(self, *command):
        with (self.directory / f"{command[0]}.log").open("wb") as output:
            self.backstage.append(self.children.spawn(command, cwd=self.directory, env=self.environment,
                                                      stdout=output, stderr=subprocess.STDOUT))

    def command(self):
        return [self.program, "-f", "-n", "client.rgw"]

    def answers(self):
        with connect(self.port) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            return b" 200 " in connection.recv(4096)

    def first_use(self):
        self.run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=tests", "--display-name=tests",
                 f"--access-key={self.key}", f"--secret-key={self.secret}")
        self.run("curl", "--fail", "--silent", "--show-error", "--request", "PUT", "--aws-sigv4",
                 "aws:amz:us-east-1:s3", "--user", f"{self.key}:{self.secret}", "--header",
                 "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"http://{HOST}:{self.port}/{self.bucket}")

    def url(self, endpoint):
        return f"s3://{self.bucket}/tests?endpoint={endpoint}&region=us-east-1&style=path"

    def variables(self):
        return {"EVENTCOLLECT_TEST_S3": self.url(f"http://{HOST}:{self.port}"),
                "EVENTCOLLECT_TEST_S3_TLS": self.url(f"https://localhost:{self.tls_port}"),
                "EVENTCOLLECT_TEST_S3_CA": f"{self.directory}/ca.crt",
                "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}


class Services:
    """All servers, and who tells them what to do. A thread for each, so that none waits for another."""

    def __init__(self, directory, only):
        self.directory = directory
        self.children = Children()
        postgres = Postgres(directory, self.children)
        # The slowest first.
        every = [Artemis(directory, self.children), RabbitMQ(directory, self.children),
                 S3(directory, self.children), Classic(directory, self.children), MariaDB(directory, self.children),
                 postgres, PgBouncer(directory, self.children, postgres)]
        for name in only:
            if name not in (service.name for service in every):
                raise Problem(f"there is no server {name!r}; there are {', '.join(one.name for one in every)}")
        every = [service for service in every if not only or service.name in only]
        self.all = {service.name: service for service in every if service.find()}
        for service in every:
            if service.name not in self.all:
                say(f"no {service.name} here: install the package {service.package}")
        self.threads = {name: concurrent.futures.ThreadPoolExecutor(1) for name in self.all}

    def start(self):
        pending = [self.threads[name].submit(service.make) for name, service in self.all.items()]
        try:
            for future in concurrent.futures.as_completed(pending):
                future.result()
        except BaseException:
            self.stop()
            raise

    def variables(self):
        merged = {}
        for service in self.all.values():
            merged.update(service.variables())
        merged["EVENTCOLLECT_TEST_SERVICES"] = shlex.join(
            [sys.executable, os.path.realpath(__file__), "--at", str(self.directory)])
        return merged

    def obey(self, words):
        """Does what a client asks for and returns its exit status and what to print."""
        verb, *arguments = words
        if verb == "rabbitmqctl" and "rabbitmq" in self.all:
            node = self.all["rabbitmq"]
            command = [str(pathlib.Path(node.find()).with_name("rabbitmqctl")), "--quiet", *arguments]
            return self.on("rabbitmq", lambda: self.children.run(command, env=node.environment, cwd=node.directory))
        verbs = ("kill", "start", "pause", "resume")
        if verb not in verbs or len(arguments) != 1 or arguments[0] not in self.all:
            return 2, (f"unknown command; known are: {', '.join(verbs)}, each with a NAME of {', '.join(self.all)}; "
                       "rabbitmqctl, stop\n")
        try:
            self.on(arguments[0], getattr(self.all[arguments[0]], verb))
        except Problem as problem:
            return 1, f"{problem}\n"
        return 0, ""

    def on(self, name, task):
        return self.threads[name].submit(task).result()

    def stop(self):
        for service in self.all.values():
            service.stopping.set()
        for name, service in self.all.items():
            self.on(name, service.kill)
        for child in list(self.children.known.values()):
            self.children.kill(child)
        self.children.end_strays()


def serve(services, listener, until):
    """Takes commands until one is `stop`, or the process whose pidfd `until` is has gone. Signals raise."""
    def answer(connection, words):
        with connection:
            status, text = services.obey(words)
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps([status, text]).encode())

    while True:
        readable, _, _ = select.select([listener, *until], [], [])
        if listener not in readable:
            return None
        connection, _ = listener.accept()
        with contextlib.suppress(ValueError, OSError):
            words = json.loads(connection.makefile().readline())
            if words == ["stop"]:
                return connection
            threading.Thread(target=answer, args=(connection, words), daemon=True).start()


def end_on_signals():
    def end(*_):
        raise SystemExit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)


def ignore_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def detach_output(directory):
    """Lets go of the streams of whoever started this, who may wait for their end."""
    sys.stdout.flush()
    log = os.open(directory / "services.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def run(until_pid, in_background, only):
    try:
        until = [os.pidfd_open(until_pid)] if until_pid else []
    except ProcessLookupError:
        return 0
    end_on_signals()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="eventcollect-services-")).resolve()
    services = waiting = None
    try:
        give_to_account(directory)
        os.chdir(directory)  # the path of a socket may not be long
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("control")
        listener.listen(16)
        services = Services(directory, only)
        services.start()
        for name, value in services.variables().items():
            print(f"{name}={shlex.quote(value)}", flush=True)
        if in_background:
            detach_output(directory)
        waiting = serve(services, listener, until)
    except Problem as problem:
        say(problem)
        return 1
    finally:
        ignore_signals()
        if services:
            services.stop()
        os.chdir("/")
        shutil.rmtree(directory, ignore_errors=True)
        if waiting:
            waiting.sendall(json.dumps([0, ""]).encode())
    return 0


def start_in_background(until_pid, only):
    """Runs the same program in the background until it has let go of its output, and returns what it printed."""
    command = [sys.executable, os.path.realpath(__file__), "--in-background"]
    if until_pid:
        command += ["--until-pid", str(until_pid)]
    if only:
        command += ["--only", ",".join(only)]
    command.append("run")
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
    try:
        said = child.stdout.read()
    except BaseException:
        child.terminate()
        raise
    if "EVENTCOLLECT_TEST_SERVICES=" not in said:
        child.wait()
        raise Problem("the servers did not start")
    return said


def run_with(command, only):
    if "EVENTCOLLECT_TEST_SERVICES" not in os.environ:
        for line in start_in_background(os.getpid(), only).splitlines():
            name, _, value = line.partition("=")
            os.environ[name] = shlex.split(value)[0]
    os.execvp(command[0], command)


def send(at, words):
    os.chdir(at)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("control")
        connection.sendall(json.dumps(words).encode() + b"\n")
        said = connection.makefile().read()
    if not said:
        raise Problem("the services ended")
    status, text = json.loads(said)
    print(text, end="", file=sys.stderr if status else sys.stdout)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", metavar="DIRECTORY", help="that of the running servers which a command is for")
    parser.add_argument("--until-pid", type=int, help="stop when this process has gone")
    parser.add_argument("--only", metavar="NAME,…", default="", help="start these servers, not all of them")
    parser.add_argument("--in-background", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    try:
        if options.at and options.command:
            return send(options.at, options.command)
        if options.command[:1] == ["with"] and len(options.command) > 1:
            return run_with(options.command[1:], only)
        if options.command == ["run"]:
            return run(options.until_pid, options.in_background, only)
        if options.command == ["start"]:
            print(start_in_background(options.until_pid, only), end="", flush=True)
            return 0
        parser.error("a command is needed: with, run, start; or --at DIRECTORY and one of the others")
    except (Problem, OSError) as problem:
        say(problem)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Measures the verbs on a large crawl: large_store.py FOLDER-OF-PROGRAMS [--queued N] … (see scripts/large-store)"""

import argparse
import http.server
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PAGE = b'<!doctype html><title>A page</title><h1>A page</h1><p>It says little. <a href="/">The first page</a>\n'
# Nothing takes this long; a wait that does is a failure.
WATCHDOG_S = 600
# How long a resumed crawl works before it is killed.
WORK_S = 2


class Site(http.server.ThreadingHTTPServer):
    """Serves every host on one port: the same page everywhere and no robots.txt. Knows when it was first asked."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = threading.Event()
        self.at = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a crawler that is killed closes its connections anyhow

    def note(self):
        if not self.asked.is_set():
            self.at = time.monotonic()
            self.asked.set()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self):
        self.server.note()
        status, body = (404, b"") if self.path == "/robots.txt" else (200, PAGE)
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Figures:
    """Seconds, seconds of CPU and peak MiB of each thing that was measured, in the order in which they were first seen."""

    def __init__(self):
        self.seconds = {}
        self.cpu_seconds = {}
        self.mebibytes = {}

    def add(self, what, cache, seconds, usage):
        self.seconds.setdefault(what, {}).setdefault(cache, []).append(seconds)
        cpu_seconds = usage.ru_utime + usage.ru_stime
        self.cpu_seconds.setdefault(what, []).append(cpu_seconds)
        self.mebibytes.setdefault(what, []).append(usage.ru_maxrss / 1024)
        print(f"  {what:44} {cache:5} {seconds:8.3f} s, {cpu_seconds:.3f} s of CPU", flush=True)

    def print(self):
        print("\n| verb | cold: median s | worst | warm: median s | worst | CPU s | peak MiB |\n|---|---|---|---|---|---|---|")
        for what, runs in self.seconds.items():
            times = [f"{statistics.median(runs[cache]):.3f} | {max(runs[cache]):.3f}" for cache in ("cold", "warm")]
            # A resume is killed some time after its first request: what it took until then is not known.
            cpu = "" if "first request" in what else f"{statistics.median(self.cpu_seconds[what]):.2f}"
            print(f"| {what} | {' | '.join(times)} | {cpu} | {max(self.mebibytes[what]):.0f} |")


class Bench:
    def __init__(self, programs, folder):
        self.sqrawl = os.path.join(programs, "sqrawl")
        self.populate = os.path.join(programs, "examples", "populate")
        self.folder = folder
        self.db = os.path.join(folder, "large.db")
        self.copy = os.path.join(folder, "copy.db")
        self.site = Site()
        self.figures = Figures()

    def make(self, queued, pages, hosts):
        base = f"http://h{{n}}.localhost:{self.site.server_port}/"
        numbers = ["--urls", queued + pages, "--pages", pages, "--hosts", hosts]
        subprocess.run([self.populate, *map(str, numbers), "--base", base, self.db], check=True)

    def cool(self):
        """Takes the files out of the system's page cache."""
        for name in (self.db, self.db + "-wal"):
            if os.path.exists(name):
                file = os.open(name, os.O_RDWR)
                os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)

    def start(self, verb, *args):
        command = [self.sqrawl, verb, "--db", self.db, *args]
        return time.monotonic(), subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def both(self, what, verb, *args):
        for cache in ("cold", "warm"):
            if cache == "cold":
                self.cool()
            began, child = self.start(verb, *args)
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            if os.waitstatus_to_exitcode(status) != 0:
                sys.exit(f"{what} ended with {os.waitstatus_to_exitcode(status)}")
            self.figures.add(what, cache, seconds, usage)
            if os.path.exists(self.copy):
                os.remove(self.copy)

    def resume(self, what, cache, work_s=WORK_S):
        """From the start of the process to its first request, as the server saw it; then kill -9."""
        if cache == "cold":
            self.cool()
        self.site.asked.clear()
        began, child = self.start("resume", "--quiet")
        seen = self.site.asked.wait(WATCHDOG_S)
        time.sleep(work_s)
        child.send_signal(signal.SIGKILL)
        _, _, usage = os.wait4(child.pid, 0)
        if not seen:
            sys.exit("resume asked for nothing")
        if what:
            self.figures.add(what, cache, self.site.at - began, usage)
        # What the dead process had sent is still being read.
        time.sleep(0.5)

    def run(self):
        for cache in ("cold", "warm"):
            self.resume("resume, to its first request", cache)
        for cache in ("cold", "warm"):
            self.resume(None, "warm", work_s=0)
            self.resume("the same after a kill at the first request", cache)
        self.both("status", "status")
        self.both("query, a count of the queue", "query", "SELECT count(*) FROM urls WHERE state = 'queued'")
        self.both("doctor --quick", "doctor", "--quick")
        self.both("doctor", "doctor")
        self.both("backup", "backup", "--quiet", self.copy)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    for name, default in (("queued", 1_000_000), ("pages", 50_000), ("hosts", 1_000), ("runs", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder")
    args = parser.parse_args()
    folder = args.folder or tempfile.mkdtemp(prefix="large-store.")
    os.makedirs(folder, exist_ok=True)
    bench = Bench(args.programs, folder)
    try:
        bench.make(args.queued, args.pages, args.hosts)
        for run in range(args.runs):
            print(f"run {run + 1}", flush=True)
            bench.run()
        bench.figures.print()
    finally:
        if args.folder:
            for name in os.listdir(folder):
                if name.startswith(("large.db", "copy.db")):
                    os.remove(os.path.join(folder, name))
        else:
            shutil.rmtree(folder)


main()

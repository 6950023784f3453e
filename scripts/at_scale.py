"""Measures the verbs that ask on a large crawl: at_scale.py FOLDER-OF-PROGRAMS [--db FILE] [part …] (see scripts/at-scale)"""

import argparse
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

PARTS = ("reports", "search", "export", "verbs", "frontier", "examples")
# Nothing takes this long; a command that does is a failure.
WATCHDOG_S = 3600
VERBS = ("query", "search", "report", "export", "import", "rank", "explain", "show", "diff", "add", "skip", "retry",
         "status", "doctor", "backup")
DOCS = ("README.md", "docs/query.md", "docs/reports.md", "docs/search.md", "docs/export.md", "docs/import.md",
        "docs/explain.md", "docs/recipes.md", "docs/cli.md")
# Exit codes that are no failure of a command: a gate that did its work.
GATE = 10


class Bench:
    def __init__(self, programs, db, folder, only):
        self.db = os.path.abspath(db)
        self.folder = folder
        self.programs = programs
        self.env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "DATABASE_URL": self.db, "NO_COLOR": "1"}
        self.only = only

    def table(self, head):
        print(f"\n| {head} | s | CPU s | peak MiB | output |\n|---|---|---|---|---|", flush=True)

    def run(self, command, name=None, ok=(0,), keep=None):
        """Runs a command of a shell, and prints its row. What it writes to stdout is counted, and kept in the file `keep`."""
        out = keep or os.path.join(self.folder, "stdout")
        before = self.files()
        with open(out, "wb") as stdout:
            began = time.monotonic()
            child = subprocess.Popen(["bash", "-o", "pipefail", "-c", f"exec {command}" if simple(command) else command], cwd=self.folder,
                                     env=self.env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
            errors = child.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        code = os.waitstatus_to_exitcode(status)
        written = os.path.getsize(out) + sum(self.files().values()) - sum(before.values())
        cpu, mebibytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        said = "" if code in ok else f" **exit {code}: {errors.strip().splitlines()[-1:]}**"
        shown = " ".join((name or command).split()).replace("|", chr(92) + "|")
        print(f"| `{shown}` | {seconds:.2f} | {cpu:.2f} | {mebibytes:.0f} |"
              f" {size(written)}{said} |", flush=True)
        return seconds, cpu

    def files(self):
        """What exports have written, by name; the crawl may lie in the same folder."""
        sizes = {}
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if name != "stdout" and not path.startswith(self.db) and os.path.isfile(path):
                sizes[path] = os.path.getsize(path)
        return sizes

    def tidy(self):
        for path in self.files():
            os.remove(path)

    def cool(self):
        """Takes the file out of the system's page cache."""
        for name in (self.db, self.db + "-wal"):
            if os.path.exists(name):
                file = os.open(name, os.O_RDONLY)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)

    def ask(self, sql):
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    # ------------------------------------------------------------------------------------------------- parts

    def reports(self):
        """Each report as a person sees it (50 rows and their number), all rows into a file, and cold."""
        names = [line["name"] for line in json.loads(self.output("sqrawl report --json"))]
        print("\n| report | rows | 50 rows: s | CPU s | cold: s | all rows: s | CPU s | peak MiB |\n|---|---|---|---|---|---|---|---|")
        for name in names:
            command = f"sqrawl report {name} --timeout none"
            self.cool()
            cold = self.measure(f"{command} --limit 50")
            warm = self.measure(f"{command} --limit 50")
            whole = self.measure(f"{command} -f csv")
            print(f"| `{name}` | {max(whole[3] - 1, 0):,} | {warm[0]:.2f} | {warm[1]:.2f} | {cold[0]:.2f} | {whole[0]:.2f} |"
                  f" {whole[1]:.2f} | {max(warm[2], whole[2]):.0f} |", flush=True)
        self.table("all of them")
        self.run("sqrawl report --all -o report.html --timeout none")
        self.tidy()

    def measure(self, command):
        """Seconds, seconds of CPU, peak MiB, and lines of CSV."""
        began = time.monotonic()
        child = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = 0
        while piece := child.stdout.read(1 << 20):
            lines += piece.count(b"\r\n")
        _, status, usage = os.wait4(child.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
        return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines

    def output(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env, capture_output=True, check=False)
        if done.returncode not in (0, GATE):
            sys.exit(f"{command} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def search(self):
        self.table("search")
        self.run("sqrawl search", "sqrawl search (the index is made)")
        common, middle, rare = "lo", "terba", "nilo"
        host = self.ask("SELECT name FROM hosts ORDER BY id LIMIT 1 OFFSET 3")[0][0]
        for words in (
            f"{common}", f"{middle}", "zuquari", f"{common} {middle}", f"'\"{rare} lo\"'", f"'{middle}*'",
            f"'{common} OR {middle} NOT ter'", "'title:edition'", f"{common} --host {host}",
            f"{common} --since 2025-01-09", f"{common} --lang de --limit 50 -f jsonl",
        ):
            self.run(f"sqrawl search {words}")
        self.cool()
        self.run(f"sqrawl search {middle}", f"sqrawl search {middle} (cold)")

    def export(self):
        self.table("export")
        for command in (
            "-o pages.jsonl", "-o pages.csv", "-o pages-text.jsonl --text", "-f text -o texts.jsonl",
            "-f markdown -o markdown.jsonl", "-f markdown -o near.jsonl.gz --dedupe near", "-o sitemap.xml", "-o site.warc.gz",
            "-o site.cdxj", "-o english.csv --where \"lang = 'en' AND words > 100\"",
            "-o linked.jsonl --where \"url_id IN (SELECT source_id FROM links WHERE kind = 'img')\"",
            "-o some.warc.gz --where \"depth <= 2\"", "-o rest.jsonl --since 2000000",
        ):
            self.run(f"sqrawl export {command}")
            if command not in ("-o some.warc.gz --where \"depth <= 2\"",):
                self.tidy()
        self.table("import, into a new file")
        self.run("DATABASE_URL=imported.db sqrawl import some.warc.gz")
        self.tidy()

    def verbs(self):
        url = self.ask("SELECT url FROM urls WHERE page_fetch_id IS NOT NULL ORDER BY id LIMIT 1 OFFSET 5000")[0][0]
        gone = self.ask("SELECT u.url FROM urls u WHERE state = 'failed' ORDER BY id LIMIT 1")[0][0]
        waiting = self.ask("SELECT url FROM urls WHERE state = 'queued' ORDER BY id DESC LIMIT 1")[0][0]
        self.table("verb")
        for command in (
            "status", "status --json", "rank", "report pagerank --limit 20", f"explain {url}", f"explain {gone}", f"explain {waiting}",
            "explain https://nowhere.example/", f"show {url}", f"show {url} --text", f"show {url} --body", f"show {url} --headers",
            f"show {url} --at 2025-01-05", "diff", "diff --limit 8", "diff -f csv", "diff --json --limit 100",
            "query 'SELECT count(*) FROM pages'", "doctor --quick", "doctor",
        ):
            self.run(f"sqrawl {command}")
        for form in ("table", "csv", "json", "jsonl", "markdown"):
            self.run(f"sqrawl query -f {form} --max-rows none --timeout none 'SELECT * FROM pages'")

    def frontier(self):
        host = self.ask("SELECT name FROM hosts ORDER BY id LIMIT 1 OFFSET 700")[0][0]
        counts = ", ".join(f"{n:,} {name}" for name, n in self.ask("SELECT name, n FROM totals WHERE name <> 'fetches'"))
        self.table(f"frontier ({counts})")
        for command in (
            "add https://h0.example.org/new", "add https://another.test/", f"skip {host}", f"skip --undo {host}",
            "skip '/part-5/'", "skip --undo '/part-5/'", "retry --status 5xx", "retry --outcome timeout", "retry '/part-7/'",
        ):
            self.run(f"sqrawl {command}")

    def examples(self):
        """Every documented example of these verbs, and the statements of the recipes."""
        url = self.ask("SELECT url FROM urls WHERE page_fetch_id IS NOT NULL ORDER BY id LIMIT 1 OFFSET 5000")[0][0]
        host = url.split("/")[2]
        self.prepare()
        self.table("documented example")
        left_out = []
        for command in documented():
            if self.only not in command:
                continue
            why = refused(command)
            if why:
                left_out.append((command, why))
                continue
            real = re.sub(r"https://example\.org/[^\s'\"]*|http://docs\.localhost:\d+/[^\s'\"]*", url, command).replace("docs.example.org", host)
            real = re.sub(r"example\.org(?=[' ])", host, real).replace("--db demo.db ", "")
            real = re.sub(r"(sqlite3 (-readonly )?)crawl\.db", lambda m: m[1] + shlex.quote(self.db), real)
            if real.startswith("sqrawl import"):
                real = "DATABASE_URL=imported.db " + real
            if "--follow" in real:
                real = real.replace("--follow", "--follow --until-complete")
            self.tidy_outputs(real)
            if "sqrawl import" in real:
                self.prepare()
            self.run(real, command, ok=(0, GATE))
            if "sqrawl backup" in real:
                os.remove(os.path.join(self.folder, "copy.db"))
        print("\nLeft out:\n")
        for command, why in left_out:
            print(f"- `{command}`: {why}")
        self.tidy()
        for page in ("docs/recipes.md", "docs/query.md", "README.md"):
            self.table(f"statements of {page}")
            for nth, (title, sql) in enumerate(statements(page), 1):
                if self.only not in title + sql:
                    continue
                file = os.path.join(self.folder, "question.sql")
                with open(file, "w") as out:
                    out.write(sql)
                self.run("sqrawl query --timeout none -f csv - < question.sql", title or f"statement {nth}")
        self.tidy()

    def prepare(self):
        """The files that examples read."""
        def write(name, text):
            with open(os.path.join(self.folder, name), "w") as out:
                out.write(text)

        write("urls.txt", "https://example.org/\n" * 10)
        write("question.sql", "SELECT url, title FROM pages WHERE depth = 1")
        write("sitemap.xml", "<urlset><url><loc>https://example.org/</loc></url></urlset>")
        self.output("gzip -kf sitemap.xml; rm -f sitemap.xml; "
                    "sqrawl export -o archive-1.warc.gz --where \"depth <= 1 AND url_id % 10 = 0\" --force")

    def tidy_outputs(self, command):
        """An export replaces nothing; the files of the one before are taken away, but for --since auto."""
        named = re.search(r" -o ([\w./-]+)", command)
        if named and "--since auto" not in command:
            stem = named[1].split(".")[0]
            for path in self.files():
                if os.path.basename(path).startswith(stem):
                    os.remove(path)
        if "imported.db" in command:
            for path in self.files():
                if os.path.basename(path).startswith("imported.db"):
                    os.remove(path)


def simple(command):
    """Whether it is one program: the shell is not to be measured in its place."""
    return not re.search(r"[|;&]|^\w+=", command.replace("'", ""))


def size(written):
    for unit, most in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if written >= most:
            return f"{written / most:.1f} {unit}"
    return f"{max(written, 0)} B"


def documented():
    """The commands of these verbs in the documentation, each once."""
    commands = []
    for page in DOCS:
        with open(page) as text:
            blocks = re.findall(r"```(?:console|text)\n(.*?)```", text.read(), re.S)
        for block in blocks:
            lines = iter(block.splitlines())
            for line in lines:
                if not line.startswith("$ "):
                    continue
                command = line[2:]
                while command.count('"') % 2:
                    command += "\n" + next(lines)
                command = re.sub(r"\s+# .*$", "", command) if "\n" not in command else command
                if command not in commands and (command.split()[0] == "sqlite3" or uses(command)):
                    commands.append(command)
    return commands


def uses(command):
    words = command.split()
    return any(a == "sqrawl" and b in VERBS for a, b in zip(words, words[1:]))


def refused(command):
    """Why an example is not run here."""
    if "--watch" in command:
        return "goes on until a crawl ends; a look is that of status"
    if "crawl https" in command:
        return "crawls"
    if command == "sqrawl query":
        return "the prompt, which needs a terminal"
    if "jq" in command and not shutil.which("jq"):
        return "no jq here"
    return None


def statements(page):
    with open(page) as text:
        content = text.read()
    found = []
    for match in re.finditer(r"```sql\n(.*?)```", content, re.S):
        titles = re.findall(r"^### (\d+\. .*)$", content[: match.start()], re.M)
        # The README has several statements in one block, each behind its question.
        parts = re.split(r"(?m)^-- (.*)\n", match[1])
        if len(parts) > 1:
            found += list(zip(parts[1::2], parts[2::2]))
        else:
            found.append((titles[-1] if titles else " ".join(match[1].split())[:80], match[1]))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("part", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--db")
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--folder")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_intermixed_args()
    folder = args.folder or tempfile.mkdtemp(prefix="at-scale.")
    os.makedirs(folder, exist_ok=True)
    made = None if args.db else os.path.join(folder, "crawl.db")
    try:
        if made and not os.path.exists(made):
            numbers = ["--urls", args.pages * 135 // 100, "--pages", args.pages * 108 // 100, "--hosts", max(args.pages // 1000, 10)]
            populate = os.path.join(args.programs, "examples", "populate")
            subprocess.run([populate, *map(str, numbers), "--varied", "--rounds", "2", made], check=True)
        bench = Bench(os.path.abspath(args.programs), args.db or made, folder, args.only)
        unknown = set(args.part) - set(PARTS)
        if unknown:
            parser.error(f"no such part: {unknown.pop()}")
        for part in args.part or PARTS:
            getattr(bench, part)()
    finally:
        if made and not args.keep:
            for name in ("", "-wal", "-shm", "-lock"):
                if os.path.exists(made + name):
                    os.remove(made + name)
        if not args.folder and not args.keep:
            shutil.rmtree(folder)


main()

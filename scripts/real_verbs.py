"""Runs the documented examples of every verb on a real site, beside a running crawl and after it: see scripts/real-site

real_verbs.py BIN FOLDER PORT TLS_PORT     FOLDER has the site of verbs_site.py, whose nginx runs; outputs go to FOLDER/out
"""

import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

import verbs_site

HERE = pathlib.Path(__file__).resolve().parent.parent
# A recrawl of some 6,500 URLs: long enough for every verb beside it.
RATE = "20/s"
# The exit codes that are no failure: done, a gate or a difference.
GOOD = {0, 10}


def documented_sql():
    """(name, statement) of every ```sql block of README and docs, statement by statement."""
    for file in ("README.md", "docs/query.md", "docs/schema.md", "docs/recipes.md"):
        text = (HERE / file).read_text()
        for block in re.findall(r"```sql\n(.*?)```", text, re.S):
            for n, statement in enumerate(s for s in block.split(";\n") if s.strip()):
                # The stock shell's own function: it is for the shell.
                if "sqlar_uncompress" not in statement:
                    yield f"query: statements of {file}", statement


class Figures:
    """Seconds, of them of CPU, and peak MiB of every command, by the name that they are counted under."""

    def __init__(self, folder):
        self.runs = {"beside": {}, "after": {}}
        self.folder = folder
        self.faults = 0

    def run(self, phase, name, command, good=GOOD, stop_after=None):
        """Runs a command to its end, or for `stop_after` seconds until SIGINT; keeps what it wrote."""
        nth = sum(map(len, self.runs[phase].values()))
        out = self.folder / f"{phase}-{nth:03}-{re.sub('[^a-z0-9]+', '-', name.lower())[:60]}"
        shown = " ".join(map(str, command))
        # A child of this process would begin with this process's memory as its peak: time(1) is small.
        stop = ["timeout", "--preserve-status", "-s", "INT", str(stop_after)] if stop_after else []
        timed = ["/usr/bin/time", "-q", "-f", "%M %U %S", "-o", f"{out}.peak", *stop, *command]
        began = time.monotonic()
        with open(f"{out}.out", "wb") as stdout, open(f"{out}.err", "wb") as stderr:
            stderr.write((shown + "\n").encode())
            stderr.flush()
            code = subprocess.run(timed, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL).returncode
        seconds = time.monotonic() - began
        peak_kib, user, system = map(float, pathlib.Path(f"{out}.peak").read_text().split())
        self.runs[phase].setdefault(name, []).append((seconds, user + system, peak_kib / 1024, shown))
        if code not in good:
            self.faults += 1
            print(f"  FAILED with {code}: {shown}\n    see {out}.err", flush=True)

    def print(self):
        print("\n| what | runs | beside a crawl: median s | slowest | its CPU s | MiB | after it: median s | slowest | its CPU s | MiB |")
        print("|---" * 10 + "|")
        for name in dict.fromkeys([*self.runs["beside"], *self.runs["after"]]):
            cells = []
            for phase in ("beside", "after"):
                runs = self.runs[phase].get(name, [])
                if not runs:
                    cells += [""] * 4
                    continue
                seconds, cpu, _, _ = max(runs)
                median = statistics.median(run[0] for run in runs)
                cells += [f"{median:.2f}", f"{seconds:.2f}", f"{cpu:.2f}", f"{max(run[2] for run in runs):.0f}"]
            count = max(len(self.runs[phase].get(name, [])) for phase in self.runs)
            print(f"| {name} | {count} | {' | '.join(cells)} |")


class Verbs:
    def __init__(self, binary, folder, port, tls):
        self.bin, self.folder, self.port, self.tls = binary, folder, port, tls
        self.out = folder / "out"
        self.out.mkdir(exist_ok=True)
        self.db = folder / "verbs.db"
        self.docs = f"http://docs.{verbs_site.DOMAIN}:{port}"
        self.figures = Figures(self.out)

    def sqrawl(self, *args, **kwargs):
        return subprocess.run([self.bin, *map(str, args), "--db", self.db], check=True, **kwargs)

    def ask(self, sql):
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def crawl(self):
        seeds = [f"{self.docs}/", f"http://old.{verbs_site.DOMAIN}:{self.port}/extra/plain.html",
                 f"https://secure.{verbs_site.DOMAIN}:{self.tls}/"]
        pace = ["--delay", "0", "-c", "32", "--per-host", "32", "--allow-net", "127.0.0.0/8", "--no-progress"]
        self.sqrawl("crawl", *seeds, *pace, "--sitemaps", "--store-body", "all", "--follow", "+img,+style,+script",
                    "--ca-file", self.folder / "ca.pem")

    def facts(self):
        """What the site is known to have, against what the reports say."""
        wanted = {
            "redirect chains (4 steps: 3 starts; a loop of 2)": ("SELECT count(*), sum(is_loop) FROM report_redirect_chains", (5, 2)),
            "orphans": ("SELECT count(*) FROM report_orphans", (6,)),
            "canonical problems": ("SELECT group_concat(problem) FROM (SELECT problem FROM report_canonicals ORDER BY 1)",
                                   ("broken,chain,excluded,noindex,redirect,several",)),
            "sitemap problems": ("SELECT group_concat(problem) FROM (SELECT problem FROM report_sitemap_problems ORDER BY 1)",
                                 ("broken,canonical,excluded,noindex,redirect",)),
            "mixed content": ("SELECT group_concat(kind) FROM (SELECT kind FROM report_mixed_content ORDER BY 1)", ("form,img,script",)),
            "soft 404": ("SELECT count(*) FROM report_soft_404 WHERE url LIKE '%/extra/soft-404.html'", (1,)),
            "copies of same-a.html": ("SELECT urls FROM report_duplicate_urls WHERE url LIKE '%/extra/same-a.html'", (3,)),
            "near duplicates": ("SELECT count(*) FROM report_near_duplicates WHERE url LIKE '%/extra/near-a.html'", (1,)),
            "pages with links to missing.html": ("SELECT count(DISTINCT source) FROM report_broken_links WHERE target LIKE '%/extra/missing.html' AND kind = 'a'", (2,)),
            "robots-blocked below /private": ("SELECT count(*) FROM report_robots_blocked WHERE url LIKE '%/private/%'", (3,)),
            "slow": ("SELECT count(*) FROM report_slow WHERE url LIKE '%/extra/slow/page.html'", (1,)),
        }
        for what, (sql, expected) in wanted.items():
            (found,) = self.ask(sql) or [None]
            right = found == expected
            self.figures.faults += not right
            print(f"  {what}: {found}{'' if right else f'  EXPECTED {expected}'}")

    def examples(self, phase):
        """Every verb, in the order of the docs."""
        db, out, docs = self.db, self.out, self.docs
        def run(name, *args, **kwargs):
            self.figures.run(phase, name, [self.bin, *map(str, args), "--db", db], **kwargs)

        run("status", "status")
        run("status", "status", "--json")
        for name, statement in documented_sql():
            run(name, "query", statement)
        run("query, a parameter", "query", "-p", f"host=docs.{verbs_site.DOMAIN}", "SELECT count(*) FROM pages WHERE host = :host")
        run("query, all links as CSV", "query", "-f", "csv", "SELECT * FROM page_links")
        run("report, the list", "report")
        for (name,) in self.ask("SELECT substr(name, 8) FROM sqlite_schema WHERE type = 'view' AND name LIKE 'report_%' ORDER BY 1"):
            run("report NAME", "report", name.replace("_", "-"))
        run("report --fail-on", "report", "--fail-on", "broken-links>0", "--fail-on", "redirect-chains > 5")
        run("report --all", "report", "--all", "-o", out / f"{phase}.html")
        run("search, making the index", "search")
        for words in (["crawler"], ['title:vacuum OR "linked list"'], ["vect*", "--host", f"docs.{verbs_site.DOMAIN}", "--limit", "50"],
                      ["the", "--since", "2026-01-31"]):
            run("search", "search", *words)
        run("rank", "rank")
        for flags in ([], ["--text"], ["--body"], ["--headers"], ["--at", "2h ago"]):
            url = "/extra/plain.html" if "2h ago" not in flags else "/"
            run("show", "show", f"{docs}{url}", *flags, good={0, 1})
        for path in ("/", "/private/a.html", "/r/1", "/never/named", "/extra/error.html", "/extra/missing.html"):
            run("explain", "explain", f"{docs}{path}")
        run("diff", "diff")
        for name, *flags in (
            ["pages.jsonl"], ["words.csv", "--where", "lang = 'en' AND words > 100"], ["site.warc.gz"], ["index.cdxj"],
            ["sitemap.xml"], ["texts.jsonl.gz", "-f", "markdown", "--dedupe", "near"], ["plain.txt", "-f", "text"],
            ["forms.jsonl", "--where", "url_id IN (SELECT source_id FROM links WHERE kind = 'form')"],
            ["bodies.jsonl", "--text", "--body", "--headers"],
        ):
            shown = flags if len(" ".join(flags)) < 40 else [*flags[:1], "…"]
            run(f"export {' '.join([name, *shown])}", "export", "-o", out / f"{phase}-{name}", *flags)
        for _ in range(2):
            run("export --since auto", "export", "-o", out / f"{phase}-since.jsonl", "--since", "auto")
        if phase == "beside":
            run("export --follow, 5 s", "export", "-o", "-", "--follow", stop_after=5, good={3})
            run("status --watch, 5 s", "status", "--watch", "--interval", "1s", stop_after=5, good={0, 3})
        else:
            run("export --follow --until-complete", "export", "-o", "-", "--follow", "--until-complete")
        run("add", "add", f"{docs}/extra/orphan-1.html")
        run("skip", "skip", "/never-there/")
        run("skip", "skip", "--undo", "/never-there/")
        run("retry", "retry", "--status", "5xx")
        run("backup", "backup", out / f"{phase}-backup.db")
        run("doctor", "doctor")
        run("config show", "config", "show")
        if phase == "after":
            urls = self.ask("SELECT url FROM pages LIMIT 1000")
            (out / "urls.txt").write_text("\n".join(url for (url,) in urls))
            for file in ("urls.txt", "after-sitemap.xml", "after-site.warc.gz"):
                name = f"import {file.removeprefix('after-')}"
                self.figures.run(phase, name, [self.bin, "import", out / file, "--db", out / "imported.db"])

    def beside(self):
        """The second round, slowly, and every verb beside it."""
        verbs_site.change(self.folder, self.port, self.tls)
        os.kill(int((self.folder / "nginx.pid").read_text()), signal.SIGHUP)
        command = [self.bin, "resume", "--recrawl", "--rate", RATE, "--db", self.db, "-q"]
        crawl = subprocess.Popen(command)
        try:
            while self.ask("SELECT count(*) FROM fetches WHERE round_id = 2")[0][0] < 100:
                time.sleep(0.1)
            self.examples("beside")
            if crawl.poll() is not None:
                sys.exit("the crawl was over before the verbs were; RATE is too high")
        finally:
            crawl.send_signal(signal.SIGINT)
            crawl.wait()
        self.sqrawl("resume", "--rate", "none", "--no-progress")

    def exactly_once(self):
        """`--since auto` again and again while the site is crawled, most runs killed with -9, and `--follow` beside it."""
        db, out = self.folder / "since.db", self.out / "since.jsonl"
        def args(*words):
            return [self.bin, *map(str, words), "--db", str(db)]
        export = args("export", "-o", out, "--since", "auto", "-q")
        pace = ["--delay", "0", "--rate", "130/s", "-c", "16", "--per-host", "16", "--allow-net", "127.0.0.0/8"]
        crawl = subprocess.Popen(args("crawl", f"{self.docs}/", *pace, "-q"))
        while subprocess.run(args("status", "-q"), capture_output=True).returncode != 0:
            time.sleep(0.2)
        with open(self.out / "follow.jsonl", "wb") as stream:
            follow = subprocess.Popen(args("export", "-o", "-", "--follow", "--until-complete", "-q"), stdout=stream)
        chance, runs, kills = random.Random(7), 0, 0
        while crawl.poll() is None:
            child, runs = subprocess.Popen(export), runs + 1
            if chance.random() < 0.6:
                time.sleep(chance.uniform(0.005, 0.12))
                kills += child.poll() is None
                child.kill()
            child.wait()
            time.sleep(chance.uniform(0, 0.6))
        subprocess.run(export, check=True)
        follow.wait()
        files = [out.parent / file["name"] for file in json.loads(pathlib.Path(f"{out}.manifest.json").read_text())["files"]]
        def urls(paths):
            return sorted(json.loads(line)["url"] for path in paths for line in path.read_text().splitlines())
        connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
        pages = sorted(url for (url,) in connection.execute("SELECT url FROM pages"))
        connection.close()
        wrong = (urls(files) != pages) + (urls([self.out / "follow.jsonl"]) != pages)
        self.figures.faults += wrong
        print(f"  {runs} exports, {kills} of them killed: {len(files)} files have each of {len(pages):,} pages "
              f"{'once, and so has the stream that followed' if not wrong else 'NOT ONCE'}")

    def same_texts(self):
        """Title and text of what was imported: those of the first capture of each page, so of the first round."""
        of = "FROM fetches f JOIN urls u ON u.id = f.url_id JOIN contents c ON c.id = f.content_id JOIN texts t ON t.content_id = c.id"
        first = f"SELECT u.url, c.title, t.text, min(f.id) {of} WHERE f.outcome = 'page' GROUP BY u.url"
        crawled = {url: (title, text) for url, title, text, _ in self.ask(first)}
        connection = sqlite3.connect(self.out / "imported.db")
        imported = {url: (title, text) for url, title, text, _ in connection.execute(first)}
        connection.close()
        missing = [url for url in crawled if url not in imported]
        other = [url for url in imported if imported[url] != crawled.get(url)]
        self.figures.faults += len(other)
        print(f"  {len(crawled):,} pages with text; imported from the WARC {len(imported):,}, {len(other)} of them with another title "
              f"or text; {len(missing)} not, which the archive has as copies of others alone")


def main(binary, folder, port, tls):
    verbs = Verbs(binary, pathlib.Path(folder).resolve(), int(port), int(tls))
    print("== the first round"); verbs.crawl()
    print("== what is known of the site"); verbs.facts()
    print(f"== the second round at {RATE}, and every verb beside it"); verbs.beside()
    print("== every verb after it"); verbs.examples("after"); verbs.same_texts()
    print("== exports again and again while the site is crawled, and killed"); verbs.exactly_once()
    verbs.figures.print()
    slowest = max((run for runs in verbs.figures.runs["after"].values() for run in runs))
    print(f"\nslowest after the crawl: {slowest[0]:.2f} s, {slowest[3]}")
    print(f"{verbs.figures.faults} faults")
    sys.exit(verbs.figures.faults > 0)


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 5 else sys.exit(__doc__)

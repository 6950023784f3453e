"""Judges a crawl from outside: shares no code with sqrawl and knows HTTP and HTML from others.

walk URL FILE          walks the site with urllib, robotparser and lxml; writes what it found
compare FILE DB        every page stored, none missing, none invented; titles, bodies, links equal
equal DB DB            two crawls came to the same (url, state, title, hash, links)
figures FOLDER -- CMD  runs CMD --db … three times; CPU, pages/s, memory, disk (medians)
"""

import collections
import hashlib
import http.client
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.robotparser
import zlib

import lxml.html

# rel values of <link> that name no document: resources, hints, pictures.
NO_DOCUMENT = set(
    "stylesheet icon shortcut apple-touch-icon apple-touch-icon-precomposed mask-icon preload prefetch preconnect "
    "dns-prefetch modulepreload prerender manifest pingback".split()
)
NOFOLLOW = {"nofollow", "ugc", "sponsored"}


# Longer titles are cut by sqrawl (docs/extraction.md).
TITLE_CHARACTERS = 1024


def fold(text):
    """White space folded, without the control characters that libxml2 drops and html5ever keeps."""
    return "".join(c for c in " ".join((text or "").split()) if c >= " ")[:TITLE_CHARACTERS]


def canonical(base, href):
    """An absolute URL without fragment, or None when it is not http(s)."""
    try:
        url = urllib.parse.urljoin(base, href.strip(" \t\n\r\f"))
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._[]|^")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&()*+,;=~-._?[]|^{}\\`")
    url = urllib.parse.urlunsplit((parts.scheme, parts.netloc.lower(), path, query, ""))
    return re.sub("%[0-9a-f]{2}", lambda escape: escape[0].upper(), url)


def followed(document, url):
    """The references of a page that a crawler is to follow, absolute."""
    base = document.find(".//base[@href]")
    base_url = urllib.parse.urljoin(url, base.get("href")) if base is not None else url
    for meta in document.iterfind(".//meta[@name]"):
        if meta.get("name").lower() == "robots" and "nofollow" in meta.get("content", "").lower():
            return
    for element in document.iter("a", "area", "iframe", "frame", "link", "meta"):
        href = element.get("src" if element.tag in ("iframe", "frame") else "href")
        rel = set((element.get("rel") or "").lower().split())
        if element.tag == "meta":
            if (element.get("http-equiv") or "").lower() != "refresh":
                continue
            found = re.search(r"url\s*=\s*['\"]?([^'\"]+)", element.get("content", ""), re.I)
            href = found and found.group(1)
        elif element.tag == "link" and (not rel or rel & NO_DOCUMENT):
            continue
        # A reference to a place on the same page is no link.
        if href is None or rel & NOFOLLOW or href.strip().startswith("#"):
            continue
        target = canonical(base_url, href)
        if target:
            yield target


class Client:
    """GET over one connection that is kept open."""

    def __init__(self, netloc):
        self.connection = http.client.HTTPConnection(netloc, timeout=60)

    def get(self, url):
        parts = urllib.parse.urlsplit(url)
        self.connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
        response = self.connection.getresponse()
        return response, response.read()


def walk(seed, out):
    seed = canonical(seed, "")
    netloc = urllib.parse.urlsplit(seed).netloc
    client = Client(netloc)
    robots = urllib.robotparser.RobotFileParser()
    response, body = client.get(canonical(seed, "/robots.txt"))
    robots.parse(body.decode().splitlines() if response.status == 200 else [])
    found = {"seed": seed, "pages": {}, "other": {}, "refused": []}
    links = {}
    queue, known = collections.deque([seed]), {seed}
    while queue:
        url = queue.popleft()
        if not robots.can_fetch("sqrawl", url):
            found["refused"].append(url)
            continue
        response, body = client.get(url)
        named = []
        if response.status in (301, 302, 303, 307, 308):
            found["other"][url] = response.status
            named = [canonical(url, response.getheader("Location"))]
        elif response.status != 200:
            found["other"][url] = response.status
        else:
            page = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "title": None, "html": False}
            if response.headers.get_content_type() == "text/html":
                parser = lxml.html.HTMLParser(encoding=response.headers.get_content_charset())
                document = lxml.html.document_fromstring(body, parser=parser)
                page["html"] = True
                page["title"] = fold(document.findtext(".//title"))
                named = list(dict.fromkeys(followed(document, url)))
                links[url] = [target for target in named if urllib.parse.urlsplit(target).netloc == netloc]
            found["pages"][url] = page
        for target in named:
            if target not in known and urllib.parse.urlsplit(target).netloc == netloc:
                known.add(target)
                queue.append(target)
    found["links"] = links
    with open(out, "w") as file:
        json.dump(found, file)
    pages = found["pages"].values()
    print(f"pages {len(pages)} ({sum(p['html'] for p in pages)} of them HTML), {sum(p['bytes'] for p in pages):,} bytes")
    print(f"links between them {sum(map(len, links.values())):,} (most on one page {max(map(len, links.values())):,})")
    print(f"other answers {collections.Counter(found['other'].values())}, refused by robots.txt {len(found['refused'])}")


def rows(db, sql):
    connection = sqlite3.connect(f"file:{urllib.parse.quote(db)}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


class Verdict:
    """Differences, counted and shown."""

    def __init__(self):
        self.faults = 0

    def same(self, what, ours, theirs):
        """Compares two sets."""
        missing, invented = theirs - ours, ours - theirs
        self.faults += len(missing) + len(invented)
        print(f"{what}: {len(theirs):,} expected, {len(missing)} missing, {len(invented)} invented")
        for word, items in (("missing", missing), ("invented", invented)):
            for item in sorted(items, key=str)[:5]:
                print(f"  {word}: {item!s:.300}")

    def exit(self):
        print("no difference" if self.faults == 0 else f"{self.faults} DIFFERENCES")
        sys.exit(0 if self.faults == 0 else 1)


def compare(file, db):
    with open(file) as text:
        found = json.load(text)
    pages, seed = found["pages"], found["seed"]
    verdict = Verdict()
    stored = dict(rows(db, "SELECT url, title FROM pages"))
    verdict.same("pages", set(stored), set(pages))
    verdict.same(
        "titles of HTML pages",
        {(url, fold(title)) for url, title in stored.items() if pages.get(url, {}).get("html")},
        {(url, page["title"]) for url, page in pages.items() if page["html"]},
    )
    bodies = rows(
        db,
        "SELECT p.url, b.data, b.size_bytes FROM pages p JOIN bodies b ON b.content_id = p.content_id"
        " WHERE p.mime = 'text/html'",
    )
    unpacked = {
        (url, hashlib.sha256(data if len(data) == size else zlib.decompress(data)).hexdigest())
        for url, data, size in bodies
    }
    verdict.same("bodies of HTML pages", unpacked, {(url, p["sha256"]) for url, p in pages.items() if p["html"]})
    fetched = "SELECT DISTINCT u.url FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.outcome <> 'robots'"
    asked = {url for (url,) in rows(db, fetched) if url.startswith(seed)}
    verdict.same("URLs asked for", asked, set(pages) | set(found["other"]))
    refused = "SELECT u.url FROM urls u JOIN rules r ON r.id = u.rule_id WHERE r.name = 'robots'"
    verdict.same("refused by robots.txt", {url for (url,) in rows(db, refused)}, set(found["refused"]))
    kinds = "('a','canonical','alternate','frame','next','prev','refresh','link')"
    links = rows(db, f"SELECT DISTINCT source, target FROM page_links WHERE kind IN {kinds} AND nofollow = 0")
    verdict.same(
        "links to the same site",
        {(source, target) for source, target in links if target.startswith(seed) and pages.get(source, {}).get("html")},
        {(source, target) for source, targets in found["links"].items() for target in targets},
    )
    open_urls = rows(db, "SELECT count(*) FROM urls WHERE state IN ('queued','scheduled')")[0][0]
    verdict.same("URLs left open", {open_urls}, {0})
    verdict.exit()


def equal(one, other):
    verdict = Verdict()
    queries = {
        "url, state, outcome, title, hash": """
            SELECT u.url, u.state, r.name, f.outcome, f.status, c.title, hex(c.hash) FROM urls u
            LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
            LEFT JOIN contents c ON c.id = f.content_id""",
        "links": "SELECT source, target, kind, nofollow, position, anchor FROM page_links",
    }
    for what, sql in queries.items():
        verdict.same(what, set(rows(other, sql)), set(rows(one, sql)))
    verdict.exit()


def figures(folder, command):
    runs = []
    for run in range(3):
        db = os.path.join(folder, f"figures{run}.db")
        began = time.monotonic()
        child = subprocess.Popen([*command, "--db", db])
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        if status != 0:
            sys.exit(f"the crawl ended with {os.waitstatus_to_exitcode(status)}")
        ((pages, size, html),) = rows(
            db, "SELECT count(*), sum(size_bytes), sum(mime = 'text/html') FROM pages"
        )
        disk = sum(os.path.getsize(db + s) for s in ("", "-wal") if os.path.exists(db + s))
        runs.append(
            {
                "CPU s per 1,000 pages": (usage.ru_utime + usage.ru_stime) / pages * 1000,
                "  of it in the kernel": usage.ru_stime / pages * 1000,
                "pages/s": pages / wall,
                "wall s": wall,
                "peak RSS MiB": usage.ru_maxrss / 1024,
                "bytes on disk per page": disk / pages,
                "bytes of body per page": size / pages,
            }
        )
        print(f"run {run + 1}: {pages} pages ({html} HTML), {wall:.1f} s")
    print()
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:24} {statistics.median(values):12,.1f}   ({min(values):,.1f} to {max(values):,.1f})")
    print("\nwhere the bytes are (% of the file):")
    used = subprocess.run(
        ["sqlite3", "-readonly", db, "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 10"],
        capture_output=True, text=True, check=True,
    ).stdout.split()
    for line in used:
        name, size = line.rsplit("|", 1)
        print(f"  {name:32} {int(size) / os.path.getsize(db) * 100:5.1f}")


def main(args):
    match args:
        case ["walk", seed, out]:
            walk(seed, out)
        case ["compare", file, db]:
            compare(file, db)
        case ["equal", one, other]:
            equal(one, other)
        case ["figures", folder, "--", *command]:
            figures(folder, command)
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])

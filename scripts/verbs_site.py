"""The site on which scripts/real-site verbs shows the verbs: verbs_site.py make|change FOLDER PORT TLS_PORT

make      writes FOLDER/site (pages whose faults are known), FOLDER/nginx.conf and a certificate of its own
change    changes some of it, as sites do between two rounds: titles, contents, pages gone, pages moved

Thousands of pages are those of Debian's documentation packages, which nginx serves as they are. What this file adds are
the faults that reports are about, each a known number of times (FACTS), and pages that mean harm.
"""

import os
import pathlib
import subprocess
import sys
import zlib

DOMAIN = "example-site.test"
HOSTS = [f"docs.{DOMAIN}", f"old.{DOMAIN}", f"secure.{DOMAIN}"]
TREES = {
    "python": ("/usr/share/doc/python3-doc/html", "index.html"),
    "cpp": ("/usr/share/cppreference/doc/html", "en/index.html"),
    "postgresql": ("/usr/share/doc/postgresql-doc-15/html", "index.html"),
    "git": ("/usr/share/doc/git/html", "git.html"),
}
WORDS = (
    "the quick survey of an old harbour says that boats come home late when the wind turns north and the light over the "
    "water fades while people on the quay wait with lamps and talk about the price of rope salt bread and the weather "
).split()


def prose(seed, words=300):
    """Words in an order that only the seed decides."""
    out, state = [], zlib.crc32(seed.encode())
    for _ in range(words):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(WORDS[(state >> 16) % len(WORDS)] + ("." if state % 11 == 0 else ""))
    return " ".join(out)


def page(title, body, head="", lang="en"):
    title = "" if title is None else f"<title>{title}</title>"
    lang = f' lang="{lang}"' if lang else ""
    return f'<!doctype html>\n<html{lang}><meta charset="utf-8">{title}{head}\n<body>{body}\n</html>\n'


def ordinary(name, head="", title=None, extra="", lang="en"):
    described = head if "description" in head else f'{head}<meta name="description" content="What page {name} is about">'
    return page(title or f"An ordinary page called {name}", f"<h1>{name}</h1><p>{prose(name)}</p>{extra}", described, lang)


def canonical(url):
    return f'<link rel="canonical" href="{url}">'


def pages(port):
    """Path below the root → text of the page, and the paths of /extra that the index of /extra links to."""
    docs, old = f"http://docs.{DOMAIN}:{port}", f"http://old.{DOMAIN}:{port}"
    files, linked = {}, []

    def add(name, text, link=True):
        files[f"extra/{name}"] = text
        if link:
            linked.append(f"/extra/{name}")

    # Broken links: two pages each.
    broken = "".join(f'<a href="/extra/{p}">To {p}</a> ' for p in ("missing.html", "gone.html", "error.html"))
    for name in ("broken-1.html", "broken-2.html"):
        add(name, ordinary(name, extra=f'{broken}<a href="http://docs.{DOMAIN}:1/">A closed port</a>'))
    # Redirects: a chain of four steps, a loop of two, one from the old host.
    redirects = '<a href="/r/1">chain</a> <a href="/loop/a">loop</a> <a href="/moved">one step</a> '
    add("redirects.html", ordinary("redirects.html", extra=f'{redirects}<a href="{old}/extra/plain.html">old host</a>'))
    for name in ("plain.html", "target.html", "chain-end.html"):
        add(name, ordinary(name), name == "plain.html")
    # The same content, nearly the same, titles, descriptions.
    for name in ("same-a.html", "same-b.html", "same-c.html"):
        add(name, ordinary("same"))
    for n, name in enumerate(("near-a.html", "near-b.html")):
        add(name, ordinary("near", title=f"Nearly the same {n}", extra=f"<p>{n}</p>"))
    add("title-missing.html", page(None, f"<h1>x</h1><p>{prose('tm')}</p>"))
    add("title-long.html", ordinary("tl", title="A title that goes on and on, " * 5))
    add("title-short.html", ordinary("ts", title="Short"))
    for n in range(3):
        add(f"title-shared-{n}.html", ordinary(f"tsh{n}", title="Three pages have this title"))
    add("description-long.html", ordinary("dl", '<meta name="description" content="' + "on and on " * 20 + '">'))
    # Canonicals: good, broken, redirected, excluded, noindex, a chain, several.
    for name, target in {
        "good": "/extra/plain.html", "broken": "/extra/missing.html", "redirect": "/moved", "excluded": "/private/a.html",
        "noindex": "/extra/noindex.html", "chain": "/extra/canonical-good.html",
    }.items():
        add(f"canonical-{name}.html", ordinary(f"canonical {name}", canonical(target)))
    add("canonical-several.html", ordinary("cs", canonical("/extra/plain.html") + canonical("/extra/target.html")))
    add("noindex.html", ordinary("noindex", '<meta name="robots" content="noindex">'))
    add("nofollow.html", ordinary("nofollow", extra='<a rel="nofollow" href="/extra/plain.html">nofollow</a>'))
    add("soft-404.html", page("Page not found", "<h1>Page not found</h1><p>The page you asked for does not exist.</p>"))
    add("robots.html", ordinary("robots.html", extra='<a href="/private/a.html">a</a> <a href="/private/b.html">b</a>'))
    add("external.html", ordinary("external.html", extra='<a href="https://www.iana.org/">IANA</a> '
        '<a rel="nofollow" href="https://www.rfc-editor.org/rfc/rfc9309">RFC 9309</a> <a href="mailto:me@example.org">mail</a>'))
    # Deep: eight links in a row. Large, slow.
    for n in range(1, 9):
        add(f"deep/{n}.html", ordinary(f"deep {n}", extra=f'<a href="{n + 1}.html">deeper</a>' if n < 8 else ""), n == 1)
    add("large.html", ordinary("large", extra=f"<p>{prose('large', 250_000)}</p>"))
    add("slow/page.html", ordinary("slow", extra=f"<p>{prose('slower', 400)}</p>"))
    # Languages, types, text.
    add("german.html", page("Eine Seite auf Deutsch", "<p>Das ist eine Seite, die auf Deutsch geschrieben ist und niemand hat "
        "es ihr angesehen, weil sie nicht sagt, in welcher Sprache sie geschrieben wurde.</p>", lang=""))
    add("french.html", page("Une page en français", "<p>Voici une page écrite en français.</p>", lang="fr"))
    add("notes.txt", "Plain text, which is a page too.\n")
    add("image.html", ordinary("image", extra='<img src="/cpp/common/images/bg_navigation.png"><img src="/extra/no.png">'))
    # In the sitemap alone.
    for n in range(1, 6):
        add(f"orphan-{n}.html", ordinary(f"orphan {n}"), False)
    # Pages that mean harm.
    evil = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\u202e\u2066desrever\x7f\x9b1m"
    for name, title in {
        "ansi": evil, "huge": "huge " * 200_000, "markup": "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;",
        "formula": "=cmd|' /C calc'!A0", "table": "a | b `c` [d](javascript:alert(1)) | e", "lines": "one\r\ntwo\tthree,\"four\"",
        "wide": "你好 🦀 👨‍👩‍👧 e\u0301\u0301\u0301 " * 8, "rtl": "שלום עולם \u202e",
    }.items():
        body = f'<p>{prose(name)} <b>{title[:99]}</b></p><a href="/extra/missing.html?{name}=%1b[31m">{title[:300]}</a>'
        add(f"hostile/{name}.html", page(title, body, '<meta name="description" content="' + title[:300].replace('"', "") + '">'))
    files["extra/index.html"] = page("Pages with known faults", "<h1>Pages with known faults</h1>" +
        "".join(f'<p><a href="{path}">{path}</a></p>' for path in linked), '<meta name="description" content="All of them">')
    trees = "".join(f'<li><a href="/{name}/{start}">{name}</a>' for name, (_, start) in TREES.items())
    files["index.html"] = page("Documentation of everything", "<h1>Documentation</h1><ul>" + trees +
        f'<li><a href="/extra/">Faults</a></ul>', '<meta name="description" content="Where everything begins">')
    named = [f"orphan-{n}.html" for n in range(1, 6)] + ["plain.html", "missing.html", "noindex.html", "canonical-good.html"]
    files["sitemap.xml"] = ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">' +
        "".join(f"<url><loc>{docs}/extra/{n}</loc></url>" for n in named) +
        f"<url><loc>{docs}/moved</loc></url><url><loc>{docs}/private/c.html</loc></url></urlset>\n")
    files["robots.txt"] = (f"User-agent: *\nDisallow: /private/\nDisallow: /python/whatsnew/2.\nSitemap: {docs}/sitemap.xml\n")
    files["private/a.html"] = ordinary("nobody is to read this")
    files["secure/index.html"] = ordinary("secure", extra=f'<img src="{docs}/cpp/common/images/x.png">'
        f'<script src="{docs}/extra/x.js"></script><form action="{docs}/post"></form><a href="{docs}/">docs</a>')
    return files


def write(root, files):
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())


CONF = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    charset utf-8;
    charset_types text/plain text/css application/javascript;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/t1;
    proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4;
    scgi_temp_path {folder}/t5;
    gzip on;
    gzip_types text/plain text/css application/javascript;
    absolute_redirect on;
    server {{
        listen 127.0.0.1:{port};
        server_name docs.{domain};
        root {folder}/site;
        include {folder}/round.conf;
        location /r/1 {{ return 301 /r/2; }}
        location /r/2 {{ return 302 /r/3; }}
        location /r/3 {{ return 307 /r/4; }}
        location /r/4 {{ return 308 /extra/chain-end.html; }}
        location /loop/a {{ return 302 /loop/b; }}
        location /loop/b {{ return 302 /loop/a; }}
        location = /moved {{ return 301 /extra/target.html; }}
        location = /extra/gone.html {{ return 410; }}
        location = /extra/error.html {{ return 500; }}
        location /extra/slow/ {{ limit_rate 1k; gzip off; }}
{trees}
    }}
    server {{
        listen 127.0.0.1:{port};
        server_name old.{domain};
        return 301 http://docs.{domain}:{port}$request_uri;
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        server_name secure.{domain};
        ssl_certificate {folder}/secure.pem;
        ssl_certificate_key {folder}/secure.key;
        root {folder}/site/secure;
    }}
}}
"""


def certificate(folder):
    """An authority of its own and a certificate by it: what is no authority is not trusted as one."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    (folder / "san").write_text(f"subjectAltName=DNS:secure.{DOMAIN}\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=verbs test authority")
    openssl("req", *key, "-keyout", "secure.key", "-out", "secure.csr", "-subj", f"/CN=secure.{DOMAIN}")
    openssl("x509", "-req", "-in", "secure.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "secure.pem", "-days", "30", "-extfile", "san")


def make(folder, port, tls):
    write(folder / "site", pages(port))
    (folder / "round.conf").write_text("")
    trees = "\n".join(f"        location /{name}/ {{ alias {os.path.realpath(path)}/; }}" for name, (path, _) in TREES.items())
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port, tls=tls, domain=DOMAIN, trees=trees))
    certificate(folder)


def change(folder, port, _tls):
    """What differs in the second round: 5 titles and contents, 3 gone, 3 moved, 2 new."""
    site = folder / "site"
    for n in (1, 2, 3):
        path = site / f"extra/title-shared-{n - 1}.html"
        path.write_text(path.read_text().replace("Three pages have this title", f"A title of its own, number {n}"))
    path = site / "extra/plain.html"
    path.write_text(path.read_text().replace("</p>", " And something new at the end.</p>", 1))
    path = site / "extra/external.html"
    path.write_text(path.read_text().replace('<a href="https://www.iana.org/">IANA</a> ', ""))
    gone = ["/git/git-add.html", "/postgresql/sql-vacuum.html", "/extra/deep/8.html"]
    moved = {"/git/git-log.html": "/git/git-show.html", "/extra/french.html": "/extra/francais.html"}
    (site / "extra/francais.html").write_bytes((site / "extra/french.html").read_bytes())
    (site / "extra/shifted.html").write_bytes((site / "extra/german.html").read_bytes())
    (site / "extra/german.html").unlink()
    index = site / "extra/index.html"
    links = '<p><a href="/extra/shifted.html">s</a><a href="/extra/new.html">A new page</a></p>'
    index.write_text(index.read_text().replace("\n</html>", links + "\n</html>"))
    (site / "extra/new.html").write_text(ordinary("new in the second round"))
    rules = [f"location = {p} {{ return 410; }}" for p in gone] + [f"location = {a} {{ return 301 {b}; }}" for a, b in moved.items()]
    (folder / "round.conf").write_text("\n".join(rules) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [("make" | "change") as what, folder, port, tls]:
            {"make": make, "change": change}[what](pathlib.Path(folder).resolve(), int(port), int(tls))
        case _:
            sys.exit(__doc__)

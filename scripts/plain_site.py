#!/usr/bin/env python3
"""A deterministic site on loopback: plain_site.py PAGES BYTES; prints its port.

Page n links to pages 2n+1 and 2n+2 and holds BYTES of text that is the same every time and does not
pack well, so that a crawl of it takes about as much disk as the site is large.
"""

import base64
import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES, BYTES = int(sys.argv[1]), int(sys.argv[2])


def text(number):
    """Words of random letters, from nothing but the number."""
    blocks = (hashlib.sha256(f"{number} {block}".encode()).digest() for block in range(BYTES // 40 + 1))
    return base64.b32encode(b"".join(blocks)).decode().lower().replace("q", " ")[:BYTES]


def page(number):
    links = "".join(f'<a href="/{n}">page {n}</a> ' for n in (2 * number + 1, 2 * number + 2) if n < PAGES)
    return f"<!doctype html><title>Page {number}</title><p>{links}</p><p>{text(number)}</p>\n".encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path[1:] or "0"
        known = name.isdigit() and int(name) < PAGES
        body = page(int(name)) if known else b"there is no such page\n"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/html" if known else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        """A crawler that went away is what this site is for."""


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()

"""PeerStore: pages and links into SQLite, 400 pages in a transaction, for the crawlers in Python."""

import json
import sqlite3

PAGES_IN_A_TRANSACTION = 400
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, status INTEGER, headers TEXT, title TEXT, html BLOB);
CREATE TABLE links (page_id INTEGER NOT NULL, target TEXT NOT NULL);
"""


class PeerStore:
    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.executescript(SCHEMA)
        self.pages = []
        self.links = []
        self.stored = 0

    def add(self, url, status, headers, title, html, links):
        """headers: pairs of strings; html: bytes; links: absolute URLs, each once."""
        number = self.stored + len(self.pages) + 1
        self.pages.append((number, url, status, json.dumps(headers), title, html))
        self.links.extend((number, link) for link in links)
        if len(self.pages) == PAGES_IN_A_TRANSACTION:
            self.commit()

    def commit(self):
        self.database.execute("BEGIN")
        self.database.executemany("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?)", self.pages)
        self.database.executemany("INSERT INTO links VALUES (?, ?)", self.links)
        self.database.execute("COMMIT")
        self.stored += len(self.pages)
        self.pages.clear()
        self.links.clear()

    def close(self):
        self.commit()
        self.database.close()

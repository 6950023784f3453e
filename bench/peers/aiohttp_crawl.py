"""aiohttp, lxml and SQLite, as one writes a crawler of one's own: aiohttp_crawl.py FOLDER IN-FLIGHT SEED…

The frontier is in memory; links are decoded by lxml and resolved by yarl.
"""

import asyncio
import os
import sys
from urllib.robotparser import RobotFileParser

import aiohttp
import lxml.html
from peer_store import PeerStore
from yarl import URL

AGENT = "aiohttp-peer/1.0"


class Crawl:
    def __init__(self, folder, seeds):
        self.store = PeerStore(os.path.join(folder, "crawl.db"))
        self.hosts = {URL(seed).host for seed in seeds}
        self.robots = {}
        self.seen = set()
        self.queue = asyncio.Queue()
        for seed in seeds:
            self.found(URL(seed))

    def found(self, url):
        if url.host in self.hosts and url not in self.seen:
            self.seen.add(url)
            self.queue.put_nowait(url)

    async def allowed(self, session, url):
        """Asks for robots.txt once, however many wait for it."""
        if url.host not in self.robots:
            self.robots[url.host] = asyncio.ensure_future(self.read_robots(session, url))
        return (await self.robots[url.host]).can_fetch(AGENT, str(url))

    async def read_robots(self, session, url):
        rules = RobotFileParser()
        async with session.get(url.with_path("/robots.txt")) as response:
            rules.parse((await response.text()).splitlines())
        return rules

    async def visit(self, session, url):
        if not await self.allowed(session, url):
            return
        async with session.get(url) as response:
            body = await response.read()
            headers = list(response.headers.items())
        links, title = [], None
        if response.content_type == "text/html" and body:
            document = lxml.html.document_fromstring(body)
            title = document.findtext(".//title")
            links = list(dict.fromkeys(self.targets(response.url, document)))
        self.store.add(str(url), response.status, headers, title, body, [str(link) for link in links])
        for link in links:
            self.found(link)

    def targets(self, base, document):
        for href in document.xpath("//a/@href"):
            try:
                link = base.join(URL(href)).with_fragment(None)
            except ValueError:
                continue
            if link.scheme in ("http", "https") and link.host:
                yield link

    async def work(self, session):
        while True:
            url = await self.queue.get()
            try:
                await self.visit(session, url)
            except aiohttp.ClientError as error:
                print(url, error, file=sys.stderr)
            finally:
                self.queue.task_done()

    async def run(self, in_flight):
        connector = aiohttp.TCPConnector(limit=in_flight)
        async with aiohttp.ClientSession(connector=connector, headers={"User-Agent": AGENT}) as session:
            workers = [asyncio.ensure_future(self.work(session)) for _ in range(in_flight)]
            await self.queue.join()
            for worker in workers:
                worker.cancel()
        self.store.close()


async def main():
    folder, in_flight, *seeds = sys.argv[1:]
    await Crawl(folder, seeds).run(int(in_flight))


asyncio.run(main())

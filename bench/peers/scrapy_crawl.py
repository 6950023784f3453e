"""Scrapy with JOBDIR and an SQLite pipeline: scrapy_crawl.py FOLDER IN-FLIGHT SEED…"""

import os
import sys
from urllib.parse import urlsplit

import scrapy
from peer_store import PeerStore
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

FOLDER, IN_FLIGHT, *SEEDS = sys.argv[1:]


class WebSpider(scrapy.Spider):
    name = "web"
    allowed_domains = [urlsplit(seed).hostname for seed in SEEDS]
    extractor = LinkExtractor()

    async def start(self):
        # Those that Scrapy makes of `start_urls` are not remembered, and would be visited twice.
        for seed in SEEDS:
            yield scrapy.Request(seed)

    def parse(self, response):
        # As the extractor gives them: absolute, each once, without fragments.
        links = [link.url for link in self.extractor.extract_links(response)]
        yield {
            "url": response.url,
            "status": response.status,
            "headers": [(name.decode(), b", ".join(values).decode()) for name, values in response.headers.items()],
            "title": response.css("title::text").get(),
            "html": response.body,
            "links": links,
        }
        for link in links:
            yield scrapy.Request(link)


class StorePipeline:
    def open_spider(self):
        self.store = PeerStore(os.path.join(FOLDER, "crawl.db"))

    def process_item(self, item):
        self.store.add(**item)
        return item

    def close_spider(self):
        self.store.close()


process = CrawlerProcess(
    {
        "JOBDIR": os.path.join(FOLDER, "job"),
        "CONCURRENT_REQUESTS": int(IN_FLIGHT),
        "CONCURRENT_REQUESTS_PER_DOMAIN": int(IN_FLIGHT),
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": True,
        "ITEM_PIPELINES": {StorePipeline: 300},
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
    }
)
process.crawl(WebSpider)
process.start()

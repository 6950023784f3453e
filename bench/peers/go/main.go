// What Colly is made of, net/http and goquery, with pages and links into SQLite:
//
//	go-peer DATABASE IN-FLIGHT SEED…
//
// Colly itself is no package of Debian 12. The frontier is in memory; robots.txt is not read.
package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/PuerkitoBio/goquery"
	_ "github.com/mattn/go-sqlite3"
)

const (
	pagesInATransaction = 400
	pragmas             = "?_journal_mode=WAL&_synchronous=NORMAL"
	schema              = `
CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, status INTEGER, headers TEXT, title TEXT, html BLOB);
CREATE TABLE links (page_id INTEGER NOT NULL, target TEXT NOT NULL);`
)

type page struct {
	url     string
	status  int
	headers string
	title   string
	html    []byte
	links   []string
}

// frontier holds what is still to be visited; its end is reached when nothing waits and nobody works.
type frontier struct {
	sync.Mutex
	changed sync.Cond
	seen    map[string]bool
	queue   []string
	working int
}

func (f *frontier) add(links []string) {
	f.Lock()
	defer f.Unlock()
	for _, link := range links {
		if !f.seen[link] {
			f.seen[link] = true
			f.queue = append(f.queue, link)
		}
	}
	f.changed.Broadcast()
}

func (f *frontier) next() (string, bool) {
	f.Lock()
	defer f.Unlock()
	for len(f.queue) == 0 {
		if f.working == 0 {
			f.changed.Broadcast()
			return "", false
		}
		f.changed.Wait()
	}
	first := f.queue[0]
	f.queue = f.queue[1:]
	f.working++
	return first, true
}

func (f *frontier) done() {
	f.Lock()
	defer f.Unlock()
	f.working--
	f.changed.Broadcast()
}

func visit(client *http.Client, address string) (*page, error) {
	request, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "go-peer/1.0")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	headers, err := json.Marshal(response.Header)
	if err != nil {
		return nil, err
	}
	found := &page{url: address, status: response.StatusCode, headers: string(headers), html: body}
	document, err := goquery.NewDocumentFromReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	found.title = document.Find("title").First().Text()
	known := map[string]bool{}
	document.Find("a[href]").Each(func(_ int, anchor *goquery.Selection) {
		link, err := response.Request.URL.Parse(anchor.AttrOr("href", ""))
		if err != nil || (link.Scheme != "http" && link.Scheme != "https") {
			return
		}
		link.Fragment = ""
		if target := link.String(); !known[target] {
			known[target] = true
			found.links = append(found.links, target)
		}
	})
	return found, nil
}

func store(path string, pages <-chan *page) error {
	database, err := sql.Open("sqlite3", "file:"+path+pragmas)
	if err != nil {
		return err
	}
	defer database.Close()
	if _, err := database.Exec(schema); err != nil {
		return err
	}
	var batch []*page
	for found := range pages {
		batch = append(batch, found)
		if len(batch) == pagesInATransaction {
			if err := write(database, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return write(database, batch)
}

func write(database *sql.DB, batch []*page) error {
	transaction, err := database.Begin()
	if err != nil {
		return err
	}
	pageRow, err := transaction.Prepare("INSERT INTO pages (url, status, headers, title, html) VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	linkRow, err := transaction.Prepare("INSERT INTO links VALUES (?, ?)")
	if err != nil {
		return err
	}
	for _, found := range batch {
		row, err := pageRow.Exec(found.url, found.status, found.headers, found.title, found.html)
		if err != nil {
			return err
		}
		id, err := row.LastInsertId()
		if err != nil {
			return err
		}
		for _, link := range found.links {
			if _, err := linkRow.Exec(id, link); err != nil {
				return err
			}
		}
	}
	return transaction.Commit()
}

func main() {
	inFlight, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	hosts := map[string]bool{}
	todo := &frontier{seen: map[string]bool{}}
	todo.changed.L = todo
	for _, seed := range os.Args[3:] {
		parsed, err := url.Parse(seed)
		if err != nil {
			log.Fatal(err)
		}
		hosts[parsed.Host] = true
	}
	todo.add(os.Args[3:])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
	pages := make(chan *page, 256)
	var workers sync.WaitGroup
	for n := 0; n < inFlight; n++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				address, more := todo.next()
				if !more {
					return
				}
				found, err := visit(client, address)
				if err != nil {
					fmt.Fprintln(os.Stderr, address, err)
				} else {
					own := make([]string, 0, len(found.links))
					for _, link := range found.links {
						if parsed, err := url.Parse(link); err == nil && hosts[parsed.Host] {
							own = append(own, link)
						}
					}
					todo.add(own)
					pages <- found
				}
				todo.done()
			}
		}()
	}
	go func() {
		workers.Wait()
		close(pages)
	}()
	if err := store(os.Args[1], pages); err != nil {
		log.Fatal(err)
	}
}

use super::*;

fn page(fetch_id: i64, url: &str) -> StoredFetch {
    StoredFetch {
        fetch_id,
        url: url.to_owned(),
        outcome: "page".to_owned(),
        status: Some(200),
        fetched_at: format!("2025-01-01T00:00:{fetch_id:02}.000Z"),
        headers: Some(r#"[["content-type","text/html"],["content-encoding","br"]]"#.to_owned()),
        address: Some("192.0.2.1".to_owned()),
        content_id: Some(7),
        mime: Some("text/html".to_owned()),
        body: Some(b"<p>hello".to_vec()),
        session_id: 1,
        ..StoredFetch::default()
    }
}

/// The records of a file, as their text.
fn records(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    text.split("WARC/1.1\r\n").skip(1).map(str::to_owned).collect()
}

fn format(packed: bool) -> WarcFormat {
    let agents = HashMap::from([(1, "sqrawl/1 (x)".to_owned())]);
    let maker = Maker { crawl: "c".to_owned(), date: "2025-01-02T00:00:00Z".to_owned(), agents, obeyed_robots: true };
    WarcFormat::new(maker, packed, Some(Path::new(".")))
}

#[test]
fn an_answer_gives_three_records_and_a_copy_refers_to_it() {
    let mut format = format(false);
    let mut file = Vec::new();
    format.begin("x.warc", &mut file).unwrap();
    let (first, copy) = (page(1, "https://a.example/?q=1"), page(2, "https://a.example/copy"));
    assert_eq!(format.refers_to(&first), RefersTo::Nothing);
    format.row(&first, None, &mut file).unwrap();
    assert_eq!(format.refers_to(&copy), RefersTo::Fetch(1));
    let mark = FetchMark { fetch_id: 1, url: first.url.clone(), fetched_at: first.fetched_at.clone() };
    format.row(&copy, Some(&mark), &mut file).unwrap();
    let records = records(&file);
    let kinds: Vec<&str> = records.iter().filter_map(|r| r.lines().next()?.strip_prefix("WARC-Type: ")).collect();
    assert_eq!(kinds, ["warcinfo", "response", "request", "metadata", "revisit", "request", "metadata"]);
    for record in &records {
        let (head, rest) = record.split_once("\r\n\r\n").unwrap();
        let length: usize = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        assert_eq!(rest.len(), length + 4, "{record}");
        assert!(rest.ends_with("\r\n\r\n"), "{record}");
    }
    let response = &records[1];
    for line in [
        "WARC-Target-URI: https://a.example/?q=1\r\n",
        "WARC-IP-Address: 192.0.2.1\r\n",
        // printf '<p>hello' | openssl sha1 -binary | base32
        "WARC-Payload-Digest: sha1:6VMT7HTE2K745SIQUUYG3CKPEJVFD5GH\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nX-Archive-Orig-content-encoding: br\r\nContent-Length: 8\r\n\r\n<p>hello",
    ] {
        assert!(response.contains(line), "{line} in {response}");
    }
    assert!(records[2].contains("GET /?q=1 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: sqrawl/1 (x)\r\n\r\n"));
    let id = response.lines().find_map(|l| l.strip_prefix("WARC-Record-ID: ")).unwrap();
    let revisit = &records[4];
    for line in [
        format!("WARC-Refers-To: {id}\r\n"),
        format!("WARC-Profile: {SAME_PAYLOAD}\r\n"),
        "WARC-Refers-To-Date: 2025-01-01T00:00:01.000Z\r\n".to_owned(),
        "WARC-Payload-Digest: sha1:6VMT7HTE2K745SIQUUYG3CKPEJVFD5GH\r\n".to_owned(),
    ] {
        assert!(revisit.contains(&line), "{line} in {revisit}");
    }
    assert!(!revisit.contains("hello"));
    let mut index = Vec::new();
    format.index(&mut index).unwrap();
    let index = String::from_utf8(index).unwrap();
    assert!(index.starts_with("example,a)/?q=1 20250101000001 {"), "{index}");
    assert!(index.contains("warc/revisit"), "{index}");
    for line in index.lines() {
        let json: serde_json::Value = serde_json::from_str(line.splitn(3, ' ').nth(2).unwrap()).unwrap();
        let number = |name: &str| json[name].as_str().unwrap().parse::<usize>().unwrap();
        let (offset, length) = (number("offset"), number("length"));
        assert!(file[offset..].starts_with(b"WARC/1.1\r\n") && file[..offset + length].ends_with(b"\r\n\r\n"));
    }
}

#[test]
fn what_is_not_kept_is_said() {
    let mut format = format(false);
    let mut file = Vec::new();
    let gone = StoredFetch {
        outcome: "gone".to_owned(),
        status: Some(404),
        body: None,
        content_id: None,
        mime: None,
        ..page(3, "https://a.example/gone")
    };
    format.row(&gone, None, &mut file).unwrap();
    let answer = records(&file)[0].clone();
    assert!(answer.contains("WARC-Truncated: unspecified\r\n") && !answer.contains("WARC-Payload-Digest"), "{answer}");
    let same =
        StoredFetch { outcome: "unchanged".to_owned(), status: Some(304), body: None, ..page(4, "https://a.example/") };
    assert_eq!(format.refers_to(&same), RefersTo::Confirmed);
    let mut file = Vec::new();
    let mark = FetchMark { fetch_id: 1, url: same.url.clone(), fetched_at: "2025-01-01T00:00:01.000Z".to_owned() };
    format.row(&same, Some(&mark), &mut file).unwrap();
    let answer = records(&file)[0].clone();
    assert!(answer.contains(NOT_MODIFIED) && answer.contains("HTTP/1.1 304 Not Modified"), "{answer}");
}

/// pywb answered 304 for every page that a second round had confirmed.
#[test]
fn a_confirmed_page_was_replayed_as_304() {
    let mut format = format(false);
    let (mut file, first) = (Vec::new(), page(1, "https://a.example/"));
    format.row(&first, None, &mut file).unwrap();
    let digest = |record: &str| {
        record.lines().find(|line| line.starts_with("WARC-Payload-Digest: ")).map(str::to_owned).expect(record)
    };
    let wanted = digest(&records(&file)[0]);
    let same = StoredFetch { outcome: "unchanged".to_owned(), status: Some(304), fetch_id: 4, ..first.clone() };
    let mark = FetchMark { fetch_id: 1, url: same.url.clone(), fetched_at: "2025-01-01T00:00:01.000Z".to_owned() };
    let mut file = Vec::new();
    format.row(&same, Some(&mark), &mut file).unwrap();
    let answer = records(&file)[0].clone();
    assert!(answer.contains(NOT_MODIFIED) && answer.contains("Content-Length: 0\r\n"), "{answer}");
    assert_eq!(digest(&answer), wanted);
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
}

#[test]
fn each_record_is_a_gzip_member() {
    let mut format = format(true);
    let mut file = Vec::new();
    format.begin("x.warc.gz", &mut file).unwrap();
    let info = file.len();
    format.row(&page(1, "https://a.example/"), None, &mut file).unwrap();
    let mut text = String::new();
    io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&file[info..]), &mut text).unwrap();
    assert!(text.starts_with("WARC/1.1\r\nWARC-Type: response\r\n") && text.ends_with("<p>hello\r\n\r\n"), "{text}");
}

#[test]
fn base32_as_in_the_rfc() {
    for (bytes, wanted) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("fooba", "MZXW6YTB")] {
        assert_eq!(base32(bytes.as_bytes()), wanted);
    }
}

/// A 304 referred to the copy that it confirmed, which was a revisit itself, by the name of a response that there was not.
#[test]
fn a_confirmed_copy_referred_to_no_record() {
    let mut format = format(false);
    let mut file = Vec::new();
    let (first, copy) = (page(1, "https://a.example/1"), page(2, "https://a.example/2"));
    let mark = |fetch: &StoredFetch| FetchMark {
        fetch_id: fetch.fetch_id,
        url: fetch.url.clone(),
        fetched_at: fetch.fetched_at.clone(),
    };
    format.row(&first, None, &mut file).unwrap();
    format.row(&copy, Some(&mark(&first)), &mut file).unwrap();
    let same = StoredFetch { outcome: "unchanged".to_owned(), status: Some(304), ..page(3, "https://a.example/2") };
    assert_eq!(format.refers_to(&same), RefersTo::Fetch(1), "where the payload stands");
    format.row(&same, Some(&mark(&first)), &mut file).unwrap();
    // In another file of the series it is named by what it confirmed, whichever kind of record that is.
    format.begin("y.warc", &mut file).unwrap();
    assert_eq!(format.refers_to(&same), RefersTo::Confirmed);
    format.row(&same, Some(&mark(&copy)), &mut file).unwrap();
    let field = |record: &str, name: &str| {
        record.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    let records = records(&file);
    let names: Vec<String> = records.iter().filter_map(|record| field(record, "WARC-Record-ID:")).collect();
    let referred: Vec<String> = records.iter().filter_map(|record| field(record, "WARC-Refers-To:")).collect();
    assert_eq!(referred.len(), 3);
    assert!(referred.iter().all(|name| names.contains(name)), "{referred:?} {names:?}");
}

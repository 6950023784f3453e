//! Which files are read, and beside whom.

use super::*;

#[tokio::test]
async fn a_reader_sees_what_is_committed_while_it_is_open() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let count = "SELECT count(*) FROM rules";
    let before = rows(&mut reader, count).await;
    scratch.write("INSERT INTO rules(name) VALUES ('later')").await;
    assert_ne!(rows(&mut reader, count).await, before);
}

/// As in a folder that cannot be written: the log's index cannot be made. (SQLite follows no link.)
#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_read_when_nothing_is_in_the_log() {
    let scratch = Scratch::new().await;
    let index = scratch.folder.path().join("crawl.db-shm");
    std::os::unix::fs::symlink("nowhere", index).expect("linked");
    let mut reader = scratch.reader().await;
    assert!(reader.is_frozen());
    assert_eq!(rows(&mut reader, "SELECT count(*) FROM urls").await.rows, [[Value::Integer(6)]]);
    reader.close().await;
    std::fs::write(scratch.folder.path().join("crawl.db-wal"), b"something").expect("written");
    match Reader::open(&scratch.path).await.err() {
        Some(error @ StoreError::ReadOnly { .. }) => assert!(error.to_string().contains("log"), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// What is refused is left as it is, and nothing appears beside it.
#[tokio::test]
async fn files_that_are_no_crawl_are_refused_and_left_alone() {
    let newer = Scratch::new().await;
    newer.write("PRAGMA user_version = 99").await;
    let foreign = Scratch::new().await;
    foreign.write("PRAGMA application_id = 7").await;
    let text = Scratch::new().await;
    std::fs::write(&text.path, "these are words, many words, and no database at all").expect("written");
    let empty = Scratch::new().await;
    std::fs::write(&empty.path, "").expect("written");
    let none = Scratch::new().await;
    std::fs::remove_file(&none.path).expect("removed");
    for (scratch, wanted) in [
        (newer, "schema version 99"),
        (foreign, "another program"),
        (text, "not a SQLite database"),
        (empty, "does not exist"),
        (none, "does not exist"),
    ] {
        let before = files_in(scratch.folder.path());
        let error = Reader::open(&scratch.path).await.err().expect("a refusal").to_string();
        assert!(error.contains(wanted), "{error}");
        assert_eq!(files_in(scratch.folder.path()), before, "{wanted}");
    }
}

#[tokio::test]
async fn whether_a_crawl_runs_is_seen_without_disturbing_one() {
    let scratch = Scratch::new().await;
    let reader = scratch.reader().await;
    assert!(!reader.is_running());
    let path = scratch.path.clone();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = asked.clone();
    let asking = std::thread::spawn(move || {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            reader.is_running();
        }
        reader
    });
    for _ in 0..20 {
        let store = SqliteStore::open(&path, OpenMode::MustExist, false).await.expect("nobody crawls");
        store.close().await.expect("closed");
    }
    asked.store(true, std::sync::atomic::Ordering::Relaxed);
    let reader = asking.join().expect("it ends");
    let store = SqliteStore::open(&path, OpenMode::MustExist, false).await.expect("nobody crawls");
    assert!(reader.is_running());
    store.close().await.expect("closed");
    assert!(!reader.is_running());
}

//! A server that knows no HTTP: it reads a request head and says what it was told to say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a connection gets once its request head was read.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The end, politely.
    Close,
    /// The end, with a reset.
    Reset,
    /// These bytes, then the end with a reset.
    Torn(Vec<u8>),
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, without waiting for a request, then the end.
    Eager(Vec<u8>),
    /// These bytes, and the connection stays open for the next request.
    Kept(Vec<u8>),
    /// These bytes, then nothing more.
    Silence(Vec<u8>),
    /// The head, then the piece over and over for as long as anyone reads.
    Endless { head: Vec<u8>, piece: Vec<u8> },
    /// The same with a pause before each piece.
    Drip { head: Vec<u8>, piece: Vec<u8>, pause: Duration },
}

impl Reply {
    /// Head lines and a body, with the line ends HTTP wants.
    pub(crate) fn http(head: &str, body: impl AsRef<[u8]>) -> Reply {
        Reply::Bytes(message(head, body))
    }
}

/// The bytes of a response.
pub(crate) fn message(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = head.replace('\n', "\r\n").into_bytes();
    bytes.extend(b"\r\n\r\n");
    bytes.extend(body.as_ref());
    bytes
}

/// Listens on a port of 127.0.0.1 until it is dropped.
pub(crate) struct RawServer {
    pub(crate) port: u16,
    accepted: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, reply, Arc::clone(&accepted), Arc::clone(&heads)));
        RawServer { port, accepted, heads, task }
    }

    /// Connections made so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Request heads read so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port on which nothing listens.
pub(crate) async fn free_port() -> u16 {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn accept(listener: TcpListener, reply: Reply, accepted: Arc<AtomicUsize>, heads: Arc<Mutex<Vec<String>>>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(stream, reply.clone(), Arc::clone(&heads)));
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, heads: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    if let Reply::Eager(bytes) = &reply {
        stream.write_all(bytes).await?;
        stream.shutdown().await?;
        wait_for_end(&mut stream).await;
        return Ok(());
    }
    let head = read_head(&mut stream).await;
    heads.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    play(&mut stream, reply).await
}

/// A request head with its empty line, or what there is of it.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}

/// Says what it is told to, to the end of it.
pub(crate) async fn play(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Close => {}
        Reply::Reset => stream.set_zero_linger()?,
        Reply::Torn(bytes) => {
            stream.write_all(&bytes).await?;
            stream.set_zero_linger()?;
        }
        Reply::Kept(bytes) => stream.write_all(&bytes).await?,
        Reply::Bytes(bytes) | Reply::Eager(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            wait_for_end(stream).await;
        }
        Reply::Silence(bytes) => {
            stream.write_all(&bytes).await?;
            wait_for_end(stream).await;
        }
        Reply::Endless { head, piece } => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&piece).await?;
            }
        }
        Reply::Drip { head, piece, pause } => {
            stream.write_all(&head).await?;
            loop {
                tokio::time::sleep(pause).await;
                stream.write_all(&piece).await?;
            }
        }
    }
    Ok(())
}

/// Until the other side is done, so that nothing that was said is lost to a reset.
async fn wait_for_end(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    while matches!(stream.read(&mut sink).await, Ok(count) if count > 0) {}
}

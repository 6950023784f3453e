//! [`Place`]: one port of loopback with many hosts, each hostile in its own way, and a port that
//! nobody may connect.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::super::server::{Reply, play, read_head};
use super::behaviour::{Asked, At, Behaviour};

/// What a TLS handshake asks for.
pub(super) const HELLO: &str = "a TLS handshake";

type Hosts = HashMap<String, Behaviour>;

/// The servers of one test; they end with it.
pub(super) struct Place {
    runtime: Runtime,
    pub(super) behaviours: Vec<Behaviour>,
    hosts: Arc<Hosts>,
    forbidden: Arc<AtomicUsize>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl Place {
    /// Opens the shelves on a port of their own.
    pub(super) fn open(shelves: &[fn(&At) -> Vec<Behaviour>]) -> Place {
        let runtime = Runtime::new().unwrap();
        let bind = || runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let (listener, trap) = (bind(), bind());
        let at = At { port: listener.local_addr().unwrap().port(), forbidden: trap.local_addr().unwrap().port() };
        let behaviours: Vec<Behaviour> = shelves.iter().flat_map(|shelf| shelf(&at)).collect();
        let hosts = behaviours.iter().map(|behaviour| (behaviour.host(), behaviour.clone())).collect::<Hosts>();
        assert_eq!(hosts.len(), behaviours.len(), "two behaviours have one name");
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let forbidden = Arc::new(AtomicUsize::new(0));
        let hosts = Arc::new(hosts);
        runtime.spawn(accept(listener, Arc::clone(&hosts), Arc::clone(&asked)));
        runtime.spawn(count(trap, Arc::clone(&forbidden)));
        Place { runtime, behaviours, hosts, forbidden, asked }
    }

    /// Other ports at which every host is and says the same.
    pub(super) fn more_ports(&self, count: usize) -> Vec<u16> {
        let open = |_| {
            let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
            let port = listener.local_addr().unwrap().port();
            self.runtime.spawn(accept(listener, Arc::clone(&self.hosts), Arc::clone(&self.asked)));
            port
        };
        (0..count).map(open).collect()
    }

    /// Connections to the port that nobody may connect.
    pub(super) fn forbidden_connections(&self) -> usize {
        self.forbidden.load(Ordering::SeqCst)
    }

    /// Whether a behaviour was asked as often as it must.
    pub(super) fn check_requests(&self, behaviour: &Behaviour) -> Result<(), String> {
        let asked = self.asked.lock().unwrap();
        behaviour.requests.iter().try_for_each(|(path, times)| {
            let found = asked.get(&format!("{}{path}", behaviour.host())).copied().unwrap_or(0);
            let wrong = || format!("{}: {path} was asked for {found} times, not {times}", behaviour.name);
            (found == *times).then_some(()).ok_or_else(wrong)
        })
    }
}

async fn count(listener: TcpListener, connections: Arc<AtomicUsize>) {
    while listener.accept().await.is_ok() {
        connections.fetch_add(1, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, hosts: Arc<Hosts>, asked: Arc<Mutex<HashMap<String, usize>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&hosts), Arc::clone(&asked)));
    }
}

async fn converse(
    mut stream: TcpStream,
    hosts: Arc<Hosts>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
) -> std::io::Result<()> {
    loop {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(());
        }
        if first == [0x16] {
            return shake_hands(&mut stream, &hosts).await;
        }
        let head = String::from_utf8_lossy(&read_head(&mut stream).await).into_owned();
        let Some((host, path)) = host_and_path(&head) else { return Ok(()) };
        let before = {
            let mut asked = asked.lock().unwrap();
            let count = asked.entry(format!("{host}{path}")).or_default();
            *count += 1;
            *count - 1
        };
        // Names below that of a behaviour are its own too.
        let name = host.strip_suffix(".localhost").and_then(|name| name.rsplit('.').next()).unwrap_or(&host);
        let Some(behaviour) = hosts.get(&format!("{name}.localhost")) else { return Ok(()) };
        let reply = behaviour.reply(&Asked { path: &path, before, head: &head });
        let is_kept = matches!(reply, Reply::Kept(_));
        play(&mut stream, reply).await?;
        if !is_kept {
            return Ok(());
        }
    }
}

/// Answers a TLS handshake as the host that it names would: never with one.
async fn shake_hands(stream: &mut TcpStream, hosts: &Hosts) -> std::io::Result<()> {
    let mut hello = vec![0; 4096];
    let count = stream.read(&mut hello).await?;
    let hello = &hello[..count];
    let names = |behaviour: &&Behaviour| {
        let host = behaviour.host();
        hello.windows(host.len()).any(|at| at == host.as_bytes())
    };
    let longest = |behaviour: &&Behaviour| behaviour.name.len();
    let Some(behaviour) = hosts.values().filter(names).max_by_key(longest) else { return Ok(()) };
    play(stream, behaviour.reply(&Asked { path: HELLO, before: 0, head: "" })).await
}

fn host_and_path(head: &str) -> Option<(String, String)> {
    let path = head.split(' ').nth(1)?;
    let host = head.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some((host.split(':').next()?.to_owned(), path.to_owned()))
}

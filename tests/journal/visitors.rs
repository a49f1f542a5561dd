//! Those who keep a server busy: they come, ask, fetch, leave and come again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

/// What a visit fetches.
pub(crate) const FILE: &str = "file";
pub(crate) const FILE_BYTES: usize = 70_000;

/// Far longer than a server that lives takes to say a line.
const HUNG: Duration = Duration::from_secs(20);

/// What one visitor was told, in order.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its names, one for each visit.
    pub(crate) names: Vec<String>,
    /// How many visits ended in good order.
    pub(crate) whole: usize,
    /// Files that came whole.
    pub(crate) files: usize,
}

/// Whether the visitors are to go on, and how many visits there were.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) over: AtomicBool,
    pub(crate) visits: AtomicU64,
}

impl Crowd {
    /// Sends so many visitors, who come again and again until it is over or the server is.
    pub(crate) fn send<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        address: SocketAddr,
        visitors: usize,
    ) -> Vec<ScopedJoinHandle<'scope, Seen>> {
        let visitor = |_| {
            scope.spawn(move || {
                let mut seen = Seen::default();
                while !self.over.load(Ordering::Relaxed) && visit(address, &mut seen).is_some() {
                    self.visits.fetch_add(1, Ordering::Relaxed);
                }
                seen
            })
        };
        (0..visitors).map(visitor).collect()
    }

    /// Lets time pass until there were so many visits.
    pub(crate) fn wait_for(&self, visits: u64) {
        while self.visits.load(Ordering::Relaxed) < visits {
            thread::yield_now();
        }
    }
}

/// One visit. `None`: the server is gone.
fn visit(address: SocketAddr, seen: &mut Seen) -> Option<()> {
    let stream = TcpStream::connect(address).ok()?;
    // A call that is answered in the moment of the kill can be left hanging: the kernel had said
    // yes, and nobody is there any more to say otherwise.
    stream.set_read_timeout(Some(HUNG)).expect("it is not zero");
    let mut stream = BufReader::new(stream);
    let welcome = line(&mut stream)?;
    let Some(name) = welcome.strip_prefix("Welcome ") else {
        // All berths are taken.
        return Some(());
    };
    seen.names.push(name.to_owned());
    let requests = format!("hello \"\\\x1b\ncount me\nget {FILE}\n");
    stream.get_ref().write_all(requests.as_bytes()).ok()?;
    for _ in 0..2 {
        assert!(line(&mut stream)?.ends_with(" ACK"));
    }
    assert_eq!(line(&mut stream)?, format!("START {FILE_BYTES}"));
    let mut file = vec![0; FILE_BYTES];
    stream.read_exact(&mut file).ok()?;
    assert_eq!(line(&mut stream)?, "END");
    seen.files += 1;
    stream.get_ref().write_all(b"exit\n").ok()?;
    assert_eq!(line(&mut stream)?, format!("Goodbye {name}"));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).ok()?;
    seen.whole += 1;
    Some(())
}

fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    Some(line.strip_suffix('\n')?.to_owned())
}

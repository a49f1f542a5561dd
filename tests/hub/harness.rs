//! A hub, its clock and its peers.
//!
//! Owns the pipes between them: what a peer writes is there at once, and what the hub writes is
//! kept. Must never hide a rule that a test is about.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use berth::engine::berths::Berths;
use berth::engine::hub::Hub;
use berth::engine::limits::Limits;
use berth::engine::outbox::{Outbox, Transfer};
use berth::engine::ports::{
    Handler, More, Observer, Peer, Query, Received, Refusal, Step, Taken, Transport,
};
use berth::engine::readiness::Readiness;
use berth::engine::response::Response;
use berth::engine::speech::Speech;
use berth::engine::stats::SessionStats;
use berth::wire::web::{Ask, Scheme, Wanted, WebDoor};
use berth::wire::{ClientName, CloseReason, ErrorReply, Reply};

/// One connection, seen from both ends.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    to_hub: Vec<u8>,
    from_hub: Vec<u8>,
    peer_has_ended: bool,
    hub_has_ended: bool,
    is_closed: bool,
    /// So many more bytes are taken from the hub.
    room: usize,
}

#[derive(Debug)]
pub(crate) struct Pipe(Rc<RefCell<Wire>>);

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.borrow_mut().is_closed = true;
    }
}

impl Pipe {
    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let n = bytes.len().min(wire.room);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.room -= n;
        wire.from_hub.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
}

impl Transport for Pipe {
    type File = Vec<u8>;

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let mut wire = self.0.borrow_mut();
        let bytes = space.len().min(wire.to_hub.len());
        let more = match (bytes, wire.peer_has_ended) {
            (0, false) => return Err(ErrorKind::WouldBlock.into()),
            (0, true) => More::Never,
            _ => More::Perhaps,
        };
        space[..bytes].copy_from_slice(&wire.to_hub[..bytes]);
        wire.to_hub.drain(..bytes);
        Ok(Taken { bytes, more })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)
    }

    fn send_file(&mut self, file: &Vec<u8>, offset: u64, len: usize) -> io::Result<usize> {
        let start = usize::try_from(offset).expect("it is small");
        let end = file.len().min(start + len);
        self.take(&file[start.min(end)..end])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().hub_has_ended = true;
        Ok(())
    }

    fn settle(&mut self) -> io::Result<usize> {
        unreachable!("it owes nothing")
    }

    fn refuse(&mut self) {}

    fn owes(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// A peer is what it speaks, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(pub(crate) Speech, pub(crate) char);

impl Peer for From {
    type Origin = char;

    fn origin(&self) -> char {
        self.1
    }

    fn speech(&self) -> Speech {
        self.0
    }
}

/// A listing under way: so many steps are left.
#[derive(Debug)]
pub(crate) enum Task {
    Steps(usize),
    Body(u64),
}

/// Answers in few words, and writes down what it is told.
#[derive(Debug)]
pub(crate) struct Service {
    door: WebDoor,
    pub(crate) files: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) told: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Handler for Service {
    type File = Vec<u8>;
    type Task = Task;

    fn answer(
        &mut self,
        query: Query<'_>,
        _: Instant,
        reply: &mut Outbox<Vec<u8>>,
    ) -> Option<Task> {
        match query {
            Query::Get { name, .. } => match self.files.get(name) {
                Some(file) => {
                    let len = file.len() as u64;
                    reply.write(|out| Reply::Start(len).write(out));
                    reply.send_file(file.clone(), 0, len);
                    reply.write(|out| Reply::End.write(out));
                }
                None => {
                    reply.write(|out| Reply::Error(ErrorReply::NoSuchFile(name)).write(out));
                }
            },
            _ => reply.write(|out| out.extend_from_slice(b"answer\n")),
        }
        None
    }

    fn resume(&mut self, task: &mut Task, reply: &mut Outbox<Vec<u8>>) -> Step {
        match task {
            Task::Steps(0) | Task::Body(0) => {
                reply.write(|out| out.extend_from_slice(b"done"));
                Step::Done
            }
            Task::Steps(left) => {
                *left -= 1;
                reply.write(|out| out.extend_from_slice(b"step "));
                Step::More
            }
            Task::Body(left) => Step::Body(*left),
        }
    }

    fn receive(&mut self, task: &mut Task, bytes: &[u8], _: &mut Outbox<Vec<u8>>) -> Received {
        let Task::Body(left) = task else {
            unreachable!("a listing wants no body");
        };
        self.body.extend_from_slice(bytes);
        *left -= bytes.len() as u64;
        Received::Going
    }

    fn web_door(&self, _: Scheme) -> &WebDoor {
        &self.door
    }

    fn respond(&mut self, response: Response<'_>, reply: &mut Outbox<Vec<u8>>) {
        let said = match response {
            Response::Page(ask) => format!("page for {}", ask.host.escape_ascii()),
            Response::Upgrade(_) => "upgraded\r\n\r\n".to_owned(),
            Response::Fault { fault, is_head } => format!("{} {is_head}", fault.status as u16),
            Response::Refused { refusal, is_head } => format!("{} {is_head}", refusal.word()),
        };
        reply.write(|out| out.extend_from_slice(said.as_bytes()));
    }

    fn fetch(
        &mut self,
        ask: &Ask<'_>,
        from: ClientName,
        _: Instant,
        reply: &mut Outbox<Vec<u8>>,
    ) -> Option<Task> {
        reply.write(|out| out.extend_from_slice(format!("for {from}: ").as_bytes()));
        match &ask.wanted {
            Wanted::Download { name, .. } => {
                let file = self.files.get(name).cloned().unwrap_or_default();
                let len = file.len() as u64;
                reply.send_file(file, 0, len);
                None
            }
            Wanted::Listing { .. } => Some(Task::Steps(3)),
            Wanted::Upload { size, .. } => Some(Task::Body(*size)),
            Wanted::Page | Wanted::Socket { .. } => unreachable!("they need no berth"),
        }
    }

    fn takes_uploads(&self) -> bool {
        true
    }
}

impl Observer for Service {
    type File = Vec<u8>;
    type Peer = From;

    fn refused(&mut self, peer: &From, refusal: Refusal) {
        self.told.push(format!("{} refused: {refusal:?}", peer.1));
    }

    fn arrived(&mut self, name: ClientName, peer: &From, _: Option<&str>) {
        self.told.push(format!("{name} from {}", peer.1));
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, _: &SessionStats) {
        self.told.push(format!("{name} gone: {reason}"));
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<Vec<u8>>, _: Duration) {
        let (sent, size) = (transfer.sent, transfer.size);
        self.told.push(format!("{to} got {sent} of {size}"));
    }
}

/// A peer that a test plays.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    wire: Rc<RefCell<Wire>>,
    key: usize,
}

impl Guest {
    /// All that came, which is then forgotten, as text.
    pub(crate) fn read(&self) -> String {
        String::from_utf8_lossy(&self.read_bytes()).into_owned()
    }

    pub(crate) fn read_bytes(&self) -> Vec<u8> {
        std::mem::take(&mut self.wire.borrow_mut().from_hub)
    }

    /// Whether the hub has ended its side.
    pub(crate) fn is_told_the_end(&self) -> bool {
        self.wire.borrow().hub_has_ended
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.wire.borrow().is_closed
    }

    /// Takes so many more bytes and no more.
    pub(crate) fn take_only(&self, room: usize) {
        self.wire.borrow_mut().room = room;
    }
}

pub(crate) struct World {
    pub(crate) hub: Hub<Pipe, Task, Berths<From>>,
    pub(crate) service: Service,
    pub(crate) now: Instant,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        let files = [("file", "inside"), ("empty", "")];
        let files = files.map(|(name, text)| (name.into(), text.into()));
        Self {
            hub: Hub::new(limits, Berths::new(limits.clients_max, usize::MAX)),
            service: Service {
                door: WebDoor {
                    scheme: Scheme::Http,
                    names: Vec::new(),
                },
                files: files.into(),
                told: Vec::new(),
                body: Vec::new(),
            },
            now: Instant::now(),
        }
    }

    pub(crate) fn connect(&mut self, speech: Speech, place: char) -> Guest {
        self.connect_with(speech, place, b"")
    }

    /// A peer whose first bytes are there when it is accepted.
    pub(crate) fn connect_with(&mut self, speech: Speech, place: char, bytes: &[u8]) -> Guest {
        let wire = Rc::new(RefCell::new(Wire {
            to_hub: bytes.to_vec(),
            room: usize::MAX,
            ..Wire::default()
        }));
        let key = self.hub.reserve();
        let pipe = Pipe(Rc::clone(&wire));
        let peer = From(speech, place);
        self.hub.accept(pipe, peer, &mut self.service, self.now);
        self.run();
        Guest { wire, key }
    }

    pub(crate) fn write(&mut self, guest: &Guest, bytes: &[u8]) {
        guest.wire.borrow_mut().to_hub.extend_from_slice(bytes);
        self.stir(guest);
    }

    pub(crate) fn end(&mut self, guest: &Guest) {
        guest.wire.borrow_mut().peer_has_ended = true;
        self.stir(guest);
    }

    /// Tells the hub that something may be done for this peer.
    pub(crate) fn stir(&mut self, guest: &Guest) {
        if !guest.is_closed() {
            self.hub.on_ready(guest.key, Readiness::of(true, true));
        }
        self.run();
    }

    pub(crate) fn run(&mut self) {
        self.hub.run(&mut self.service, self.now);
        while self.hub.has_work() {
            self.hub.run(&mut self.service, self.now);
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.run();
    }

    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.service.told)
    }
}

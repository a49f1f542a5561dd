//! The handler of the hub under test.
//!
//! Owns answers in few words, and writes down what it is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use berth::engine::news::{Moving, News};
use berth::engine::outbox::{Outbox, Transfer};
use berth::engine::ports::{Handler, Observer, Peer, Query, Received, Refusal, Step};
use berth::engine::response::Response;
use berth::engine::speech::Speech;
use berth::engine::stats::SessionStats;
use berth::wire::web::{Ask, Scheme, Wanted, WebDoor};
use berth::wire::{ClientName, CloseReason, ErrorReply, Reply};

/// A peer is where it comes from, and how it speaks HTTP, if it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(pub(crate) Option<Scheme>, pub(crate) char);

impl Peer for From {
    type Origin = char;

    fn origin(&self) -> char {
        self.1
    }

    fn speech(&self) -> Speech {
        self.0.map_or(Speech::Lines, Speech::Http)
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
    /// The news: who is inside, and what moves.
    news: Vec<u8>,
    edition: u64,
    inside: Vec<ClientName>,
    /// How often the news were made.
    pub(crate) gathered: u64,
}

impl Service {
    pub(crate) fn new(files: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let door = WebDoor {
            scheme: Scheme::Http,
            names: Vec::new(),
        };
        Self {
            door,
            files,
            told: Vec::new(),
            body: Vec::new(),
            news: Vec::new(),
            edition: 0,
            inside: Vec::new(),
            gathered: 0,
        }
    }
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
            Query::Put { size, .. } => return Some(Task::Body(size)),
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

    fn news(&self) -> Option<News<'_>> {
        let (number, text) = (self.edition, &self.news[..]);
        (number > 0).then_some(News { number, text })
    }

    fn gather(&mut self, moving: &[Moving], _: Instant) -> bool {
        self.gathered += 1;
        let inside = self.inside.iter().map(ToString::to_string);
        let moving = moving
            .iter()
            .map(|it| format!("{} {}/{}", it.to, it.sent, it.of));
        let said: Vec<String> = inside.chain(moving).collect();
        let news = said.join(", ").into_bytes();
        if news != self.news {
            self.edition += 1;
        }
        self.news = news;
        false
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
        self.inside.push(name);
        self.told.push(format!("{name} from {}", peer.1));
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, _: &SessionStats) {
        self.inside.retain(|&inside| inside != name);
        self.told.push(format!("{name} gone: {reason}"));
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<Vec<u8>>, _: Duration) {
        let (sent, size) = (transfer.sent, transfer.size);
        self.told.push(format!("{to} got {sent} of {size}"));
    }
}

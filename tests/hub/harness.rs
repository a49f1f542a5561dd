//! A hub, its clock and its peers.
//!
//! Owns the steps that a test tells. Must never hide a rule that a test is about.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use berth::engine::berths::Berths;
use berth::engine::hub::Hub;
use berth::engine::limits::Limits;
use berth::engine::readiness::Readiness;
use berth::wire::web::Scheme;

use crate::pipe::{Pipe, Wire};
use crate::service::{From, Service, Task};

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
            service: Service::new(files.into()),
            now: Instant::now(),
        }
    }

    pub(crate) fn connect(&mut self, door: Option<Scheme>, place: char) -> Guest {
        self.connect_with(door, place, b"")
    }

    /// A peer whose first bytes are there when it is accepted.
    pub(crate) fn connect_with(
        &mut self,
        door: Option<Scheme>,
        place: char,
        bytes: &[u8],
    ) -> Guest {
        let wire = Rc::new(RefCell::new(Wire {
            to_hub: bytes.to_vec(),
            room: usize::MAX,
            ..Wire::default()
        }));
        let key = self.hub.reserve();
        let pipe = Pipe(Rc::clone(&wire));
        let peer = From(door, place);
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

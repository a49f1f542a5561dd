//! The far end of a connection.
//!
//! Owns what one peer says, how far it is with that, and how far what it received is what it had
//! to receive. Must never forgive a byte.

use std::time::Duration;

use crate::expect::{Ending, Expect};
use crate::net::Net;
use crate::reason::Fate;
use crate::sealed_peer::SealedPeer;
use crate::unframed::Unframed;

#[derive(Debug)]
pub(crate) struct Peer {
    id: usize,
    pub(crate) script: Vec<u8>,
    pub(crate) sent: usize,
    pub(crate) received: usize,
    /// Its end of a sealed pipe.
    seal: Option<SealedPeer>,
    /// It has shut down its sending side.
    pub(crate) has_ended: bool,
    /// It did so in the middle of what a sealed pipe carries.
    is_cut: bool,
    /// It has closed or reset, and reads no more.
    pub(crate) is_gone: bool,
    /// How its lines end, where a pause may end them.
    pub(crate) unframed: Option<Unframed>,
    /// What it is owed; `None` until it is let in or turned away.
    pub(crate) expect: Option<Expect>,
    /// It was asked for a token and has no berth yet.
    pub(crate) is_outside: bool,
    /// It has shown no token, and not all of what it is owed is written.
    pub(crate) is_owed_outside: bool,
    /// The same, and its sealed pipe had not sent all that it had taken.
    pub(crate) is_owed_by_pipe: bool,
    /// How much the server had read when the session was last seen open.
    pub(crate) read_while_open: usize,
    pub(crate) fate: Option<Fate>,
}

impl Peer {
    pub(crate) fn new(id: usize, script: Vec<u8>, seal: Option<SealedPeer>) -> Self {
        Self {
            id,
            script,
            sent: 0,
            received: 0,
            seal,
            has_ended: false,
            is_cut: false,
            is_gone: false,
            unframed: None,
            expect: None,
            is_outside: false,
            is_owed_outside: false,
            is_owed_by_pipe: false,
            read_while_open: 0,
            fate: None,
        }
    }

    /// The server has decided what it is: from now on answers are owed for what was sent.
    pub(crate) fn meet(&mut self, mut expect: Expect) {
        if self.unframed.is_some() {
            expect.mind_pauses();
        } else {
            expect.sent(&self.script[..self.sent]);
            if self.has_ended && !self.is_cut {
                expect.sent_all();
            }
        }
        self.expect = Some(expect);
    }

    /// Whether the server is to close first, and what it has sent has not all been read.
    pub(crate) fn waits_for_end(&self, net: &Net) -> bool {
        let ending = self.expect.as_ref().and_then(Expect::ending);
        let wire = &net.wires[self.id];
        ending.is_some_and(|ending| ending != Ending::Eof)
            && !wire.reset
            && !wire.rejects
            && !wire.down.is_over(net.now)
    }

    /// Whether the two ends of its pipe have still to agree.
    pub(crate) fn is_shaking_hands(&self) -> bool {
        let seal = self.seal.as_ref();
        !self.has_ended && seal.is_some_and(|seal| !seal.has_shaken_hands())
    }

    /// How much of the script is left to say.
    pub(crate) fn unsaid(&self) -> usize {
        match &self.seal {
            _ if self.has_ended => 0,
            Some(seal) => seal.unsaid(self.script.len()),
            None => self.script.len() - self.sent,
        }
    }

    /// Sends up to `most` bytes, as far as there is room.
    pub(crate) fn write(&mut self, net: &mut Net, most: usize) -> usize {
        let at = net.arrival();
        let stops_short = net.faults_on && net.rng.chance(300);
        let wire = &net.wires[self.id];
        if wire.reset || wire.rejects || self.has_ended {
            return 0;
        }
        if self.seal.is_some() {
            return self.write_sealed(net, most);
        }
        let wire = &net.wires[self.id];
        let mut n = most.min(self.unsaid()).min(wire.up.room());
        if stops_short {
            n = self.length_of_a_line(n, net.rng.next() as usize);
        }
        n = self.length_without_lf(n, wire.up.room());
        let wire = &mut net.wires[self.id];
        let bytes = &self.script[self.sent..self.sent + n];
        if n > 0 {
            wire.up.push(bytes, at);
            self.sent += n;
            if let Some(expect) = &mut self.expect
                && self.unframed.is_none()
            {
                expect.sent(bytes);
            }
            net.say(|| format!("wire {}: peer writes {n}", self.id));
        }
        n
    }

    /// Sends up to `most` bytes of frames, as far as there is room.
    fn write_sealed(&mut self, net: &mut Net, most: usize) -> usize {
        let at = net.arrival();
        let is_rude = net.setup.is_rude;
        let mut n = 0;
        loop {
            let seal = self.seal.as_mut().expect("its pipe is sealed");
            seal.prepare(&self.script, is_rude, &mut net.rng);
            let room = net.wires[self.id].up.room();
            let (bytes, carried) = seal.take(room.min(most - n));
            if bytes.is_empty() {
                return n;
            }
            n += bytes.len();
            self.push(net, &bytes, carried, at);
        }
    }

    /// Sends bytes in which so much of the script comes to its end.
    fn push(&mut self, net: &mut Net, bytes: &[u8], carried: usize, at: Duration) {
        if bytes.is_empty() {
            return;
        }
        net.wires[self.id].up.push(bytes, at);
        let said = &self.script[self.sent..self.sent + carried];
        if let Some(expect) = &mut self.expect {
            expect.sent(said);
        }
        self.sent += carried;
        net.say(|| format!("wire {}: peer sends {}", self.id, bytes.len()));
    }

    /// Says in a sealed pipe that no more comes. `false`: not without cutting something off.
    fn end_sealed(&mut self, net: &mut Net) -> bool {
        let is_cut = net.setup.cuts && net.rng.chance(400);
        let at = net.arrival();
        let Some(seal) = &mut self.seal else {
            return true;
        };
        if is_cut || !seal.has_shaken_hands() {
            return false;
        }
        seal.say_end();
        let (bytes, carried) = seal.take(usize::MAX);
        self.push(net, &bytes, carried, at);
        true
    }

    /// Up to the end of some line within the next `most` bytes, but without that end: there a limit
    /// is most easily off by one.
    fn length_of_a_line(&self, most: usize, chance: usize) -> usize {
        let next = &self.script[self.sent..self.sent + most];
        let ends = || (1..most).filter(|&at| next[at] == b'\n');
        let count = ends().count().max(1);
        ends().nth(chance % count).unwrap_or(most)
    }

    /// Says that no more comes.
    pub(crate) fn half_close(&mut self, net: &mut Net) {
        if self.has_ended {
            return;
        }
        let is_whole = self.end_sealed(net);
        self.has_ended = true;
        self.is_cut = !is_whole;
        let at = net.arrival();
        // A sealed pipe ends with a frame of its own: the one below may go on.
        let says_only = self.seal.is_some() && is_whole && net.rng.chance(500);
        if !says_only {
            net.wires[self.id].up.end(at);
        }
        if let Some(expect) = &mut self.expect
            && is_whole
            && self.unframed.is_none()
        {
            expect.sent_all();
        }
        net.say(|| format!("wire {}: peer half-closes", self.id));
    }

    /// Goes: with an end if it has read everything, otherwise, as the kernel does, with a reset.
    pub(crate) fn close(&mut self, net: &mut Net) {
        let unread = net.wires[self.id].down.room() < net.setup.pipe_bytes;
        if unread {
            return self.reset(net);
        }
        self.half_close(net);
        self.is_gone = true;
        net.wires[self.id].deaf = true;
        net.say(|| format!("wire {}: peer closes", self.id));
    }

    /// Goes without a word.
    pub(crate) fn reset(&mut self, net: &mut Net) {
        self.has_ended = true;
        self.is_gone = true;
        net.wires[self.id].break_off();
        net.say(|| format!("wire {}: peer resets", self.id));
    }

    /// Reads up to `most` bytes, each of which has to be the next one owed.
    pub(crate) fn read(&mut self, net: &mut Net, most: usize) -> usize {
        if self.is_gone {
            return 0;
        }
        let down = &mut net.wires[self.id].down;
        let mut bytes = vec![0; most.min(down.arrived())];
        let n = down.take(&mut bytes);
        if let Some(seal) = &mut self.seal {
            bytes.truncate(n);
            bytes = seal.open(&bytes);
            if net.wires[self.id].is_refused_early {
                seal.hear_refusal(&bytes);
                bytes.clear();
            }
        }
        let raw = n;
        let n = bytes.len();
        if n == 0 {
            return raw;
        }
        let expect = self
            .expect
            .as_ref()
            .expect("nobody is sent a byte before it is met");
        let owed = expect.stream().get(self.received..).unwrap_or_default();
        if !owed.starts_with(&bytes) {
            let same = bytes.iter().zip(owed).take_while(|(a, b)| a == b).count();
            let shown = |bytes: &[u8]| {
                let rest = bytes.iter().skip(same).take(40);
                rest.copied()
                    .collect::<Vec<u8>>()
                    .escape_ascii()
                    .to_string()
            };
            panic!(
                "wire {}: byte {} is wrong: received \"{}\", owed \"{}\", ending {:?}",
                self.id,
                self.received + same,
                shown(&bytes),
                shown(owed),
                expect.ending(),
            );
        }
        self.received += n;
        net.say(|| format!("wire {}: peer reads {n}", self.id));
        raw
    }

    /// After the last step: all that was not lost for a reason is here. Says whether it is whole.
    pub(crate) fn check_received(&self, net: &Net, now: Duration) -> bool {
        let wire = &net.wires[self.id];
        assert!(self.fate.is_some(), "wire {}: nobody is left", self.id);
        let Some(expect) = &self.expect else {
            assert_eq!(self.received, 0, "nobody is sent a byte before it is met");
            let is_lost = self.is_gone || wire.reset || wire.lost;
            if let Some(seal) = self.seal.as_ref().filter(|_| !is_lost) {
                seal.check_refusal(self.id, wire);
            }
            return false;
        };
        if wire.finished_at.is_some() && !wire.broke_rules {
            assert_eq!(
                wire.record.written,
                expect.stream().len(),
                "wire {}: the end comes behind all that is owed",
                self.id
            );
        }
        if self.is_gone || wire.reset || wire.lost {
            assert!(
                self.is_gone || self.fate != Some(Fate::Done),
                "wire {}: nothing is lost where both sides said goodbye",
                self.id
            );
            return false;
        }
        if self.seal.is_some() && wire.finished_at.is_none() {
            // What was sealed and not sent went down with the connection.
            return false;
        }
        assert_eq!(
            self.received, wire.record.written,
            "wire {}: what was sent arrives",
            self.id
        );
        if let Some(seal) = &self.seal {
            seal.check_end(self.id, wire);
        }
        assert!(
            wire.down.is_over(now),
            "wire {}: the peer sees the end",
            self.id
        );
        wire.finished_at.is_some()
    }
}

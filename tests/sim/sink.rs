//! Where the simulated server puts uploads.
//!
//! Owns the uploads under way: how far each is, what it waits for, and what is said in the end.
//! Must never ask the oracle.

use berth::engine::outbox::Outbox;
use berth::engine::ports::{Received, Step};
use berth::wire::put::Form;
use berth::wire::{ClientName, CloseReason, ErrorReply, Put, Reply};

use crate::marks::Event;
use crate::service::{Counted, SimFile, SimService, SimTask};
use crate::setup::Bug;
use crate::uploads::{Sum, UploadFate, Uploading};

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Upload {
    wire: usize,
    name: Vec<u8>,
    size: u64,
    form: Form,
    fate: UploadFate,
    /// How many bytes are still to come.
    left: u64,
    /// How many have come since it was begun, and since the disk was last waited for.
    came: u64,
    since_pause: u64,
    sum: Sum,
    stage: Stage,
    _open: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many steps are to be done before it is known what is to come.
    Begins(u64),
    /// The disk was waited for.
    Goes,
}

impl SimService {
    pub(crate) fn begin(
        &self,
        put: &Put<'_>,
        size: u64,
        from: ClientName,
        reply: &mut Outbox<SimFile>,
    ) -> Option<SimTask> {
        let net = &mut *self.net.borrow_mut();
        let waits_for_ready = put.form != Form::AtOnce;
        let fate = net
            .setup
            .catalog
            .uploads
            .fate(put.name, size, waits_for_ready);
        if fate.exists {
            net.marks.event(Event::UploadRefused);
            let exists = ErrorReply::Exists(put.name);
            reply.write(|out| Reply::Error(exists).write(out));
            return None;
        }
        let wire = net.book.wire(from);
        let left = size - fate.offset;
        net.book.uploading.push(Uploading {
            wire,
            is_ready_due: waits_for_ready && left > 0,
            left,
        });
        Some(SimTask::Upload(Upload {
            wire,
            name: put.name.to_vec(),
            size,
            form: put.form,
            fate,
            left,
            came: 0,
            since_pause: 0,
            sum: Sum::new(),
            stage: Stage::Begins(fate.steps),
            _open: Counted::new(&self.open),
        }))
    }

    pub(crate) fn resume_upload(&mut self, it: &mut Upload, reply: &mut Outbox<SimFile>) -> Step {
        let net = &mut *self.net.borrow_mut();
        net.book.resumed.push(it.wire);
        if net.book.waits.iter().any(|&(wire, _)| wire == it.wire) {
            net.marks.event(Event::UploadWaits);
            return Step::Waiting;
        }
        match it.stage {
            Stage::Begins(steps @ 1..) => {
                self.steps += 1;
                it.stage = Stage::Begins(steps - 1);
                return Step::More;
            }
            Stage::Begins(0) if it.left > 0 && it.form != Form::AtOnce => {
                net.marks.event(Event::UploadReady);
                reply.write(|out| Reply::Ready(it.fate.offset).write(out));
            }
            Stage::Begins(0) if it.left == 0 => net.marks.event(Event::StoredAtOnce),
            Stage::Begins(0) | Stage::Goes => {}
        }
        it.stage = Stage::Goes;
        if it.left > 0 {
            net.uploading(it.wire).is_ready_due = false;
            let errs = net.errs(Bug::LongBody);
            return Step::Body(it.left + u64::from(errs));
        }
        self.steps += 1;
        net.book.uploading.retain(|each| each.wire != it.wire);
        let digest = it.sum.digest();
        let last = if it.fate.differs {
            net.marks.event(Event::UploadDiffers);
            Reply::Error(ErrorReply::DigestDiffers(&it.name))
        } else {
            net.marks.event(Event::Stored);
            Reply::Stored(&digest, it.size)
        };
        reply.write(|out| last.write(out));
        Step::Done
    }

    pub(crate) fn receive_upload(
        &mut self,
        it: &mut Upload,
        bytes: &[u8],
        reply: &mut Outbox<SimFile>,
    ) -> Received {
        let net = &mut *self.net.borrow_mut();
        let n = bytes.len() as u64;
        assert!(n > 0, "wire {}: some bytes come", it.wire);
        let waits = net.book.waits.iter().any(|&(wire, _)| wire == it.wire);
        assert!(!waits, "wire {}: none come while it waits", it.wire);
        it.left = it.left.checked_sub(n).expect("no more comes than is left");
        it.came += n;
        it.since_pause += n;
        it.sum.add(bytes);
        net.uploading(it.wire).left = it.left;
        if it.fate.fails_at.is_some_and(|at| it.came >= at) {
            net.marks.event(Event::UploadFailed);
            net.book.uploading.retain(|each| each.wire != it.wire);
            let cannot = ErrorReply::CannotWrite(&it.name);
            reply.write(|out| Reply::Error(cannot).write(out));
            return Received::Failed;
        }
        let is_behind = it.fate.pauses_at.is_some_and(|at| it.since_pause >= at);
        // The last bytes are waited for too, where any are.
        let waits = is_behind || (it.left == 0 && it.fate.pauses_at.is_some());
        if !waits {
            return Received::Going;
        }
        it.since_pause = 0;
        net.book.waits.push((it.wire, it.fate.rounds));
        match it.left {
            0 => Received::Going,
            _ => Received::Pause,
        }
    }

    pub(crate) fn abandon_upload(
        &self,
        it: &Upload,
        why: CloseReason,
        reply: &mut Outbox<SimFile>,
    ) {
        let net = &mut *self.net.borrow_mut();
        net.marks.event(match why {
            CloseReason::Eof => Event::UploadCut,
            CloseReason::Stalled => Event::UploadStalled,
            _ => Event::UploadAbandoned,
        });
        net.book.uploading.retain(|each| each.wire != it.wire);
        net.book.waits.retain(|&(wire, _)| wire != it.wire);
        if why == CloseReason::Eof {
            let cut = ErrorReply::Cut {
                came: it.fate.offset + it.came,
                size: it.size,
                name: &it.name,
            };
            reply.write(|out| Reply::Error(cut).write(out));
        }
    }
}

//! The answers to `put` and `replace`.
//!
//! Owns the words in which an upload's client is told how it goes, and the record of its end. Must
//! never say that a file is stored before the record of it is written.

use std::time::Instant;

use crate::engine::outbox::Outbox;
use crate::engine::ports::{Received, Step};
use crate::server::handler::{FolderHandler, Task};
use crate::server::net::socket::Served;
use crate::server::uploads::{self, Failure, Left, Outcome, Progress, Tools, Upload, Uploads};
use crate::wire::{ClientName, CloseReason, ErrorReply, Put, Reply, Sanitized};

impl FolderHandler {
    /// Accepts uploads too.
    #[must_use]
    pub fn with_uploads(mut self, uploads: Option<Uploads>) -> Self {
        self.uploads = uploads;
        self
    }

    /// The thread that waits for the disk has done something, or an hour is over.
    pub fn woken(&mut self, now: Instant) {
        if let Some(uploads) = &mut self.uploads {
            uploads.woken(now, self.event_log.now());
        }
    }

    fn uploads(&mut self) -> &mut Uploads {
        let uploads = self.uploads.as_mut();
        uploads.expect("without uploads, none is begun")
    }

    pub(super) fn put(
        &mut self,
        put: &Put<'_>,
        size: u64,
        from: ClientName,
        now: Instant,
        reply: &mut Outbox<Served>,
    ) -> Option<Task> {
        let uploads = self.uploads.as_mut()?;
        match uploads.begin(&self.served_dir, put, size, from, now) {
            Ok(upload) => Some(Task::Upload(Box::new(upload))),
            Err(failure) => {
                reply.write(|out| Reply::Error(failure.reply(put.name)).write(out));
                None
            }
        }
    }

    pub(super) fn resume_upload(&mut self, upload: &mut Upload, out: &mut Vec<u8>) -> Step {
        let Self {
            uploads,
            served_dir,
            digests,
            event_log,
            ..
        } = self;
        let uploads = uploads.as_mut().expect("without uploads, none is begun");
        let mut tools = Tools {
            served: served_dir,
            digests,
            now: &|| event_log.now(),
        };
        match uploads.resume(upload, &mut tools) {
            Progress::More => Step::More,
            Progress::Waiting => Step::Waiting,
            Progress::Ready(offset) => {
                Reply::Ready(offset).write(out);
                Step::Body(upload.size - offset)
            }
            Progress::Body(left) => Step::Body(left),
            Progress::Stored { digest, replaced } => {
                let name = Sanitized(&upload.name);
                log::debug!("{} has stored {name}", upload.from);
                self.event_log
                    .uploaded(upload, Outcome::Stored(digest, replaced));
                Reply::Stored(&digest, upload.size).write(out);
                Step::Done
            }
            Progress::Failed(failure) => {
                self.fail(upload, failure, out);
                Step::Done
            }
        }
    }

    pub(super) fn receive_body(
        &mut self,
        upload: &mut Upload,
        bytes: &[u8],
        reply: &mut Outbox<Served>,
    ) -> Received {
        let now = self.event_log.now();
        match self.uploads().receive(upload, bytes, now) {
            uploads::Received::Going => Received::Going,
            uploads::Received::Pause => Received::Pause,
            uploads::Received::Failed(failure) => {
                reply.write(|out| self.fail(upload, failure, out));
                Received::Failed
            }
        }
    }

    fn fail(&mut self, upload: &Upload, failure: Failure, out: &mut Vec<u8>) {
        self.event_log
            .uploaded(upload, Outcome::Not(failure.reason()));
        Reply::Error(failure.reply(&upload.name)).write(out);
    }

    pub(super) fn abandon_upload(
        &mut self,
        upload: &Upload,
        why: CloseReason,
        reply: &mut Outbox<Served>,
    ) {
        let now = self.event_log.now();
        let outcome = match self.uploads().abandoned(upload, now) {
            Left::Stored(digest, replaced) => Outcome::Stored(digest, replaced),
            Left::TakenOver => Outcome::Not(Failure::TakenOver.reason()),
            Left::Unfinished(came) => {
                if why == CloseReason::Eof {
                    let (size, name) = (upload.size, &*upload.name);
                    let cut = ErrorReply::Cut { came, size, name };
                    reply.write(|out| Reply::Error(cut).write(out));
                }
                Outcome::Not(uploads::reason_of(why))
            }
        };
        self.event_log.uploaded(upload, outcome);
    }
}

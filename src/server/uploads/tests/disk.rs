//! A disk that is slow, or fails. Owns nothing; the stage is in `mod.rs`.

use rustix::io::Errno;

use super::*;
use crate::server::uploads::syncer::Disk;

const PIECE: usize = 256 << 10;

/// A yard whose disk does what the test says.
fn with_disk() -> (Yard, Disk) {
    let mut yard = Yard::new(&settings());
    let (syncer, disk) = Disk::new();
    yard.uploads.shared.syncer = Some(syncer);
    (yard, disk)
}

impl Yard {
    /// An upload whose bytes are wanted.
    fn ready(&mut self, line: &str) -> Upload {
        let mut upload = self.ask(line).unwrap();
        loop {
            match self.step(&mut upload) {
                Progress::More => {}
                Progress::Ready(_) | Progress::Body(_) => return upload,
                other => panic!("{other:?}"),
            }
        }
    }

    fn send(&mut self, upload: &mut Upload, bytes: &[u8]) -> Received {
        self.uploads.receive(upload, bytes, SystemTime::now())
    }

    /// What is said when nothing but the disk is waited for.
    fn settle(&mut self, upload: &mut Upload) -> Progress {
        loop {
            match self.step(upload) {
                Progress::More => {}
                progress => return progress,
            }
        }
    }
}

#[test]
fn no_more_is_taken_while_the_disk_is_too_far_behind() {
    let (mut yard, disk) = with_disk();
    let size = 100 << 20;
    let mut upload = yard.ready(&format!("put {size} a"));
    let piece = vec![1; PIECE];
    let mut sent = 0;
    let mut until_pause = |yard: &mut Yard, upload: &mut Upload| {
        loop {
            sent += PIECE;
            match yard.send(upload, &piece) {
                Received::Going => {}
                Received::Pause => return sent,
                failed => panic!("{failed:?}"),
            }
        }
    };
    assert_eq!(until_pause(&mut yard, &mut upload), 32 << 20);
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    // It was asked for the first 8 MiB.
    assert!(matches!(disk.answer(Ok(())), Some(Work::Data(_))));
    assert_eq!(yard.settle(&mut upload), Progress::Body(size - (32 << 20)));
    assert_eq!(until_pause(&mut yard, &mut upload), 40 << 20);
    // And then for all that came meanwhile.
    assert!(matches!(disk.answer(Ok(())), Some(Work::Data(_))));
    assert!(disk.answer(Ok(())).is_none(), "one at a time");
    assert_eq!(yard.settle(&mut upload), Progress::Body(size - (40 << 20)));
    assert_eq!(until_pause(&mut yard, &mut upload), 64 << 20);
}

#[test]
fn a_disk_that_fails_is_believed_at_once_and_the_bytes_are_not() {
    let (mut yard, disk) = with_disk();
    let bytes = vec![1; 9 << 20];
    let line = waiting("put", &bytes, "a");
    let mut upload = yard.ready(&line);
    for piece in bytes[..8 << 20].chunks(PIECE) {
        assert_eq!(yard.send(&mut upload, piece), Received::Going);
    }
    assert!(matches!(disk.answer(Err(Errno::IO)), Some(Work::Data(_))));
    let failed = Received::Failed(Failure::CannotWrite);
    assert_eq!(yard.send(&mut upload, &[1]), failed);
    assert!(matches!(disk.answer(Ok(())), Some(Work::Remove(..))));
    assert!(
        disk.answer(Ok(())).is_none(),
        "no second sync, which would not tell"
    );
    let again = yard.ready(&line);
    assert_eq!(again.offset, 0);
}

#[test]
fn the_error_of_an_earlier_sync_is_not_missed_at_the_end() {
    let (mut yard, disk) = with_disk();
    let bytes = vec![1; 9 << 20];
    let mut upload = yard.ready(&waiting("put", &bytes, "a"));
    for piece in bytes.chunks(PIECE) {
        assert_eq!(yard.send(&mut upload, piece), Received::Going);
    }
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    assert!(matches!(disk.answer(Err(Errno::IO)), Some(Work::Data(_))));
    assert!(matches!(disk.answer(Ok(())), Some(Work::All(_))));
    assert_eq!(
        yard.settle(&mut upload),
        Progress::Failed(Failure::CannotWrite)
    );
    assert!(!yard.path("a").exists());
}

#[test]
fn the_error_of_a_sync_is_not_missed_while_nobody_is_there() {
    let (mut yard, disk) = with_disk();
    let bytes = vec![1; 9 << 20];
    let line = waiting("put", &bytes, "a");
    let mut upload = yard.ready(&line);
    for piece in bytes[..8 << 20].chunks(PIECE) {
        assert_eq!(yard.send(&mut upload, piece), Received::Going);
    }
    yard.uploads.abandoned(&upload, SystemTime::now());
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    assert!(matches!(disk.answer(Err(Errno::IO)), Some(Work::Data(_))));
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    assert!(matches!(disk.answer(Ok(())), Some(Work::Shorten(..))));
    assert_eq!(yard.settle(&mut upload), Progress::Ready(0));
}

#[test]
fn a_file_has_its_name_after_its_bytes_are_on_the_disk_and_is_stored_after_the_name_is() {
    let (mut yard, disk) = with_disk();
    let mut upload = yard.ready(&waiting("put", b"abc", "new/a"));
    assert_eq!(yard.send(&mut upload, b"abc"), Received::Going);
    let mut files = Vec::new();
    for there in [false, false, true] {
        assert_eq!(yard.settle(&mut upload), Progress::Waiting);
        assert_eq!(yard.path("new/a").exists(), there);
        let Some(Work::All(all)) = disk.answer(Ok(())) else {
            panic!("it is waited for the disk");
        };
        files.push(all.len());
    }
    assert_eq!(yard.settle(&mut upload), stored(b"abc"));
    // The part; the folder that holds the new one; that one, and the staging folder.
    assert_eq!(files, [1, 1, 2]);
}

#[test]
fn a_file_is_not_called_stored_if_its_name_may_be_lost() {
    let (mut yard, disk) = with_disk();
    let mut upload = yard.ready(&waiting("put", b"abc", "a"));
    assert_eq!(yard.send(&mut upload, b"abc"), Received::Going);
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    disk.answer(Ok(()));
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    disk.answer(Err(Errno::IO));
    assert_eq!(
        yard.settle(&mut upload),
        Progress::Failed(Failure::CannotWrite)
    );
    // Whoever asks again waits for the disk again.
    let mut upload = yard.ask(&waiting("put", b"abc", "a")).unwrap();
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    let Some(Work::All(all)) = disk.answer(Ok(())) else {
        panic!("it is waited for the disk");
    };
    assert_eq!(all.len(), 2, "the file and its folder");
    assert_eq!(yard.settle(&mut upload), stored(b"abc"));
}

#[test]
fn files_that_a_slow_disk_has_not_removed_yet_are_bounded() {
    let (mut yard, disk) = with_disk();
    let zero = "0".repeat(64);
    for i in 0..64 {
        let mut upload = yard.ready(&format!("put@{zero} 1 - a{i}"));
        assert_eq!(yard.send(&mut upload, b"x"), Received::Going);
        assert_eq!(
            yard.settle(&mut upload),
            Progress::Failed(Failure::DigestDiffers)
        );
    }
    assert_eq!(yard.ask("put 1 b").err(), Some(Failure::Busy));
    let mut upload = yard.ask(&format!("put@{zero} 1 - b")).unwrap();
    assert_eq!(yard.settle(&mut upload), Progress::Waiting);
    assert!(matches!(
        disk.answer(Ok(())),
        Some(Work::Remove(_, Some(_)))
    ));
    assert_eq!(yard.settle(&mut upload), Progress::Ready(0));
    assert!(yard.ask("put 1 c").is_ok());
}

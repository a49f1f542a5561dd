//! Parts that time, people or crashes have been at. Owns nothing; the stage is in `mod.rs`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

/// A yard with a part that has the first three of six bytes, and the path of that.
fn cut() -> (Yard, String, PathBuf) {
    let mut yard = Yard::new(&settings());
    let line = waiting("put", b"abcdef", "a");
    assert_eq!(yard.cut(&line, b"abcdef", 3), Left::Unfinished(3));
    let part = yard.path(STAGING).join(&yard.parts()[0]);
    (yard, line, part)
}

type Change<'a> = Box<dyn Fn(&Path) + 'a>;

/// What can become of a part, and how much of it is still good then.
fn changes(outside: &Path) -> [(&'static str, Change<'_>, u64); 8] {
    // To root everything is readable.
    let is_root = rustix::process::geteuid().is_root();
    let unreadable = if is_root { 3 } else { 0 };
    let other = |part: &Path| part.with_file_name("other");
    [
        (
            "longer",
            Box::new(|part| fs::write(part, "abcdefg").unwrap()),
            0,
        ),
        (
            "shorter",
            Box::new(|part| fs::write(part, "ab").unwrap()),
            2,
        ),
        ("gone", Box::new(|part| fs::remove_file(part).unwrap()), 0),
        (
            "linked",
            Box::new(move |part| fs::hard_link(part, other(part)).unwrap()),
            0,
        ),
        (
            "a link",
            Box::new(move |part| {
                fs::remove_file(part).unwrap();
                symlink(outside, part).unwrap();
            }),
            0,
        ),
        (
            "another file",
            Box::new(move |part| {
                fs::write(other(part), "abc").unwrap();
                fs::rename(other(part), part).unwrap();
            }),
            3,
        ),
        (
            "a file of elsewhere",
            Box::new(move |part| {
                fs::remove_file(part).unwrap();
                fs::hard_link(outside, part).unwrap();
            }),
            0,
        ),
        (
            "unreadable",
            Box::new(|part| fs::set_permissions(part, Permissions::from_mode(0o0)).unwrap()),
            unreadable,
        ),
    ]
}

#[test]
fn a_part_that_somebody_changed_costs_no_more_than_its_bytes() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "abc").unwrap();
    for (what, change, offset) in changes(outside.path()) {
        for restarts in [false, true] {
            let (yard, line, part) = cut();
            change(&part);
            let mut yard = match restarts {
                true => yard.restarted(&settings()),
                false => yard,
            };
            // What was in memory of it is not believed.
            if what != "unreadable" || restarts {
                assert_eq!(yard.offset(&line), offset, "{what}");
            }
            assert_eq!(yard.put(&line, b"abcdef"), stored(b"abcdef"), "{what}");
            assert_eq!(yard.read("a"), b"abcdef");
        }
    }
    assert_eq!(fs::read(outside.path()).unwrap(), b"abc");
}

#[test]
fn bytes_that_somebody_changed_are_found_out_and_thrown_away() {
    for restarts in [false, true] {
        let (yard, line, part) = cut();
        fs::write(&part, "abX").unwrap();
        let mut yard = match restarts {
            true => yard.restarted(&settings()),
            false => yard,
        };
        let first = yard.put(&line, b"abcdef");
        if restarts {
            assert_eq!(first, Progress::Failed(Failure::DigestDiffers));
            assert!(!yard.path("a").exists());
            assert_eq!(yard.put(&line, b"abcdef"), stored(b"abcdef"));
        }
        assert_eq!(yard.parts(), [""; 0]);
    }
}

#[test]
fn a_part_whose_entry_is_another_file_gets_no_name() {
    let mut yard = Yard::new(&settings());
    let line = waiting("put", b"abcdef", "a");
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(0));
    let part = yard.path(STAGING).join(&yard.parts()[0]);
    fs::remove_file(&part).unwrap();
    fs::write(&part, "ABCDEF").unwrap();
    yard.uploads
        .receive(&mut upload, b"abcdef", SystemTime::now());
    assert_eq!(
        yard.run(&mut upload),
        Progress::Failed(Failure::CannotWrite)
    );
    assert!(!yard.path("a").exists());
    assert_eq!(yard.put(&line, b"abcdef"), stored(b"abcdef"));
}

#[test]
fn after_another_boot_a_part_has_lost_what_the_disk_may_not_have() {
    let bytes = vec![7; 40 << 20];
    let line = waiting("put", &bytes, "a");
    let mut yard = Yard::new(&settings());
    let n = 35 << 20;
    assert_eq!(yard.cut(&line, &bytes, n), Left::Unfinished(n as u64));
    let boot = yard.path(STAGING).join("boot");
    assert_eq!(
        fs::read(&boot).unwrap(),
        fs::read("/proc/sys/kernel/random/boot_id").unwrap()
    );
    let yard = yard.restarted(&settings());
    fs::write(&boot, "another\n").unwrap();
    let mut yard = yard.restarted(&settings());
    assert_eq!(yard.offset(&line), 2 << 20);
    assert_eq!(
        fs::read(&boot).unwrap(),
        fs::read("/proc/sys/kernel/random/boot_id").unwrap()
    );
    let mut yard = yard.restarted(&settings());
    assert_eq!(yard.put(&line, &bytes), stored(&bytes));
}

#[test]
fn parts_that_nobody_goes_on_with_are_removed() {
    let (yard, line, part) = cut();
    let keeps_none = Settings {
        keep_parts: Duration::ZERO,
        ..settings()
    };
    let left = fs::metadata(&part).unwrap().modified().unwrap();
    let yard = yard.restarted(&settings());
    assert_eq!(
        fs::metadata(&part).unwrap().modified().unwrap(),
        left,
        "it is as old as it was"
    );
    let mut yard = yard.restarted(&keeps_none);
    assert_eq!(yard.parts(), [""; 0]);
    assert_eq!(yard.cut(&line, b"abcdef", 3), Left::Unfinished(3));
    assert_eq!(yard.parts().len(), 1);
    let now = Instant::now();
    yard.uploads.woken(now, SystemTime::now());
    assert_eq!(yard.parts(), [""; 0]);
    // One that is in use is none of them.
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(0));
    yard.uploads.woken(now + 2 * SWEEP_EVERY, SystemTime::now());
    yard.uploads
        .receive(&mut upload, b"abcdef", SystemTime::now());
    assert_eq!(yard.run(&mut upload), stored(b"abcdef"));
}

#[test]
fn entries_of_uploads_that_cannot_go_on_are_removed_and_no_others() {
    let yard = Yard::new(&settings());
    for name in ["put-7", "gone-9", "mine"] {
        fs::write(yard.path(STAGING).join(name), "").unwrap();
    }
    let mut yard = yard.restarted(&settings());
    assert_eq!(yard.parts(), ["mine"]);
}

#[test]
fn more_interrupted_uploads_than_are_kept_open_go_on_too() {
    let mut yard = Yard::new(&settings());
    let lines: Vec<String> = (0..40)
        .map(|i| waiting("put", b"abcdef", &format!("f{i}")))
        .collect();
    for line in &lines {
        assert_eq!(yard.cut(line, b"abcdef", 4), Left::Unfinished(4));
    }
    for line in &lines {
        assert_eq!(yard.put(line, b"abcdef"), stored(b"abcdef"));
    }
    assert_eq!(yard.parts(), [""; 0]);
}

#[test]
fn two_servers_do_not_share_a_staging_folder() {
    let yard = Yard::new(&settings());
    let other = Uploads::open(&yard.served, yard.folder.path(), &settings());
    assert_eq!(other.err(), Some(Fault::Taken));
}

#[test]
fn a_staging_folder_that_is_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let served = ServedDir::open(folder.path()).unwrap();
    let open = || Uploads::open(&served, folder.path(), &settings()).err();
    let staging = folder.path().join(STAGING);
    fs::write(&staging, "").unwrap();
    assert_eq!(open(), Some(Fault::Foreign));
    fs::remove_file(&staging).unwrap();
    symlink(elsewhere.path(), &staging).unwrap();
    assert_eq!(open(), Some(Fault::Foreign));
    fs::remove_file(&staging).unwrap();
    fs::create_dir(&staging).unwrap();
    fs::set_permissions(&staging, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(open(), None);
    assert_eq!(fs::metadata(&staging).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_folder_that_passes_its_group_on_does_so_here_too() {
    use rustix::fs::Gid;
    let mut yard = Yard::new(&settings());
    fs::create_dir(yard.path("shared")).unwrap();
    let folder = fs::File::open(yard.path("shared")).unwrap();
    if rustix::fs::fchown(&folder, None, Some(Gid::from_raw(12_345))).is_err() {
        println!("skipped: only root can choose any group");
        return;
    }
    fs::set_permissions(yard.path("shared"), Permissions::from_mode(0o2775)).unwrap();
    assert_eq!(yard.put("put 1 shared/a", b"x"), stored(b"x"));
    assert_eq!(yard.put("put 1 shared/new/a", b"x"), stored(b"x"));
    for name in ["shared/a", "shared/new/a"] {
        assert_eq!(
            fs::metadata(yard.path(name)).unwrap().gid(),
            12_345,
            "{name}"
        );
    }
}

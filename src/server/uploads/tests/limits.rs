//! What is refused before a byte is taken. Owns nothing; the stage is in `mod.rs`.

use super::*;

#[test]
fn a_size_beyond_the_most_is_refused_with_the_most() {
    let mut yard = Yard::new(&Settings {
        size_max: Some(4),
        ..settings()
    });
    assert_eq!(yard.put("put 4 a", b"four"), stored(b"four"));
    for size in [5, u64::MAX] {
        let line = format!("put {size} b");
        assert_eq!(yard.ask(&line).err(), Some(Failure::TooLarge(4)));
    }
    assert_eq!(yard.put("put 004 b", b"four"), stored(b"four"));
}

#[test]
fn room_is_promised_to_one_upload_only_and_given_back() {
    let mut yard = Yard::new(&settings());
    let free = yard.uploads.shared.free().expect("this disk has an end");
    let most = free / 10 * 9;
    let zero = "0".repeat(64);
    let ask = |name: &str| format!("put@{zero} {most} - {name}");
    // Not resumed: no block of the disk is taken for it.
    let first = yard.ask(&ask("a")).unwrap();
    for name in ["b", "c"] {
        let refused = yard.ask(&ask(name)).err();
        assert!(
            matches!(refused, Some(Failure::NoRoom { .. })),
            "{refused:?}"
        );
    }
    let refused = yard.ask(&format!("put {most} d")).err();
    assert!(
        matches!(refused, Some(Failure::NoRoom { .. })),
        "{refused:?}"
    );
    yard.uploads.abandoned(&first, SystemTime::now());
    assert!(yard.ask(&ask("b")).is_ok());
    let largest = yard.ask(&format!("put {} e", u64::MAX)).err();
    assert!(
        matches!(largest, Some(Failure::NoRoom { .. })),
        "{largest:?}"
    );
}

#[test]
fn what_has_to_stay_free_stays_so() {
    let mut yard = Yard::new(&Settings {
        keep_free: u64::MAX,
        ..settings()
    });
    let refused = yard.ask("put 1 a").err();
    let Some(Failure::NoRoom { free, kept }) = refused else {
        panic!("{refused:?}");
    };
    assert!(free > 0);
    assert_eq!(kept, u64::MAX);
}

#[test]
fn a_reservation_lasts_as_long_as_its_connection() {
    const SIZE: u64 = 64 << 20;
    let mut yard = Yard::new(&settings());
    let line = format!("put@{} {SIZE} - a", "0".repeat(64));
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(0));
    yard.uploads.receive(&mut upload, b"abc", SystemTime::now());
    let part = yard.path(STAGING).join(&yard.parts()[0]);
    let blocks = || fs::metadata(&part).unwrap().blocks() * 512;
    let length = || fs::metadata(&part).unwrap().len();
    if blocks() < SIZE {
        println!("skipped: this file system reserves nothing");
        return;
    }
    assert_eq!(length(), 3);
    yard.uploads.abandoned(&upload, SystemTime::now());
    yard.parts();
    assert!(blocks() < 1 << 20);
    assert_eq!(length(), 3);
    // Killed while it is reserved.
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(3));
    assert!(blocks() >= SIZE);
    let _yard = yard.restarted(&settings());
    assert!(blocks() < 1 << 20);
    assert_eq!(length(), 3);
}

#[test]
fn unfinished_uploads_have_no_more_bytes_together_than_they_may() {
    let mut yard = Yard::new(&Settings {
        parts_max: Some(10),
        ..settings()
    });
    let full = Some(Failure::PartsFull(10));
    assert_eq!(yard.ask("put 11 a").err(), full);
    let six = waiting("put", b"abcdef", "a");
    assert_eq!(yard.cut(&six, b"abcdef", 5), Left::Unfinished(5));
    assert_eq!(yard.ask("put 6 b").err(), full);
    // What it has already is not counted twice.
    assert_eq!(yard.offset(&six), 5);
    let other = yard.ask("put 5 b").unwrap();
    assert_eq!(yard.ask(&six).err(), full);
    yard.uploads.abandoned(&other, SystemTime::now());
    assert_eq!(yard.put(&six, b"abcdef"), stored(b"abcdef"));
    assert_eq!(yard.put("put 10 b", b"0123456789"), stored(b"0123456789"));
}

#[test]
fn the_way_to_a_name_is_made_of_folders() {
    let mut yard = Yard::new(&settings());
    fs::write(yard.path("file"), "").unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), yard.path("out")).unwrap();
    symlink("nowhere", yard.path("dangling")).unwrap();
    fs::create_dir(yard.path("folder")).unwrap();
    symlink("folder", yard.path("inner")).unwrap();
    for name in [
        "file/x",
        "out/x",
        "out/a/b",
        "dangling/x",
        "inner/x",
        "inner/a/b",
    ] {
        let refused = yard.ask(&format!("put 1 {name}")).err();
        assert_eq!(refused, Some(Failure::NotAName), "{name}");
    }
    assert_eq!(entries(outside.path()), [""; 0]);
    let deepest = format!("{}x", "d/".repeat(64));
    assert_eq!(yard.put(&format!("put 1 {deepest}"), b"x"), stored(b"x"));
    let deeper = format!("{}x", "e/".repeat(65));
    assert_eq!(
        yard.ask(&format!("put 1 {deeper}")).err(),
        Some(Failure::NotAName)
    );
}

#[test]
fn a_folder_that_becomes_a_link_meanwhile_leads_nowhere() {
    let mut yard = Yard::new(&settings());
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(yard.path("folder")).unwrap();
    let line = waiting("put", b"abc", "folder/a");
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(0));
    fs::remove_dir(yard.path("folder")).unwrap();
    symlink(outside.path(), yard.path("folder")).unwrap();
    yard.uploads.receive(&mut upload, b"abc", SystemTime::now());
    assert_eq!(yard.run(&mut upload), Progress::Failed(Failure::NotAName));
    assert_eq!(entries(outside.path()), [""; 0]);
    fs::remove_file(yard.path("folder")).unwrap();
    assert_eq!(
        yard.put(&line, b""),
        stored(b"abc"),
        "what came is still there"
    );
}

#[test]
fn only_the_folder_of_uploads_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in/box")).unwrap();
    let inside = Settings {
        dir: "in/box".into(),
        ..settings()
    };
    let mut yard = Yard::of(folder, &inside);
    assert_eq!(yard.put("put 1 in/box/a", b"x"), stored(b"x"));
    assert_eq!(yard.read("in/box/a"), b"x");
    assert_eq!(yard.ask("put 1 in/a").err(), Some(Failure::Denied));
    assert!(yard.path("in/box/.berth").exists());
    assert!(!yard.path(STAGING).exists());
}

#[test]
fn a_folder_of_uploads_is_one_in_the_served_folder() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in")).unwrap();
    fs::create_dir_all(folder.path().join(".hidden")).unwrap();
    symlink("in", folder.path().join("link")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let served = ServedDir::open(folder.path()).unwrap();
    let open = |dir: &Path| {
        let dir = dir.to_owned();
        Uploads::open(&served, folder.path(), &Settings { dir, ..settings() }).err()
    };
    for dir in ["missing", "..", "in/..", ".hidden", "link", "file"] {
        assert_eq!(open(Path::new(dir)), Some(Fault::NoFolder), "{dir}");
    }
    assert_eq!(open(other.path()), Some(Fault::NoFolder));
    for dir in [
        Path::new("."),
        Path::new("./in/"),
        folder.path(),
        &folder.path().join("in"),
    ] {
        assert_eq!(open(dir), None, "{}", dir.display());
    }
}

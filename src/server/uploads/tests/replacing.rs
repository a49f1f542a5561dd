//! Uploads in place of what is there. Owns nothing; the stage is in `mod.rs`.

use std::io::Read;

use super::*;

#[test]
fn only_a_file_is_replaced_and_readers_keep_what_they_had() {
    let mut yard = Yard::new(&settings());
    assert_eq!(yard.ask("replace 1 a").err(), Some(Failure::NoOverwrite));
    let mut yard = yard.restarted(&Settings {
        overwrite: true,
        ..settings()
    });
    assert_eq!(yard.put("replace 3 a", b"old"), stored(b"old"));
    let mut reader = fs::File::open(yard.path("a")).unwrap();
    let (digest, replaced) = (digest(b"newer"), true);
    let newer = Progress::Stored { digest, replaced };
    assert_eq!(
        yard.put(&waiting("replace", b"newer", "a"), b"newer"),
        newer
    );
    assert_eq!(yard.read("a"), b"newer");
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "old");
    // Of the same size, so they are compared first.
    assert_eq!(
        yard.put(&waiting("replace", b"newer", "a"), b""),
        stored(b"newer")
    );
    fs::write(yard.path("a"), "older").unwrap();
    assert_eq!(
        yard.put(&waiting("replace", b"newer", "a"), b"newer"),
        newer
    );
    assert_eq!(yard.put("put 1 a", b"x"), Progress::Failed(Failure::Exists));
    fs::create_dir(yard.path("folder")).unwrap();
    symlink("a", yard.path("link")).unwrap();
    for name in ["folder", "link"] {
        let refused = Progress::Failed(Failure::NotAFile);
        assert_eq!(yard.put(&format!("replace 1 {name}"), b"x"), refused);
    }
}

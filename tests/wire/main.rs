//! The published protocol is the one the server speaks: every transcript of `docs/protocol.md` is
//! played against `berthd`.

#[path = "../support/mod.rs"]
mod support;

mod play;
mod transcript;

use play::{Style, play};
use transcript::{Kind, Transcript, lay_out, transcripts, write_tokens};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

fn play_all(style: Style, fits: fn(&Transcript) -> bool) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    lay_out(DOCUMENT, folder.path());
    let own = tempfile::tempdir().expect("a folder can be made");
    let tokens = own.path().join("tokens");
    write_tokens(DOCUMENT, &tokens);
    for transcript in transcripts(DOCUMENT).iter().filter(|one| fits(one)) {
        if transcript.kind == Kind::Uploads {
            // What it leaves there is not there for the next one.
            let folder = tempfile::tempdir().expect("a folder can be made");
            lay_out(DOCUMENT, folder.path());
            play(transcript, style, folder.path(), &tokens);
        } else {
            play(transcript, style, folder.path(), &tokens);
        }
    }
}

#[test]
fn the_transcripts_are_found() {
    let found = transcripts(DOCUMENT);
    assert!(found.len() >= 12, "only {} transcripts", found.len());
    assert!(found.iter().all(|transcript| !transcript.steps.is_empty()));
}

#[test]
fn the_server_answers_as_written() {
    play_all(Style::AsWritten, |_| true);
}

#[test]
fn bytes_that_arrive_one_by_one_change_no_answer() {
    play_all(Style::ByteByByte, |transcript| {
        transcript.kind != Kind::Unframed
    });
}

#[test]
fn lines_that_end_in_cr_lf_change_no_answer() {
    play_all(Style::WithCrLf, |transcript| {
        matches!(transcript.kind, Kind::Any | Kind::Tokens)
    });
}

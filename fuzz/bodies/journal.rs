//! Any bytes are a journal: it is read, shown and summed up around whatever is damaged in them.

use berth::journal::Line;

pub(crate) fn run(data: &[u8]) {
    let mut shown = Vec::new();
    let damaged = berth::report::read_all(data, &mut shown).expect("memory can be read");
    let lines = data.split(|&byte| byte == b'\n');
    let (mut records, mut others) = (0, 0);
    for line in lines {
        match Line::parse(line) {
            Line::Record(record) => {
                records += 1;
                // What was understood is written so that it is understood again.
                let mut again = Vec::new();
                Line::write(&record, &mut again);
                let read = Line::parse(&again);
                if record.event != berth::journal::Event::Other {
                    assert_eq!(read, Line::Record(record));
                }
            }
            Line::Damaged => others += 1,
            Line::Blank => {}
        }
    }
    assert_eq!(damaged, others, "of {records} records");
    let shown = String::from_utf8(shown).expect("what is shown is text");
    let is_safe = |c: char| c == '\n' || c == '\t' || !c.is_control();
    assert!(
        shown.chars().all(is_safe),
        "what is shown does nothing but be read"
    );
}

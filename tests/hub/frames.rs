//! Frames, as a page sends and reads them.
//!
//! Owns a reading of RFC 6455 of its own. Must never use the one that it judges.

use crate::harness::Guest;

/// A frame of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// The request that begins a WebSocket with this query.
pub(crate) fn join(query: &str) -> Vec<u8> {
    format!(
        "GET /ws{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A whole short message of a client.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let len = u8::try_from(payload.len()).expect("it is short");
    assert!(len < 126, "it is short");
    let masked = payload.iter().zip(MASK.iter().cycle());
    let masked = masked.map(|(byte, mask)| byte ^ mask);
    let header = [0x80 | opcode, 0x80 | len];
    header.into_iter().chain(MASK).chain(masked).collect()
}

/// All frames that came, behind the head of the answer.
pub(crate) fn read(guest: &Guest) -> Vec<Frame> {
    let bytes = guest.read_bytes();
    let head = b"upgraded\r\n\r\n";
    let mut rest = bytes.strip_prefix(head).unwrap_or(&bytes);
    let mut frames = Vec::new();
    while let [first, len, behind @ ..] = rest {
        assert_eq!(first & 0xf0, 0x80, "a frame is a whole message");
        let (len, behind) = match len {
            0..=125 => (usize::from(*len), behind),
            126 => (
                usize::from(behind[0]) << 8 | usize::from(behind[1]),
                &behind[2..],
            ),
            _ => panic!("it is masked or long"),
        };
        let (payload, behind) = behind.split_at(len);
        frames.push(Frame {
            opcode: first & 0x0f,
            payload: payload.to_vec(),
        });
        rest = behind;
    }
    assert!(rest.is_empty(), "no frame is cut");
    frames
}

/// What was said in lines.
pub(crate) fn text_of(frames: &[Frame]) -> String {
    let lines = frames.iter().filter(|frame| frame.opcode == 2);
    let lines: Vec<u8> = lines.flat_map(|frame| frame.payload.clone()).collect();
    String::from_utf8(lines).expect("the tests write text")
}

/// The code of the Close frame, which is the last one.
pub(crate) fn closed(frames: &[Frame]) -> Option<u16> {
    let last = frames.last().filter(|frame| frame.opcode == 8)?;
    let code = last.payload.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*code))
}

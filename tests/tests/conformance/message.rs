//! The bytes of prefaces and messages, written and read after PROTOCOL.md by hand.

use rpc_core::Code;

/// A preface of version 1 with the usual credit.
pub(crate) fn preface(frame: u32, calls: u32) -> Vec<u8> {
    let words = [0, frame, calls, 64].map(u32::to_le_bytes);
    [b"\xf1RPC\x18\0\x01\x01", words.as_flattened()].concat()
}

/// A length and the content of these parts.
pub(crate) fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_le_bytes(), &content[..]].concat()
}

pub(crate) fn varint(number: u64) -> Vec<u8> {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(small @ 0..=250), _, _) => vec![small],
        (_, Ok(word), _) => [&[251][..], &word.to_le_bytes()].concat(),
        (_, _, Ok(word)) => [&[252][..], &word.to_le_bytes()].concat(),
        _ => [&[253][..], &number.to_le_bytes()].concat(),
    }
}

pub(crate) fn bytes(value: &[u8]) -> Vec<u8> {
    [varint(u64::try_from(value.len()).unwrap()), value.to_vec()].concat()
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    bytes(value.as_bytes())
}

/// The encoding of a [`Response`](crate::service::Response) of so many zeros that tells nothing.
pub(crate) fn response(size: usize) -> Vec<u8> {
    [bytes(&vec![0; size]), vec![0]].concat()
}

/// The encoding of a [`Request`](crate::service::Request) of so many zeros that wants nothing.
pub(crate) fn request(size: usize) -> Vec<u8> {
    [bytes(&vec![0; size]), vec![0, 0, 0, 0]].concat()
}

/// A status on the wire, without details.
pub(crate) struct Status<'a> {
    pub(crate) code: Code,
    pub(crate) may_have_run: bool,
    pub(crate) message: &'a str,
}

impl Status<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_with(&[])
    }

    pub(crate) fn encode_with(&self, details: &[u8]) -> Vec<u8> {
        let flags = vec![u8::from(self.code), u8::from(self.may_have_run)];
        [flags, text(self.message), bytes(details)].concat()
    }
}

/// A call as a server hears it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) procedure: String,
    pub(crate) payload: Vec<u8>,
}

impl Call {
    /// What the content of a frame says, which begins with the number of a call.
    pub(crate) fn decode(content: &[u8]) -> Call {
        let mut rest = Cursor(&content[1..]);
        let id = rest.varint();
        let procedure = String::from_utf8(rest.bytes().to_vec()).unwrap();
        // The time left, if the call has an end.
        (rest.take(1) == [1]).then(|| rest.varint());
        assert_eq!(rest.take(1), [0], "the payload's encoding");
        for _ in 0..rest.varint() {
            rest.bytes();
            rest.bytes();
        }
        Call { id, procedure, payload: rest.0.to_vec() }
    }
}

/// Values one behind the other.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub(crate) fn varint(&mut self) -> u64 {
        let width = match self.take(1)[0] {
            small @ 0..=250 => return u64::from(small),
            251 => 2,
            252 => 4,
            253 => 8,
            other => panic!("no number begins with {other}"),
        };
        self.take(width).iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.varint()).unwrap();
        self.take(length)
    }
}

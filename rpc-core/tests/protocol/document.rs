//! What PROTOCOL.md shows, in a form that can be played: its hex blocks.

/// One side's bytes at one place of a conversation.
pub(crate) struct Block {
    pub(crate) side: Side,
    pub(crate) name: &'static str,
    bytes: Vec<Byte>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy)]
enum Byte {
    Exact(u8),
    /// Of a little-endian number that no two runs have alike, and that is never larger than here.
    TimeLeft(u8),
}

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

/// The blocks of all conversations, with the conversation's name: "```hex CONVERSATION SIDE:NAME".
pub(crate) fn blocks() -> Vec<(&'static str, Block)> {
    let fenced = DOCUMENT.split("```hex ").skip(1);
    fenced.map(|block| labelled(block.split("```").next().unwrap())).collect()
}

/// The blocks of one conversation, in order.
pub(crate) fn conversation(name: &str) -> Vec<Block> {
    blocks().into_iter().filter(|(of, _)| *of == name).map(|(_, block)| block).collect()
}

fn labelled(block: &'static str) -> (&'static str, Block) {
    let (label, lines) = block.split_once('\n').unwrap();
    let (conversation, label) = label.split_once(' ').unwrap();
    let (side, name) = label.split_once(':').unwrap();
    let side = match side {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("{other:?} is no side"),
    };
    let bytes = lines.lines().flat_map(|line| line.split(';').next().unwrap().split_whitespace());
    (conversation, Block { side, name, bytes: bytes.flat_map(marked).collect() })
}

fn marked(word: &str) -> Vec<Byte> {
    match word.strip_prefix('~') {
        Some(hex) => bytes_of(hex).into_iter().map(Byte::TimeLeft).collect(),
        None => bytes_of(word).into_iter().map(Byte::Exact).collect(),
    }
}

impl Block {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.iter().map(|byte| byte.value()).collect()
    }

    /// Panics unless `received` is what the document shows, the time left aside.
    #[track_caller]
    pub(crate) fn check(&self, received: &[u8]) {
        let both = || self.bytes.iter().zip(received);
        let normal: Vec<u8> = both().map(|(byte, came)| byte.or_exactly(*came)).collect();
        assert_eq!(hex(&normal), hex(&self.bytes()), "{}", self.name);
        let left: Vec<_> = both().filter(|(byte, _)| matches!(byte, Byte::TimeLeft(_))).collect();
        let number = |bytes: Vec<u8>| bytes.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let shown = number(left.iter().map(|(byte, _)| byte.value()).collect());
        let came = number(left.iter().map(|(_, came)| **came).collect());
        assert!(left.is_empty() || (1..=shown).contains(&came), "{}: {came} ms left", self.name);
    }
}

impl Byte {
    fn value(self) -> u8 {
        match self {
            Byte::Exact(value) | Byte::TimeLeft(value) => value,
        }
    }

    fn or_exactly(self, came: u8) -> u8 {
        match self {
            Byte::Exact(_) => came,
            Byte::TimeLeft(value) => value,
        }
    }
}

/// The bytes that hex digits stand for.
fn bytes_of(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().map(|c| c.to_digit(16).unwrap()).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {digits:?}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The message that everybody sends: about 100 bytes, with its number in it.
//!
//! ```text
//!   {00000042} xxxxxxxx … x
//! ```
//! A reader finds the numbers wherever they stand, so that it does the same work for every server, whatever that
//! puts around a message.

use memchr::memchr_iter;

/// Bytes of one message.
pub(crate) const LENGTH: usize = 100;

const DIGITS: usize = 8;

/// A number with its brackets.
const MARKED: usize = DIGITS + 2;

/// The message of this number.
pub(crate) fn numbered(number: u32) -> String {
    let mut text = format!("{{{number:08}}} ");
    text.extend(std::iter::repeat_n('x', LENGTH - text.len()));
    text
}

/// Tells `found` every number in `bytes`, in order; says how many bytes at the end may be the beginning of one.
pub(crate) fn numbers(bytes: &[u8], mut found: impl FnMut(u32)) -> usize {
    let mut begun = 0;
    for place in memchr_iter(b'{', bytes) {
        let rest = bytes.get(place..).unwrap_or_default();
        match rest.get(1..MARKED).map(number) {
            Some(Some(number)) => found(number),
            Some(None) => {}
            None if begun == 0 => begun = rest.len(),
            None => {}
        }
    }
    begun
}

/// Eight digits and the bracket that closes.
fn number(digits: &[u8]) -> Option<u32> {
    let (close, digits) = digits.split_last()?;
    let add = |sum: u32, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'));
    digits.iter().try_fold(0, add).filter(|_| *close == b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> (Vec<u32>, usize) {
        let mut all = Vec::new();
        let begun = numbers(bytes, |number| all.push(number));
        (all, begun)
    }

    #[test]
    fn every_message_has_its_number_and_a_hundred_bytes() {
        assert_eq!(numbered(42).len(), LENGTH);
        let both = format!(":a PRIVMSG #b :{}\r\n{}", numbered(42), numbered(99_999_999));
        assert_eq!(found(both.as_bytes()), (vec![42, 99_999_999], 0));
    }

    #[test]
    fn a_number_that_is_cut_anywhere_is_found_once_the_rest_is_there() {
        let text = numbered(7);
        for cut in 0..text.len() {
            let (before, after) = text.as_bytes().split_at(cut);
            let (mut all, begun) = found(before);
            let kept = &before[before.len() - begun..];
            all.extend(found(&[kept, after].concat()).0);
            assert_eq!(all, [7], "cut at {cut}");
        }
    }

    #[test]
    fn brackets_around_anything_else_are_no_number() {
        for text in ["{1234567}", "{1234567x}", "{123456789}", "{}", "{{{{{{{{{{{{{{"] {
            assert!(found(text.as_bytes()).0.is_empty(), "{text}");
        }
    }
}

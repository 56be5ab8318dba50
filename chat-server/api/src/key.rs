//! What makes two names one name.

use std::sync::LazyLock;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::Nickname;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// The form of a name that is compared, after PRECIS Nickname (RFC 8266) and Unicode's confusables (UTS 39).
///
/// `ana`, `Ana`, fullwidth `ａｎａ` and `аnа` with Cyrillic letters have one *identity*: whoever writes any of them means
/// the same user. Look-alikes that only capitals make (Cyrillic `ВОВ` beside `BOB`) have different identities and the
/// same *look*: neither can be taken beside the other, and none stands for the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameKey {
    identity: Box<str>,
    look: Box<str>,
}

impl NameKey {
    pub(crate) fn of(name: &str) -> NameKey {
        let plain = compatible(name);
        if plain.is_ascii() {
            return NameKey::of_ascii(&plain);
        }
        let identity = drawn(&fold(&plain));
        let look = fold(&drawn(&plain));
        NameKey { identity: identity.into(), look: look.into() }
    }

    /// The same for letters of ASCII, which have no marks that could change places: theirs are looked up. Every call of the
    /// chat names somebody.
    fn of_ascii(plain: &str) -> NameKey {
        let drawn_in = |case: fn(&u8) -> u8| {
            let length = plain.len() + plain.len() / 2;
            let look_up = |mut drawn: String, byte: u8| {
                drawn.push_str(ASCII.get(usize::from(case(&byte))).map_or("", String::as_str));
                drawn
            };
            plain.bytes().fold(String::with_capacity(length), look_up)
        };
        let (identity, mut look) = (drawn_in(u8::to_ascii_lowercase), drawn_in(|byte| *byte));
        if look.is_ascii() {
            look.make_ascii_lowercase();
        } else {
            look = fold(&look);
        }
        NameKey { identity: identity.into(), look: look.into() }
    }

    /// Case-folded first, then freed of look-alikes: equal for every spelling of one name.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Freed of look-alikes as it is drawn, then case-folded: two names of one look cannot stand side by side.
    pub fn look(&self) -> &str {
        &self.look
    }

    /// Whether these two cannot both be in use.
    pub fn clashes_with(&self, other: &NameKey) -> bool {
        self.identity == other.identity || self.look == other.look
    }
}

/// Compatibility forms and blanks made one, also for the characters that PRECIS's tables do not know yet.
fn compatible(name: &str) -> String {
    if name.is_ascii() {
        return single_blanks(name);
    }
    match Nickname::enforce(name) {
        Ok(plain) => plain.into_owned(),
        Err(_) => single_blanks(&name.nfkc().collect::<String>()),
    }
}

fn single_blanks(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |line, word| line + " " + word)
}

/// Full case folding but for a few letters of one script: through the capitals, so that `ß` is `ss`.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The confusable skeleton.
fn drawn(text: &str) -> String {
    skeleton(text).collect()
}

/// That of each letter of ASCII.
static ASCII: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..128u8).map(|byte| skeleton(char::from(byte).encode_utf8(&mut [0; 4])).collect()).collect()
});

#[cfg(test)]
mod tests;

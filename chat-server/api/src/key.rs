//! What makes two names one name.

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
        let identity: String = skeleton(&fold(&plain)).collect();
        let look = fold(&skeleton(&plain).collect::<String>());
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
    match Nickname::enforce(name) {
        Ok(plain) => plain.into_owned(),
        Err(_) => name.nfkc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Full case folding but for a few letters of one script: through the capitals, so that `ß` is `ss`.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;

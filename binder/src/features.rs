//! What a server says of itself beside its place, and what an asker wants of it.
//!
//! Both are parsed once: a [`Features`] or a [`Wanted`] cannot hold a bad value.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::contract::Question;

/// The longest version and the longest requirement of versions, in bytes.
pub const VERSION_BYTES: usize = 128;
/// The most pairs in the metadata of one registration.
pub const METADATA_ENTRIES: usize = 64;
/// The longest key of metadata, in bytes.
pub const METADATA_KEY_BYTES: usize = 64;
/// The most bytes in the metadata of one registration, keys and values together.
pub const METADATA_BYTES: usize = 4 << 10;

/// Weight, version and metadata of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) weight: NonZeroU16,
    /// Apart, since most registrations say nothing of it and every one would have room for it.
    described: Option<Box<Described>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Described {
    version: Option<Version>,
    metadata: BTreeMap<String, String>,
}

/// What a question or a query wants of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    version: Option<VersionReq>,
    metadata: BTreeMap<String, String>,
}

/// What is offered or wanted breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// A weight of 0 is no share.
    #[error("a weight is 1 to 65535: to get no calls, drain the procedure")]
    WeightZero,
    /// The version or requirement is too long.
    #[error("a version has at most {VERSION_BYTES} bytes, this one has {bytes}")]
    VersionTooLong {
        /// Its length.
        bytes: u64,
    },
    /// The text is no version.
    #[error("{text:?} is no version such as 1.4.0 (see semver.org): {why}")]
    Version {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The text is no requirement of versions.
    #[error("{text:?} is no requirement of versions such as 1.4 or >=1.4, <3: {why}")]
    Requirement {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many pairs.
    #[error("metadata has at most {METADATA_ENTRIES} pairs, this has {entries}")]
    MetadataEntries {
        /// How many.
        entries: u64,
    },
    /// Too many bytes.
    #[error("metadata has at most {METADATA_BYTES} bytes, keys and values together, this has {bytes}")]
    MetadataBytes {
        /// How many.
        bytes: u64,
    },
    /// A key breaks the rule.
    #[error("the metadata key {key:?} is not 1 to {METADATA_KEY_BYTES} ASCII letters, digits and _ - . /")]
    MetadataKey {
        /// The key, cut to its first 64 characters.
        key: String,
    },
    /// A value would spoil the terminals that show it.
    #[error("the metadata value of {key} has the control character {found:?}")]
    MetadataValue {
        /// Its key.
        key: String,
        /// The first such character.
        found: char,
    },
}

impl Features {
    /// Reads what an offer says.
    ///
    /// # Errors
    /// [`FeatureError`] says which rule it breaks.
    pub(crate) fn parse(
        weight: u16,
        version: Option<&str>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Features, FeatureError> {
        let weight = NonZeroU16::new(weight).ok_or(FeatureError::WeightZero)?;
        let version = version.map(parse_version).transpose()?;
        check_metadata(&metadata)?;
        let described = Described { version, metadata };
        let described = (described != Described::default()).then(|| Box::new(described));
        Ok(Features { weight, described })
    }

    pub(crate) fn version(&self) -> Option<&Version> {
        self.described.as_ref()?.version.as_ref()
    }

    pub(crate) fn metadata(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.described.as_ref().map_or(&NONE, |described| &described.metadata)
    }
}

impl Default for Features {
    fn default() -> Features {
        Features { weight: NonZeroU16::MIN, described: None }
    }
}

impl Wanted {
    /// Reads what is wanted.
    ///
    /// # Errors
    /// [`FeatureError`] says which rule it breaks.
    pub(crate) fn parse(
        version: Option<&str>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Wanted, FeatureError> {
        let version = version.map(parse_requirement).transpose()?;
        check_metadata(&metadata)?;
        Ok(Wanted { version, metadata })
    }

    /// Whether a server with these features will do.
    pub(crate) fn is_met_by(&self, features: &Features) -> bool {
        self.allows(features.version()) && self.finds(features.metadata())
    }

    /// Whether a server will do of which a binder tells this.
    pub(crate) fn is_met_by_told(&self, version: Option<&str>, metadata: &BTreeMap<String, String>) -> bool {
        // A version that is none meets nothing.
        let version = || version.and_then(|text| parse_version(text).ok());
        (self.version.is_none() || self.allows(version().as_ref())) && self.finds(metadata)
    }

    /// The question for servers of this procedure that will do.
    pub(crate) fn question(&self, procedure: &str) -> Question {
        Question {
            name: procedure.to_owned(),
            version: self.version.as_ref().map(ToString::to_string),
            metadata: self.metadata.clone(),
        }
    }

    fn allows(&self, version: Option<&Version>) -> bool {
        match (&self.version, version) {
            (None, _) => true,
            (Some(wanted), Some(version)) => wanted.matches(version),
            (Some(_), None) => false,
        }
    }

    fn finds(&self, metadata: &BTreeMap<String, String>) -> bool {
        self.metadata.iter().all(|(key, value)| metadata.get(key) == Some(value))
    }
}

fn parse_version(text: &str) -> Result<Version, FeatureError> {
    check_version_length(text)?;
    text.parse().map_err(|error: semver::Error| FeatureError::Version {
        text: text.to_owned(),
        why: error.to_string(),
    })
}

fn parse_requirement(text: &str) -> Result<VersionReq, FeatureError> {
    check_version_length(text)?;
    text.parse().map_err(|error: semver::Error| FeatureError::Requirement {
        text: text.to_owned(),
        why: error.to_string(),
    })
}

fn check_version_length(text: &str) -> Result<(), FeatureError> {
    if text.len() > VERSION_BYTES {
        return Err(FeatureError::VersionTooLong { bytes: text.len() as u64 });
    }
    Ok(())
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), FeatureError> {
    if metadata.len() > METADATA_ENTRIES {
        return Err(FeatureError::MetadataEntries { entries: metadata.len() as u64 });
    }
    let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > METADATA_BYTES {
        return Err(FeatureError::MetadataBytes { bytes: bytes as u64 });
    }
    for (key, value) in metadata {
        let in_alphabet =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        if !(1..=METADATA_KEY_BYTES).contains(&key.len()) || !key.bytes().all(in_alphabet) {
            return Err(FeatureError::MetadataKey { key: key.chars().take(64).collect() });
        }
        if let Some(found) = value.chars().find(|found| found.is_control()) {
            return Err(FeatureError::MetadataValue { key: key.clone(), found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn check(metadata: BTreeMap<String, String>, refused: Option<&FeatureError>) {
        assert_eq!(Features::parse(1, None, metadata).err().as_ref(), refused);
    }

    #[test]
    fn metadata_ends_at_four_kibibytes_and_64_pairs() {
        check(pairs(&[("k", &"v".repeat(METADATA_BYTES - 1))]), None);
        let one_more = pairs(&[("k", &"v".repeat(METADATA_BYTES))]);
        check(one_more, Some(&FeatureError::MetadataBytes { bytes: 4097 }));
        let many = |count: usize| (0..count).map(|number| (number.to_string(), String::new())).collect();
        check(many(METADATA_ENTRIES), None);
        check(many(METADATA_ENTRIES + 1), Some(&FeatureError::MetadataEntries { entries: 65 }));
    }

    #[test]
    fn metadata_has_plain_keys_and_values_without_control_characters() {
        check(pairs(&[("zone.a/b_c-1", "Zürich")]), None);
        check(pairs(&[(&"k".repeat(METADATA_KEY_BYTES), "")]), None);
        for key in ["", "a b", "ключ", "k\n", &"k".repeat(METADATA_KEY_BYTES + 1)] {
            check(
                pairs(&[(key, "")]),
                Some(&FeatureError::MetadataKey { key: key.chars().take(64).collect() }),
            );
        }
        let escape = FeatureError::MetadataValue { key: "zone".into(), found: '\u{1b}' };
        check(pairs(&[("zone", "\u{1b}[2J")]), Some(&escape));
    }

    #[test]
    fn a_weight_of_zero_and_a_version_that_is_none_are_refused_in_words() {
        assert_eq!(Features::parse(0, None, BTreeMap::new()), Err(FeatureError::WeightZero));
        for text in ["", "1", "1.2", "v1.2.3", "1.2.3.4"] {
            let error = Features::parse(1, Some(text), BTreeMap::new()).unwrap_err().to_string();
            assert!(error.contains("is no version such as 1.4.0"), "{error}");
        }
        let long = format!("1.0.0-{}", "a".repeat(VERSION_BYTES - 6));
        assert!(Features::parse(1, Some(&long), BTreeMap::new()).is_ok());
        let longer = format!("{long}a");
        let refused = FeatureError::VersionTooLong { bytes: 129 };
        assert_eq!(Features::parse(1, Some(&longer), BTreeMap::new()), Err(refused.clone()));
        assert_eq!(Wanted::parse(Some(&longer), BTreeMap::new()), Err(refused));
        let error = Wanted::parse(Some("new"), BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("is no requirement of versions such as 1.4"), "{error}");
    }

    #[test]
    fn what_is_wanted_is_met_by_version_and_every_pair() {
        let features = Features::parse(1, Some("1.4.2"), pairs(&[("zone", "a"), ("disk", "ssd")])).unwrap();
        for (version, metadata, met) in [
            (None, pairs(&[]), true),
            (Some("1.2"), pairs(&[("zone", "a")]), true),
            (Some(">=1.4, <2"), pairs(&[("zone", "a"), ("disk", "ssd")]), true),
            (Some("2"), pairs(&[]), false),
            (None, pairs(&[("zone", "b")]), false),
            (None, pairs(&[("rack", "")]), false),
        ] {
            let wanted = Wanted::parse(version, metadata).unwrap();
            assert_eq!(wanted.is_met_by(&features), met, "{wanted:?}");
            assert_eq!(wanted.is_met_by_told(Some("1.4.2"), features.metadata()), met, "{wanted:?}");
            let question = wanted.question("resize");
            assert_eq!(Wanted::parse(question.version.as_deref(), question.metadata), Ok(wanted));
        }
        let any_version = Wanted::parse(Some("*"), BTreeMap::new()).unwrap();
        assert!(!any_version.is_met_by(&Features::default()));
        assert!(!any_version.is_met_by_told(Some("new"), &BTreeMap::new()));
        assert!(Wanted::default().is_met_by_told(Some("new"), &BTreeMap::new()));
    }
}

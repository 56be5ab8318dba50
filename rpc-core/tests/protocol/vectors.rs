//! `vectors.json`: bytes and what they mean, for this test and for programs in other languages.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes that are written as hex digits.
#[derive(Deserialize)]
#[serde(try_from = "&str")]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl TryFrom<&str> for Hex {
    type Error = String;

    fn try_from(digits: &str) -> Result<Hex, String> {
        let byte = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>();
        bytes.map(Hex).ok_or_else(|| format!("{digits:?} is not hex"))
    }
}

/// A value, its bytes, and how its JSON is written.
#[derive(Deserialize)]
pub(crate) struct Value {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    pub(crate) hex: Hex,
    pub(crate) json: Box<RawValue>,
}

impl Value {
    /// Whether the JSON reads back as the value: only what JSON has no number for does not.
    pub(crate) fn readable(&self) -> bool {
        self.json.get() != "null" || self.of_type == "unit" || self.of_type.starts_with("option")
    }
}

/// Bytes that a decoder takes and an encoder would not write.
#[derive(Deserialize)]
pub(crate) struct Longer {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    pub(crate) hex: Hex,
    pub(crate) shortest: Hex,
}

#[derive(Deserialize)]
pub(crate) struct Malformed {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    pub(crate) hex: Hex,
    pub(crate) why: String,
}

/// As [`Malformed`], in JSON.
#[derive(Deserialize)]
pub(crate) struct MalformedJson {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    pub(crate) json: String,
    pub(crate) why: String,
}

#[derive(Deserialize)]
pub(crate) struct Preface {
    pub(crate) hex: Hex,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Accepted,
    /// A server shows its own before it closes.
    #[serde(rename = "other versions")]
    OtherVersions,
    /// So it does to a client that wants TLS.
    #[serde(rename = "TLS")]
    Tls,
    Refused,
}

/// A frame that ends the connection.
#[derive(Deserialize)]
pub(crate) struct Fatal {
    pub(crate) to: To,
    pub(crate) hex: Hex,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum To {
    Client,
    Server,
    Both,
}

/// A call of the mirror that is answered with a status of this code, and does not run.
#[derive(Deserialize)]
pub(crate) struct Refused {
    pub(crate) hex: Hex,
    pub(crate) code: u8,
    pub(crate) why: String,
}

#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) values: Vec<Value>,
    pub(crate) longer: Vec<Longer>,
    pub(crate) malformed: Vec<Malformed>,
    pub(crate) malformed_json: Vec<MalformedJson>,
    pub(crate) prefaces: Vec<Preface>,
    pub(crate) fatal: Vec<Fatal>,
    pub(crate) refused: Vec<Refused>,
}

pub(crate) fn vectors() -> &'static Vectors {
    static VECTORS: LazyLock<Vectors> =
        LazyLock::new(|| serde_json::from_str(include_str!("../../vectors.json")).unwrap());
    &VECTORS
}

//! JSON as text, for those who know no types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// One JSON document as its text: well formed, and otherwise as it came. It travels in calls that are written in JSON only.
///
/// ```
/// # use rpc_core::Json;
/// let room: Json = r#"{ "room_name": "x" }"#.parse()?;
/// assert_eq!(room.as_str(), r#"{ "room_name": "x" }"#);
/// assert!("{".parse::<Json>().is_err());
/// # Ok::<(), rpc_core::NotJson>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

/// Text that is not one JSON document: why, and at which line and column.
#[derive(Debug, Error)]
#[error("this is not a JSON document: {0}")]
pub struct NotJson(serde_json::Error);

impl Json {
    /// The text, without blanks around it.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl FromStr for Json {
    type Err = NotJson;

    fn from_str(text: &str) -> Result<Json, NotJson> {
        serde_json::from_str(text).map(Json).map_err(NotJson)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of the same letters: blanks and the order of fields count.
impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

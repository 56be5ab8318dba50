//! Where JSON comes from: the command line, a file, or standard input.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use rpc_core::{Json, Status, Stream};

use super::Failure;

/// What the command line names as a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The text itself.
    Text(String),
    File(PathBuf),
    StandardInput,
}

/// Reads `@file`, `-`, or the text itself.
pub(super) fn source(text: &str) -> Result<Source, String> {
    Ok(match text.strip_prefix('@') {
        Some("") => return Err("behind @ stands the name of a file".to_owned()),
        Some(path) => Source::File(PathBuf::from(path)),
        None if text == "-" => Source::StandardInput,
        None => Source::Text(text.to_owned()),
    })
}

impl Source {
    /// One document; empty text stands for none.
    ///
    /// # Errors
    /// When it cannot be read, or is no JSON.
    pub(super) fn document(&self) -> Result<String, Failure> {
        let text = match self {
            Source::Text(text) => text.clone(),
            Source::File(path) => {
                fs::read_to_string(path).map_err(|error| Failure::Read(path.clone(), error))?
            }
            Source::StandardInput => io::read_to_string(io::stdin()).map_err(Failure::Input)?,
        };
        if !text.trim_ascii().is_empty() {
            text.parse::<Json>()?;
        }
        Ok(text)
    }

    /// Documents one behind the other, with blanks between them or not, read as they are wanted. What is no JSON ends them.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(super) fn documents(&self) -> Result<Stream<Json>, Failure> {
        let open = |path: &Path| File::open(path).map_err(|error| Failure::Read(path.to_owned(), error));
        let reader: Box<dyn Read + Send> = match self {
            Source::Text(text) => Box::new(io::Cursor::new(text.clone().into_bytes())),
            Source::File(path) => Box::new(BufReader::new(open(path)?)),
            Source::StandardInput => Box::new(BufReader::new(io::stdin())),
        };
        let documents = serde_json::Deserializer::from_reader(reader).into_iter::<Json>();
        let mut number = 0_u64;
        Ok(Stream::from_results(documents.map(move |document| {
            number += 1;
            document.map_err(|error| Status::invalid_argument(format!("item {number} is no JSON: {error}")))
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_text_a_file_or_standard_input() {
        assert_eq!(source("{}"), Ok(Source::Text("{}".to_owned())));
        assert_eq!(source("@a.json"), Ok(Source::File(PathBuf::from("a.json"))));
        assert_eq!(source("-"), Ok(Source::StandardInput));
        assert!(source("@").is_err());
    }

    #[test]
    fn documents_come_on_lines_or_one_behind_the_other() {
        let documents = Source::Text("1 {\"a\":\n2}[3]\"x\"\n".to_owned()).documents().unwrap();
        let documents: Result<Vec<Json>, Status> = documents.collect();
        let shown: Vec<String> = documents.unwrap().iter().map(Json::to_string).collect();
        assert_eq!(shown, ["1", "{\"a\":\n2}", "[3]", "\"x\""]);
    }

    #[test]
    fn what_is_no_json_is_named_by_its_number() {
        let mut documents = Source::Text("1 x".to_owned()).documents().unwrap();
        assert!(documents.next().unwrap().is_ok());
        assert!(documents.next().unwrap().unwrap_err().message().contains("item 2 is no JSON"));
        assert!(documents.next().is_none());
        assert!(Source::Text("{".to_owned()).document().is_err());
    }
}

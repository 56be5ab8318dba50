//! Where JSON comes from: the command line, a file, or standard input.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rpc_core::{Json, Status, Stream};

use super::Failure;
use super::fit::Fit;

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

    /// Documents one behind the other, with blanks between them or not, read as they are wanted. The first that is no JSON, or
    /// that does not fit, ends them and is the fault.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(super) fn documents(&self, fit: Option<Fit>) -> Result<(Stream<Json>, Fault), Failure> {
        let open = |path: &Path| File::open(path).map_err(|error| Failure::Read(path.to_owned(), error));
        let reader: Box<dyn Read + Send> = match self {
            Source::Text(text) => Box::new(io::Cursor::new(text.clone().into_bytes())),
            Source::File(path) => Box::new(BufReader::new(open(path)?)),
            Source::StandardInput => Box::new(BufReader::new(io::stdin())),
        };
        let documents = serde_json::Deserializer::from_reader(reader).into_iter::<Json>();
        let (fault, mut number) = (Fault::default(), 0_u64);
        let noted = fault.clone();
        let stream = Stream::from_results(documents.map(move |document| {
            number += 1;
            let document = document.map_err(|error| format!("item {number} is no JSON: {error}"));
            let misfit = |document: &Json| fit.as_ref()?.misfit(number, document);
            let fitting = document.and_then(|document| misfit(&document).map_or(Ok(document), Err));
            fitting.map_err(|message| noted.note(message))
        }));
        Ok((stream, fault))
    }
}

/// What was wrong with an item of this side, whatever the server makes of the stream that it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(Arc<OnceLock<String>>);

impl Fault {
    fn note(&self, message: String) -> Status {
        Status::invalid_argument(self.0.get_or_init(|| message).clone())
    }

    /// The outcome of the call that the items went to, unless one of them was at fault.
    ///
    /// # Errors
    /// The fault, or the outcome's.
    pub(super) fn or(&self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        self.0.get().map_or(outcome, |message| Err(Failure::Usage(message.clone())))
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
        let documents = Source::Text("1 {\"a\":\n2}[3]\"x\"\n".to_owned()).documents(None).unwrap().0;
        let documents: Result<Vec<Json>, Status> = documents.collect();
        let shown: Vec<String> = documents.unwrap().iter().map(Json::to_string).collect();
        assert_eq!(shown, ["1", "{\"a\":\n2}", "[3]", "\"x\""]);
    }

    #[test]
    fn what_is_no_json_is_named_by_its_number() {
        let (mut documents, fault) = Source::Text("1 x".to_owned()).documents(None).unwrap();
        assert!(documents.next().unwrap().is_ok());
        assert!(fault.or(Ok(())).is_ok());
        assert!(documents.next().unwrap().unwrap_err().message().contains("item 2 is no JSON"));
        assert!(documents.next().is_none());
        assert!(fault.or(Ok(())).unwrap_err().to_string().contains("item 2 is no JSON"));
        assert!(Source::Text("{".to_owned()).document().is_err());
    }
}

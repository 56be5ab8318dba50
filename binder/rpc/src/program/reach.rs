//! Which server is meant, and with what its calls go out.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use binder::{Binders, DEFAULT_ADDRESS, Resolver, ResolverOptions, Token};
use clap::Args;
use rpc_core::reflect::{Description, Reflection as _, ReflectionClient};
use rpc_core::{Client, Code, Endpoint, EndpointError, Resolve as _};
use rpc_program::duration;
use rpc_program::tls::ClientFiles;

use super::Failure;
use super::suggest;

/// Where calls go: to one server, or through binders to whoever has the procedure.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// The server, HOST:PORT or unix:/PATH; without it a binder is asked who has the procedure
    #[arg(long, value_name = "ADDR", env = "RPC_TO", value_parser = endpoint)]
    pub(super) to: Option<Endpoint>,

    /// The binder to ask, or several with commas between them
    #[arg(long, value_name = "ADDR:PORT", env = "RPC_BINDER", default_value = DEFAULT_ADDRESS)]
    pub(super) binder: Binders,

    /// The file with the token for the binder, if it wants one; the first of the file is sent
    #[arg(long, value_name = "FILE", env = "RPC_BINDER_TOKEN_FILE")]
    binder_token_file: Option<PathBuf>,

    /// How long a call may take: 5s, 250ms. Streams take as long as they do unless this is given
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) deadline: Option<Duration>,

    /// Metadata to send: KEY=TEXT, KEY=@FILE for what is in a file, KEY=hex:00FF for bytes. May be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<Pair>,

    #[command(flatten)]
    tls: ClientFiles<Own>,
}

/// Whose variables of the environment count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own;

rpc_program::tls_variables!(Own, "RPC");

/// One pair of metadata as the command line has it.
#[derive(Clone, Debug)]
struct Pair {
    key: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// How long a server may take to describe itself: 5 s.
const DESCRIBE_WITHIN: Duration = Duration::from_secs(5);

impl Reach {
    /// A client of whoever is meant, with the deadline and the metadata.
    ///
    /// # Errors
    /// When a file of the command line cannot be read.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let client = match &self.to {
            Some(endpoint) => Client::connect(endpoint.to_string()),
            None => Client::resolving(self.resolver()?),
        };
        self.dressed(self.secured(client)?)
    }

    /// A client of the one server that has `procedure`, for questions about it.
    ///
    /// # Errors
    /// When no server is found.
    pub(super) fn server_of(&self, procedure: &str) -> Result<Client, Failure> {
        let endpoint = match &self.to {
            Some(endpoint) => endpoint.clone(),
            None => self.find(procedure)?,
        };
        self.at(&endpoint)
    }

    /// A client of this server.
    ///
    /// # Errors
    /// When a file of the command line cannot be read.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Result<Client, Failure> {
        self.dressed(self.secured(Client::connect(endpoint.to_string()))?)
    }

    /// What a server tells of `procedure`; `None` if it tells nothing of any.
    ///
    /// # Errors
    /// When it does not have the procedure, or gives no answer.
    pub(super) fn describe(&self, procedure: &str) -> Result<Option<Description>, Failure> {
        let reflection = ReflectionClient::new(self.server_of(procedure)?).with_deadline(self.patience());
        match reflection.describe(procedure.to_owned()) {
            Ok(description) => Ok(Some(description)),
            Err(status) if status.code() == Code::Unimplemented => Ok(None),
            Err(status) if status.code() == Code::NotFound => {
                let names = super::list::names(&reflection).unwrap_or_default();
                let names = names.iter().map(|summary| summary.name.as_str());
                Err(Failure::Unknown { name: procedure.to_owned(), hint: suggest::hint(procedure, names) })
            }
            Err(status) => Err(Failure::of_status(procedure, status)),
        }
    }

    /// How long a question about the server may take.
    pub(super) fn patience(&self) -> Duration {
        self.deadline.unwrap_or(DESCRIBE_WITHIN).min(DESCRIBE_WITHIN)
    }

    /// The same way, for questions that are not worth more than this time.
    pub(super) fn hurried(self, most: Duration) -> Reach {
        Reach { deadline: Some(self.patience().min(most)), ..self }
    }

    /// What opens the binders, if they want it.
    ///
    /// # Errors
    /// When the file of the command line cannot be used.
    pub(super) fn token(&self) -> Result<Option<Token>, Failure> {
        Ok(self.binder_token_file.as_deref().map(Token::read).transpose()?)
    }

    fn resolver(&self) -> Result<std::sync::Arc<Resolver>, Failure> {
        let (token, tls) = (self.token()?, self.tls.client()?);
        let options = ResolverOptions { token, tls, ..ResolverOptions::default() };
        Ok(Resolver::with_options(self.binder.to_string(), &options))
    }

    /// A server that has `procedure`, as the binder knows it.
    ///
    /// # Errors
    /// When none is known, or no binder answers.
    pub(super) fn find(&self, procedure: &str) -> Result<Endpoint, Failure> {
        let resolver = self.resolver()?;
        match resolver.resolve(procedure, Instant::now() + self.patience()) {
            Ok(endpoints) => endpoints
                .iter()
                .next()
                .map(|weighted| weighted.endpoint.clone())
                .ok_or_else(|| Failure::Unknown { name: procedure.to_owned(), hint: String::new() }),
            Err(status) if status.code() == Code::NotFound => {
                let names = super::list::registered(self).unwrap_or_default();
                let hint = suggest::hint(procedure, names.keys().map(String::as_str));
                Err(Failure::Unknown { name: procedure.to_owned(), hint })
            }
            Err(status) => Err(Failure::of_status("the binder", status)),
        }
    }

    /// The same client, over TLS if that is said.
    ///
    /// # Errors
    /// When a file of the command line cannot be used.
    pub(super) fn secured(&self, client: Client) -> Result<Client, Failure> {
        Ok(self.tls.client()?.into_iter().fold(client, |client, tls| client.with_tls(tls)))
    }

    fn dressed(&self, client: Client) -> Result<Client, Failure> {
        let mut client = self.deadline.iter().fold(client, |client, time| client.with_deadline(*time));
        for Pair { key, value } in &self.metadata {
            let bytes = match value {
                Value::Bytes(bytes) => bytes.clone(),
                Value::File(path) => fs::read(path).map_err(|error| Failure::Read(path.clone(), error))?,
            };
            rpc_core::Metadata::new().insert(key, bytes.clone())?;
            client = client.with_metadata(key, bytes);
        }
        Ok(client)
    }
}

/// Reads the address of a server.
pub(super) fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
    text.parse()
}

fn pair(text: &str) -> Result<Pair, String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, KEY=@FILE or KEY=hex:00FF")?;
    let value = match (value.strip_prefix('@'), value.strip_prefix("hex:")) {
        (Some(path), _) => Value::File(PathBuf::from(path)),
        (None, Some(digits)) => Value::Bytes(bytes(digits)?),
        (None, None) => Value::Bytes(value.as_bytes().to_vec()),
    };
    Ok(Pair { key: key.to_owned(), value })
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: char| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let nibbles: Option<Vec<u8>> = digits.chars().map(digit).collect();
    let nibbles = nibbles.filter(|nibbles| nibbles.len() % 2 == 0);
    let nibbles = nibbles.ok_or("behind hex: stand pairs of the digits 0 to f")?;
    let (pairs, _) = nibbles.as_chunks::<2>();
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_text_a_file_or_bytes() {
        let read = |text: &str| pair(text).map(|pair| (pair.key, format!("{:?}", pair.value)));
        assert_eq!(read("k=v=w"), Ok(("k".to_owned(), "Bytes([118, 61, 119])".to_owned())));
        assert_eq!(read("k="), Ok(("k".to_owned(), "Bytes([])".to_owned())));
        assert_eq!(read("k=hex:00fF"), Ok(("k".to_owned(), "Bytes([0, 255])".to_owned())));
        assert_eq!(read("k=@token"), Ok(("k".to_owned(), "File(\"token\")".to_owned())));
        for text in ["k", "k=hex:0", "k=hex:0g", "k=hex:+1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

//! Which binders are asked, with what, and what becomes of those that cannot be.
//!
//! Binders know nothing of each other. A question is put to one after the other until one answers; what changes something,
//! or is about a binder itself, is said to each.

use std::path::PathBuf;
use std::process::ExitCode;

use binder::{BinderClient, BinderError, Binders, DEFAULT_ADDRESS, Token};
use clap::Args;
use clap::builder::BoolishValueParser;
use rpc_core::{Client, ClientTls, Code, Endpoint};
use rpc_program::tls::ClientFiles;

use super::Failure;
use super::output::{self, Form};

/// Which binders are asked, and how their answers are shown.
#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The binder to ask, or several with commas between them
    #[arg(long, value_name = "ADDR:PORT", env = "BINDER_ADDRESS", default_value = DEFAULT_ADDRESS)]
    pub(super) binder: Binders,

    /// The file with the token for it, if it wants one; the first of the file is sent
    #[arg(long, value_name = "FILE", env = "BINDER_ASK_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// Print JSON for programs: one object a line
    #[arg(long, env = "BINDER_JSON", value_parser = BoolishValueParser::new())]
    json: bool,

    #[command(flatten)]
    tls: ClientFiles<OfAsking>,
}

/// The variables of who asks: a server's own are for its clients.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfAsking;

rpc_program::tls_variables!(OfAsking, "BINDER_ASK");

/// One binder that is asked.
pub(super) struct Asked {
    pub(super) binder: Endpoint,
    /// Its calls end within [`ANSWER_WITHIN`].
    pub(super) client: BinderClient,
    /// What it is asked over, and what the servers that it names may be asked over too.
    pub(super) tls: Option<ClientTls>,
    company: Company,
}

/// Whether others are asked too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    Alone,
    Several,
}

impl Ask {
    /// The binders, in the order given.
    ///
    /// # Errors
    /// When the token file or a file of TLS cannot be used.
    pub(super) fn binders(&self) -> Result<Vec<Asked>, Failure> {
        let (token, tls) = (self.token()?, self.tls()?);
        let company = if self.binder.iter().len() > 1 { Company::Several } else { Company::Alone };
        let asked = |binder: &Endpoint| {
            let client = Client::connect(binder.to_string()).with_deadline(ANSWER_WITHIN);
            let client = tls.iter().fold(client, |client, tls| client.with_tls(tls.clone()));
            let client = token.iter().fold(client, |client, token| token.beside(&client));
            Asked { binder: binder.clone(), client: BinderClient::new(client), tls: tls.clone(), company }
        };
        Ok(self.binder.iter().map(asked).collect())
    }

    /// All binders as one client, of whoever answers first, and nothing is told of the others.
    ///
    /// # Errors
    /// When the token file or a file of TLS cannot be used.
    pub(super) fn any(&self) -> Result<BinderClient, Failure> {
        let client = Client::connect_any(self.binder.iter().map(ToString::to_string));
        let client = self.tls()?.into_iter().fold(client, |client, tls| client.with_tls(tls));
        Ok(BinderClient::new(self.token()?.iter().fold(client, |client, token| token.beside(&client))))
    }

    /// What the first binder says that has an answer. Who has none is told as a remark, and so is who answered.
    ///
    /// # Errors
    /// What the last of them said.
    pub(super) fn first<T>(
        &self,
        mut question: impl FnMut(&Asked) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut binders = self.binders()?.into_iter().peekable();
        while let Some(asked) = binders.next() {
            match question(&asked) {
                Ok(answer) => {
                    if asked.company == Company::Several {
                        output::remark(&format!("this is what the binder at {} says", asked.binder))?;
                    }
                    return Ok(answer);
                }
                Err(failure) if failure.is_of_a_binder() && binders.peek().is_some() => {
                    output::fail(&asked.told(failure))?;
                }
                Err(failure) => return Err(asked.told(failure)),
            }
        }
        Err(Failure::NoBinder)
    }

    /// Does the same with each binder. Who fails is told, and has the program end with code 1; but that something is not
    /// registered with one of them is no failure where it is with another.
    ///
    /// # Errors
    /// What went wrong with the only one, or with the program itself.
    pub(super) fn each(
        &self,
        mut action: impl FnMut(&Asked) -> Result<ExitCode, Failure>,
    ) -> Result<ExitCode, Failure> {
        let (mut code, mut done) = (ExitCode::SUCCESS, false);
        let mut absent = None;
        for asked in self.binders()? {
            match action(&asked) {
                Ok(ExitCode::SUCCESS) => done = true,
                Ok(other) => (code, done) = (other, true),
                Err(failure) if asked.company == Company::Alone || !failure.is_of_a_binder() => {
                    return Err(failure);
                }
                Err(failure @ Failure::NothingChosen(_)) => absent = Some(failure),
                Err(failure) => {
                    output::fail(&asked.told(failure))?;
                    code = ExitCode::FAILURE;
                }
            }
        }
        match absent {
            Some(nowhere) if !done => Err(nowhere),
            _ => Ok(code),
        }
    }

    pub(super) fn token(&self) -> Result<Option<Token>, Failure> {
        Ok(self.token_file.as_deref().map(Token::read).transpose()?)
    }

    pub(super) fn tls(&self) -> Result<Option<ClientTls>, Failure> {
        Ok(self.tls.client()?)
    }

    pub(super) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

impl Asked {
    /// The failure that this error of a call is to the user.
    pub(super) fn failure(&self, error: BinderError) -> Failure {
        match error {
            BinderError::Status(status)
                if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Internal) =>
            {
                Failure::Unreachable(self.binder.clone(), BinderError::Status(status))
            }
            error => Failure::Refused(error),
        }
    }

    /// Which binder, to be said behind what it did; nothing where there is only one.
    pub(super) fn place(&self) -> String {
        match self.company {
            Company::Alone => String::new(),
            Company::Several => format!(" (binder {})", self.binder),
        }
    }

    /// With the binder's address, where it could be another's.
    fn told(&self, failure: Failure) -> Failure {
        match failure {
            failure @ Failure::Unreachable(..) => failure,
            failure if self.company == Company::Alone => failure,
            failure => Failure::Of(self.binder.clone(), Box::new(failure)),
        }
    }
}

/// How long a binder is waited for.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

//! `rpc gen-cert`: an authority and its certificates, to try TLS out with.

mod authority;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rpc_core::TlsError;
use rustls::pki_types::ServerName;
use thiserror::Error;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the files are put; it is made if it is not there
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,

    /// A host name or IP address that the server's certificate is for; may be given again. Without it and --client: localhost,
    /// 127.0.0.1 and ::1
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,

    /// A client with a certificate of its own, of this name; may be given again
    #[arg(long, value_name = "NAME", value_parser = name)]
    client: Vec<String>,

    /// For how many days the certificates are valid
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

pub(super) const HELP: &str = "\
Examples:
  rpc gen-cert lab                                for programs of this machine
  rpc gen-cert lab --host chat.example --host 10.0.0.7 --client ana

It writes ca.pem and ca.key, the authority, unless they are there: then it signs with them. With --host it writes server.pem and \
server.key, with --client NAME.pem and NAME.key. server.pem is also for calls to other servers. A server takes --tls-cert server.pem --tls-key server.key, and --tls-client-ca \
ca.pem if it is to ask who calls; a client --tls-ca ca.pem, and its own pair. Keys are for their owner alone, and ca.key for \
whoever may say who is who: keep it from the machines that serve. For more than trying out, use an authority that can also revoke.";

/// Why no certificate was made.
#[derive(Debug, Error)]
pub(crate) enum CertificateFailure {
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("{} is there already: remove it, or name another folder", .0.display())]
    Exists(PathBuf),
    #[error("{} is there, and {} that belongs to it is not", .0.display(), .1.display())]
    Half(PathBuf, PathBuf),
    #[error("cannot use {}", .0.display())]
    Unusable(PathBuf, #[source] rcgen::Error),
    #[error("the authority of this folder cannot sign")]
    Authority(#[source] TlsError),
    #[error("no certificate can be for {0:?}: expected a host name such as chat.example, or an IP address")]
    Host(String),
    #[error("--client {0} is there twice")]
    Twice(String),
    #[error("no key or certificate can be made")]
    Make(#[from] rcgen::Error),
}

/// Clocks of other machines may be behind by this much.
const CLOCKS_APART: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let written: String = make(arguments)?.iter().map(|path| format!("{}\n", path.display())).collect();
    io::stdout().lock().write_all(written.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The files that were written. What is wrong with the command line shows before the first is.
fn make(arguments: &Arguments) -> Result<Vec<PathBuf>, CertificateFailure> {
    let Arguments { folder, host, client, days } = arguments;
    let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let hosts = if host.is_empty() && client.is_empty() { &local } else { host };
    let names = hosts.iter().map(|host| subject(host)).collect::<Result<Vec<SanType>, _>>()?;
    let mut desk = Desk { folder, days: *days, written: Vec::new() };
    let mut clients = BTreeSet::new();
    if let Some(twice) = client.iter().find(|&name| !clients.insert(name)) {
        return Err(CertificateFailure::Twice(twice.clone()));
    }
    let server = (!names.is_empty()).then_some("server");
    for name in server.into_iter().chain(client.iter().map(String::as_str)) {
        desk.unwritten(name)?;
    }
    fs::create_dir_all(folder).map_err(|error| CertificateFailure::Write(folder.clone(), error))?;
    let issuer = desk.authority()?;
    if let Some(server) = server {
        // Who serves calls others too: a chat server its binder, with the pair that it has.
        let both = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        desk.issue(&issuer, server, names, both)?;
    }
    for name in client {
        desk.issue(&issuer, name, Vec::new(), vec![ExtendedKeyUsagePurpose::ClientAuth])?;
    }
    Ok(desk.written)
}

/// A host as certificates have it.
fn subject(host: &str) -> Result<SanType, CertificateFailure> {
    let refused = || CertificateFailure::Host(host.to_owned());
    // One star may stand for the first label.
    ServerName::try_from(host.strip_prefix("*.").unwrap_or(host)).map_err(|_| refused())?;
    let one = CertificateParams::new([host.to_owned()]).map_err(|_| refused())?;
    one.subject_alt_names.into_iter().next().ok_or_else(refused)
}

struct Desk<'a> {
    folder: &'a Path,
    days: u32,
    written: Vec<PathBuf>,
}

impl Desk<'_> {
    /// A certificate for these hosts, of that common name.
    fn issue(
        &mut self,
        issuer: &Issuer<'_, KeyPair>,
        name: &str,
        hosts: Vec<SanType>,
        purposes: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<(), CertificateFailure> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = hosts;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = purposes;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        last(&mut params, self.days);
        let pair = KeyPair::generate()?;
        let signed = params.signed_by(&pair, issuer)?;
        self.write(name, &signed.pem(), &pair)
    }

    /// Where a pair is written: the certificate, and its key.
    fn places(&self, name: &str) -> [PathBuf; 2] {
        [self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key"))]
    }

    fn unwritten(&self, name: &str) -> Result<(), CertificateFailure> {
        let there = self.places(name).into_iter().find(|path| path.exists());
        there.map_or(Ok(()), |path| Err(CertificateFailure::Exists(path)))
    }

    /// Writes a pair: both or none.
    fn write(&mut self, name: &str, certificate: &str, key: &KeyPair) -> Result<(), CertificateFailure> {
        self.unwritten(name)?;
        let [public, private] = self.places(name);
        put(&private, &key.serialize_pem(), 0o600)?;
        put(&public, certificate, 0o644)?;
        self.written.extend([public, private]);
        Ok(())
    }
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), CertificateFailure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CertificateFailure::Exists(path.to_owned()),
        _ => CertificateFailure::Write(path.to_owned(), error),
    })
}

/// From a moment ago for so many days.
fn last(params: &mut CertificateParams, days: u32) {
    // A clock before 1970 is none.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(CLOCKS_APART);
    params.not_after = epoch + now + Duration::from_secs(u64::from(days) * 86_400);
}

/// A name that is a file's too.
fn name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    if text.is_empty() || text.starts_with('.') || !text.chars().all(fits) || ["ca", "server"].contains(&text)
    {
        return Err("a client's name has letters, digits and -_.@, does not begin with a dot, and is not ca or server".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;

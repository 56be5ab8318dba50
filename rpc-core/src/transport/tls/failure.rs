//! What goes wrong under TLS, in words.

use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::wire;

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Why a connection under TLS cannot go on. `PermissionDenied` says that the peer does not take our certificate, or the want
/// of one: it has run nothing.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: io::ErrorKind,
    words: String,
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        io::Error::new(failure.kind, failure.words)
    }
}

impl Side {
    fn peer(self) -> &'static str {
        match self {
            Side::Client => "the server",
            Side::Server => "the client",
        }
    }
}

impl Failure {
    /// What TLS says of a peer whose first bytes were these.
    pub(super) fn new(error: &Error, side: Side, beginning: &[u8]) -> Failure {
        let peer = side.peer();
        let (kind, words) = match error {
            Error::AlertReceived(alert) => return refused(*alert, side),
            Error::InvalidCertificate(error) => (io::ErrorKind::InvalidData, certificate(error, side)),
            Error::NoCertificatesPresented => (
                io::ErrorKind::InvalidData,
                format!("{peer} gave no certificate, and this server asks for one"),
            ),
            Error::PeerIncompatible(error) => (io::ErrorKind::InvalidData, incompatible(error, side)),
            Error::NoApplicationProtocol => {
                (io::ErrorKind::InvalidData, format!("{peer} speaks another protocol over TLS"))
            }
            Error::InvalidMessage(_) if wire::is_plain(beginning) => {
                (io::ErrorKind::InvalidData, without_tls(side).to_owned())
            }
            Error::InvalidMessage(_) if !is_tls(beginning) => (
                io::ErrorKind::InvalidData,
                format!("{} instead of a TLS handshake", wire::resemblance(beginning)),
            ),
            Error::DecryptError => {
                (io::ErrorKind::InvalidData, "bytes came that were changed on the way".to_owned())
            }
            error => (io::ErrorKind::InvalidData, format!("{peer} broke a rule of TLS: {error}")),
        };
        Failure { kind, words }
    }

    /// The socket's end came without the peer's word for it.
    pub(super) fn cut_off(side: Side, handshaking: bool) -> Failure {
        let peer = side.peer();
        let words = if handshaking {
            format!("{peer} closed the connection in the TLS handshake")
        } else {
            format!("the connection was cut off: {peer} did not say that it ends (TLS close_notify)")
        };
        Failure { kind: io::ErrorKind::UnexpectedEof, words }
    }

    pub(super) fn refused_input(error: &io::Error) -> Failure {
        Failure { kind: io::ErrorKind::InvalidData, words: format!("TLS takes nothing more: {error}") }
    }
}

/// Whether these are the first bytes of a TLS record of the handshake, or of an alert.
fn is_tls(beginning: &[u8]) -> bool {
    matches!(beginning, [21 | 22, 3, ..])
}

fn without_tls(side: Side) -> &'static str {
    match side {
        Side::Client => "the server speaks without TLS",
        Side::Server => "the client speaks without TLS, and this server wants it",
    }
}

fn incompatible(error: &PeerIncompatible, side: Side) -> String {
    use PeerIncompatible as Why;
    let peer = side.peer();
    match error {
        Why::SupportedVersionsExtensionRequired
        | Why::Tls12NotOffered
        | Why::Tls12NotOfferedOrEnabled
        | Why::Tls13RequiredForQuic
        | Why::ServerDoesNotSupportTls12Or13
        | Why::ServerTlsVersionIsDisabledByOurConfig => {
            format!("{peer} has no version of TLS in common with this side")
        }
        other => format!("{peer} has nothing in common with this side that TLS needs: {other:?}"),
    }
}

/// What an alert of the peer's means.
fn refused(alert: AlertDescription, side: Side) -> Failure {
    use AlertDescription as Alert;
    let peer = side.peer();
    let ours = match alert {
        Alert::CertificateRequired => Some("asks for a certificate, and none was given"),
        Alert::UnknownCA => Some("does not trust the authority of this side's certificate"),
        Alert::CertificateExpired => Some("says that this side's certificate is not valid now"),
        Alert::CertificateRevoked => Some("says that this side's certificate is revoked"),
        Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate => {
            Some("does not take this side's certificate")
        }
        Alert::AccessDenied => Some("does not let this side's certificate in"),
        _ => None,
    };
    if let Some(ours) = ours {
        return Failure { kind: io::ErrorKind::PermissionDenied, words: format!("{peer} {ours}") };
    }
    let words = match alert {
        Alert::UserCanceled => format!("{peer} takes no connection now: it is full, or shutting down"),
        Alert::CloseNotify => format!("{peer} ended the connection in the TLS handshake"),
        Alert::ProtocolVersion => format!("{peer} has no version of TLS in common with this side"),
        Alert::NoApplicationProtocol => format!("{peer} speaks another protocol over TLS"),
        Alert::HandshakeFailure => format!("{peer} has nothing in common with this side that TLS needs"),
        other => format!("{peer} refused what this side sent (TLS alert {other:?})"),
    };
    Failure { kind: io::ErrorKind::ConnectionRefused, words }
}

/// What is wrong with the peer's certificate.
fn certificate(error: &CertificateError, side: Side) -> String {
    use CertificateError as Why;
    let peer = side.peer();
    match error {
        Why::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!("{peer}'s certificate is for {names}, you asked for {}", expected.to_str())
        }
        Why::ExpiredContext { time, not_after } => {
            format!("{peer}'s certificate expired {} ago", between(*not_after, *time))
        }
        Why::NotValidYetContext { time, not_before } => {
            let ahead = between(*time, *not_before);
            format!("{peer}'s certificate is not valid before {ahead} from now: are both clocks right?")
        }
        Why::UnknownIssuer => format!("{peer}'s certificate is not of an authority that this side trusts"),
        Why::BadSignature => format!("{peer}'s certificate was not signed by the authority that it names"),
        Why::Revoked => format!("{peer}'s certificate is revoked"),
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => {
            let purpose = if side == Side::Client { "servers" } else { "clients" };
            format!("{peer}'s certificate is not for {purpose}")
        }
        other => format!("{peer}'s certificate is not valid: {other}"),
    }
}

/// `DnsName("a.example")` and `IpAddress(10.0.0.1)`, as the verifier writes names, without what is around them.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inside.trim_matches('"')
}

/// The time between two times, in its largest unit.
fn between(earlier: UnixTime, later: UnixTime) -> String {
    let seconds = Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs())).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

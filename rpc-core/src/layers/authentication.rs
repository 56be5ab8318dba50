//! Who calls: by a bearer token in the metadata, or by the peer's certificate.

mod token;

use std::borrow::Cow;
use std::fmt;

use self::token::{AUTHORIZATION, SCHEME, position};
pub use self::token::{Token, TokenError};
use crate::context::Context;
use crate::layer::{Answered, Call, Layer, Next};
use crate::status::{Code, Status};
use crate::transport::PeerIdentity;

/// Who calls, as a layer found out: `Context::current().value::<Identity>()` in the procedure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(Cow<'static, str>);

impl Identity {
    /// The identity of this name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Identity {
        Identity(name.into())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client's layer that sends a token with each call, as `authorization: Bearer TOKEN` in the metadata.
///
/// Metadata travels as clear as everything else: without TLS whoever is on the way reads the token.
#[derive(Clone, Debug)]
pub struct Credentials(Token);

impl Credentials {
    /// Sends this token.
    pub fn of(token: &Token) -> Credentials {
        Credentials(token.clone())
    }
}

impl Layer for Credentials {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        let value = [SCHEME, self.0.reveal()].concat();
        next.run(call.with_metadata(AUTHORIZATION, value)?)
    }
}

/// A server's layer that refuses calls of whom it does not know, with `Unauthenticated`. Of others the layers below and the
/// procedure find the [`Identity`] in the context.
///
/// ```
/// use rpc_core::layers::{Authentication, Identity, Token};
/// use rpc_core::{Context, Layer, Server, Status};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let services = Authentication::of_certificates(["billing", "search"]);
/// let people = Authentication::of_tokens([("ana", Token::parse("qXq3k5Zr0aVb")?)]);
/// let known = services.or(people).except(["rpc.health.check"]);
/// let server = Server::builder().layer(known).bind("127.0.0.1:0")?;
/// # Ok(()) }
/// // In a procedure:
/// fn caller() -> Result<String, Status> {
///     let caller = Context::current().value::<Identity>();
///     caller.map(|caller| caller.name().to_owned()).ok_or_else(|| Status::unauthenticated("who are you?"))
/// }
/// ```
pub struct Authentication {
    judge: Box<Judge>,
}

type Judge = dyn Fn(&Context) -> Result<Identity, Status> + Send + Sync;

impl Authentication {
    /// Knows these names by their tokens. Every token is compared in full, so the time it takes tells nobody which fits.
    pub fn of_tokens<N>(tokens: impl IntoIterator<Item = (N, Token)>) -> Authentication
    where
        N: Into<Cow<'static, str>>,
    {
        let tokens: Vec<(Identity, Token)> =
            tokens.into_iter().map(|(name, token)| (Identity::new(name), token)).collect();
        Authentication::by_token(move |token| {
            let found = position(token, tokens.iter().map(|(_, known)| known));
            let known = found.and_then(|index| tokens.get(index)).map(|(identity, _)| identity.clone());
            known.ok_or_else(|| Status::unauthenticated("the token is not known here"))
        })
    }

    /// Asks `judge` whose token it is: a table that changes, or another service. It runs where the procedure runs, in the
    /// call's context.
    pub fn by_token(
        judge: impl Fn(&Token) -> Result<Identity, Status> + Send + Sync + 'static,
    ) -> Authentication {
        Authentication::by(move |context| judge(&Token::of_metadata(context.metadata())?))
    }

    /// Knows peers whose certificate has one of these names, its common name or an alternative one. Who has several is known
    /// by the first of them in this list. The server must [ask for certificates](crate::Context::peer_identity).
    pub fn of_certificates<N>(names: impl IntoIterator<Item = N>) -> Authentication
    where
        N: Into<Cow<'static, str>>,
    {
        let known: Vec<Identity> = names.into_iter().map(Identity::new).collect();
        Authentication::by_certificate(move |peer| {
            let has = |identity: &&Identity| peer.names().any(|name| name == identity.name());
            let found = known.iter().find(has).cloned();
            found.ok_or_else(|| Status::unauthenticated(format!("{peer} is not known here")))
        })
    }

    /// Asks `judge` who the peer with this certificate is.
    pub fn by_certificate(
        judge: impl Fn(&PeerIdentity) -> Result<Identity, Status> + Send + Sync + 'static,
    ) -> Authentication {
        let none = || Status::unauthenticated("the peer has shown no certificate");
        Authentication::by(move |context| judge(context.peer_identity().ok_or_else(none)?))
    }

    /// Asks `judge` who makes a call.
    pub fn by(
        judge: impl Fn(&Context) -> Result<Identity, Status> + Send + Sync + 'static,
    ) -> Authentication {
        Authentication { judge: Box::new(judge) }
    }

    /// Asks `other` about callers whom this one does not know.
    #[must_use]
    pub fn or(self, other: Authentication) -> Authentication {
        Authentication::by(move |context| match (self.judge)(context) {
            Err(first) if first.code() == Code::Unauthenticated => {
                let both = |second: Status| Status::new(second.code(), format!("{first}; {second}"));
                (other.judge)(context).map_err(both)
            }
            judged => judged,
        })
    }
}

impl Layer for Authentication {
    fn call(&self, call: Call, next: Next<'_>) -> Result<Answered, Status> {
        let identity = (self.judge)(call.context())?;
        next.run(call.with_value(identity))
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authentication")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(known: &Authentication, context: &Context, expected: Result<&str, &str>) {
        let judged = (known.judge)(context);
        let judged = judged.as_ref().map(Identity::name).map_err(Status::message);
        assert_eq!(judged, expected);
    }

    #[test]
    fn a_certificate_is_known_by_any_of_its_names() {
        let known = Authentication::of_certificates(["search", "billing"]);
        let seen = |peer: PeerIdentity| Context::background().with_peer_identity(peer);
        check(&known, &seen(PeerIdentity::named("billing")), Ok("billing"));
        let several = PeerIdentity::named("billing").with_alternative_name("search");
        check(&known, &seen(several), Ok("search"));
        let other = PeerIdentity::named("Billing").with_alternative_name("billing.example");
        check(&known, &seen(other), Err("Billing is not known here"));
        check(&known, &Context::background(), Err("the peer has shown no certificate"));
    }

    #[test]
    fn who_is_not_known_one_way_may_be_known_another() {
        let services = Authentication::of_certificates(["search"]);
        let people = Authentication::of_tokens([("ana", Token::parse("a-secret").unwrap())]);
        let known = services.or(people);
        let nobody = Context::background();
        let ana = nobody.with_metadata(AUTHORIZATION, "Bearer a-secret").unwrap();
        check(&known, &ana, Ok("ana"));
        check(&known, &ana.with_peer_identity(PeerIdentity::named("search")), Ok("search"));
        let neither = "the peer has shown no certificate; \
                       the metadata \"authorization\" is missing: it is `Bearer TOKEN`";
        check(&known, &nobody, Err(neither));
        let banned = Authentication::by(|_| Err(Status::permission_denied("banned")));
        let banned = banned.or(Authentication::by(|_| Ok(Identity::new("anybody"))));
        check(&banned, &nobody, Err("banned"));
    }
}

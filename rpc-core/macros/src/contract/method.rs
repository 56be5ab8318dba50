//! One method of a service trait, and what is marked on it.

use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, FnArg, Ident, Lit, Meta, Pat, TraitItemFn, Type};

use super::{Outcome, types};
use crate::checks::{self, Refusals};
use crate::options::Options;

/// A method, which is a procedure on the wire.
pub(crate) struct Method {
    pub(crate) name: Ident,
    /// The name on the wire: with the prefix, without `r#`.
    pub(crate) procedure: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) outcome: Outcome,
    pub(crate) marks: Marks,
}

/// One argument after `&self`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Whether it is a stream, whose items are sent behind the other arguments.
    pub(crate) streams: bool,
}

/// Where the streams of a method stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    ServerStream,
    ClientStream,
    Bidirectional,
}

/// What the attributes of a method say.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) idempotent: Option<Attribute>,
    pub(crate) deprecated: bool,
    /// The attributes that hold for the started call too: documentation and deprecation.
    pub(crate) carried: Vec<Attribute>,
}

impl Method {
    /// Reads one method; `None` only if it has no result to build on, which is refused too.
    pub(super) fn read(function: &TraitItemFn, options: &Options, refusals: &mut Refusals) -> Option<Self> {
        checks::signature(function, refusals);
        let marks = Marks::read(&function.attrs, refusals);
        let arguments = read_arguments(function, refusals);
        checks::input(&arguments, &marks, refusals);
        let outcome = Outcome::read(&function.sig, refusals)?;
        let name = function.sig.ident.clone();
        let procedure = options.procedure(&name.unraw().to_string());
        Some(Self { name, procedure, arguments, outcome, marks })
    }

    /// The stream that the caller fills, if the method takes one.
    pub(crate) fn input(&self) -> Option<&Argument> {
        self.arguments.iter().find(|argument| argument.streams)
    }

    /// What kind of call the method is.
    pub(crate) fn kind(&self) -> Kind {
        match (self.input(), self.outcome.streams) {
            (None, false) => Kind::Unary,
            (None, true) => Kind::ServerStream,
            (Some(_), false) => Kind::ClientStream,
            (Some(_), true) => Kind::Bidirectional,
        }
    }
}

impl Marks {
    /// Whether `attribute` is one of our own, which the compiler does not know.
    pub(crate) fn owns(attribute: &Attribute) -> bool {
        attribute.path().is_ident("idempotent")
    }

    /// The documentation as one text, its lines separated by `\n`.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.carried.iter().filter_map(doc_line).collect();
        lines.join("\n")
    }

    fn read(attributes: &[Attribute], refusals: &mut Refusals) -> Self {
        let mut marks = Self::default();
        for attribute in attributes {
            marks.read_one(attribute, refusals);
        }
        marks
    }

    fn read_one(&mut self, attribute: &Attribute, refusals: &mut Refusals) {
        if Self::owns(attribute) {
            self.read_idempotent(attribute, refusals);
        } else if attribute.path().is_ident("cfg") {
            refusals
                .add(attribute, "a method cannot be conditional, for every build must have the same procedures: remove `cfg`, or put it on a service of its own");
        } else if attribute.path().is_ident("deprecated") {
            self.deprecated = true;
            self.carried.push(attribute.clone());
        } else if attribute.path().is_ident("doc") {
            self.carried.push(attribute.clone());
        }
    }

    fn read_idempotent(&mut self, attribute: &Attribute, refusals: &mut Refusals) {
        if attribute.meta.require_path_only().is_err() {
            refusals.add(attribute, "`#[idempotent]` takes no options: write it alone");
        } else if self.idempotent.is_some() {
            refusals.add(attribute, "`#[idempotent]` is given twice: once is enough");
        }
        self.idempotent = Some(attribute.clone());
    }
}

fn read_arguments(function: &TraitItemFn, refusals: &mut Refusals) -> Vec<Argument> {
    let typed = function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let mut arguments = Vec::new();
    for argument in typed {
        checks::argument(argument, refusals);
        if let Pat::Ident(pattern) = &*argument.pat {
            let (name, ty) = (pattern.ident.clone(), (*argument.ty).clone());
            let streams = types::stream(&ty).is_some();
            arguments.push(Argument { name, ty, streams });
        }
    }
    checks::count(function, refusals);
    arguments
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    let text = text.value();
    (attribute.path().is_ident("doc")).then(|| text.strip_prefix(' ').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[track_caller]
    fn check(function: &TraitItemFn, kind: Kind) {
        let mut refusals = Refusals::default();
        let method = Method::read(function, &Options::default(), &mut refusals);
        refusals.into_result().expect("the method can be served");
        assert_eq!(method.expect("it has a result").kind(), kind);
    }

    #[track_caller]
    fn check_refused(function: &TraitItemFn, sentence: &str) {
        let mut refusals = Refusals::default();
        Method::read(function, &Options::default(), &mut refusals);
        let error = refusals.into_result().expect_err("the method is refused");
        let sentences: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
        assert_eq!(sentences, [sentence]);
    }

    #[test]
    fn the_kind_of_a_method_is_where_streams_stand() {
        check(
            &parse_quote!(
                fn f(&self, a: u8) -> Result<u8, E>;
            ),
            Kind::Unary,
        );
        check(
            &parse_quote!(
                fn f(&self) -> Result<Stream<u8>, E>;
            ),
            Kind::ServerStream,
        );
        check(
            &parse_quote!(
                fn f(&self, a: u8, s: Stream<u8>, b: u8) -> Result<u8, E>;
            ),
            Kind::ClientStream,
        );
        check(
            &parse_quote!(
                fn f(&self, s: rpc_core::Stream<u8>) -> Result<::rpc_core::Stream<u8>, E>;
            ),
            Kind::Bidirectional,
        );
    }

    #[test]
    fn a_type_of_another_shape_called_stream_is_a_value() {
        check(
            &parse_quote!(
                fn f(&self, s: Stream) -> Result<Stream<u8, u8>, Stream>;
            ),
            Kind::Unary,
        );
    }

    #[test]
    fn a_stream_elsewhere_is_refused_once() {
        let elsewhere = "a stream stands alone: as one whole argument, `name: Stream<T>`, or as the value of the \
                         result, `Result<Stream<T>, E>`";
        check_refused(
            &parse_quote!(
                fn f(&self, s: Vec<Stream<u8>>) -> Result<u8, E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self, s: Stream<Stream<u8>>) -> Result<u8, E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self, s: (Stream<u8>, u8)) -> Result<u8, E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self, s: [Stream<u8>; 2]) -> Result<u8, E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self, s: Box<dyn Stream<u8>>) -> Result<u8, E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self) -> Result<u8, Stream<u8>>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self) -> Result<(u8, Stream<u8>), E>;
            ),
            elsewhere,
        );
        check_refused(
            &parse_quote!(
                fn f(&self) -> Result<Stream<Option<Stream<u8>>>, E>;
            ),
            elsewhere,
        );
    }

    #[test]
    fn a_stream_without_a_result_around_it_is_refused_once() {
        check_refused(
            &parse_quote!(
                fn f(&self) -> Stream<u8>;
            ),
            "a method returns `Result<Stream<T>, E>` with an `E: From<Status>`, for a call can always fail",
        );
    }

    #[test]
    fn what_is_inside_a_stream_must_travel_too() {
        let reference = "a reference cannot travel: use an owned type, such as `String` for `&str`";
        check_refused(
            &parse_quote!(
                fn f(&self, s: Stream<&str>) -> Result<u8, E>;
            ),
            reference,
        );
        check_refused(
            &parse_quote!(
                fn f(&self) -> Result<Stream<&str>, E>;
            ),
            reference,
        );
    }
}

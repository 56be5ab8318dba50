//! One method of a service trait, and what is marked on it.

use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, FnArg, Ident, Lit, Meta, Pat, TraitItemFn, Type};

use super::Outcome;
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
}

/// What the attributes of a method say.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) idempotent: bool,
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
        let outcome = Outcome::read(&function.sig, refusals)?;
        let name = function.sig.ident.clone();
        let procedure = options.procedure(&name.unraw().to_string());
        Some(Self { name, procedure, arguments, outcome, marks })
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
                .add(attribute, "a method cannot be conditional: every build must have the same procedures");
        } else if attribute.path().is_ident("deprecated") {
            self.deprecated = true;
            self.carried.push(attribute.clone());
        } else if attribute.path().is_ident("doc") {
            self.carried.push(attribute.clone());
        }
    }

    fn read_idempotent(&mut self, attribute: &Attribute, refusals: &mut Refusals) {
        if attribute.meta.require_path_only().is_err() {
            refusals.add(attribute, "`#[idempotent]` takes no options");
        } else if self.idempotent {
            refusals.add(attribute, "`#[idempotent]` is given twice");
        }
        self.idempotent = true;
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
            arguments.push(Argument { name: pattern.ident.clone(), ty: (*argument.ty).clone() });
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

//! `rpc describe`: a procedure as its trait has it, and the types in it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use rpc_core::Status;
use rpc_core::reflect::{CallKind, Description, Fields, Form, NamedType, TypeOf};

use super::Failure;
use super::paint::{Paint, harmless};
use super::reach::Reach;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The procedure
    #[arg(value_name = "NAME")]
    procedure: String,

    #[command(flatten)]
    reach: Reach,
}

pub(super) const HELP: &str = "\
Types are told as PROTOCOL.md names them, and those with a name as they are in JSON: `option<T>` is null or a T, `seq<T>`
an array, `map<K,V>` an object; a struct is an object, a variant \"Name\" or {\"Name\": …}. `?` is what a type does not tell.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Arguments { procedure, reach } = arguments;
    let Some(description) = reach.describe(procedure)? else {
        let status = Status::unimplemented("its server does not describe its procedures");
        return Err(Failure::of_status(procedure, status));
    };
    io::stdout().lock().write_all(told(&description, Paint::stdout()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The whole description, in lines.
fn told(of: &Description, paint: Paint) -> String {
    let mut text = String::new();
    for line in of.doc.lines() {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}", paint.aside(format!("/// {}", harmless(line)).trim_end()));
    }
    let parameters: Vec<String> = of
        .parameters
        .iter()
        .map(|parameter| {
            let stream = if parameter.streams { "stream of " } else { "" };
            format!("{}: {stream}{}", harmless(&parameter.name), harmless(&parameter.of.shape))
        })
        .collect();
    let stream = if gives_stream(of.kind) { "stream of " } else { "" };
    let shape = |of: &Option<TypeOf>| of.as_ref().map_or("?".to_owned(), |of| harmless(&of.shape));
    let (name, result, error) = (paint.name(&harmless(&of.name)), shape(&of.result), shape(&of.error));
    let _ = writeln!(text, "{name}({}) -> {stream}{result}, or fails with {error}", parameters.join(", "));
    if of.idempotent {
        text.push_str("may run twice without harm\n");
    }
    for named in &of.types {
        let _ = write!(text, "\n{}", type_told(named, paint));
    }
    text
}

fn gives_stream(kind: CallKind) -> bool {
    matches!(kind, CallKind::ServerStream | CallKind::Bidirectional)
}

fn type_told(named: &NamedType, paint: Paint) -> String {
    let name = paint.name(&harmless(&named.name));
    match &named.form {
        Form::Struct(fields) => format!("{name} = {}\n", fields_told(fields, "")),
        Form::Enum(variants) => {
            let mut text = format!("{name} = one of\n");
            for variant in variants {
                let fields = match &variant.fields {
                    Fields::None => String::new(),
                    fields => format!(" {}", in_a_line(fields).unwrap_or_else(|| fields_told(fields, "  "))),
                };
                let _ = writeln!(text, "  {}{fields}", harmless(&variant.name));
            }
            text
        }
    }
}

/// Few fields with names.
fn in_a_line(fields: &Fields) -> Option<String> {
    let Fields::Named(fields) = fields else { return None };
    let fields = fields.iter().map(|field| format!("{}: {}", harmless(&field.name), harmless(&field.shape)));
    let line = format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "));
    (line.chars().count() <= LINE).then_some(line)
}

/// Fields of a variant that are no longer than this stand on its line.
const LINE: usize = 60;

fn fields_told(fields: &Fields, indent: &str) -> String {
    match fields {
        Fields::None => "nothing".to_owned(),
        Fields::One(shape) => harmless(shape),
        Fields::Places(shapes) => format!("[{}]", harmless(&shapes.join(", "))),
        Fields::Named(fields) => {
            let line =
                |text: String, (name, shape): (String, String)| format!("{text}{indent}  {name}: {shape}\n");
            let fields = fields.iter().map(|field| (harmless(&field.name), harmless(&field.shape)));
            format!("{{\n{}{indent}}}", fields.fold(String::new(), line))
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::reflect::{Field, Parameter, Variant};

    use super::*;

    #[test]
    fn a_description_reads_like_a_trait_and_ends_with_its_types() {
        let of = |shape: &str| TypeOf { written: String::new(), shape: shape.to_owned() };
        let field = |name: &str, shape: &str| Field { name: name.to_owned(), shape: shape.to_owned() };
        let parameter =
            |name: &str, shape: &str, streams| Parameter { name: name.to_owned(), of: of(shape), streams };
        let variant = |name: &str, fields| Variant { name: name.to_owned(), fields };
        let description = Description {
            name: "pour".to_owned(),
            service: "Ledger".to_owned(),
            kind: CallKind::Bidirectional,
            idempotent: false,
            doc: "Pours.\n\nAll of it.".to_owned(),
            parameters: vec![parameter("into", "string", false), parameter("drops", "Drop", true)],
            result: Some(of("seq<Drop>")),
            error: None,
            types: vec![
                NamedType {
                    name: "Drop".to_owned(),
                    form: Form::Struct(Fields::Named(vec![field("size", "u64")])),
                },
                NamedType {
                    name: "Trouble".to_owned(),
                    form: Form::Enum(vec![
                        variant("Empty", Fields::None),
                        variant("At", Fields::Places(vec!["u8".to_owned(), "u8".to_owned()])),
                        variant("Of", Fields::Named(vec![field("whom", "string")])),
                    ]),
                },
            ],
        };
        let expected = "\
/// Pours.
///
/// All of it.
pour(into: string, drops: stream of Drop) -> stream of seq<Drop>, or fails with ?

Drop = {
  size: u64
}

Trouble = one of
  Empty
  At [u8, u8]
  Of { whom: string }
";
        assert_eq!(told(&description, Paint::Raw), expected);
    }
}

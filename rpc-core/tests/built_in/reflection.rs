//! What a server tells of its procedures.

use rpc_core::reflect::{CallKind, Description, Fields, Form, Reflection as _, ReflectionClient};

use super::*;

fn reflection(server: &Server) -> ReflectionClient {
    ReflectionClient::new(client_of(server))
}

/// What a procedure takes and gives, in one line.
fn in_a_line(described: &Description) -> String {
    let parameters = described.parameters.iter().map(|parameter| {
        let stream = if parameter.streams { "stream " } else { "" };
        format!("{}: {stream}{} = {}", parameter.name, parameter.of.written, parameter.of.shape)
    });
    let parameters: Vec<String> = parameters.collect();
    let given = [&described.result, &described.error]
        .map(|of| of.as_ref().map_or_else(|| "-".to_owned(), |of| format!("{} = {}", of.written, of.shape)));
    format!("({}) -> {} or {}", parameters.join(", "), given[0], given[1])
}

#[test]
fn a_server_lists_its_procedures_and_those_that_are_built_in() {
    let server = builder().serve_in_memory().unwrap();
    let page = reflection(&server).procedures(None).unwrap();
    let listed: Vec<_> =
        page.procedures.iter().map(|one| (one.name.as_str(), one.service.as_str())).collect();
    assert_eq!(
        listed,
        [
            ("pour", "Ledger"),
            ("rpc.describe", "rpc"),
            ("rpc.health.check", "rpc.health"),
            ("rpc.health.watch", "rpc.health"),
            ("rpc.procedures", "rpc"),
            ("till.open", "till"),
            ("total", "Ledger"),
        ]
    );
    assert!(!page.more);
    let total = page.procedures.last().unwrap();
    assert_eq!(
        (total.doc.as_str(), total.idempotent, total.kind),
        ("Adds it all up.", true, CallKind::Unary)
    );
    let behind = reflection(&server).procedures(Some("till.open".to_owned())).unwrap();
    assert_eq!(behind.procedures.len(), 1);
}

#[test]
fn a_procedure_is_described_with_its_words_and_its_types() {
    let server = builder().serve_in_memory().unwrap();
    let total = reflection(&server).describe("total".to_owned()).unwrap();
    assert_eq!(total.doc, "Adds it all up.\n\nAnd no more.");
    assert_eq!(
        in_a_line(&total),
        "(account: String = string, limit: Option<u32> = option<u32>) -> Amount = Amount or Trouble = Trouble"
    );
    let names: Vec<&str> = total.types.iter().map(|named| named.name.as_str()).collect();
    assert_eq!(names, ["Amount", "Execution", "Status", "Trouble"]);
    let Form::Struct(Fields::Named(amount)) = &total.types[0].form else { panic!("{:?}", total.types[0]) };
    let fields: Vec<_> = amount.iter().map(|field| (field.name.as_str(), field.shape.as_str())).collect();
    assert_eq!(fields, [("units", "u64"), ("of", "option<string>")]);
    let Form::Enum(trouble) = &total.types[3].form else { panic!("{:?}", total.types[3]) };
    let variants: Vec<_> = trouble.iter().map(|one| (one.name.as_str(), one.fields.clone())).collect();
    assert_eq!(variants, [("Empty", Fields::None), ("Rpc", Fields::One("Status".to_owned()))]);
}

#[test]
fn a_stream_is_described_by_its_items() {
    let server = builder().serve_in_memory().unwrap();
    let pour = reflection(&server).describe("pour".to_owned()).unwrap();
    assert_eq!(pour.kind, CallKind::Bidirectional);
    assert_eq!(
        in_a_line(&pour),
        "(into: String = string, drops: stream Amount = Amount) -> (u8, Vec<Amount>) = tuple<u8,seq<Amount>> or \
         Status = Status"
    );
}

#[test]
fn a_service_written_by_hand_says_what_it_knows() {
    static QUIET: [Procedure; 1] = [Procedure::new("quiet", Kind::Unary)];
    let server = Server::builder().service(ByHand(&QUIET)).serve_in_memory().unwrap();
    let quiet = reflection(&server).describe("quiet".to_owned()).unwrap();
    assert_eq!((in_a_line(&quiet).as_str(), quiet.service.as_str()), ("() -> - or -", ""));
}

#[test]
fn reflection_describes_itself_and_in_json_too() {
    let server = builder().serve_in_memory().unwrap();
    let client = client_of(&server);
    let described = client.json().call("rpc.describe", r#"{"procedure":"rpc.describe"}"#).unwrap();
    let described: Description = serde_json::from_str(described.as_str()).unwrap();
    assert_eq!(
        in_a_line(&described),
        "(procedure: String = string) -> Description = Description or Status = Status"
    );
    assert!(described.types.iter().all(|named| !format!("{named:?}").contains('?')), "{:?}", described.types);
}

#[test]
fn a_server_without_reflection_does_not_have_its_procedures() {
    let server = builder().without_reflection().serve_in_memory().unwrap();
    let refused = reflection(&server).procedures(None).unwrap_err();
    assert_eq!((refused.code(), refused.may_have_run()), (Code::Unimplemented, false));
}

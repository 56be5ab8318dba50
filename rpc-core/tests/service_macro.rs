//! What `#[service]` makes of a trait, seen in process: the table of procedures, and calls by number.

use std::sync::{Arc, Mutex};

use rpc_core::service::{Arguments, Outcome, Procedure, Repetition, Reply};
use rpc_core::{Client, Code, Service, Status};
use serde::{Deserialize, Serialize};

#[rpc_core::service]
trait Ledger {
    /// Puts an amount on an account.
    ///
    /// An account that is not there is opened.
    fn deposit(&self, account: String, amount: u32) -> Result<u32, LedgerError>;
    /// How many accounts there are.
    #[idempotent]
    fn count(&self) -> Result<u32, LedgerError>;
    fn r#type(&self, r#fn: u8) -> Result<u8, Status>;
    #[deprecated = "every account is open"]
    fn subtract(&self, number: u8, arguments: u8, reply: u8, argument_0: u8) -> Result<u8, Status>;
}

#[rpc_core::service(prefix = "bank.wallet")]
trait Wallet {
    fn close(&self) -> Result<(), Status>;
}

/// A type of the name that the generated code uses for a parameter of its own.
#[derive(Debug, Serialize, Deserialize)]
struct T(u8);

#[rpc_core::service]
trait Clashing {
    fn increment(&self, t: T) -> Result<T, Status>;
}

#[derive(Debug, Serialize, Deserialize)]
enum LedgerError {
    Empty,
    Status(Status),
}

impl From<Status> for LedgerError {
    fn from(status: Status) -> LedgerError {
        LedgerError::Status(status)
    }
}

#[derive(Default)]
struct Book {
    entries: Mutex<Vec<(String, u32)>>,
}

impl Ledger for Book {
    fn deposit(&self, account: String, amount: u32) -> Result<u32, LedgerError> {
        if amount == 0 {
            return Err(LedgerError::Empty);
        }
        let mut entries = self.entries.lock().expect("no test panics with the lock held");
        entries.push((account, amount));
        Ok(entries.iter().map(|entry| entry.1).sum())
    }

    fn count(&self) -> Result<u32, LedgerError> {
        let entries = self.entries.lock().expect("no test panics with the lock held");
        Ok(u32::try_from(entries.len()).expect("a test makes a few entries"))
    }

    fn r#type(&self, r#fn: u8) -> Result<u8, Status> {
        Ok(r#fn)
    }

    fn subtract(&self, number: u8, arguments: u8, reply: u8, argument_0: u8) -> Result<u8, Status> {
        Ok(number - arguments - reply - argument_0)
    }
}

impl Wallet for Book {
    fn close(&self) -> Result<(), Status> {
        Err(Status::permission_denied("the wallet stays open"))
    }
}

impl Clashing for Book {
    fn increment(&self, t: T) -> Result<T, Status> {
        Ok(T(t.0 + 1))
    }
}

/// Calls procedure `number` with encoded arguments; gives the outcome and the encoded body.
fn call(service: &impl Service, number: usize, arguments: &[u8]) -> Result<(Outcome, Vec<u8>), Status> {
    let mut body = Vec::new();
    let mut reply = Reply::new(&mut body);
    service.call(number, Arguments::new(arguments), &mut reply)?;
    let outcome = reply.outcome().expect("a call that succeeds has an outcome");
    Ok((outcome, body))
}

#[track_caller]
fn check(service: &impl Service, number: usize, arguments: &[u8], outcome: Outcome, body: &[u8]) {
    assert_eq!(call(service, number, arguments), Ok((outcome, body.to_vec())));
}

fn ledger() -> LedgerService<Book> {
    LedgerService::new(Arc::default())
}

#[test]
fn the_table_has_the_methods_in_order_with_their_names_marks_and_words() {
    let expected = [
        (
            "deposit",
            Repetition::Once,
            "Puts an amount on an account.\n\nAn account that is not there is opened.",
        ),
        ("count", Repetition::Idempotent, "How many accounts there are."),
        ("type", Repetition::Once, ""),
        ("subtract", Repetition::Once, ""),
    ];
    let expected = expected.map(|(name, repetition, doc)| Procedure { name, repetition, doc });
    assert_eq!(LedgerClient::PROCEDURES, expected);
    assert_eq!(ledger().procedures(), expected);
}

#[test]
fn a_prefix_stands_before_the_name_of_every_procedure() {
    assert_eq!(WalletClient::PROCEDURES[0].name, "bank.wallet.close");
}

#[test]
fn arguments_reach_the_method_in_their_order() {
    check(&ledger(), 0, b"\x04rust\x07", Outcome::Returned, &[7]);
    check(&ledger(), 3, &[100, 50, 20, 3], Outcome::Returned, &[27]);
}

#[test]
fn an_error_of_the_method_is_the_other_outcome() {
    check(&ledger(), 0, b"\x04rust\x00", Outcome::Failed, &[0]);
    let (outcome, _) = call(&WalletService::new(Arc::new(Book::default())), 0, &[]).unwrap();
    assert_eq!(outcome, Outcome::Failed);
}

#[test]
fn a_method_without_arguments_takes_no_bytes() {
    check(&ledger(), 1, &[], Outcome::Returned, &[0]);
    assert_eq!(call(&ledger(), 1, &[1]).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn arguments_that_do_not_decode_do_not_run_the_method() {
    let ledger = ledger();
    for arguments in [&b""[..], b"\x04rus", b"\x04rust", b"\x04rust\x07\x00", b"\x04\xff\xff\xff\xff\x07"] {
        let status = call(&ledger, 0, arguments).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{arguments:?}");
        assert!(!status.may_have_run());
    }
    check(&ledger, 1, &[], Outcome::Returned, &[0]);
}

#[test]
fn a_number_past_the_table_is_unimplemented_and_runs_nothing() {
    for number in [4, usize::MAX] {
        let status = call(&ledger(), number, &[]).unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(!status.may_have_run());
    }
}

#[test]
fn names_of_the_user_do_not_clash_with_those_of_the_generated_code() {
    check(&ClashingService::new(Arc::new(Book::default())), 0, &[7], Outcome::Returned, &[8]);
    check(&ledger(), 2, &[5], Outcome::Returned, &[5]);
}

#[test]
fn clones_of_a_service_serve_the_same_implementation() {
    let ledger = ledger();
    check(&ledger.clone(), 0, b"\x03ana\x02", Outcome::Returned, &[2]);
    check(&ledger, 1, &[], Outcome::Returned, &[1]);
}

#[test]
fn an_implementation_chosen_at_run_time_can_be_served() {
    let chosen: Arc<dyn Ledger> = Arc::new(Book::default());
    check(&LedgerService::new(chosen), 1, &[], Outcome::Returned, &[0]);
}

#[test]
fn a_client_is_an_implementation_that_can_be_served_itself() {
    let client = LedgerClient::new(Client::connect("127.0.0.1:1")).wait_for_ready();
    let relay = LedgerService::new(Arc::new(client.clone()));
    assert_eq!(relay.procedures(), LedgerClient::PROCEDURES);
}

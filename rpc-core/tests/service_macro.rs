//! What `#[service]` makes of a trait, seen in process: the table of procedures, and calls by number.

use std::sync::{Arc, Mutex};

use rpc_core::service::{Arguments, Kind, Outcome, Passage, Payload, Procedure, Repetition, Reply};
use rpc_core::{Client, Code, Service, Status, Stream};
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

#[rpc_core::service]
trait Journal {
    fn entries(&self, account: String) -> Result<Stream<u32>, LedgerError>;
    #[idempotent]
    fn accounts(&self) -> Result<Stream<String>, LedgerError>;
    fn post(&self, input: u32, amounts: Stream<u32>, limit: u32) -> Result<u32, LedgerError>;
    fn totals(&self, amounts: ::rpc_core::Stream<u32>) -> Result<Stream<u32>, LedgerError>;
    fn is_open(&self) -> Result<bool, LedgerError>;
}

/// A trait whose every method has a stream, so that nothing of it can be started.
#[rpc_core::service]
trait Ticker {
    fn ticks(&self, count: u32) -> Result<Stream<u32>, Status>;
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

impl Journal for Book {
    fn entries(&self, account: String) -> Result<Stream<u32>, LedgerError> {
        let entries = self.entries.lock().expect("no test panics with the lock held");
        if entries.is_empty() {
            return Err(LedgerError::Empty);
        }
        let of_account = entries.iter().filter(|entry| entry.0 == account).map(|entry| entry.1);
        Ok(Stream::from_iter(of_account.collect::<Vec<_>>()))
    }

    fn accounts(&self) -> Result<Stream<String>, LedgerError> {
        let entries = self.entries.lock().expect("no test panics with the lock held");
        Ok(Stream::from_iter(entries.iter().map(|entry| entry.0.clone()).collect::<Vec<_>>()))
    }

    fn post(&self, input: u32, amounts: Stream<u32>, limit: u32) -> Result<u32, LedgerError> {
        let mut sum = input;
        for amount in amounts {
            sum += amount?;
        }
        if sum > limit { Err(LedgerError::Empty) } else { Ok(sum) }
    }

    fn totals(&self, amounts: Stream<u32>) -> Result<Stream<u32>, LedgerError> {
        let mut sum = 0;
        Ok(Stream::from_iter(amounts.map_while(Result::ok).map(move |amount| {
            sum += amount;
            sum
        })))
    }

    fn is_open(&self) -> Result<bool, LedgerError> {
        Ok(true)
    }
}

impl Ticker for Book {
    fn ticks(&self, count: u32) -> Result<Stream<u32>, Status> {
        Ok(Stream::from_iter(0..count))
    }
}

/// Calls procedure `number` with encoded arguments; gives the outcome and the encoded body.
fn call(service: &impl Service, number: usize, arguments: &[u8]) -> Result<(Outcome, Vec<u8>), Status> {
    let mut body = Payload::default();
    let mut reply = Reply::new(&mut body);
    service.call(number, Arguments::new(arguments), &mut reply)?;
    let outcome = reply.outcome().expect("a call that succeeds has an outcome");
    Ok((outcome, body.to_vec()))
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
    let told = |table: &'static [Procedure]| -> Vec<_> {
        table.iter().map(|procedure| (procedure.name, procedure.repetition, procedure.doc)).collect()
    };
    assert_eq!(told(LedgerClient::PROCEDURES), expected);
    assert_eq!(told(ledger().procedures()), expected);
    assert!(LedgerClient::PROCEDURES.iter().all(|procedure| procedure.kind == Kind::Unary));
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

fn journal() -> (Arc<Book>, JournalService<Book>) {
    let book = Arc::new(Book::default());
    (book.clone(), JournalService::new(book))
}

#[test]
fn the_table_says_where_a_procedure_has_streams() {
    let expected = [
        ("entries", Kind::ServerStream, Repetition::Once),
        ("accounts", Kind::ServerStream, Repetition::Idempotent),
        ("post", Kind::ClientStream, Repetition::Once),
        ("totals", Kind::Bidirectional, Repetition::Once),
        ("is_open", Kind::Unary, Repetition::Once),
    ];
    let told = |table: &'static [Procedure]| -> Vec<_> {
        table.iter().map(|procedure| (procedure.name, procedure.kind, procedure.repetition)).collect()
    };
    assert_eq!(told(JournalClient::PROCEDURES), expected);
    assert_eq!(told(journal().1.procedures()), expected);
}

#[test]
fn the_table_says_what_arguments_are_called_and_which_is_a_stream() {
    let told = |number: usize| -> Vec<_> {
        let parameters = JournalClient::PROCEDURES[number].parameters;
        parameters.iter().map(|parameter| (parameter.name, parameter.passage)).collect()
    };
    assert_eq!(told(0), [("account", Passage::Value)]);
    assert_eq!(told(1), []);
    assert_eq!(told(2), [("input", Passage::Value), ("amounts", Passage::Stream), ("limit", Passage::Value)]);
}

#[test]
fn a_stream_that_is_returned_has_no_bytes_in_the_reply() {
    let (book, journal) = journal();
    check(&journal, 1, &[], Outcome::Returned, &[]);
    book.deposit("rust".to_owned(), 7).expect("the amount is not zero");
    check(&journal, 0, b"\x04rust", Outcome::Returned, &[]);
    check(&TickerService::new(book), 0, &[3], Outcome::Returned, &[]);
}

#[test]
fn an_error_instead_of_a_stream_is_the_other_outcome() {
    check(&journal().1, 0, b"\x04rust", Outcome::Failed, &[0]);
}

#[test]
fn a_call_without_the_stream_that_its_method_takes_runs_nothing() {
    for (number, arguments) in [(2, &[1, 9][..]), (3, &[])] {
        let status = call(&journal().1, number, arguments).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{number}");
        assert!(!status.may_have_run());
    }
}

#[test]
fn a_unary_method_beside_streaming_ones_is_called_by_its_own_number() {
    check(&journal().1, 4, &[], Outcome::Returned, &[1]);
}

#[test]
fn streams_pass_through_the_trait_in_process() {
    let journal: &dyn Journal = &Book::default();
    let sums = journal.totals(Stream::from_iter([1, 2, 3])).expect("a total is always given");
    assert_eq!(sums.map(Result::unwrap).collect::<Vec<_>>(), [1, 3, 6]);
    assert_eq!(journal.post(1, Stream::from_iter([2, 3]), 6).expect("the sum is at the limit"), 6);
    assert!(matches!(journal.post(1, Stream::from_iter([2, 3]), 5), Err(LedgerError::Empty)));
}

#[test]
fn a_client_with_streams_implements_the_trait_and_starts_what_is_unary() {
    let client = JournalClient::new(Client::connect("127.0.0.1:1"));
    let _: rpc_core::Pending<bool, LedgerError> = client.start().is_open();
    let relay: Arc<dyn Journal> = Arc::new(client);
    assert_eq!(JournalService::new(relay).procedures(), JournalClient::PROCEDURES);
    TickerClient::new(Client::connect("127.0.0.1:1")).start();
}

//! Calls whose server goes away after it has read them.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::{Client, Code, Server, Status};

#[rpc_core::service]
trait Ledger {
    #[idempotent]
    fn balance(&self) -> Result<u64, Status>;
    fn withdraw(&self, amount: u64) -> Result<u64, Status>;
}

struct Book;

impl Ledger for Book {
    fn balance(&self) -> Result<u64, Status> {
        Ok(300)
    }

    fn withdraw(&self, amount: u64) -> Result<u64, Status> {
        Ok(300 - amount)
    }
}

const SOON: Duration = Duration::from_secs(10);

/// Makes a call whose first server reads it and dies, and whose second server stands at the same place.
#[track_caller]
fn lost_once(call: impl FnOnce(&LedgerClient) -> Result<u64, Status> + Send) -> Result<u64, Status> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ledger = LedgerClient::new(Client::connect(address.to_string())).wait_for_ready().with_deadline(SOON);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| call(&ledger));
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 24);
        drop(listener);
        drop(stream);
        let server = Server::builder().service(LedgerService::new(Arc::new(Book))).bind(address).unwrap();
        let answer = calling.join().unwrap();
        drop(server);
        answer
    })
}

/// The status of the last attempt, which found nobody, was once that of the call: of a call that a server had read it said
/// that it did not run.
#[test]
fn a_call_that_a_server_has_read_may_have_run_though_its_repetition_found_nobody() {
    for wait in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap().to_string()).with_deadline(SOON / 10);
        let ledger = LedgerClient::new(if wait { client.wait_for_ready() } else { client });
        let failure = std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 24);
                // First the listener, so that the repetition is refused.
                drop(listener);
                drop(stream);
            });
            ledger.balance().unwrap_err()
        });
        assert!(failure.may_have_run(), "waits: {wait}, {failure:?}");
    }
}

#[test]
fn a_lost_call_is_repeated_only_where_its_trait_allows_it() {
    assert_eq!(lost_once(LedgerClient::balance), Ok(300));
    let lost = lost_once(|ledger| ledger.withdraw(100)).unwrap_err();
    assert_eq!(lost.code(), Code::Unavailable);
    assert!(lost.may_have_run());
}

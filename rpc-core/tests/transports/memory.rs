//! Servers without a port.

use rpc_core::{Client, Code, Limits};

use crate::lab::{Lab as _, LabClient, SOON, Transport, plain, stand};

#[test]
fn several_clients_have_connections_of_their_own() {
    let stand = stand(Transport::Memory, Limits::default());
    let clients: Vec<_> = (0..10).map(|_| stand.another_client()).collect();
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| assert_eq!(client.echo("x".to_owned()), Ok("x".to_owned())));
        }
    });
    assert_eq!(stand.server.connections(), 10);
    assert_eq!(stand.server.shutdown(SOON), Ok(()));
}

#[test]
fn a_client_in_memory_outlives_its_server_and_says_so() {
    let server = plain().serve_in_memory().unwrap();
    let (used, fresh) = (LabClient::new(Client::over(&server)), LabClient::new(Client::over(&server)));
    assert_eq!(used.echo("x".to_owned()), Ok("x".to_owned()));
    drop(server);
    for client in [used, fresh] {
        let failure = client.echo("x".to_owned()).unwrap_err();
        assert_eq!(failure.code(), Code::Unavailable);
        assert!(!failure.may_have_run());
        assert!(failure.message().contains("the server in memory: it is shut down"), "{failure}");
    }
}

#[test]
fn a_server_that_listens_is_also_reached_in_memory() {
    let server = plain().bind("127.0.0.1:0").unwrap();
    let near = LabClient::new(Client::over(&server));
    let far = LabClient::new(Client::connect(server.address().to_string()));
    assert_eq!(near.addresses(), Ok((false, false)));
    assert_eq!(far.addresses(), Ok((true, true)));
}

#[test]
fn clients_come_while_the_server_goes() {
    for _ in 0..4 {
        let server = plain().serve_in_memory().unwrap();
        let clients: Vec<_> = (0..4).map(|_| LabClient::new(Client::over(&server))).collect();
        std::thread::scope(|scope| {
            for client in &clients {
                scope.spawn(|| {
                    if let Err(failure) = client.echo("x".to_owned()) {
                        assert_eq!(failure.code(), Code::Unavailable, "{failure:?}");
                        assert!(!failure.may_have_run(), "{failure:?}");
                    }
                });
            }
            assert_eq!(server.shutdown(SOON), Ok(()));
        });
    }
}

//! Servers that are not there, say nothing, or say the wrong thing.

use std::io::Read;
use std::net::TcpListener;

use super::*;

#[test]
fn nobody_there_is_code_3() {
    let port = system_tests::free_port();
    let nobody = format!("127.0.0.1:{port}");
    rpc(&["call", "x", "--to", &nobody]).failed(3, "Unavailable: cannot connect to");
    rpc(&["list", &nobody]).failed(3, "Unavailable");
    rpc(&["list", "--binder", &nobody]).failed(3, "the binder cannot be asked (start one with `binder`");
    rpc(&["health", "--to", &nobody]).failed(3, "Unavailable");
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let begun = Instant::now();
    rpc(&["call", "x", "--to", &address, "--deadline", "200ms"]).failed(3, "rpc: x: DeadlineExceeded");
    rpc(&["health", "--to", &address, "--deadline", "200ms"]).failed(3, "DeadlineExceeded");
    assert!(begun.elapsed() < SOON);
}

/// Each was waited for in its turn, and nothing was said of it.
#[test]
fn silent_servers_that_a_binder_names_are_told_of_within_one_patience() {
    let house = House::open();
    let silent: Vec<TcpListener> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    for (number, listener) in silent.iter().enumerate() {
        let port = listener.local_addr().unwrap().port();
        let wanted = format!(r#"{{"procedure_name":"ghost_{number}","address":"127.0.0.1","port":{port}}}"#);
        rpc(&["call", "register_procedure", &wanted, "--to", &house.binder.address.to_string()]).done();
    }
    let begun = Instant::now();
    let listed = house.rpc(&["list", "--deadline", "1s"]);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(listed.code, 0, "{}", listed.told);
    assert!(listed.out.contains("ghost_7") && listed.out.contains("Makes a room"), "{}", listed.out);
    let lines: Vec<&str> = listed.told.lines().collect();
    assert!(lines.len() == 8 && lines.iter().all(|line| line.contains("gives no answer")), "{}", listed.told);
}

#[test]
fn a_server_of_another_kind_is_named_in_one_line() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let answering = thread::Builder::new().spawn(move || {
        let (mut peer, _) = stranger.accept().unwrap();
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[2J").unwrap();
        // Until the other side has read it, and closes.
        peer.read_to_end(&mut Vec::new()).ok();
    });
    rpc(&["call", "x", "--to", &address, "--kind", "unary", "--deadline", "5s"]).failed(3, "Unavailable");
    answering.unwrap().join().unwrap();
}

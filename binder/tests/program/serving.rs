//! Serving, and the options that say how.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use binder::{Binder, Entry, Offer, Registration, RegistrationOptions, Token};

use crate::house::{Folder, Running, check, command, json_lines, run};

#[test]
fn lookup_prints_address_and_port_or_a_sentence_with_the_name() {
    let binder = Running::start();
    binder.client().register_procedure("chat.send".into(), "127.0.0.1".into(), 4000).unwrap();
    binder.client().register_procedure("six".into(), "::1".into(), 4000).unwrap();
    check(&binder.ask(&["lookup", "chat.send"]), 0, "127.0.0.1:4000\n", "");
    check(&binder.ask(&["lookup", "six"]), 0, "[::1]:4000\n", "");
    check(&binder.ask(&["lookup", "chat.join"]), 1, "", "binder: no procedure named chat.join is registered");
    check(&binder.ask(&["lookup", "a b"]), 1, "", "ASCII letters, digits and _ - . /, this one has ' '");
}

#[test]
fn list_is_a_table_or_a_json_object_a_line() {
    let binder = Running::start();
    check(&binder.ask(&["list"]), 0, "", "no procedures are registered with the binder at 127.0.0.1:");
    check(&binder.ask(&["list", "--json"]), 0, "", "");
    let registration = Registration::start(&binder.address, "127.0.0.1", 4000, &["b", "a"]).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let table = String::from_utf8(binder.ask(&["list"]).stdout).unwrap();
    let first_words: Vec<_> = table.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(first_words, ["NAME", "a", "b"]);
    let entries: Vec<Entry> = json_lines(&binder.ask(&["list", "--json"]));
    let places: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.port)).collect();
    assert_eq!(places, [("a", 4000), ("b", 4000)]);
    assert!(entries.iter().all(|entry| entry.epoch > 0 && entry.incarnation > 0));
}

#[test]
fn a_list_of_more_than_one_page_is_whole() {
    let binder = Running::start();
    let names: Vec<String> = (0..2_001).map(|number| format!("p{number:04}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let registration = Registration::start(&binder.address, "127.0.0.1", 4000, &texts).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    let entries: Vec<Entry> = json_lines(&binder.ask(&["list", "--json"]));
    assert!(entries.iter().map(|entry| &entry.name).eq(&names));
}

#[test]
fn signals_end_it_in_order_within_five_seconds() {
    for signal in ["-INT", "-TERM"] {
        let mut binder = Running::start();
        binder.client().register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
        let start = Instant::now();
        binder.signal(signal);
        let mut rest = String::new();
        binder.log.read_to_string(&mut rest).unwrap();
        assert_eq!(binder.process.wait().unwrap().code(), Some(0), "{rest}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// Story: a registry that stood still judged everybody by the time it had missed, and deleted the living.
#[test]
fn a_binder_that_was_stopped_for_a_while_forgets_nobody_who_lives() {
    let binder = Running::start_with(&["--lease", "400ms"]);
    let client = binder.client();
    client.register_procedure("chat".into(), "127.0.0.1".into(), 4000).unwrap();
    let resumed = Instant::now() + Duration::from_secs(1);
    binder.signal("-STOP");
    while Instant::now() < resumed {
        thread::park_timeout(resumed.saturating_duration_since(Instant::now()));
    }
    binder.signal("-CONT");
    assert!(client.lookup_procedure("chat".into()).is_ok());
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.lookup_procedure("chat".into()).is_ok() {
        assert!(Instant::now() < deadline, "a full term is not for ever");
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&["--listen", &holder.local_addr().unwrap().to_string()]);
    check(
        &output,
        1,
        "",
        "is taken by another program: end that one, or choose another address with --listen",
    );
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    check(&run(&["--listen", "0.0.0.0:0"]), 1, "", "binder: other machines could reach 0.0.0.0:0");
}

#[test]
fn with_a_token_file_only_who_has_a_token_registers_and_lookups_are_open_or_closed() {
    let folder = Folder::new();
    let tokens = folder.file("tokens", "# the chat\n0123456789abcdef chat/\n");
    let other = folder.file("other", "fedcba9876543210 *");
    let binder = Running::start_with(&["--token-file", &tokens, "--lookups", "token"]);
    check(&binder.ask(&["list"]), 1, "", "binder: this binder wants a token (metadata binder-token)");
    check(
        &binder.ask(&["list", "--token-file", &other]),
        1,
        "",
        "binder: this binder does not know the token",
    );
    let options =
        RegistrationOptions { token: Some(Token::read(tokens.as_ref()).unwrap()), ..Default::default() };
    let offers = [Offer::new("chat/send", "127.0.0.1", 4000)];
    let registration = Registration::start_with(&binder.address, offers, options).unwrap();
    registration.wait_registered(Duration::from_secs(20)).unwrap();
    check(&binder.ask(&["lookup", "chat/send", "--token-file", &tokens]), 0, "127.0.0.1:4000\n", "");
    let open = Running::start_with(&["--token-file", &tokens]);
    check(&open.ask(&["list"]), 0, "", "no procedures are registered");
}

#[test]
fn a_token_file_with_a_bad_line_is_told_with_its_place() {
    let folder = Folder::new();
    let tokens = folder.file("tokens", "# mine\nshort *\n");
    let output = run(&["--listen", "127.0.0.1:0", "--token-file", &tokens]);
    check(
        &output,
        1,
        "",
        &format!("binder: line 2 of the token file {tokens}: a token is 16 to 256 ASCII letters"),
    );
    check(&run(&["--lookups", "token"]), 2, "", "--token-file <FILE>");
    check(&run(&["--lookups", "certificate"]), 2, "", "--tls-client-ca <FILE>");
    let certificates = folder.file("certificates", "certificate sums sum\n");
    check(
        &run(&["--listen", "127.0.0.1:0", "--token-file", &certificates]),
        1,
        "",
        &format!(
            "binder: the token file {certificates} names certificates, and nobody is asked for one: say with"
        ),
    );
    let binder = Running::start();
    check(
        &binder.ask(&["list", "--token-file", &certificates]),
        1,
        "",
        &format!("binder: the token file {certificates} has no token"),
    );
}

#[test]
fn an_address_that_others_reach_may_be_listened_on_with_tokens() {
    let folder = Folder::new();
    let tokens = folder.file("tokens", "0123456789abcdef *");
    let mut process = command(&["--listen", "0.0.0.0:0", "--token-file", &tokens]);
    let mut process = process.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let mut lines = String::new();
    while !lines.contains("listening on") && log.read_line(&mut lines).unwrap() > 0 {}
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(
        lines.contains("tokens travel unencrypted") && lines.contains("listening on 0.0.0.0:"),
        "{lines}"
    );
}

#[test]
fn a_damaged_state_file_is_told_with_its_place_and_put_aside_only_when_told() {
    let folder = Folder::new();
    let state = folder.file("state", "\n");
    let output = run(&["--listen", "127.0.0.1:0", "--state", &state]);
    check(&output, 1, "", &format!("the state file {state} is damaged: line 1 does not agree with its"));
    check(
        &output,
        1,
        "",
        "binder: what is registered cannot be read back (--reset-state puts the file aside and starts with nothing;",
    );
    let binder = Running::start_with_log(&["--state", &state, "--reset-state"], 2);
    check(&binder.ask(&["list"]), 0, "", "no procedures are registered");
    assert_eq!(std::fs::read_to_string(format!("{state}.damaged")).unwrap(), "\n");
}

/// Story: a service died when its log filled the disk, and took with it all who looked names up there.
#[test]
fn a_full_disk_stops_no_binder_and_is_told_once() {
    let folder = Folder::new();
    let state = folder.path("state");
    // The largest file is given in blocks, and the signal that a file is too large is ignored: writing fails instead.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_binder"), "--listen", "127.0.0.1:0", "--state", &state]);
    let mut binder = Running::spawn(shell, 1);
    for number in 0..20 {
        binder.client().register_procedure(format!("p{number}"), "127.0.0.1".into(), 4000).unwrap();
    }
    let mut line = String::new();
    binder.log.read_line(&mut line).unwrap();
    assert!(line.contains("cannot be written, names are served on: File too large"), "{line}");
    assert!(binder.client().lookup_procedure("p19".into()).is_ok());
    let saving = binder.client().stats().unwrap().saving.unwrap();
    assert!(saving.trouble.is_some_and(|why| why.contains("File too large")));
    assert!(saving.retry_in_ms.is_some_and(|pause| pause <= 30_000));
    assert!(!std::path::Path::new(&format!("{state}.new")).exists(), "a part of a state is of no use");
    let sheet = String::from_utf8(binder.ask(&["stats"]).stdout).unwrap();
    assert!(sheet.contains("cannot be written now, tried again "), "{sheet}");
}

#[test]
fn an_absent_binder_is_told_with_what_to_do() {
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["lookup", "chat", "--binder", &absent]);
    check(
        &output,
        1,
        "",
        &format!("binder: the binder at {absent} cannot be asked (start one with `binder`, or"),
    );
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    check(&run(&["--listen", "nowhere"]), 2, "", "invalid value 'nowhere' for '--listen <ADDR:PORT>'");
    check(&run(&["--listen", "localhost:5000"]), 2, "", "for example 127.0.0.1:5000 for this machine alone");
    check(&run(&["--http", "localhost:5080"]), 2, "", "for example 127.0.0.1:5080 for this machine alone");
    check(&run(&["--lease", "1ms"]), 2, "", "a lease lasts 100ms at least and 5m at most");
    check(&run(&["lookup"]), 2, "", "<NAME>");
    check(&run(&["list", "--binder", "nowhere"]), 2, "", "expected HOST:PORT, for example 127.0.0.1:5000");
}

#[test]
fn options_come_from_the_environment_too() {
    let output = command(&[]).env("BINDER_LISTEN", "0.0.0.0:0").output().unwrap();
    check(&output, 1, "", "other machines could reach 0.0.0.0:0");
    let output = command(&["list"]).env("BINDER_ADDRESS", "nowhere").output().unwrap();
    check(&output, 2, "", "expected HOST:PORT");
    let binder = Running::start();
    let output =
        command(&["list"]).env("BINDER_ADDRESS", &binder.address).env("BINDER_JSON", "1").output().unwrap();
    check(&output, 0, "", "");
    // Story: what a binder reads kept its operator's commands from running, or was sent as their token.
    let mut list = command(&["list", "--binder", &binder.address]);
    list.env("BINDER_LEASE", "soon").env("BINDER_HTTP", "here").env("BINDER_LISTEN", "there");
    check(&list.env("BINDER_TOKEN_FILE", "/no/such/file").output().unwrap(), 0, "", "no procedures are");
    let output = command(&["serve"]).env("BINDER_LEASE", "soon").output().unwrap();
    check(&output, 2, "", "for '--lease <TIME>'");
    let mut list = command(&["list", "--binder", &binder.address]);
    let output = list.env("BINDER_ASK_TOKEN_FILE", "/no/such/file").output().unwrap();
    check(&output, 1, "", "/no/such/file");
}

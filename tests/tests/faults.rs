//! Servers and binders that die, come back, or come back elsewhere, while people chat.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::{BinderProgram, Chatter, Process, Proxy, SOON, ServerProgram, command};

/// What `binder lookup NAME` prints, if it is registered.
fn lookup(binder: &BinderProgram, name: &str) -> Option<String> {
    let address = binder.address.to_string();
    let output = command("binder").args(["lookup", name, "--binder", &address]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[track_caller]
fn until(what: &str, time: Duration, done: impl Fn() -> bool) {
    let deadline = Instant::now() + time;
    while !done() {
        assert!(Instant::now() < deadline, "not within {time:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_server_is_gone_from_lookups_within_two_leases() {
    let binder = BinderProgram::start_with(&["--lease", "4s"]);
    let mut server = ServerProgram::start(&binder);
    assert_eq!(lookup(&binder, "create_room"), Some(server.address.to_string()));
    server.process.kill();
    until("the killed server is forgotten", Duration::from_secs(10), || {
        lookup(&binder, "create_room").is_none()
    });
}

#[test]
fn a_stopped_server_is_gone_from_lookups_at_once() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    server.process.signal("TERM");
    assert_eq!(server.process.end().code(), Some(0));
    assert_eq!(lookup(&binder, "create_room"), None);
}

#[test]
fn a_restarted_server_is_found_at_once_at_its_new_port() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let former = server.address;
    server.process.kill();
    let server = ServerProgram::start(&binder);
    assert_ne!(server.address, former);
    assert_eq!(lookup(&binder, "create_room"), Some(server.address.to_string()));
}

#[test]
fn chatting_goes_on_while_the_binder_is_dead_and_it_knows_everyone_again_when_it_is_back() {
    let mut binder = BinderProgram::start();
    let server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    let mut bia = Chatter::join(&binder, "bia");
    ana.open_room("rust");
    bia.enter("rust");
    binder.process.kill();
    ana.say("is anyone here?");
    bia.hear("is anyone here?");
    bia.say("/rooms").expect("rooms");
    binder.restart();
    until("the binder is whole again", Duration::from_secs(10), || {
        lookup(&binder, "create_room") == Some(server.address.to_string())
    });
    let mut late = Chatter::join(&binder, "late");
    assert_eq!(late.enter("rust")["users"], json!(["ana", "bia", "late"]));
}

/// The story: what a client had not called since the server moved was lost with the binder.
#[test]
fn a_server_that_moved_is_found_whole_although_the_binder_dies_next() {
    let mut binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    server.process.kill();
    assert_eq!(ana.expect("connection")["state"], "lost");
    let _server = ServerProgram::start(&binder);
    assert_eq!(ana.expect("connection")["state"], "restored");
    binder.process.kill();
    ana.open_room("rust");
    ana.say("hello");
    ana.hear("hello");
}

#[test]
fn clients_move_to_a_server_that_came_back_without_memory_at_another_port() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    ana.say("before");
    ana.hear("before");
    server.process.kill();
    assert_eq!(ana.expect("connection")["state"], "lost");
    let _server = ServerProgram::start(&binder);
    assert_eq!(ana.expect("connection")["state"], "restored");
    let mut bia = Chatter::join(&binder, "bia");
    let begun = Instant::now();
    loop {
        bia.say("/rooms");
        if bia.expect("rooms")["rooms"].as_array().unwrap().iter().any(|room| room["name"] == "rust") {
            break;
        }
        assert!(begun.elapsed() < SOON, "ana did not bring her room back");
    }
    bia.enter("rust");
    bia.say("after");
    ana.hear("after");
}

#[test]
fn what_was_missed_during_a_cut_is_shown_exactly_once() {
    let binder = BinderProgram::start();
    let proxy = Proxy::start();
    let advertised = proxy.address.to_string();
    let server = ServerProgram::start_with(&binder, &["--advertise", &advertised]);
    proxy.forward_to(server.address);
    let mut ana = Chatter::join(&binder, "ana");
    let mut bia = Chatter::join(&binder, "bia");
    ana.open_room("rust");
    bia.enter("rust");
    bia.say("m0");
    ana.hear("m0");
    ana.process.signal("STOP");
    proxy.cut();
    for number in 1..=20 {
        bia.say(&format!("m{number}"));
    }
    bia.hear("m20");
    ana.process.signal("CONT");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|body| body != "m21") {
        if heard.len() == 20 {
            bia.say("m21");
        }
        let message = ana.expect("message");
        heard.push(message["body"].as_str().unwrap().to_owned());
    }
    let expected: Vec<String> = (1..=21).map(|number| format!("m{number}")).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_command_given_while_the_server_is_away_waits_for_it() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    server.process.kill();
    ana.expect_where("connection", |event| event["state"] == "lost");
    ana.say("/create after");
    let _server = ServerProgram::start(&binder);
    assert_eq!(ana.expect("room_created")["room"], "after");
}

#[test]
fn two_clients_racing_for_one_name_get_it_once() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    for round in 0..5 {
        let name = format!("twin{round}");
        let mut twins = [Chatter::start(&binder, &name), Chatter::start(&binder, &name)];
        let first: Vec<Value> = twins.iter_mut().map(|twin| twin.event().unwrap()).collect();
        let registered = first.iter().filter(|event| event["event"] == "registered").count();
        let refused = first.iter().filter(|event| event["code"] == "name_taken").count();
        assert_eq!((registered, refused), (1, 1), "{first:?}");
    }
}

#[test]
fn two_clients_racing_for_the_last_place_get_it_once() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut ana = Chatter::join(&binder, "ana");
    let mut rivals = [Chatter::join(&binder, "bia"), Chatter::join(&binder, "caio")];
    for round in 0..5 {
        ana.say(&format!("/create r{round} 2"));
        ana.expect("room_created");
        ana.enter(&format!("r{round}"));
        rivals.iter_mut().for_each(|rival| {
            rival.say(&format!("/join r{round}"));
        });
        let decided = |event: &Value| event["event"] == "joined" || event["event"] == "error";
        let outcomes: Vec<Value> = rivals
            .iter_mut()
            .map(|rival| {
                loop {
                    let event = rival.event().unwrap();
                    if decided(&event) {
                        break event;
                    }
                }
            })
            .collect();
        let joined = outcomes.iter().filter(|event| event["event"] == "joined").count();
        let full = outcomes.iter().filter(|event| event["code"] == "room_full").count();
        assert_eq!((joined, full), (1, 1), "{outcomes:?}");
    }
}

/// The story: a stopped client's socket looks alive; it counted as there while its call waited, and then for the idle time.
#[test]
fn a_stopped_client_is_out_after_the_idle_time_and_back_when_it_goes_on() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start_with(&binder, &["--user-idle-after", "4s"]);
    let mut ana = Chatter::join(&binder, "ana");
    let mut bia = Chatter::join(&binder, "bia");
    ana.open_room("rust");
    bia.enter("rust");
    let stopped = Instant::now();
    bia.process.signal("STOP");
    let left = ana.expect_where("notice", |event| event["kind"] == "left");
    assert_eq!(left["username"], "bia");
    assert!(stopped.elapsed() < Duration::from_secs(15), "{:?}", stopped.elapsed());
    ana.say("while you slept");
    ana.hear("while you slept");
    bia.process.signal("CONT");
    bia.expect("gap");
    bia.hear("while you slept");
    let joined = ana.expect_where("notice", |event| event["kind"] == "joined");
    assert_eq!(joined["username"], "bia");
}

#[test]
fn a_killed_server_is_noticed_at_once_in_a_room_and_within_seconds_without_one() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let mut inside = Chatter::join(&binder, "inside");
    let mut outside = Chatter::join(&binder, "outside");
    inside.open_room("rust");
    // The room is followed once something of it was heard.
    inside.say("hello");
    inside.hear("hello");
    server.process.kill();
    let killed = Instant::now();
    assert_eq!(inside.expect("connection")["state"], "lost");
    let noticed = killed.elapsed();
    assert!(noticed < Duration::from_secs(5), "{noticed:?}");
    assert_eq!(outside.expect("connection")["state"], "lost");
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
}

/// A file of this test alone; gone with it.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str, text: &str) -> TokenFile {
        let path = std::env::temp_dir().join(format!("faults-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        TokenFile(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn with_tokens_servers_and_clients_need_theirs_and_are_refused_in_words_without() {
    let tokens = TokenFile::new("all", "server-0123456789 *\nclient-0123456789\n");
    let (server, client) =
        (TokenFile::new("server", "server-0123456789"), TokenFile::new("client", "client-0123456789"));
    let binder = BinderProgram::start_with(&["--token-file", tokens.path(), "--lookups", "token"]);
    let address = binder.address.to_string();
    let mut stranger = Process::start("chat-server", command("chat-server").args(["--binder", &address]));
    stranger.complaint("this binder wants a token (metadata binder-token): give the program its token file");
    stranger.kill();
    let _server = ServerProgram::start_with(&binder, &["--binder-token-file", server.path()]);
    let output = command("chat-client").args(["--binder", &address, "--username", "ana"]).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("this binder wants a token") && !output.status.success(), "{words}");
    let mut ana = command("chat-client");
    ana.args(["--json", "--binder", &address, "--username", "ana"]);
    let mut ana =
        Chatter { process: Process::start("ana", ana.env("CHAT_BINDER_TOKEN_FILE", client.path())) };
    ana.expect("registered");
    ana.open_room("rust");
}

#[test]
fn a_token_file_that_cannot_be_read_is_told_with_its_name() {
    for program in ["chat-server", "chat-client"] {
        let output = command(program).args(["--binder-token-file", "/nowhere/token"]).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("/nowhere/token") && output.status.code() == Some(1), "{words}");
    }
}

#[test]
fn with_two_binders_chatting_begins_and_goes_on_whichever_dies() {
    let mut one = BinderProgram::start();
    let other = BinderProgram::start();
    let binders = format!("{},{}", one.address, other.address);
    let mut server = Process::start("chat-server", command("chat-server").args(["--binder", &binders]));
    server.complaint("registered");
    until("both know the server", SOON, || {
        [&one, &other].iter().all(|at| lookup(at, "create_room").is_some())
    });
    one.process.kill();
    let mut ana = command("chat-client");
    let mut ana = Chatter {
        process: Process::start("ana", ana.args(["--json", "--binder", &binders, "--username", "ana"])),
    };
    ana.expect("registered");
    ana.open_room("rust");
    one.restart();
    until("the one that came back knows the server", SOON, || lookup(&one, "create_room").is_some());
}

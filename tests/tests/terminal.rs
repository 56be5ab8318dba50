//! The terminal client as a person sees it.

use system_tests::{BinderProgram, Chatter, Screen, ServerProgram, command};

fn person(binder: &BinderProgram, arguments: &[&str]) -> Screen {
    let address = binder.address.to_string();
    let mut client = command("chat-client");
    client.args(["--binder", &address]).args(arguments);
    // Lines that somebody typed on this machine are not this test's to read or write.
    client
        .env("XDG_STATE_HOME", std::env::temp_dir().join(format!("chat-client-test-{}", std::process::id())));
    Screen::start(client)
}

#[test]
fn a_person_chats_and_what_is_typed_survives_what_arrives() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut bia = Chatter::join(&binder, "bia");
    bia.open_room("rust");
    let mut ana = person(&binder, &[]);
    ana.shows("Your name:");
    ana.press("bia\r");
    ana.shows("bia");
    ana.press("ana\r");
    ana.shows("you are ana");
    ana.press("/join rust\r");
    ana.shows("rust>");
    ana.press("half a li");
    ana.shows("rust> half a li");
    for number in 0..20 {
        bia.say(&format!("message {number}"));
    }
    let screen = ana.until("the last message and the typed line", |screen| {
        screen.contains("bia: message 19")
            && screen.lines().last().is_some_and(|line| line == "rust> half a li")
    });
    for number in 3..20 {
        assert!(screen.contains(&format!("bia: message {number}\n")), "{screen}");
    }
    ana.press("ne\r");
    assert_eq!(bia.hear("half a line")["from"], "ana");
    bia.say("/msg ana psst");
    ana.until("a marked private message", |screen| {
        screen.lines().any(|line| line.contains("private") && line.ends_with("psst"))
    });
    ana.press("/quit\r");
    assert_eq!(ana.end(), Some(0));
    bia.expect_where("notice", |event| event["kind"] == "left" && event["username"] == "ana");
}

#[test]
fn lines_typed_faster_than_they_are_answered_are_all_done() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut ana = person(&binder, &["--username", "ana"]);
    ana.shows("you are ana");
    ana.press("/create rust\r/join rust\rfirst\rsecond\r/history\r");
    let screen = ana.shows("the last 2 messages");
    assert!(!screen.contains("! "), "{screen}");
    ana.press("\u{4}");
    assert_eq!(ana.end(), Some(0));
}

#[test]
fn text_from_others_cannot_drive_the_terminal_or_forge_a_line() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut mallory = Chatter::join(&binder, "mallory");
    mallory.open_room("rust");
    let mut ana = person(&binder, &["--username", "ana", "--room", "rust"]);
    ana.shows("rust>");
    let attacks = [
        "\u{1b}[2J\u{1b}[H wiped",
        "\u{1b}]0;stolen\u{7}",
        "hi\r11:11 bia: forged",
        "\u{9b}31m csi",
        "\u{202e}backwards",
        "\u{1b}[?1049h hidden",
    ];
    for attack in attacks {
        mallory.say(attack);
    }
    mallory.say("the end");
    let screen = ana.shows("mallory: the end");
    assert!(screen.contains("you are ana"), "the screen was wiped: {screen}");
    assert!(!screen.lines().any(|line| line.starts_with("11:11 bia")), "a line was forged: {screen}");
    assert!(!ana.parser().screen().alternate_screen());
    ana.press("\u{3}");
    assert_eq!(ana.end(), Some(0));
}

#[test]
fn colours_respect_no_color() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut mallory = Chatter::join(&binder, "bia");
    mallory.open_room("rust");
    let mut ana = person(&binder, &["--username", "ana", "--room", "rust"]);
    ana.shows("rust>");
    mallory.say("plain");
    ana.shows("bia: plain");
    let screen = ana.parser().screen();
    let coloured = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
    let coloured = coloured.filter_map(|(row, column)| screen.cell(row, column));
    assert!(coloured.into_iter().all(|cell| cell.fgcolor() == vt100::Color::Default));
}

#[test]
fn quickstart_chats_in_one_terminal_and_ends_everything() {
    let mut quickstart = command("quickstart");
    quickstart.args(["--listen", "127.0.0.1:0", "--username", "ana"]);
    let mut ana = Screen::start(quickstart);
    ana.shows("Join from a second terminal");
    ana.shows("you are ana");
    ana.press("/create rust\r/join rust\r");
    ana.shows("rust>");
    ana.press("/quit\r");
    assert_eq!(ana.end(), Some(0));
}

/// The story: a line that was typed while the server was away took the prompt with it for half a minute, `/quit` after it too.
#[test]
fn a_person_who_types_while_the_server_is_away_is_told_and_may_leave_at_once() {
    let binder = BinderProgram::start();
    let mut server = ServerProgram::start(&binder);
    let mut ana = person(&binder, &["--username", "ana"]);
    ana.shows("you are ana");
    ana.press("/create rust\r/join rust\r");
    ana.shows("rust>");
    server.process.kill();
    ana.shows("the connection is lost, trying again until it is back");
    ana.press("hello?\r");
    ana.shows("! not sent: the connection is lost");
    ana.press("/me\r");
    ana.shows("you are ana, in rust");
    ana.press("/quit\r");
    assert_eq!(ana.end(), Some(0));
}

/// The story: whoever closed his window stood in his rooms, and had his name, until the server gave him up.
#[test]
fn who_closes_his_window_takes_leave() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut bia = Chatter::join(&binder, "bia");
    bia.open_room("rust");
    let mut ana = person(&binder, &["--username", "ana", "--room", "rust"]);
    ana.shows("rust>");
    ana.signal("HUP");
    bia.expect_where("notice", |event| event["kind"] == "left" && event["username"] == "ana");
    assert_eq!(ana.end(), Some(0));
}

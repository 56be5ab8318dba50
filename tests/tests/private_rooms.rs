//! Private rooms and the two languages, as people and scripts meet them.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use system_tests::{BinderProgram, Chatter, Process, Screen, ServerProgram, command};

struct PasswordFile(PathBuf);

impl PasswordFile {
    fn with(name: &str, text: &str) -> PasswordFile {
        let path = std::env::temp_dir().join(format!("password-{name}-{}", std::process::id()));
        fs::write(&path, text).unwrap();
        PasswordFile(path)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// A scripted user, whose locale is Portuguese: programs that read JSON are told the same.
fn script(binder: &BinderProgram, name: &str, options: &[&str]) -> Chatter {
    let mut client = command("chat-client");
    client.args(["--json", "--username", name, "--binder", &binder.address.to_string()]).args(options);
    client.env("LC_ALL", "pt_BR.UTF-8");
    let mut chatter = Chatter { process: Process::start(name, &mut client) };
    chatter.expect("registered");
    chatter
}

fn person(binder: &BinderProgram, options: &[&str]) -> Screen {
    let mut client = command("chat-client");
    client.args(["--binder", &binder.address.to_string()]).args(options);
    client.env("XDG_STATE_HOME", std::env::temp_dir().join(format!("private-rooms-{}", std::process::id())));
    Screen::start(client)
}

#[test]
fn a_script_shows_the_password_of_a_file_or_is_told_that_it_needs_one() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let (right, wrong) = (PasswordFile::with("right", "sésamo\n"), PasswordFile::with("wrong", "aberto\n"));
    let mut ana = script(&binder, "ana", &["--password-file", right.0.to_str().unwrap()]);
    ana.say("/private cofre 2");
    assert_eq!(ana.expect("room_created")["room"], "cofre");
    assert_eq!(ana.enter("cofre")["users"], json!(["ana"]));

    let mut bia = script(&binder, "bia", &["--password-file", wrong.0.to_str().unwrap()]);
    bia.say("/join cofre");
    let refused = bia.expect("error");
    assert_eq!(refused["code"], "wrong_password");
    assert_eq!(refused["message"], "this is not the password of the room \"cofre\"");
    assert_eq!(bia.finish().1, Some(1));

    let mut caio = script(&binder, "caio", &[]);
    caio.say("/join cofre");
    assert_eq!(caio.error(), "password_needed");
    caio.say("/private outra");
    assert_eq!(caio.error(), "unknown_command");

    let mut eva = script(&binder, "eva", &["--password-file", "/nowhere"]);
    eva.say("/join cofre");
    let refused = eva.expect("error");
    assert!(
        refused["message"].as_str().unwrap().contains("the password file /nowhere cannot be read"),
        "{refused}"
    );
    for number in 0..6 {
        caio.say(&format!("/join nowhere{number}"));
        assert_eq!(caio.error(), "no_such_room");
    }
}

#[test]
fn a_person_is_asked_for_the_password_and_nobody_sees_it() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let file = PasswordFile::with("person", "sésamo");
    let mut bia = script(&binder, "bia", &["--password-file", file.0.to_str().unwrap()]);
    bia.say("/private cofre");
    bia.enter("cofre");
    bia.say("/create praça").expect("room_created");
    let mut ana = person(&binder, &["--username", "ana", "--lang", "pt-BR"]);
    ana.shows("você é ana");
    ana.press("/entrar cofre\r");
    ana.shows("Senha da sala cofre:");
    ana.press("aberto\r");
    ana.shows("esta não é a senha da sala \"cofre\"");
    ana.press("/entrar cofre\r");
    ana.until("the second question", |screen| screen.matches("Senha da sala cofre:").count() == 2);
    // What others say meanwhile scrolls above the question.
    ana.press("sésa");
    ana.press("mo\r");
    let screen = ana.shows("* em cofre: bia, ana");
    assert!(screen.contains("Para sair, digite o comando /SAIR."), "{screen}");
    assert!(!screen.contains("sésamo") && !screen.contains("aberto"), "{screen}");
    ana.press("\u{1b}[A");
    let screen = ana.shows("cofre> /entrar cofre");
    assert!(!screen.contains("sésamo"), "the password is among the lines typed before: {screen}");
    bia.expect_where("notice", |event| event["username"] == "ana");
    bia.say("olá");
    ana.shows("bia: olá");
    // Ctrl-C at the question ends the question.
    ana.press("\u{15}/privada outra\r");
    ana.shows("Senha da sala outra:");
    ana.press("sés\u{3}");
    let screen = ana.shows("nenhuma sala foi criada: uma sala privada precisa de senha");
    assert!(!screen.contains("--password-file"), "{screen}");
    ana.press("\u{3}");
    assert_eq!(ana.end(), Some(0));
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_hides_the_password_too() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let file = PasswordFile::with("plain", "sésamo");
    let mut bia = script(&binder, "bia", &["--password-file", file.0.to_str().unwrap()]);
    bia.say("/private cofre").expect("room_created");
    // A screen says which terminal it is, and does not echo; this client is told that it has none, on one that echoes.
    let mut client = std::process::Command::new("sh");
    client.args(["-c", "stty echo; TERM= exec \"$0\" \"$@\""]).arg(command("chat-client").get_program());
    client.args(["--username", "ana", "--lang", "en", "--binder", &binder.address.to_string()]);
    let mut ana = Screen::start(client);
    ana.shows("you are ana");
    ana.press("/join cofre\r");
    ana.shows("/join cofre");
    ana.shows("Password of cofre:");
    ana.press("sésamo\r");
    let screen = ana.shows("in cofre: ana");
    assert!(!screen.contains("sésamo"), "{screen}");
    ana.press("shown again\r");
    ana.shows("shown again");
}

//! The operators' console and `chat-server admin`, as an operator uses them.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::{BinderProgram, Chatter, Screen, ServerProgram, Transcript, command};

const MENU: &str = "\
===== MENU =====
/CRIAR -----> Cria uma nova sala.
/LISTAR -----> Listar salas criadas.
/PARTICIPANTES -----> Listar participantes de uma determinada sala.
/ENCERRAR -----> Encerrar uma sala.
/SAIR -----> Encerrar a aplicação.
/LOGS -----> Exibir logs.
Digite um comando: ";

fn console(binder: &BinderProgram) -> Transcript {
    let mut server = command("chat-server");
    server.args(["--console", "--binder", &binder.address.to_string()]);
    server.env("LC_ALL", "pt_BR.UTF-8");
    Transcript::start(&mut server)
}

#[test]
fn an_operator_runs_the_chat_from_a_pipe_and_the_server_outlives_his_input() {
    let binder = BinderProgram::start();
    let mut console = console(&binder);
    let mut shown = MENU.to_owned();
    console.shows(&shown);
    console.type_in("/criar\nAula\n2\n");
    shown += "\nCriando sala...\nDigite o nome da sala: Digite o limite da sala: Sala Aula criada.\n";
    shown += MENU;
    console.shows(&shown);
    let mut ana = Chatter::join(&binder, "ana");
    assert_eq!(ana.enter("aula")["room"], "Aula");
    ana.say("oi");
    ana.hear("oi");
    console.type_in("/participantes\nAula\n\n");
    shown += "***** SALAS *****\n1: Aula - 1/2 usuários conectados.\n\
              \nDigite o nome da sala que deseja ver os participantes: \
              ***** PARTICIPANTES DA SALA \"Aula\" *****\n\n1 - ana\nPressione uma tecla para continuar...";
    shown += MENU;
    console.shows(&shown);
    console.type_in("/encerrar\n1\n");
    shown += "***** SALAS *****\n1: Aula - 1/2 usuários conectados.\n\
              Selecione o id da sala a ser removida: Sala encerrada\n";
    shown += MENU;
    console.shows(&shown);
    let closed = ana.expect_where("notice", |event| event["kind"] == "closed");
    assert_eq!(closed["room"], "Aula");
    ana.say("still there?");
    assert_eq!(ana.error(), "not_in_room");
    console.type_in("/logs\n\n");
    console.shows_where("the log", |text| {
        text.contains("- ana entrou na sala Aula.\n- ana [Aula]: oi\n- Sala Aula foi encerrada.\nPressione")
            && text.contains("***** LOGS *****\n- Esperando conexões em 127.0.0.1:")
            && text.ends_with(MENU)
    });
    console.end_input();
    ana.open_room("rust");
    console.signal("INT");
    let ended = console.ended();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.ends_with("\n\nO programa foi finalizado abruptamente.\n"), "{}", ended.stdout);
}

/// Where a restart would have clients wait for the server, this one does not come back, and they are told.
#[test]
fn the_command_that_ends_the_program_closes_the_rooms_and_sends_everybody_home() {
    let binder = BinderProgram::start();
    let mut console = console(&binder);
    console.type_in("/criar\nAula\n2\n");
    console.shows_where("the room", |text| text.contains("Sala Aula criada."));
    let mut ana = Chatter::join(&binder, "ana");
    ana.enter("Aula");
    let mut bia = command("chat-client");
    bia.args([
        "--username",
        "bia",
        "--room",
        "Aula",
        "--lang",
        "pt",
        "--binder",
        &binder.address.to_string(),
    ]);
    bia.env("XDG_STATE_HOME", std::env::temp_dir().join(format!("sent-home-{}", std::process::id())));
    let mut bia = Screen::start(bia);
    bia.shows("Aula>");
    console.type_in("/SAIR\n");
    ana.expect_where("notice", |event| event["kind"] == "closed");
    assert_eq!(ana.expect("connection")["state"], "ended");
    assert_eq!(ana.event(), None);
    assert_eq!(ana.process.end().code(), Some(1), "a script that was cut short");
    bia.shows("*** ESTA SALA FOI ENCERRADA ***");
    bia.shows("o chat foi encerrado pelo operador");
    assert_eq!(bia.end(), Some(0));
    let ended = console.ended();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.ends_with("\nEncerrando aplicação...\n"), "{}", ended.stdout);
}

#[test]
fn what_an_operator_types_at_a_terminal_survives_the_log() {
    let binder = BinderProgram::start();
    let mut server = command("chat-server");
    server.args(["--console", "--lang", "en", "--binder", &binder.address.to_string()]);
    let mut operator = Screen::start(server);
    operator.shows("Type a command:");
    operator.press("/li");
    operator.shows("Type a command: /li");
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    let screen = operator.until("the log above the typed line", |screen| {
        screen.contains("a room is made") && screen.lines().last() == Some("Type a command: /li")
    });
    assert!(screen.contains("a user is registered"), "{screen}");
    operator.press("st\r");
    operator.shows("1: rust - 1/∞ users connected.");
    operator.press("\r/users\rrust\r");
    operator.shows("1 - ana");
    operator.press("\r/quit\r");
    assert_eq!(operator.end(), Some(0));
    ana.expect_where("notice", |event| event["kind"] == "closed");
}

#[test]
fn control_c_and_a_signal_end_a_console_at_a_terminal() {
    let binder = BinderProgram::start();
    let start = || {
        let mut server = command("chat-server");
        server.args(["--console", "--lang", "pt", "--binder", &binder.address.to_string()]);
        let mut operator = Screen::start(server);
        operator.shows("Digite um comando:");
        operator
    };
    let mut operator = start();
    operator.press("\u{3}");
    assert_eq!(operator.end(), Some(0));
    operator.shows("O programa foi finalizado abruptamente.");
    let mut operator = start();
    operator.press("\u{4}");
    assert_eq!(operator.end(), Some(0));
    operator.shows("Encerrando aplicação...");
}

/// A question that a command asks is no other place than the menu.
#[test]
fn keys_and_signals_end_the_program_at_an_inner_question_too() {
    let binder = BinderProgram::start();
    let asked = || {
        let mut server = command("chat-server");
        server.args(["--console", "--lang", "pt", "--binder", &binder.address.to_string()]);
        let mut operator = Screen::start(server);
        operator.shows("Digite um comando:");
        operator.press("/criar\rAula\r");
        operator.shows("Digite o limite da sala:");
        operator.press("half an ans");
        operator.shows("Digite o limite da sala: half an ans");
        operator
    };
    let mut interrupted = asked();
    interrupted.press("\u{3}");
    assert_eq!(interrupted.end(), Some(0));
    interrupted.shows("O programa foi finalizado abruptamente.");
    let mut ended = asked();
    // Behind text the key deletes, as in every shell; on an empty line it is the end.
    ended.press("\u{15}\u{4}");
    assert_eq!(ended.end(), Some(0));
    ended.shows("Encerrando aplicação...");
    for signal in ["TERM", "INT"] {
        let mut told = asked();
        told.signal(signal);
        assert_eq!(told.end(), Some(0));
        let abruptly = told.parser().screen().contents().contains("finalizado abruptamente.");
        assert_eq!(abruptly, signal == "INT");
        assert!(!told.parser().screen().contents().contains("Sala Aula criada."));
    }
}

/// The story: the end of a line that was never typed was taken for the operator's, and a Ctrl-C was told as an end in order.
#[test]
fn control_c_at_a_terminal_that_cannot_move_its_cursor_is_told_as_what_it_is() {
    let binder = BinderProgram::start();
    let mut server = std::process::Command::new("sh");
    server.args(["-c", "TERM=dumb exec \"$0\" \"$@\""]).arg(command("chat-server").get_program());
    server.args(["--console", "--lang", "pt", "--binder", &binder.address.to_string()]);
    let mut operator = Screen::start(server);
    operator.shows("Digite um comando:");
    operator.press("\u{3}");
    assert_eq!(operator.end(), Some(0));
    let screen = operator.shows("O programa foi finalizado abruptamente.");
    assert!(!screen.contains("Encerrando"), "{screen}");
}

/// The story: a console that nobody read waited for its reader, and no signal ended the server in order.
#[test]
fn a_signal_ends_a_console_that_nobody_reads() {
    let binder = BinderProgram::start();
    let mut server = command("chat-server");
    server.args(["--console", "--binder", &binder.address.to_string()]);
    server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    // Far more menus than a pipe holds, and the last commands are waited for in vain.
    let mut input = server.stdin.take().unwrap();
    input.write_all("/nothing\n".repeat(3_000).as_bytes()).unwrap();
    let mut ana = Chatter::join(&binder, "ana");
    ana.open_room("rust");
    let since = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&server), rustix::process::Signal::TERM)
        .unwrap();
    while server.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < Duration::from_secs(10), "it does not end");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

struct TokenFile(PathBuf);

impl TokenFile {
    fn with(token: &str) -> TokenFile {
        let path = std::env::temp_dir().join(format!("console-{}-{token}", std::process::id()));
        fs::write(&path, format!("{token}\n")).unwrap();
        TokenFile(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Gives an order: exit code, standard output, standard error.
fn order(binder: &BinderProgram, options: &[&str]) -> (i32, String, String) {
    let mut admin = command("chat-server");
    admin.args(["admin", "--binder", &binder.address.to_string()]).args(options);
    let output = admin.env("LC_ALL", "pt_BR.UTF-8").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn done(binder: &BinderProgram, options: &[&str]) -> String {
    let (code, out, complaint) = order(binder, options);
    assert_eq!((code, complaint.as_str()), (0, ""), "{options:?}: {out}");
    out
}

#[test]
fn an_operator_elsewhere_gives_the_same_orders_with_his_token() {
    let (tokens, other) =
        (TokenFile::with("operator-0123456789abcdef"), TokenFile::with("somebody-0123456789abcdef"));
    let binder = BinderProgram::start();
    let _server = ServerProgram::start_with(&binder, &["--admin-token-file", tokens.path()]);
    let with = |options: &[&str]| -> Vec<String> {
        ["--token-file", tokens.path()].iter().chain(options).map(|option| (*option).to_owned()).collect()
    };
    let done = |options: &[&str]| {
        let options = with(options);
        done(&binder, &options.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(done(&["create", "Turma A", "--limit", "2"]), "Sala Turma A criada.\n");
    let mut ana = Chatter::join(&binder, "ana");
    ana.enter("Turma A");
    assert_eq!(done(&["list"]), "1: Turma A - 1/2 usuários conectados.\n");
    assert_eq!(done(&["users", "#1"]), "1 - ana\n");
    assert_eq!(done(&["broadcast", "pausa"]), "Salas avisadas: 1\n");
    assert_eq!(ana.hear("pausa")["from"], "Sistema");
    done(&["kick", "turma a", "Ana", "--reason", "chega"]);
    assert_eq!(ana.hear("chega")["to"], "ana");
    assert_eq!(ana.expect("left")["room"], "Turma A");
    ana.enter("Turma A");
    assert_eq!(done(&["close", "Turma A", "--reason", "até segunda"]), "Sala encerrada\n");
    ana.hear("até segunda");
    ana.expect_where("notice", |event| event["kind"] == "closed");
    let log: Vec<Value> =
        done(&["logs", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(log[1]["event"], "room_made");
    assert_eq!(log[1]["what"], json!({"room": "Turma A", "rooms": 1}));
    assert!(
        done(&["--lang", "en", "logs", "--after", "1"])
            .starts_with("- Room Turma A was created. There are 1")
    );

    for (wrong, complaint) in [
        (vec!["list"], "wants an operator's token: give --token-file"),
        (vec!["--token-file", other.path(), "list"], "does not know the operator's token"),
        (vec!["--token-file", tokens.path(), "close", "#9"], "não há sala de número 9"),
        (vec!["--token-file", tokens.path(), "kick", "nada", "ana"], "A sala escolhida não existe."),
        (vec!["--token-file", "/nowhere", "list"], "the token file /nowhere cannot be read"),
    ] {
        let (code, out, told) = order(&binder, &wrong);
        assert_eq!((code, out.as_str()), (1, ""), "{told}");
        assert!(
            told.starts_with("chat-server: ") && told.contains(complaint) && told.lines().count() == 1,
            "{told}"
        );
    }
}

#[test]
fn a_server_that_others_reach_takes_no_orders_without_tokens() {
    let binder = BinderProgram::start();
    let exposed = ["--listen", "0.0.0.0:0", "--insecure", "--advertise", "127.0.0.1"];
    let _server = ServerProgram::start_with(&binder, &exposed);
    let (code, _, told) = order(&binder, &["list"]);
    assert_eq!(code, 1);
    assert!(told.contains("no chat server there takes orders: start it with --admin-token-file"), "{told}");
}

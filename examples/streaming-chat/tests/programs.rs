//! `chat_stream_server` and `chat_stream_client` as processes. README.md says which test shows which requirement.

use std::process::Command;
use std::time::{Duration, Instant};

use rpc_core::{Client, Sink, Stream};
use streaming_chat::contract::{Chat as _, ChatClient, LONGEST, Message};
use system_tests::{Ended, Proxy, SOON, Transcript, free_port};

const SERVER: &str = env!("CARGO_BIN_EXE_chat_stream_server");
const CLIENT: &str = env!("CARGO_BIN_EXE_chat_stream_client");

const NAME: &str = "Digite seu nome: ";
const HELP: &str = "Digite mensagens para enviar ao chat. Digite /sair para encerrar.\n";
const PROMPT: &str = "Mensagem: ";
const END: &str = "Encerrando conexão...\n";

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// A running server.
struct Server {
    process: Transcript,
    port: u16,
    begun: String,
}

impl Server {
    #[track_caller]
    fn start() -> Server {
        let (mut process, port) = Transcript::serve("", |port| command(SERVER, &[&port.to_string()]));
        let begun = format!("Servidor gRPC rodando em porta {port}...\n");
        process.shows(&begun);
        Server { process, port, begun }
    }

    fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A client that has given its name and may talk.
    #[track_caller]
    fn client(&self, name: &str) -> Transcript {
        let mut client = Transcript::start(&mut command(CLIENT, &[&self.address()]));
        client.type_in(&format!("{name}\n"));
        client.shows(&format!("{NAME}{HELP}{PROMPT}"));
        client
    }

    /// A client that has these lines and no more, until its end.
    #[track_caller]
    fn run(&self, lines: &str) -> Ended {
        Transcript::start_with(&mut command(CLIENT, &[&self.address()]), lines).ended()
    }

    /// Has logged exactly these lines so far.
    #[track_caller]
    fn logged(&mut self, lines: &str) {
        let expected = format!("{}{lines}", self.begun);
        self.process.shows(&expected);
    }

    #[track_caller]
    fn left(&mut self, clients: usize) {
        let wanted = |text: &str| text.matches("Cliente desconectado\n").count() == clients;
        self.process.shows_where("everybody's leaving", wanted);
    }

    /// Ends in order at a signal, and has logged exactly this.
    #[track_caller]
    fn ends_with(self, lines: &str) {
        self.process.signal("INT");
        self.process.ends_with(&format!("{}{lines}", self.begun));
    }
}

#[track_caller]
fn hears(client: &mut Transcript, message: &str) {
    let shown = format!("\n{message}\n");
    client.shows_where(message, |text| text.contains(&shown));
}

#[test]
fn what_one_says_all_hear_and_the_server_logs() {
    let mut server = Server::start();
    let (mut ana, mut bia) = (server.client(" Ana "), server.client("Bia"));
    ana.type_in("olá, mundo 🦀\n");
    for client in [&mut ana, &mut bia] {
        hears(client, "[Ana]: olá, mundo 🦀");
    }
    let mut caio = server.client("Caio");
    bia.type_in("oi \r\n");
    for client in [&mut ana, &mut bia, &mut caio] {
        hears(client, "[Bia]: oi ");
    }
    caio.type_in("/sair\n");
    caio.ends_with(&format!("{NAME}{HELP}{PROMPT}\n[Bia]: oi \n{END}"));
    server.logged("[Ana]: olá, mundo 🦀\n[Bia]: oi \nCliente desconectado\n");
    ana.type_in("/sair\n");
    let ended = ana.ended();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(ended.stdout.ends_with(END));
    bia.end_input();
    assert!(bia.ended().stdout.ends_with(END));
    server.ends_with("[Ana]: olá, mundo 🦀\n[Bia]: oi \nCliente desconectado\nCliente desconectado\nCliente desconectado\n");
}

#[test]
fn sair_in_any_case_and_the_end_of_input_leave() {
    let mut server = Server::start();
    let alone = format!("{NAME}{HELP}{PROMPT}{END}");
    for lines in ["Ana\n/sair\n", "Ana\n /SAIR \nnever\n", "Ana\r\n/Sair\r\n", "Ana\n/sair", "Ana\n", "Ana"] {
        let ended = server.run(lines);
        assert_eq!(ended, Ended { code: Some(0), stdout: alone.clone(), stderr: String::new() }, "{lines:?}");
    }
    server.logged(&"Cliente desconectado\n".repeat(6));
    let nameless = server.run("\n \n");
    let asked = format!("{NAME}{NAME}{NAME}\n");
    assert_eq!(nameless, Ended { code: Some(0), stdout: asked, stderr: String::new() });
    server.ends_with(&"Cliente desconectado\n".repeat(6));
}

#[test]
fn a_script_hears_its_own_last_words_before_it_ends() {
    let server = Server::start();
    for newline in ["\n", ""] {
        let ended = server.run(&format!("Ana\num\n\n  \ndois,  três{newline}"));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        let heard: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(heard, ["[Ana]: um", "[Ana]: dois,  três"]);
        assert_eq!(ended.stdout.matches(PROMPT).count(), 5);
        assert!(ended.stdout.ends_with(END));
    }
    server.ends_with(&"[Ana]: um\n[Ana]: dois,  três\nCliente desconectado\n".repeat(2));
}

/// The story: a message that fitted no frame ended its client, which gave no reason and called it success.
#[test]
fn a_message_that_is_too_long_is_refused_in_words_and_the_conversation_goes_on() {
    let server = Server::start();
    let longest = "x".repeat(LONGEST - "Ana".len());
    let ended = server.run(&format!("Ana\n{longest}x\n{longest}\nainda aqui\n"));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let refused = format!(
        "Mensagem longa demais, não enviada: {} bytes com o nome; o limite é {LONGEST}.\n",
        LONGEST + 1
    );
    assert!(ended.stdout.contains(&refused) && ended.stdout.contains("\n[Ana]: ainda aqui\n"), "{ended:?}");
    server.ends_with(&format!("[Ana]: {longest}\n[Ana]: ainda aqui\nCliente desconectado\n"));
}

#[test]
fn two_of_one_name_and_more_than_ten_clients_talk() {
    let mut server = Server::start();
    let mut clients: Vec<Transcript> = (0..15).map(|_| server.client("Ana")).collect();
    clients[14].type_in("quantas somos?\n");
    for client in &mut clients {
        hears(client, "[Ana]: quantas somos?");
    }
    for client in clients {
        assert_eq!(client.ended().code, Some(0));
    }
    server.left(15);
}

#[test]
fn a_client_that_is_killed_leaves_the_others_in_peace() {
    let mut server = Server::start();
    let (mut ana, mut bia) = (server.client("Ana"), server.client("Bia"));
    bia.type_in("já volto\n");
    hears(&mut ana, "[Bia]: já volto");
    bia.kill();
    server.logged("[Bia]: já volto\nCliente desconectado\n");
    ana.type_in("tchau\n/sair\n");
    let ended = ana.ended();
    assert!(ended.code == Some(0) && ended.stdout.contains("\n[Ana]: tchau\n"), "{ended:?}");
}

#[test]
fn when_the_server_ends_its_clients_end() {
    for signal in ["INT", "TERM"] {
        let server = Server::start();
        let (ana, bia) = (server.client("Ana"), server.client("Bia"));
        server.process.signal(signal);
        for client in [ana, bia] {
            client.ends_by_itself(&format!("{NAME}{HELP}{PROMPT}\n{END}"));
        }
        server.process.ends_with(&format!("{}{}", server.begun, "Cliente desconectado\n".repeat(2)));
    }
}

#[test]
fn when_the_server_is_killed_its_clients_say_so_and_fail() {
    let mut server = Server::start();
    let mut ana = server.client("Ana");
    server.process.kill();
    ana.is_over_soon();
    let ended = ana.ended();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("chat_stream_client: ") && ended.stderr.lines().count() == 1,
        "{ended:?}"
    );
}

#[test]
fn ctrl_c_leaves_wherever_the_client_is() {
    let mut server = Server::start();
    let mut asked = Transcript::start(&mut command(CLIENT, &[&server.address()]));
    asked.shows(NAME);
    asked.signal("INT");
    asked.ends_by_itself(&format!("{NAME}\n"));
    let talking = server.client("Ana");
    talking.signal("INT");
    talking.ends_by_itself(&format!("{NAME}{HELP}{PROMPT}\n{END}"));
    server.logged("Cliente desconectado\n");
}

#[test]
fn a_server_that_cannot_be_reached_is_a_clear_error() {
    let nowhere = format!("localhost:{}", free_port());
    let ended = Transcript::start_with(&mut command(CLIENT, &[&nowhere]), "Ana\noi\n").ended();
    assert_eq!((ended.code, &*ended.stdout), (Some(1), NAME));
    let words = format!("chat_stream_client: cannot connect to {nowhere}: Connection refused");
    assert!(ended.stderr.starts_with(&words), "{ended:?}");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_without_end() {
    let server = Server::start();
    let ana = server.client("Ana");
    server.process.freeze();
    let begun = Instant::now();
    let ended = ana.ended();
    assert!(begun.elapsed() < SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("did not end the conversation in time"), "{ended:?}");
    server.process.signal("CONT");
    server.ends_with("Cliente desconectado\n");
}

#[test]
fn command_lines_are_checked_and_defaults_are_told() {
    for (program, arguments) in [
        (SERVER, &["x"][..]),
        (SERVER, &["65536"]),
        (SERVER, &["5000", "5001"]),
        (CLIENT, &["localhost"]),
        (CLIENT, &["localhost:x"]),
        (CLIENT, &["localhost:1", "more"]),
    ] {
        let ended = Transcript::start(&mut command(program, arguments)).ended();
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
    for program in [SERVER, CLIENT] {
        let help = Transcript::start(&mut command(program, &["--help"])).ended();
        assert!(help.code == Some(0) && help.stdout.contains("50051"), "{help:?}");
    }
    let server = Server::start();
    let again = Transcript::start(&mut command(SERVER, &[&server.port.to_string()])).ended();
    assert_eq!((again.code, &*again.stdout), (Some(1), ""));
    assert!(again.stderr.contains(&format!("cannot listen on port {}: ", server.port)), "{again:?}");
    let mut free = Transcript::start(&mut command(SERVER, &["0"]));
    free.shows_where("the real port", |text| text.ends_with("...\n") && !text.ends_with(" 0...\n"));
}

#[test]
fn a_server_whose_log_nobody_reads_any_more_ends() {
    let (server, port) =
        Transcript::serve("", |port| command("sh", &["-c", &format!("'{SERVER}' {port} | head -n 1")]));
    let client = Transcript::start_with(&mut command(CLIENT, &[&format!("localhost:{port}")]), "Ana\num\n");
    assert_eq!(client.ended().code, Some(0));
    server.ends_with(&format!("Servidor gRPC rodando em porta {port}...\n"));
}

#[test]
fn the_procedure_has_the_name_of_its_service() {
    let names: Vec<_> = ChatClient::PROCEDURES.iter().map(|procedure| procedure.name).collect();
    assert_eq!(names, ["ChatService.Chat"]);
}

/// One client of a crowd, in this process.
fn guest(address: &str) -> (Sink<Message>, Stream<Message>) {
    let (says, said) = rpc_core::stream();
    let hears = ChatClient::new(Client::connect(address)).with_deadline(SOON).Chat(said).expect("a place");
    (says, hears)
}

/// After the tenth client that had left, the assignment's own server answered nobody, and each left a thread behind.
#[test]
fn a_hundred_clients_come_and_go_and_leave_nothing_behind() {
    let mut server = Server::start();
    let wire = Proxy::start();
    wire.forward_to(([127, 0, 0, 1], server.port).into());
    let mut left = 0;
    let mut after: Vec<(u64, u64)> = Vec::new();
    for round in 0..4 {
        come_and_go(&server.address(), &wire);
        left += 100;
        server.left(left);
        let idle = Instant::now() + SOON;
        while server.process.status("Threads") > RESTING {
            assert!(Instant::now() < idle, "round {round}: {} threads", server.process.status("Threads"));
            std::thread::park_timeout(Duration::from_millis(20));
        }
        after.push((server.process.status("Threads"), server.process.status("VmRSS")));
    }
    println!("threads and kB after each hundred: {after:?}");
    let (first, last) = (after[0].1, after[3].1);
    assert!(last < first + 2048, "memory grows: {after:?}");
    server.process.signal("INT");
    assert_eq!(server.process.ended().code, Some(0));
}

/// Threads of a server without clients: main, signals, order, accept, watch, and a spare.
const RESTING: u64 = 6;

/// A hundred clients at once: all hear the last word, and then they leave, in three ways.
fn come_and_go(address: &str, wire: &Proxy) {
    let cut_off = wire.address.to_string();
    let place = |number: usize| if number.is_multiple_of(3) { &*cut_off } else { address };
    let mut guests: Vec<_> = (0..100).map(|number| guest(place(number))).collect();
    let word = Message { user: "Ana".to_owned(), message: "x".repeat(1000) };
    let (says, _) = guests.last().expect("a hundred");
    says.send(word.clone()).expect("to be heard");
    for (_, hears) in &mut guests {
        assert_eq!(hears.next().expect("a word").expect("in order"), word);
    }
    let mut lost = Vec::new();
    // In order, in the middle, and without a word.
    for (number, (says, hears)) in guests.into_iter().enumerate() {
        match number % 3 {
            1 => {
                drop(says);
                assert_eq!(hears.count(), 0);
            }
            2 => drop((hears, says)),
            _ => lost.push((says, hears)),
        }
    }
    wire.cut();
    drop(lost);
}

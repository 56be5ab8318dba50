//! `sala`, `envia` and `exibe` as processes. README.md says which test shows which requirement.

#[path = "programs/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use rpc_core::{Client, Code};
use rpctalk::contract::{CALLER, Room, RoomClient};
use rpctalk::hall::DISPLAY_TIME;
use stage::{ENVIA, EXIBE, SALA, Stage, command, printed};
use system_tests::{Ended, Transcript, free_port};

#[test]
fn a_message_is_shown_with_its_senders_id_and_counted() {
    let stage = Stage::open();
    let mut bia = stage.display("bia");
    bia.shows("1\n");
    let mut caio = stage.display("caio");
    caio.shows("2\n");
    let lines = "M,bia,oi\nM,todos,olá, mundo,, \nM,ana,x\nM,ninguém,x\nM,caio,\n";
    printed(&stage.send("ana", lines), "1\n1\n2\n0\n0\n1\n");
    bia.shows("1\nMensagem de ana: oi\nMensagem de ana: olá, mundo,, \n");
    caio.shows("2\nMensagem de ana: olá, mundo,, \nMensagem de ana: \n");
    printed(&stage.send("fim", "T\n"), "2\n");
    bia.ends_with("1\nMensagem de ana: oi\nMensagem de ana: olá, mundo,, \n");
    caio.ends_with("2\nMensagem de ana: olá, mundo,, \nMensagem de ana: \n");
    stage.ends_in_silence();
}

#[test]
fn the_list_has_kinds_and_names_in_the_order_of_registration() {
    let stage = Stage::open();
    let mut ana = stage.display("ana");
    ana.shows("1\n");
    let mut first = stage.sender("ana");
    first.shows("1\n");
    let mut bia = stage.display("bia");
    bia.shows("2\n");
    let listed = "entrada ana\nsaida bia\nentrada çãé";
    printed(&stage.send("çãé", "L\nT\n"), &format!("2\nsaida ana\n{listed}\n"));
    stage.ends_in_silence();
}

#[test]
fn an_id_that_is_taken_prints_minus_one_and_runs_no_command() {
    let stage = Stage::open();
    let mut bia = stage.display("bia");
    bia.shows("1\n");
    let mut ana = stage.sender("ana");
    ana.shows("1\n");
    printed(&stage.send("ana", "M,bia,oi\nF\nT\n"), "-1\n");
    let again = Transcript::start(&mut command(
        EXIBE,
        &["bia", &free_port().to_string(), "localhost", &stage.port.to_string()],
    ));
    again.ends_with("-1\n");
    ana.type_in("L\n");
    ana.shows("1\nsaida bia\nentrada ana\n");
    bia.shows("1\n");
    ana.type_in("T\n");
    ana.ends_with("1\nsaida bia\nentrada ana\n");
    bia.ends_with("1\n");
    stage.ends_in_silence();
}

#[test]
fn finishing_ends_the_display_of_the_same_id_alone_and_frees_both() {
    let stage = Stage::open();
    let (mut ana_shows, mut bia_shows) = (stage.display("ana"), stage.display("bia"));
    for display in [&mut ana_shows, &mut bia_shows] {
        display.shows_where("its number", |text| text.ends_with('\n'));
    }
    let mut ana = stage.sender("ana");
    ana.type_in("F\nM,bia,never\n");
    ana.ends_with("1\n");
    assert_eq!(ana_shows.ended().code, Some(0));
    printed(&stage.send("caio", "L\nF\nL\n"), "1\nsaida bia\nentrada caio\n");
    let mut ana_again = stage.display("ana");
    ana_again.shows("2\n");
    printed(&stage.send("ana", "M,ana,oi\nT\n"), "1\n1\n");
    ana_again.ends_with("2\nMensagem de ana: oi\n");
    assert_eq!(bia_shows.ended().code, Some(0));
    stage.ends_in_silence();
}

#[test]
fn lines_that_are_no_command_are_passed_over_in_silence() {
    let stage = Stage::open();
    let lines = "\n \nx\nl\nf\nt\nm,ana,b\nM\nM,\nM,x\nLista\nF,x\nT \n L\n M,a,b\n/quit\nsair\n";
    printed(&stage.send("ana", lines), "1\n");
    printed(&stage.send("bia", "T"), "2\n");
    stage.ends_in_silence();
}

#[test]
fn lines_may_end_in_crlf_or_in_the_end_of_input() {
    let stage = Stage::open();
    let mut bia = stage.display("bia");
    bia.shows("1\n");
    printed(
        &stage.send("ana", "M,bia,um\r\nM,bia,dois \r\r\nL\r\nM,bia,três"),
        "1\n1\n1\nsaida bia\nentrada ana\n1\n",
    );
    bia.shows("1\nMensagem de ana: um\nMensagem de ana: dois \r\nMensagem de ana: três\n");
    printed(&stage.send("caio", "T\r\n"), "2\n");
    bia.ends_with("1\nMensagem de ana: um\nMensagem de ana: dois \r\nMensagem de ana: três\n");
    stage.ends_in_silence();
}

#[test]
fn the_end_of_input_unregisters_nobody() {
    let stage = Stage::open();
    printed(&stage.send("ana", ""), "1\n");
    printed(&stage.send("ana", "L\n"), "-1\n");
    printed(&stage.send("bia", "L\nT"), "2\nentrada ana\nentrada bia\n");
    stage.ends_in_silence();
}

#[test]
fn names_are_as_long_as_allowed_and_keep_accents_emoji_and_case() {
    let stage = Stage::open();
    let id = "ção🦀éíóúâêôãõñ🙂ü";
    assert_eq!(id.chars().count(), 16);
    let message = "á".repeat(128);
    let mut display = stage.display(id);
    display.shows("1\n");
    let lines = format!("M,{id},{message}\nM,{},x\nM,Todos,x\nM,-,x\nT\n", id.to_uppercase());
    printed(&stage.send(id, &lines), "1\n1\n0\n0\n0\n");
    display.ends_with(&format!("1\nMensagem de {id}: {message}\n"));
    stage.ends_in_silence();
}

#[test]
fn a_display_called_todos_gets_what_goes_to_all_once() {
    let stage = Stage::open();
    let (mut all, mut bia) = (stage.display("todos"), stage.display("bia"));
    for display in [&mut all, &mut bia] {
        display.shows_where("its number", |text| text.ends_with('\n'));
    }
    printed(&stage.send("ana", "M,todos,oi\nT\n"), "1\n2\n");
    for display in [all, bia] {
        let ended = display.ended();
        assert_eq!((ended.code, &ended.stdout[2..]), (Some(0), "Mensagem de ana: oi\n"));
    }
    stage.ends_in_silence();
}

#[test]
fn many_senders_at_once_reach_every_display_and_each_keeps_his_order() {
    const EACH: usize = 20;
    let stage = Stage::open();
    let mut displays: Vec<Transcript> = (0..4).map(|index| stage.display(&format!("d{index}"))).collect();
    for display in &mut displays {
        display.shows_where("its number", |text| text.ends_with('\n'));
    }
    let senders: Vec<Transcript> = (0..6)
        .map(|sender| {
            let lines: String = (0..EACH).map(|number| format!("M,todos,{number}\n")).collect();
            let port = stage.port.to_string();
            Transcript::start_with(&mut command(ENVIA, &[&format!("s{sender}"), "localhost", &port]), &lines)
        })
        .collect();
    for sender in senders {
        let ended = sender.ended();
        assert_eq!((ended.code, &ended.stdout[2..], &*ended.stderr), (Some(0), &*"4\n".repeat(EACH), ""));
    }
    printed(&stage.send("fim", "T\n"), "7\n");
    for display in displays {
        let shown = display.ended().stdout;
        for sender in 0..6 {
            let from = format!("Mensagem de s{sender}: ");
            let numbers: Vec<&str> = shown.lines().filter_map(|line| line.strip_prefix(&*from)).collect();
            assert_eq!(numbers, (0..EACH).map(|number| number.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(shown.lines().count(), 1 + 6 * EACH);
    }
    stage.ends_in_silence();
}

#[test]
fn a_display_that_was_killed_is_not_counted_and_stops_neither_messages_nor_the_end() {
    let stage = Stage::open();
    let (mut gone, mut bia) = (stage.display("gone"), stage.display("bia"));
    for display in [&mut gone, &mut bia] {
        display.shows_where("its number", |text| text.ends_with('\n'));
    }
    let mut ana = stage.sender("ana");
    ana.type_in("M,todos,um\n");
    ana.shows("1\n2\n");
    gone.kill();
    ana.type_in("M,todos,dois\nM,gone,três\n");
    ana.shows("1\n2\n1\n0\n");
    ana.type_in("T\n");
    ana.ends_with("1\n2\n1\n0\n");
    assert!(bia.ended().stdout.ends_with("\nMensagem de ana: um\nMensagem de ana: dois\n"));
    stage.ends_in_silence();
}

#[test]
fn a_display_that_does_not_answer_is_given_up_and_the_others_do_not_wait() {
    let stage = Stage::open();
    let (mut stuck, mut bia) = (stage.display("stuck"), stage.display("bia"));
    for display in [&mut stuck, &mut bia] {
        display.shows_where("its number", |text| text.ends_with('\n'));
    }
    stuck.freeze();
    let begun = Instant::now();
    let mut ana = stage.sender("ana");
    ana.type_in("M,todos,oi\n");
    bia.shows_where("the message", |text| text.ends_with("Mensagem de ana: oi\n"));
    let shown_after = begun.elapsed();
    ana.shows("1\n1\n");
    assert!(shown_after < begun.elapsed() / 2, "the others waited for {shown_after:?}");
    ana.type_in("T\n");
    ana.ends_with("1\n1\n");
    assert_eq!(bia.ended().code, Some(0));
    stage.ends_in_silence();
}

#[test]
fn peers_that_are_killed_in_the_middle_of_a_call_hold_nobody_up() {
    let stage = Stage::open();
    let mut stuck = stage.display("stuck");
    stuck.shows("1\n");
    let mut bia = stage.display("bia");
    bia.shows("2\n");
    stuck.freeze();
    let mut ana = stage.sender("ana");
    ana.type_in("M,todos,oi\n");
    bia.shows("2\nMensagem de ana: oi\n");
    let begun = Instant::now();
    stuck.kill();
    ana.shows("1\n1\n");
    assert!(begun.elapsed() < DISPLAY_TIME, "a lost connection is noticed, and not waited for");
    bia.freeze();
    ana.type_in("T\n");
    // The room is telling bia when its sender goes; it ends all the same, and so does she.
    let room = RoomClient::new(Client::connect(format!("localhost:{}", stage.port)));
    let refused = (0..).find_map(|number| room.registra_entrada(format!("probe {number}")).err());
    assert_eq!(refused.map(|status| status.code()), Some(Code::FailedPrecondition));
    ana.kill();
    bia.signal("CONT");
    bia.ends_with("2\nMensagem de ana: oi\n");
    stage.ends_in_silence();
}

#[test]
fn a_sender_that_was_killed_keeps_its_registration_and_disturbs_nobody() {
    let stage = Stage::open();
    let mut ana = stage.sender("ana");
    ana.shows("1\n");
    ana.kill();
    printed(&stage.send("ana", ""), "-1\n");
    printed(&stage.send("bia", "L\nT\n"), "2\nentrada ana\nentrada bia\n");
    stage.ends_in_silence();
}

#[test]
fn without_a_room_the_programs_say_so_and_fail() {
    let mut stage = Stage::open();
    let mut ana = stage.sender("ana");
    ana.shows("1\n");
    stage.room.kill();
    ana.type_in("M,todos,oi\nL\n");
    refused(&ana.ended(), "1\n", "envia: ");
    let port = stage.port.to_string();
    let lost = format!("cannot connect to localhost:{port}: Connection refused");
    refused(&stage.send("bia", "L\n"), "", &lost);
    let display =
        Transcript::start(&mut command(EXIBE, &["bia", &free_port().to_string(), "localhost", &port]));
    refused(&display.ended(), "", &lost);
    let nowhere = Transcript::start(&mut command(ENVIA, &["ana", "no-such-host.invalid", &port]));
    refused(&nowhere.ended(), "", "no-such-host.invalid");
}

#[track_caller]
fn refused(ended: &Ended, stdout: &str, words: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(1), stdout), "{ended:?}");
    assert!(ended.stderr.contains(words) && ended.stderr.lines().count() == 1, "{ended:?}");
}

#[test]
fn a_port_that_is_taken_is_told_in_words() {
    let stage = Stage::open();
    let port = stage.port.to_string();
    let words = format!("cannot listen on port {port}: ");
    refused(&Transcript::start(&mut command(SALA, &[&port])).ended(), "", &words);
    refused(&Transcript::start(&mut command(EXIBE, &["bia", &port, "localhost", &port])).ended(), "", &words);
    printed(&stage.send("ana", "L\nT\n"), "1\nentrada ana\n");
    stage.ends_in_silence();
}

#[test]
fn a_wrong_command_line_is_told_on_standard_error_with_status_two() {
    let wrong: [(&str, &[&str]); 9] = [
        (SALA, &[]),
        (SALA, &["5000", "5001"]),
        (SALA, &["0"]),
        (SALA, &["65536"]),
        (ENVIA, &["ana", "localhost"]),
        (ENVIA, &["ana", "localhost", "x"]),
        (ENVIA, &["ana", "localhost", "5000", "more"]),
        (EXIBE, &["ana", "5000", "localhost"]),
        (EXIBE, &["ana", "port", "localhost", "5000"]),
    ];
    for (program, arguments) in wrong {
        let ended = Transcript::start(&mut command(program, arguments)).ended();
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
    for program in [SALA, ENVIA, EXIBE] {
        let help = Transcript::start(&mut command(program, &["--help"])).ended();
        assert!(help.code == Some(0) && help.stdout.contains("Usage:") && help.stderr.is_empty(), "{help:?}");
        let version = Transcript::start(&mut command(program, &["--version"])).ended();
        assert_eq!((version.code, &*version.stderr), (Some(0), ""));
    }
}

#[test]
fn a_signal_ends_the_room_and_a_display_in_order() {
    for signal in ["INT", "TERM"] {
        let stage = Stage::open();
        let mut bia = stage.display("bia");
        bia.shows("1\n");
        bia.signal(signal);
        bia.ends_with("1\n");
        printed(&stage.send("ana", "M,bia,oi\n"), "1\n0\n");
        stage.room.signal(signal);
        stage.ends_in_silence();
    }
}

#[test]
fn a_display_whose_reader_is_gone_ends_and_is_not_counted() {
    let stage = Stage::open();
    let (mut bia, port) = stage.display_at("bia");
    bia.shows("1\n");
    drop(bia);
    let script = format!("exec '{EXIBE}' caio {port} localhost {} | head -n 1", stage.port);
    let mut caio = Transcript::start(&mut command("sh", &["-c", &script]));
    caio.shows("2\n");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut ana = stage.sender("ana");
    // Its reader ends soon after the number; what is written then fails.
    let mut shown = String::from("1\n");
    ana.shows(&shown);
    while !shown.ends_with("0\n") {
        assert!(Instant::now() < deadline, "{shown}");
        ana.type_in("M,caio,oi\n");
        let before = shown.len();
        ana.shows_where("an answer", |text| text.len() > before);
        shown = ana.shown();
    }
    caio.ends_with("2\n");
    ana.type_in("T\n");
    ana.ends_with(&shown);
    stage.ends_in_silence();
}

#[test]
fn the_procedures_have_the_names_of_the_assignment() {
    let names = |table: &[rpc_core::service::Procedure]| table.iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(
        names(RoomClient::PROCEDURES),
        ["registra_entrada", "registra_saida", "lista", "finaliza_registro", "termina", "envia"]
    );
    assert_eq!(names(rpctalk::contract::DisplayClient::PROCEDURES), ["exibe", "termina"]);
}

#[test]
fn the_answer_to_termina_arrives_before_the_room_ends() {
    for _ in 0..20 {
        let stage = Stage::open();
        let room = RoomClient::new(Client::connect(format!("127.0.0.1:{}", stage.port)));
        assert_eq!(room.registra_entrada("ana".to_owned()), Ok(1));
        assert_eq!(room.with_metadata(CALLER, "ana").envia("oi".to_owned(), "bia".to_owned()), Ok(0));
        assert_eq!(room.termina(), Ok(0));
        stage.ends_in_silence();
    }
}

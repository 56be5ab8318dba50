//! The catalogue, and the document's own texts.

use std::collections::BTreeSet;

use super::*;
use crate::error::ChatError;
use crate::journal::LogEntry;
use crate::name::{RoomName, Username};

const PT: Language = Language::Portuguese;

fn catalogue() -> Vec<(&'static str, &'static str, &'static str)> {
    [console::TEXTS, conversation::TEXTS, help::TEXTS, log::TEXTS, refusals::TEXTS].concat()
}

/// The names of a template's holes.
fn holes(template: &str) -> BTreeSet<&str> {
    template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

/// The compiler holds this too; here it is said what is held.
#[test]
fn every_text_is_in_both_languages_with_the_same_holes() {
    let mut keys = BTreeSet::new();
    for (key, english, portuguese) in catalogue() {
        assert!(keys.insert(key), "{key} stands there twice");
        assert!(!english.is_empty() && !portuguese.is_empty(), "{key}");
        assert_eq!(holes(english), holes(portuguese), "{key}");
        assert_eq!(english.ends_with(' '), portuguese.ends_with(' '), "{key} asks in one language only");
        assert_eq!(english.starts_with('\n'), portuguese.starts_with('\n'), "{key}");
    }
}

#[test]
fn the_menu_of_the_document_is_said_byte_by_byte() {
    let menu = "===== MENU =====\n\
                /CRIAR -----> Cria uma nova sala.\n\
                /LISTAR -----> Listar salas criadas.\n\
                /PARTICIPANTES -----> Listar participantes de uma determinada sala.\n\
                /ENCERRAR -----> Encerrar uma sala.\n\
                /SAIR -----> Encerrar a aplicação.\n\
                /LOGS -----> Exibir logs.\n\
                Digite um comando: ";
    assert_eq!(format!("{}\n{}", PT.console_menu(), PT.console_prompt()), menu);
}

#[test]
fn the_log_of_the_document_is_said_byte_by_byte() {
    let (user, room) = (Username::parse("ana").unwrap(), RoomName::parse("Aula").unwrap());
    let text = "oi".parse().unwrap();
    for (entry, said) in [
        (LogEntry::Listening { address: "127.0.0.1:7000".into() }, "Esperando conexões em 127.0.0.1:7000..."),
        (
            LogEntry::RoomMade { room: room.clone(), rooms: 2 },
            "Sala Aula criada. Atualmente, existem 2 salas criadas.",
        ),
        (LogEntry::Entered { user: user.clone(), room: room.clone() }, "ana entrou na sala Aula."),
        (LogEntry::NoSuchRoom { user: user.clone() }, "ana tentou entrar em sala inexistente."),
        (
            LogEntry::RoomFull { user: user.clone(), room: room.clone() },
            "ana tentou entrar na sala 'Aula', mas seu limite de participantes já foi atingido.",
        ),
        (LogEntry::Said { user: user.clone(), room: room.clone(), text }, "ana [Aula]: oi"),
        (LogEntry::Gone { user }, "Conexão encerrada de: ana"),
        (LogEntry::RoomClosed { room }, "Sala Aula foi encerrada."),
        (LogEntry::Undelivered { why: "x".into() }, "Não foi possível enviar mensagem: x"),
    ] {
        assert_eq!(PT.log_entry(&entry), said);
    }
}

#[test]
fn the_notices_of_the_document_are_in_what_the_client_says() {
    for (said, text) in [
        (PT.somebody_came("ana", "Aula"), "*** ENTROU NA SALA ***"),
        (PT.somebody_went("ana", "Aula"), "*** SAIU DA SALA ***"),
        (PT.room_is_closed("Aula"), "Sistema > *** ESTA SALA FOI ENCERRADA ***"),
        (PT.you_left("Aula"), "Saindo da sala..."),
        (PT.no_such_room("Aula"), "A sala escolhida não existe. Tente novamente."),
        (PT.room_full("Aula", 2), "O limite da sala escolhida foi atingido. Escolha outra sala."),
    ] {
        assert!(said.contains(text), "{said}");
    }
    assert_eq!(PT.how_to_leave(), "Para sair, digite o comando /SAIR.");
}

#[test]
fn a_wait_for_another_try_is_rounded_up_to_seconds() {
    let room = RoomName::parse("Aula").unwrap();
    for (millis, seconds) in [(1, "1 s"), (1000, "1 s"), (9_001, "10 s"), (10_000, "10 s")] {
        let again_after = std::time::Duration::from_millis(millis);
        let error = ChatError::TooManyTries { room: room.clone(), again_after };
        assert!(error.to_string().ends_with(seconds), "{error}");
    }
}

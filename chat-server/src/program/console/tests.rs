//! Conversations, byte by byte.

use std::collections::VecDeque;
use std::sync::Mutex;

use chat_api::{Chat, SESSION_KEY};
use chat_server::{Lobby, LobbyOptions};
use rpc_core::Context;

use super::*;

/// Types what it was given, and keeps what stands on the screen: questions, answers are not shown, as in a pipe.
struct Rehearsal {
    typed: VecDeque<&'static str>,
    screen: Arc<Mutex<String>>,
}

impl Keyboard for Rehearsal {
    fn ask(&mut self, question: &str) -> Result<String, Ending> {
        self.screen.lock().unwrap().push_str(question);
        self.typed.pop_front().map(str::to_owned).ok_or(Ending::Closed)
    }

    fn say(&mut self, text: &str) {
        self.screen.lock().unwrap().push_str(&format!("{text}\n"));
    }
}

const MENU: &str = "\
===== MENU =====
/CRIAR -----> Cria uma nova sala.
/LISTAR -----> Listar salas criadas.
/PARTICIPANTES -----> Listar participantes de uma determinada sala.
/ENCERRAR -----> Encerrar uma sala.
/SAIR -----> Encerrar a aplicação.
/LOGS -----> Exibir logs.
Digite um comando: ";

/// What a conversation shows between its first menu and the menu behind it, and how it ends.
fn rehearse(lobby: &Arc<Lobby>, typed: &[&'static str]) -> (String, Ending) {
    let screen = Arc::default();
    let keyboard = Rehearsal { typed: typed.iter().copied().collect(), screen: Arc::clone(&screen) };
    let ending = Console::new(lobby.clone(), keyboard, Language::Portuguese).run();
    let shown = screen.lock().unwrap().strip_prefix(MENU).unwrap().to_owned();
    (shown, ending)
}

#[track_caller]
fn check(lobby: &Arc<Lobby>, typed: &[&'static str], expected: &str) {
    assert_eq!(rehearse(lobby, typed), (format!("{expected}{MENU}"), Ending::Closed));
}

fn lobby() -> Arc<Lobby> {
    Arc::new(Lobby::new(LobbyOptions::default()))
}

/// Registers a user and puts him into a room.
fn enter(lobby: &Lobby, name: &str, room: &str) -> Context {
    let token = lobby.register_user(name.into()).unwrap().token;
    let context = Context::background().with_metadata(SESSION_KEY, *token.as_bytes()).unwrap();
    context.scope(|| lobby.join_room(name.into(), room.into())).unwrap();
    context
}

#[test]
fn a_room_is_made_and_listed() {
    let lobby = lobby();
    let made = "\nCriando sala...\nDigite o nome da sala: Digite o limite da sala: Sala Turma A criada.\n";
    check(&lobby, &["/CRIAR", "Turma A", "30"], made);
    enter(&lobby, "ana", "turma a");
    let list =
        "***** SALAS *****\n1: Turma A - 1/30 usuários conectados.\nPressione uma tecla para continuar...";
    check(&lobby, &["  /Listar ", ""], list);
    check(&lobby, &["/list", ""], list);
}

#[test]
fn what_cannot_be_a_room_is_asked_again() {
    let lobby = lobby();
    let asked = "Digite o nome da sala: Digite o limite da sala: ";
    let again = format!("{asked}\nInsira dados válidos.\n");
    let shown = format!("\nCriando sala...\n{}{asked}Sala a criada.\n", again.repeat(6));
    check(
        &lobby,
        &["/criar", "a", "dez", "a", "0", "a", "-1", "a", "4294967296", "", "5", "\u{1b}[2J", "5", "a", "5"],
        &shown,
    );
    let taken = format!("\nCriando sala...\n{again}{asked}Sala b criada.\n");
    check(&lobby, &["/criar", "A", "5", "b", "5"], &taken);
}

#[test]
fn who_is_in_a_room_is_numbered_by_entry() {
    let lobby = lobby();
    let rooms = "***** SALAS *****\n1: Aula - 2/9 usuários conectados.\n";
    let question = "\nDigite o nome da sala que deseja ver os participantes: ";
    lobby_room(&lobby, "Aula", 9);
    enter(&lobby, "bia", "Aula");
    enter(&lobby, "ana", "Aula");
    let shown = format!(
        "{rooms}{question}\nSala não encontrada. Digite outra sala.\n{question}\
         ***** PARTICIPANTES DA SALA \"Aula\" *****\n\n1 - bia\n2 - ana\nPressione uma tecla para continuar..."
    );
    check(&lobby, &["/participantes", "Sala", "Aula", ""], &shown);
    check(&lobby, &["/participantes", ""], &format!("{rooms}{question}"));
}

fn lobby_room(lobby: &Lobby, name: &str, limit: u32) {
    Admin::create_room(lobby, name.into(), Some(limit), None).unwrap();
}

#[test]
fn a_room_is_closed_by_its_number() {
    let lobby = lobby();
    lobby_room(&lobby, "Aula", 9);
    let rooms = "***** SALAS *****\n1: Aula - 0/9 usuários conectados.\n";
    let question = "Selecione o id da sala a ser removida: ";
    for wrong in ["2", "Aula", "", "-1", "1.0"] {
        check(&lobby, &["/encerrar", wrong], &format!("{rooms}{question}Sala não encontrada.\n"));
    }
    check(&lobby, &["/encerrar", " 1 "], &format!("{rooms}{question}Sala encerrada\n"));
    check(&lobby, &["/encerrar", "1"], &format!("***** SALAS *****\n{question}Sala não encontrada.\n"));
}

#[test]
fn the_log_is_shown_oldest_first_and_harmless() {
    let lobby = lobby();
    lobby_room(&lobby, "Aula", 9);
    let ana = enter(&lobby, "ana", "Aula");
    let attack = "\u{1b}[2Joi\r- Sala Aula foi encerrada.";
    ana.scope(|| lobby.send_message("ana".into(), "Aula".into(), attack.into(), None)).unwrap();
    ana.scope(|| lobby.unregister_user("ana".into())).unwrap();
    let shown = "***** LOGS *****\n\
                 - Sala Aula criada. Atualmente, existem 1 salas criadas.\n\
                 - ana entrou na sala Aula.\n\
                 - ana [Aula]: <U+001B>[2Joi<U+000D>- Sala Aula foi encerrada.\n\
                 - Conexão encerrada de: ana\n\
                 Pressione uma tecla para continuar...";
    check(&lobby, &["/logs", ""], shown);
}

#[test]
fn what_is_no_command_is_told_and_the_menu_shown_again() {
    let lobby = lobby();
    for wrong in ["", "/", "criar", "/criar agora", "//criar", "/\u{1b}[2J"] {
        check(&lobby, &[wrong], "\nComando Inválido!\n");
    }
}

#[test]
fn leaving_ends_the_program() {
    assert_eq!(rehearse(&lobby(), &["/Sair"]), ("\nEncerrando aplicação...\n".into(), Ending::Quit));
}

#[test]
fn somebody_is_put_out_and_all_are_told() {
    let lobby = lobby();
    lobby_room(&lobby, "Aula", 9);
    enter(&lobby, "ana", "Aula");
    let list = "***** SALAS *****\n1: Aula - 1/9 usuários conectados.\n";
    let asked = "Digite o nome da sala: Digite o nome do participante: Digite o motivo, se quiser: ";
    check(&lobby, &["/expulsar", "aula", "bia", ""], &format!("{list}{asked}\"bia\" não está na sala\n"));
    check(&lobby, &["/expulsar", "aula", "Ana", "chega"], &format!("{list}{asked}Ana foi removido\n"));
    check(&lobby, &["/avisar", "pausa"], "Digite o aviso: Salas avisadas: 1\n");
    check(&lobby, &["/avisar", ""], "Digite o aviso: uma mensagem precisa de algum texto\n");
}

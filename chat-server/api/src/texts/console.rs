//! The operators' console.

use super::{Language, fmt};

texts! {
    console_menu() {
        "\
===== MENU =====
/CREATE -----> Create a room.
/LIST -----> List the rooms.
/USERS -----> List who is in a room.
/CLOSE -----> Close a room.
/QUIT -----> End the program.
/LOGS -----> Show the log.",
        "\
===== MENU =====
/CRIAR -----> Cria uma nova sala.
/LISTAR -----> Listar salas criadas.
/PARTICIPANTES -----> Listar participantes de uma determinada sala.
/ENCERRAR -----> Encerrar uma sala.
/SAIR -----> Encerrar a aplicação.
/LOGS -----> Exibir logs."
    }
    console_prompt() { "Type a command: ", "Digite um comando: " }
    console_more() {
        "the console takes /KICK (puts somebody out) and /BROADCAST (tells all rooms something) too",
        "o console também aceita /EXPULSAR (remove alguém de uma sala) e /AVISAR (envia um aviso a todas as salas)"
    }
    wrong_command() { "\nThere is no such command!", "\nComando Inválido!" }
    creating_room() { "\nCreating a room...", "\nCriando sala..." }
    ask_room_name() { "The room's name: ", "Digite o nome da sala: " }
    ask_room_limit() { "The room's limit: ", "Digite o limite da sala: " }
    wrong_entries() { "\nThis cannot be a room.", "\nInsira dados válidos." }
    room_made(name) { "Room {name} created.", "Sala {name} criada." }
    rooms_heading() { "***** ROOMS *****", "***** SALAS *****" }
    room_of_list(number, name, users, limit) {
        "{number}: {name} - {users}/{limit} users connected.",
        "{number}: {name} - {users}/{limit} usuários conectados."
    }
    private_room_of_list(number, name, users, limit) {
        "{number}: {name} - {users}/{limit} users connected (private).",
        "{number}: {name} - {users}/{limit} usuários conectados (privada)."
    }
    press_enter() { "Press Enter to go on...", "Pressione uma tecla para continuar..." }
    ask_room_of_users() {
        "\nThe name of the room whose users you want to see: ",
        "\nDigite o nome da sala que deseja ver os participantes: "
    }
    users_heading(name) {
        "***** USERS OF THE ROOM \"{name}\" *****\n",
        "***** PARTICIPANTES DA SALA \"{name}\" *****\n"
    }
    user_of_list(place, name) { "{place} - {name}", "{place} - {name}" }
    no_room_of_users() {
        "\nThere is no such room. Type another one.",
        "\nSala não encontrada. Digite outra sala."
    }
    ask_room_to_close() { "The number of the room to be closed: ", "Selecione o id da sala a ser removida: " }
    room_closed() { "The room is closed", "Sala encerrada" }
    no_room_to_close() { "There is no such room.", "Sala não encontrada." }
    log_heading() { "***** LOG *****", "***** LOGS *****" }
    log_line(entry) { "- {entry}", "- {entry}" }
    log_missed(count) {
        "({count} older entries are no longer kept)",
        "({count} registros mais antigos não são mais guardados)"
    }
    ask_user_to_kick() { "Who is to be put out: ", "Digite o nome do participante: " }
    ask_reason() { "The reason, if you want to give one: ", "Digite o motivo, se quiser: " }
    user_kicked(user) { "{user} was put out", "{user} foi removido" }
    ask_broadcast() { "What do you want to say: ", "Digite o aviso: " }
    rooms_told(count) { "Rooms told: {count}", "Salas avisadas: {count}" }
    ending() { "\nEnding...", "\nEncerrando aplicação..." }
    interrupted() { "\n\nThe program was interrupted.", "\n\nO programa foi finalizado abruptamente." }
}

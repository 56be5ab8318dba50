//! What the terminal client tells its user.

use super::{Language, fmt};

texts! {
    ask_username() { "Your name: ", "Username: " }
    ask_password(room) { "Password of {room}: ", "Senha da sala {room}: " }
    you_are(name) { "you are {name}", "você é {name}" }
    you_are_with_hint(name) {
        "you are {name}; /help lists the commands",
        "você é {name}; /help lista os comandos"
    }
    room_was_created(room) { "{room} was created", "Sala {room} criada." }
    in_room(room, users) { "in {room}: {users}", "em {room}: {users}" }
    how_to_leave() { "To leave, type /leave.", "Para sair, digite o comando /SAIR." }
    nothing_said(room) { "nothing was said in {room} yet", "nada foi dito em {room} ainda" }
    last_message(room) { "the last message of {room}:", "a última mensagem de {room}:" }
    last_messages(count, room) {
        "the last {count} messages of {room}:",
        "as últimas {count} mensagens de {room}:"
    }
    private_mark() { "(private)", "(privado)" }
    from_to(from, to) { "{from} to {to}", "{from} para {to}" }
    somebody() { "somebody", "alguém" }
    somebody_came(who, room) { "{who} joined {room}", "{who} > *** ENTROU NA SALA *** ({room})" }
    somebody_went(who, room) { "{who} left {room}", "{who} > *** SAIU DA SALA *** ({room})" }
    room_is_closed(room) { "{room} was closed", "Sistema > *** ESTA SALA FOI ENCERRADA *** ({room})" }
    number_of_sent(room, number) {
        "sent to {room} as number {number}",
        "enviada para {room} com o número {number}"
    }
    no_rooms() { "there are no rooms yet", "ainda não há salas" }
    private_room() { "private", "privada" }
    all_rooms(rooms) { "rooms: {rooms}", "salas: {rooms}" }
    you_left(room) { "you left {room}", "Saindo da sala... ({room})" }
    may_be_missing(room) {
        "messages of {room} may be missing here",
        "podem faltar mensagens de {room} aqui"
    }
    connection_lost() {
        "the connection is lost, trying again until it is back; /quit leaves",
        "a conexão foi perdida, tentando até que ela volte; /quit encerra"
    }
    chat_was_ended() { "the chat was ended by its operator", "o chat foi encerrado pelo operador" }
    not_while_lost() {
        "not sent: the connection is lost, and you are told when it is back",
        "não enviado: a conexão foi perdida; você será avisado quando ela voltar"
    }
    connection_restored() { "the connection is restored", "a conexão foi restabelecida" }
    you_are_nowhere(name) { "you are {name}, in no room", "você é {name}, em nenhuma sala" }
    you_are_in(name, rooms) { "you are {name}, in {rooms}", "você é {name}, em {rooms}" }
    skipped(count) { "{count} skipped", "{count} omitidas" }
    waiting_for_the_chat(why) { "waiting for the chat: {why}", "esperando pelo chat: {why}" }
    password_file_needed() {
        "a private room wants a password: give --password-file",
        "uma sala privada precisa de senha: informe --password-file"
    }
    no_password_no_room() {
        "no room was created: a private one wants a password",
        "nenhuma sala foi criada: uma sala privada precisa de senha"
    }
    too_late() { "the command's time is over", "o tempo do comando se esgotou" }
    no_room_yet() {
        "you are in no room: /join one first",
        "você não está em nenhuma sala: entre em uma com /entrar"
    }
    no_command(word) {
        "there is no command /{word}; /help lists them",
        "não há comando /{word}; /help lista os que há"
    }
    message_is_empty() { "the message is empty", "a mensagem está vazia" }
}

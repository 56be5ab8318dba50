//! Why a call is refused.

use super::{Language, fmt};
use crate::ending::is_chat_ended;
use crate::error::ChatError;
use crate::limits::{MARKS_IN_A_ROW, MESSAGE_BYTES, PASSWORD_BYTES, PASSWORD_SHORTEST};
use crate::rules::NameError;

texts! {
    name_taken(username) { "the name \"{username}\" is taken", "o nome \"{username}\" já está em uso" }
    not_registered(username) {
        "nobody is registered as \"{username}\"",
        "ninguém está registrado como \"{username}\""
    }
    room_exists(room) { "the room \"{room}\" exists already", "a sala \"{room}\" já existe" }
    no_such_room(room) {
        "there is no room \"{room}\"",
        "A sala escolhida não existe. Tente novamente. (\"{room}\")"
    }
    no_such_number(number) { "there is no room number {number}", "não há sala de número {number}" }
    not_in_room(room) { "you are not in the room \"{room}\"", "você não está na sala \"{room}\"" }
    recipient_not_in_room(recipient) { "\"{recipient}\" is not in the room", "\"{recipient}\" não está na sala" }
    room_full(room, limit) {
        "the room \"{room}\" is full: it has {limit} places",
        "O limite da sala escolhida foi atingido. Escolha outra sala. (\"{room}\": {limit} lugares)"
    }
    room_was_closed(room) { "the room \"{room}\" was closed", "a sala \"{room}\" foi encerrada" }
    invalid_limit() { "a room needs at least one place", "uma sala precisa de pelo menos um lugar" }
    empty_message() { "a message needs some text", "uma mensagem precisa de algum texto" }
    message_too_long(limit, bytes) {
        "a message has at most {limit} bytes, this one has {bytes}",
        "uma mensagem tem no máximo {limit} bytes, esta tem {bytes}"
    }
    password_needed(room) {
        "the room \"{room}\" is private: it is entered with its password",
        "a sala \"{room}\" é privada: só se entra nela com a senha"
    }
    wrong_password(room) {
        "this is not the password of the room \"{room}\"",
        "esta não é a senha da sala \"{room}\""
    }
    too_many_tries(room, seconds) {
        "too many wrong passwords were tried for the room \"{room}\": try again in {seconds} s",
        "senhas erradas demais para a sala \"{room}\": tente novamente em {seconds} s"
    }
    invalid_password(shortest, bytes) {
        "a password has at least {shortest} characters and at most {bytes} bytes, and no control characters",
        "uma senha tem pelo menos {shortest} caracteres e no máximo {bytes} bytes, sem caracteres de controle"
    }
    empty_name() {
        "a name needs at least one character that shows",
        "um nome precisa de pelo menos um caractere visível"
    }
    long_name(limit) {
        "a name here has at most {limit} characters",
        "um nome aqui tem no máximo {limit} caracteres"
    }
    character_in_name(point) {
        "a name cannot hold the character U+{point}",
        "um nome não pode conter o caractere U+{point}"
    }
    marks_in_name(limit) {
        "a name cannot begin with a combining mark, nor hold more than {limit} in a row",
        "um nome não pode começar com um sinal combinante, nem ter mais de {limit} seguidos"
    }
    reserved_name() {
        "this name is reserved for the chat itself",
        "este nome é reservado para o próprio chat"
    }
}

impl Language {
    /// Why a call was refused. What a status says is English in every language.
    #[must_use]
    pub fn refusal(self, error: &ChatError) -> String {
        match error {
            ChatError::NameTaken { username } => self.name_taken(username),
            ChatError::InvalidName(error) => self.invalid_name(error),
            ChatError::NotRegistered { username } => self.not_registered(username),
            ChatError::RoomExists { room } => self.room_exists(room),
            ChatError::NoSuchRoom { room } => self.no_such_room(room),
            ChatError::NoSuchNumber { number } => self.no_such_number(number),
            ChatError::NotInRoom { room } => self.not_in_room(room),
            ChatError::RecipientNotInRoom { recipient } => self.recipient_not_in_room(recipient),
            ChatError::RoomFull { room, limit } => self.room_full(room, limit),
            ChatError::RoomClosed { room } => self.room_was_closed(room),
            ChatError::InvalidLimit => self.invalid_limit(),
            ChatError::EmptyMessage => self.empty_message(),
            ChatError::TooLong { bytes } => self.message_too_long(MESSAGE_BYTES, bytes),
            ChatError::PasswordNeeded { room } => self.password_needed(room),
            ChatError::WrongPassword { room } => self.wrong_password(room),
            ChatError::TooManyTries { room, again_after } => {
                // Rounded up: at that second one more is looked at.
                self.too_many_tries(room, again_after.as_millis().div_ceil(1000))
            }
            ChatError::InvalidPassword(_) => self.invalid_password(PASSWORD_SHORTEST, PASSWORD_BYTES),
            ChatError::Status(status) if is_chat_ended(status) => self.chat_was_ended(),
            ChatError::Status(status) => status.to_string(),
        }
    }

    /// Why a text is no name.
    #[must_use]
    pub fn invalid_name(self, error: &NameError) -> String {
        match error {
            NameError::Empty => self.empty_name(),
            NameError::TooLong { limit } => self.long_name(limit),
            NameError::Character { character } => {
                self.character_in_name(format_args!("{:04X}", u32::from(*character)))
            }
            NameError::Marks => self.marks_in_name(MARKS_IN_A_ROW),
            NameError::Reserved => self.reserved_name(),
        }
    }
}

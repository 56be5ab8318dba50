//! The entries of the log of rooms.

use super::{Language, fmt};
use crate::journal::LogEntry;

texts! {
    log_listening(address) {
        "Waiting for connections at {address}...",
        "Esperando conexões em {address}..."
    }
    log_room_made(room, rooms) {
        "Room {room} was created. There are {rooms} rooms now.",
        "Sala {room} criada. Atualmente, existem {rooms} salas criadas."
    }
    log_entered(user, room) { "{user} entered the room {room}.", "{user} entrou na sala {room}." }
    log_no_such_room(user) {
        "{user} tried to enter a room that does not exist.",
        "{user} tentou entrar em sala inexistente."
    }
    log_room_full(user, room) {
        "{user} tried to enter the room '{room}', which is full.",
        "{user} tentou entrar na sala '{room}', mas seu limite de participantes já foi atingido."
    }
    log_wrong_password(user, room) {
        "{user} tried to enter the room '{room}' with a wrong password.",
        "{user} tentou entrar na sala '{room}' com a senha errada."
    }
    log_said(user, room, text) { "{user} [{room}]: {text}", "{user} [{room}]: {text}" }
    log_gone(user) { "The connection of {user} is closed", "Conexão encerrada de: {user}" }
    log_kicked(user, room) { "{user} was put out of the room {room}.", "{user} foi removido da sala {room}." }
    log_announced(text) { "Told all rooms: {text}", "Aviso a todas as salas: {text}" }
    log_announced_in(room, text) { "Told the room {room}: {text}", "Aviso à sala {room}: {text}" }
    log_room_closed(room) { "Room {room} was closed.", "Sala {room} foi encerrada." }
    log_room_deserted(room) {
        "Room {room} is gone, since nobody was in it.",
        "Sala {room} foi removida, pois estava vazia."
    }
    log_undelivered(why) { "A message could not be sent: {why}", "Não foi possível enviar mensagem: {why}" }
}

impl Language {
    /// An entry of the log as a sentence. Texts of users stand in it as they were sent, control characters and all.
    #[must_use]
    pub fn log_entry(self, entry: &LogEntry) -> String {
        match entry {
            LogEntry::Listening { address } => self.log_listening(address),
            LogEntry::RoomMade { room, rooms } => self.log_room_made(room, rooms),
            LogEntry::Entered { user, room } => self.log_entered(user, room),
            LogEntry::NoSuchRoom { user } => self.log_no_such_room(user),
            LogEntry::RoomFull { user, room } => self.log_room_full(user, room),
            LogEntry::WrongPassword { user, room } => self.log_wrong_password(user, room),
            LogEntry::Said { user, room, text } => self.log_said(user, room, text),
            LogEntry::Gone { user } => self.log_gone(user),
            LogEntry::Kicked { user, room } => self.log_kicked(user, room),
            LogEntry::Announced { room: None, text } => self.log_announced(text),
            LogEntry::Announced { room: Some(room), text } => self.log_announced_in(room, text),
            LogEntry::RoomClosed { room } => self.log_room_closed(room),
            LogEntry::RoomDeserted { room } => self.log_room_deserted(room),
            LogEntry::Undelivered { why } => self.log_undelivered(why),
        }
    }
}

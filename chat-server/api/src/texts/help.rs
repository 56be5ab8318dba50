//! How the terminal client is used.

use super::{Language, fmt};

texts! {
    help_of_commands() {
        "\
Text without a slash goes to everybody in the current room.
  /create ROOM [LIMIT]  makes a room; with LIMIT, for at most so many users
  /private ROOM [LIMIT] makes a room with a password, which is asked for
  /join ROOM            enters a room, or goes back to one you are in
  /leave                leaves the current room
  /rooms                lists the rooms
  /users [ROOM]         lists who is in a room
  /msg USER TEXT        sends a message to one person in the current room
  /history              shows the last messages of the current room
  /me                   tells who you are, and where
  /help                 shows this
  /quit                 leaves everything and ends (so do Ctrl-D and Ctrl-C)",
        "\
Um texto sem barra vai para todos na sala atual.
  /criar SALA [LIMITE]   cria uma sala; com LIMITE, só para tantos usuários
  /privada SALA [LIMITE] cria uma sala com senha, que será pedida
  /entrar SALA           entra em uma sala, ou volta a uma em que você está
  /sair                  sai da sala atual
  /listar                lista as salas
  /participantes [SALA]  lista quem está em uma sala
  /msg NOME TEXTO        envia uma mensagem a uma só pessoa da sala atual
  /history               mostra as últimas mensagens da sala atual
  /me                    diz quem você é, e onde está
  /ajuda                 mostra esta ajuda
  /quit                  sai de tudo e termina (também Ctrl-D e Ctrl-C)"
    }
    help_of_sleep() {
        "\n  /sleep TIME           waits, as in /sleep 1s",
        "\n  /sleep TEMPO           espera, como em /sleep 1s"
    }
    help_of_names() {
        "\
A name with blanks in it stands in double quotes.
The Tab key completes commands and names.
In Portuguese: /criar, /privada, /entrar, /sair (= /leave), /listar,
/participantes, /ajuda.",
        "\
Um nome com espaços fica entre aspas duplas.
A tecla Tab completa comandos e nomes.
Em inglês: /create, /private, /join, /leave (= /sair), /rooms, /users,
/help."
    }
    usage(usage) { "usage: {usage}", "uso: {usage}" }
    usage_of_create() {
        "/create ROOM [LIMIT] (a name with blanks stands in double quotes)",
        "/criar SALA [LIMITE] (um nome com espaços fica entre aspas duplas)"
    }
    usage_of_private() {
        "/private ROOM [LIMIT] (a name with blanks stands in double quotes)",
        "/privada SALA [LIMITE] (um nome com espaços fica entre aspas duplas)"
    }
    usage_of_join() { "/join ROOM", "/entrar SALA" }
    usage_of_leave() { "/leave", "/sair" }
    usage_of_rooms() { "/rooms", "/listar" }
    usage_of_users() { "/users [ROOM]", "/participantes [SALA]" }
    usage_of_msg() {
        "/msg USER TEXT (a name with blanks stands in double quotes)",
        "/msg NOME TEXTO (um nome com espaços fica entre aspas duplas)"
    }
    usage_of_history() { "/history", "/history" }
    usage_of_me() { "/me", "/me" }
    usage_of_help() { "/help", "/ajuda" }
    usage_of_quit() { "/quit", "/quit" }
    usage_of_sleep() {
        "/sleep TIME, as in /sleep 1s or /sleep 200ms",
        "/sleep TEMPO, como em /sleep 1s ou /sleep 200ms"
    }
}

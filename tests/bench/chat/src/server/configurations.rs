//! What each of Debian's servers is told: to serve many from one address, as quickly as they like.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Server;
use crate::failure::Failure;

/// Writes what `server` wants into its folder; how it is run.
pub(super) fn command(server: Server, program: &Path, folder: &Path, port: u16) -> Result<Command, Failure> {
    let file = folder.join("configuration");
    fs::write(&file, text(server, folder, port)).map_err(Failure::io("cannot write a configuration"))?;
    let file = file.display().to_string();
    let mut command = Command::new(program);
    command.current_dir(folder);
    match server {
        Server::Chat => {}
        Server::Ngircd => drop(command.args(["--nodaemon", "--config", &file])),
        Server::Inspircd => drop(command.args(["--nofork", "--runasroot", "--config", &file])),
        Server::Redis => drop(command.arg(&file)),
        Server::Mosquitto | Server::Nats => drop(command.args(["-c", &file])),
    }
    Ok(command)
}

fn text(server: Server, folder: &Path, port: u16) -> String {
    let folder = folder.display();
    match server {
        Server::Chat => String::new(),
        // No penalty for speaking quickly, any number of clients from one address.
        Server::Ngircd => format!(
            "[Global]\n  Name = bench.invalid\n  Info = bench\n  Listen = 127.0.0.1\n  Ports = {port}\n\
             [Limits]\n  MaxConnections = 0\n  MaxConnectionsIP = 0\n  MaxJoins = 0\n  MaxNickLength = 16\n  \
             MaxPenaltyTime = 0\n  PingTimeout = 3600\n\
             [Options]\n  DNS = no\n  Ident = no\n  PAM = no\n"
        ),
        // `fakelag` off and high `commandrate`: nobody waits for his turn. The send queues hold all that is under way.
        Server::Inspircd => format!(
            "<server name=\"bench.invalid\" description=\"bench\" network=\"bench\">\n\
             <admin name=\"bench\" nick=\"bench\" email=\"bench@bench.invalid\">\n\
             <bind address=\"127.0.0.1\" port=\"{port}\" type=\"clients\">\n\
             <connect allow=\"*\" timeout=\"60\" pingfreq=\"3600\" fakelag=\"no\" commandrate=\"100000000\" \
             hardsendq=\"1G\" softsendq=\"1G\" recvq=\"1M\" threshold=\"100000\" localmax=\"20000\" globalmax=\"20000\" \
             maxconnwarn=\"no\" resolvehostnames=\"no\" useident=\"no\" limit=\"20000\" modes=\"\">\n\
             <performance softlimit=\"20000\" somaxconn=\"1024\" netbuffersize=\"10240\">\n\
             <pid file=\"{folder}/pid\">\n<path configdir=\"{folder}\" datadir=\"{folder}\" logdir=\"{folder}\">\n"
        ),
        Server::Redis => format!(
            "bind 127.0.0.1\nport {port}\ndir {folder}\nsave \"\"\nappendonly no\nmaxclients 19000\n\
             client-output-buffer-limit pubsub 0 0 0\n"
        ),
        Server::Mosquitto => format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
             max_queued_messages 0\nlog_type error\n"
        ),
        Server::Nats => format!(
            "listen: \"127.0.0.1:{port}\"\nmax_connections: 20000\nmax_pending: 1GB\nwrite_deadline: \"60s\"\n\
             ping_interval: \"10m\"\n"
        ),
    }
}

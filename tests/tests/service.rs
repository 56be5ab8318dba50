//! The programs as a supervisor runs them: on sockets that it has opened, and telling it when they serve.
//!
//! A shell stands for the supervisor, since descriptors have numbers only there: it is given the socket as its input, and
//! passes it on as the third.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use system_tests::{BinderProgram, Process, SOON, command};

/// What systemd says to a service that it passes one socket, or two.
const PASS_ONE: &str = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@""#;
const PASS_TWO: &str = r#"exec 3<&0 4<&0 </dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec "$@""#;

/// The command of one of our programs, run by a shell with this script.
fn supervised(script: &str, program: &str, options: &[&str]) -> Command {
    let ours = command(program);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "supervisor"]).arg(ours.get_program()).args(options);
    for (key, value) in ours.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell
}

fn passing(name: &str, shell: &mut Command, socket: impl Into<OwnedFd>) -> Process {
    Process::start_with(name, shell, Stdio::from(socket.into()))
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Where a service tells how it is: systemd's end of `NOTIFY_SOCKET`.
struct Supervisor {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Supervisor {
    fn new(test: &str) -> Supervisor {
        let path = std::env::temp_dir().join(format!("service-{test}-{}", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Supervisor { socket, path }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    #[track_caller]
    fn hears(&self, expected: &str) {
        let mut text = [0; 1024];
        let length = self.socket.recv(&mut text).expect("nothing was told in time");
        let text = String::from_utf8_lossy(text.get(..length).unwrap());
        assert!(text.starts_with(expected), "{text:?} does not begin with {expected:?}");
    }

    #[track_caller]
    fn has_heard_nothing_more(&self) {
        self.socket.set_nonblocking(true).unwrap();
        assert!(self.socket.recv(&mut [0; 1024]).is_err());
        self.socket.set_nonblocking(false).unwrap();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

#[track_caller]
fn end(process: &mut Process) {
    process.signal("TERM");
    assert!(process.end().success());
}

#[test]
fn a_binder_serves_who_came_before_it_was_started() {
    let (listener, address) = listener();
    let mut early = command("binder");
    let mut early =
        Process::start("early", early.args(["ping", "--count", "1", "--binder", &address.to_string()]));
    let mut binder = passing("binder", &mut supervised(PASS_ONE, "binder", &[]), listener);
    assert_eq!(
        binder.complaint("was opened by the supervisor").split_whitespace().nth(3),
        Some(&*address.to_string())
    );
    assert!(early.end().success());
    end(&mut binder);
}

#[test]
fn a_chat_server_tells_the_binder_the_address_that_was_opened_for_it() {
    let binder = BinderProgram::start();
    let at = binder.address.to_string();
    let (listener, address) = listener();
    let mut shell = supervised(PASS_ONE, "chat-server", &["--binder", &at]);
    let mut server = passing("chat-server", shell.env("LISTEN_FDNAMES", "listen"), listener);
    server.complaint("registered");
    let told = command("binder").args(["lookup", "join_room", "--binder", &at]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout), format!("{address}\n"));
    end(&mut server);
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let (listener, address) = listener();
    let script = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=1 exec "$@""#;
    let mut binder =
        passing("binder", &mut supervised(script, "binder", &["--listen", "127.0.0.1:0"]), listener);
    let line = binder.complaint("listening on ");
    assert!(!line.ends_with(&address.to_string()), "{line}");
    end(&mut binder);
}

#[track_caller]
fn refused(script: &str, names: &str, socket: impl Into<OwnedFd>, why: &str) {
    let mut shell = supervised(script, "binder", &[]);
    let mut binder = passing("binder", shell.env("LISTEN_FDNAMES", names), socket);
    binder.complaint(why);
    assert_eq!(binder.end().code(), Some(1));
}

#[test]
fn sockets_that_do_not_fit_are_refused_in_words() {
    refused(PASS_ONE, "htpp", listener().0, "a socket named \"htpp\", and this program knows listen");
    refused(PASS_TWO, "", listener().0, "the supervisor passes two sockets for listen, 127.0.0.1:");
    let path = std::env::temp_dir().join(format!("service-kind-{}", std::process::id()));
    refused(
        PASS_ONE,
        "",
        UnixListener::bind(&path).unwrap(),
        "for listen is not a TCP socket: say ListenStream=",
    );
    std::fs::remove_file(path).unwrap();
    refused(PASS_ONE, "", UdpSocket::bind("127.0.0.1:0").unwrap(), "for listen is not a TCP socket");
    refused(PASS_ONE, "", std::fs::File::open("/dev/null").unwrap(), "for listen is not a TCP socket");
    let (_deaf, address) = listener();
    refused(PASS_ONE, "", TcpStream::connect(address).unwrap(), "does not listen: leave Accept= at no");
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    refused(PASS_ONE, "", everywhere, "other machines could reach 0.0.0.0:");
    let many = r#"exec 3<&0 </dev/null; LISTEN_FDS=4000000000 LISTEN_PID=$$ exec "$@""#;
    refused(many, "", listener().0, "passes 4000000000 sockets (LISTEN_FDS), at most 8 are taken");
}

#[test]
fn a_binder_is_ready_when_it_serves_and_says_when_it_stops() {
    let supervisor = Supervisor::new("binder");
    let mut program = command("binder");
    program.args(["--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", supervisor.path());
    let mut binder = Process::start("binder", &mut program);
    supervisor.hears("READY=1\nSTATUS=serving names on 127.0.0.1:");
    supervisor.has_heard_nothing_more();
    end(&mut binder);
    supervisor.hears("STOPPING=1\n");
}

#[test]
fn a_chat_server_is_ready_when_the_binder_knows_it() {
    let supervisor = Supervisor::new("chat");
    let port = system_tests::free_port();
    let at = format!("127.0.0.1:{port}");
    let mut program = command("chat-server");
    program.args(["--binder", &at]).env("NOTIFY_SOCKET", supervisor.path());
    let mut server = Process::start("chat-server", &mut program);
    supervisor.hears(&format!("STATUS=waiting for the binder at {at}\n"));
    server.complaint("listening on ");
    supervisor.has_heard_nothing_more();
    let _binder = BinderProgram::start_at(&at);
    supervisor.hears("READY=1\nSTATUS=serving on 127.0.0.1:");
    end(&mut server);
    supervisor.hears("STOPPING=1\n");
}

/// The story: a hangup while the chat server waited for its binder told systemd READY=1, and what needs a chat was started.
#[test]
fn a_hangup_makes_nobody_ready_and_leaves_what_is_said_of_the_service() {
    let supervisor = Supervisor::new("hangup");
    let at = format!("127.0.0.1:{}", system_tests::free_port());
    let mut program = command("chat-server");
    program.args(["--binder", &at]).env("NOTIFY_SOCKET", supervisor.path());
    let mut server = Process::start("chat-server", &mut program);
    let waiting = format!("STATUS=waiting for the binder at {at}\n");
    supervisor.hears(&waiting);
    server.signal("HUP");
    supervisor.hears("STATUS=reading certificates again\n");
    supervisor.hears(&waiting);
    let _binder = BinderProgram::start_at(&at);
    supervisor.hears("READY=1\nSTATUS=serving on 127.0.0.1:");
    server.signal("HUP");
    supervisor.hears("RELOADING=1\nMONOTONIC_USEC=");
    supervisor.hears("READY=1\nSTATUS=serving on 127.0.0.1:");
    end(&mut server);
    supervisor.hears("STOPPING=1\n");
}

/// The story: `systemctl reload` of a service without TLS ended it.
#[test]
fn a_service_without_certificates_goes_on_after_a_hangup() {
    let mut program = command("binder");
    let mut binder = Process::start("binder", program.args(["--listen", "127.0.0.1:0"]));
    binder.complaint("listening on ");
    binder.signal("HUP");
    binder.complaint("there are no certificates to read again");
    end(&mut binder);
}

#[test]
fn a_chat_server_that_still_waits_for_its_binder_stops_at_once() {
    let supervisor = Supervisor::new("waiting");
    let mut program = command("chat-server");
    let at = format!("127.0.0.1:{}", system_tests::free_port());
    let mut server = Process::start(
        "chat-server",
        program.args(["--binder", &at]).env("NOTIFY_SOCKET", supervisor.path()),
    );
    supervisor.hears("STATUS=waiting for the binder");
    end(&mut server);
    supervisor.hears("STOPPING=1\n");
}

#[test]
fn a_supervisor_that_does_not_listen_stops_no_service() {
    let mut program = command("binder");
    program.args(["--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", "/nowhere/notify");
    let mut binder = Process::start("binder", &mut program);
    binder.complaint("the supervisor at /nowhere/notify cannot be told: No such file or directory");
    end(&mut binder);
}

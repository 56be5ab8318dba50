//! The programs over TLS, from end to end: binder, chat server and clients, tokens and sessions included.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "encrypted/papers.rs"]
mod papers;

use std::process::Output;

use papers::{Authority, Folder};
use system_tests::{BinderProgram, Chatter, ServerProgram, command};

/// A binder and a chat server over TLS, and what their clients need.
struct Installation {
    binder: BinderProgram,
    server: ServerProgram,
    folder: Folder,
}

/// The binder asks for certificates and tokens.
fn installation() -> Installation {
    let (folder, authority) = (Folder::new(), Authority::new("lab"));
    folder.put("ca.pem", &authority.pem());
    authority.issue(&folder, "binder", &["127.0.0.1"]);
    authority.issue(&folder, "chat", &["127.0.0.1"]);
    authority.issue(&folder, "people", &[]);
    folder.put("tokens", "the-token-of-all-these-programs-1 *\n");
    let serve = folder.options(&[
        ("--tls-cert", "binder.pem"),
        ("--tls-key", "binder.key"),
        ("--tls-client-ca", "ca.pem"),
        ("--token-file", "tokens"),
    ]);
    let mut serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    serve.extend(["--lookups", "token"]);
    let binder = BinderProgram::start_with(&serve);
    let serve = folder.options(&[
        ("--tls-cert", "chat.pem"),
        ("--tls-key", "chat.key"),
        ("--tls-client-ca", "ca.pem"),
        ("--tls-ca", "ca.pem"),
        ("--binder-token-file", "tokens"),
    ]);
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    let server = ServerProgram::start_with(&binder, &serve);
    Installation { binder, server, folder }
}

impl Installation {
    /// What a client says to be let in.
    fn papers(&self) -> Vec<String> {
        self.folder.options(&[
            ("--tls-ca", "ca.pem"),
            ("--tls-cert", "people.pem"),
            ("--tls-key", "people.key"),
        ])
    }

    #[track_caller]
    fn join(&self, name: &str) -> Chatter {
        let mut options = self.papers();
        options.extend(self.folder.options(&[("--binder-token-file", "tokens")]));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mut chatter = Chatter::start_with(&self.binder, name, &options);
        chatter.expect("registered");
        chatter
    }

    /// Asks the binder, with these files.
    fn ask(&self, subcommand: &str, papers: &[String]) -> Output {
        let address = self.binder.address.to_string();
        let tokens = self.folder.options(&[("--token-file", "tokens")]);
        let mut ask = command("binder");
        ask.args([subcommand, "--binder", &address]).args(tokens).args(papers).output().unwrap()
    }
}

/// What a program printed, and how it ended.
fn said(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

#[test]
fn a_chat_runs_encrypted_with_tokens_sessions_and_certificates() {
    let lab = installation();
    let (mut ana, mut bob) = (lab.join("ana"), lab.join("bob"));
    ana.open_room("rust");
    bob.enter("rust");
    ana.say("hello over TLS");
    bob.hear("hello over TLS");
    bob.say("/msg ana for you alone");
    ana.hear("for you alone");
    assert_eq!(bob.finish().1, Some(0));
    assert_eq!(ana.finish().1, Some(0));
}

#[test]
fn the_binder_answers_who_has_a_certificate_and_says_to_others_what_is_missing() {
    let mut lab = installation();
    let (listed, _, code) = said(&lab.ask("list", &lab.papers()));
    assert!(code == Some(0) && listed.contains("send_message"), "{listed}");
    let (doctor, _, code) = said(&lab.ask("doctor", &lab.papers()));
    assert_eq!(code, Some(0), "{doctor}");
    let (_, plain, code) = said(&lab.ask("list", &[]));
    assert!(code == Some(1) && plain.contains("this server is reached over TLS only"), "{plain}");
    lab.binder.process.complaint("the client speaks without TLS, and this server wants it");
    let nobody = lab.folder.options(&[("--tls-ca", "ca.pem")]);
    let (_, refused, code) = said(&lab.ask("list", &nobody));
    assert!(code == Some(1) && refused.contains("asks for a certificate, and none was given"), "{refused}");
    lab.binder.process.complaint("the client gave no certificate, and this server asks for one");
    let other = Authority::new("other");
    lab.folder.put("other.pem", &other.pem());
    let stranger = lab.folder.options(&[("--tls-ca", "other.pem")]);
    let (_, refused, code) = said(&lab.ask("list", &stranger));
    let words = "the server's certificate is not of an authority that this side trusts";
    assert!(code == Some(1) && refused.contains(words), "{refused}");
    let mut named = lab.papers();
    named.extend(["--tls-name".to_owned(), "names.example".to_owned()]);
    let (_, refused, _) = said(&lab.ask("list", &named));
    let words = "the server's certificate is for 127.0.0.1, you asked for names.example";
    assert!(refused.contains(words), "{refused}");
}

/// Story: whoever had any certificate of the authority could take the name of every other server; and lookups could not be open,
/// since who had none was not let in.
#[test]
fn certificates_register_the_names_they_are_for_and_lookups_may_be_open_to_all() {
    let (folder, authority) = (Folder::new(), Authority::new("lab"));
    folder.put("ca.pem", &authority.pem());
    authority.issue(&folder, "binder", &["127.0.0.1"]);
    folder.put("rights", "certificate sums sum\n");
    let mut serve = folder.options(&[
        ("--tls-cert", "binder.pem"),
        ("--tls-key", "binder.key"),
        ("--tls-client-ca", "ca.pem"),
        ("--token-file", "rights"),
    ]);
    serve.extend(["--lookups", "open"].map(str::to_owned));
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    let binder = BinderProgram::start_with(&serve);
    let address = binder.address.to_string();
    let trust = folder.options(&[("--tls-ca", "ca.pem")]);
    let register = |papers: &[String]| {
        let arguments = ["call", "register_procedure", r#"["sum", "127.0.0.1", 4000]"#, "--to", &address];
        said(&command("rpc").args(arguments).args(&trust).args(papers).output().unwrap())
    };
    let papers = |name: &str| {
        authority.issue(&folder, name, &[]);
        folder.options(&[("--tls-cert", &format!("{name}.pem")), ("--tls-key", &format!("{name}.key"))])
    };
    let (_, refused, code) = register(&[]);
    assert!(code != Some(0) && refused.contains("Uncertified"), "{refused}");
    let (_, refused, code) = register(&papers("chat"));
    assert!(code != Some(0) && refused.contains("NotNamed"), "{refused}");
    let (_, refused, code) = register(&papers("sums"));
    assert_eq!(code, Some(0), "{refused}");
    let lookup = ["lookup", "sum", "--binder", &address];
    let found = said(&command("binder").args(lookup).args(&trust).output().unwrap());
    assert_eq!(found, ("127.0.0.1:4000\n".to_owned(), String::new(), Some(0)));
}

#[test]
fn the_tool_calls_over_tls_through_the_binder_and_at_an_address() {
    let lab = installation();
    let (binder, server) = (lab.binder.address.to_string(), lab.server.address.to_string());
    let tokens = lab.folder.options(&[("--binder-token-file", "tokens")]);
    let mut rpc = command("rpc");
    let rpc = rpc.args(["call", "list_rooms", "--binder", &binder]).args(tokens).args(lab.papers());
    assert_eq!(said(&rpc.output().unwrap()), ("[]\n".to_owned(), String::new(), Some(0)));
    let mut rpc = command("rpc");
    let serving = said(&rpc.args(["health", "Chat", "--to", &server]).args(lab.papers()).output().unwrap());
    assert_eq!(serving, ("serving\n".to_owned(), String::new(), Some(0)));
    let mut rpc = command("rpc");
    let (_, plain, code) = said(&rpc.args(["health", "--to", &server]).output().unwrap());
    assert!(code == Some(3) && plain.contains("this server is reached over TLS only"), "{plain}");
}

#[test]
fn certificates_are_read_again_at_a_hangup_and_bad_ones_are_not_taken() {
    let mut lab = installation();
    let mut ana = lab.join("ana");
    ana.open_room("rust");
    // A new authority for everybody, announced to the clients beside the old one.
    let (old, new) = (lab.folder.text("ca.pem"), Authority::new("new"));
    lab.folder.put("ca.pem", &(old + &new.pem()));
    lab.binder.process.signal("HUP");
    lab.binder.process.complaint("the certificates of this server were read again");
    new.issue(&lab.folder, "chat", &["127.0.0.1"]);
    lab.server.process.signal("HUP");
    lab.server.process.complaint("the certificates of this server were read again");
    lab.server.process.complaint("the certificates of connections to others were read again");
    let mut bob = lab.join("bob");
    bob.enter("rust");
    bob.say("who came after");
    ana.hear("who came after");
    // The key of another certificate.
    new.issue(&lab.folder, "wrong", &["127.0.0.1"]);
    lab.folder.put("chat.key", &lab.folder.text("wrong.key"));
    lab.server.process.signal("HUP");
    lab.server.process.complaint("the certificates of this server stay as they were: the key in ");
    let mut eve = lab.join("eve");
    eve.enter("rust");
    eve.say("and after that");
    ana.hear("and after that");
}

/// Runs a program that is to end at once.
#[track_caller]
fn check_refused(program: &str, options: &[String], code: i32, words: &str) {
    let (_, errors, ended) = said(&command(program).args(options).output().unwrap());
    assert!(ended == Some(code) && errors.contains(words), "{ended:?}: {errors}");
}

#[test]
fn what_is_half_said_or_cannot_be_used_is_told() {
    let (folder, authority) = (Folder::new(), Authority::new("lab"));
    authority.issue(&folder, "one", &["127.0.0.1"]);
    authority.issue(&folder, "two", &["127.0.0.1"]);
    let options = |said: &[(&str, &str)]| folder.options(said);
    check_refused("binder", &options(&[("--tls-cert", "one.pem")]), 2, "--tls-key <FILE>");
    check_refused("chat-server", &options(&[("--tls-client-ca", "one.pem")]), 2, "--tls-cert <FILE>");
    let crossed = options(&[("--tls-cert", "one.pem"), ("--tls-key", "two.key")]);
    check_refused("binder", &crossed, 1, "binder: the key in ");
    check_refused("chat-server", &crossed, 1, "is not the key of the certificate in ");
    let swapped = options(&[("--tls-cert", "one.key"), ("--tls-key", "one.pem")]);
    check_refused("chat-server", &swapped, 1, "has no certificate in it: expected PEM");
    check_refused("chat-client", &options(&[("--tls-ca", "none.pem")]), 1, "chat-client: cannot read ");
    let whole = options(&[("--tls-cert", "one.pem"), ("--tls-key", "one.key")]);
    check_refused("chat-client", &whole, 1, "say with --tls-ca which servers to trust");
}

/// The story: with `--tls-client-ca` only those with a certificate could look up, and a page showed the same to everybody.
#[test]
fn a_binder_that_asks_for_certificates_shows_no_page_to_those_without() {
    let (folder, authority) = (Folder::new(), Authority::new("lab"));
    folder.put("ca.pem", &authority.pem());
    authority.issue(&folder, "one", &["127.0.0.1"]);
    let mut line = folder.options(&[("--tls-cert", "one.pem"), ("--tls-key", "one.key")]);
    line.extend(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"].map(String::from));
    let mut open = command("binder");
    let mut open = system_tests::Process::start("binder", open.args(&line));
    open.complaint("showing a page at http://127.0.0.1:");
    line.extend(folder.options(&[("--tls-client-ca", "ca.pem")]));
    check_refused(
        "binder",
        &line,
        1,
        "a page asks nobody who he is, and would show to everybody what only some",
    );
}

#[test]
fn other_machines_are_served_where_certificates_say_who_they_are() {
    let (folder, authority) = (Folder::new(), Authority::new("lab"));
    folder.put("ca.pem", &authority.pem());
    authority.issue(&folder, "one", &["127.0.0.1"]);
    let mut alone = folder.options(&[("--tls-cert", "one.pem"), ("--tls-key", "one.key")]);
    alone.extend(["--listen".to_owned(), "0.0.0.0:0".to_owned()]);
    check_refused(
        "binder",
        &alone,
        1,
        "nothing says who of them may register: say it with --token-file, or with",
    );
    let mut mutual: Vec<String> = alone[..4].to_vec();
    mutual.extend(folder.options(&[("--tls-client-ca", "ca.pem")]));
    let mutual: Vec<&str> = mutual.iter().map(String::as_str).collect();
    let mut binder = BinderProgram::start_on("0.0.0.0:0", &mutual);
    binder.process.signal("TERM");
    assert_eq!(binder.process.end().code(), Some(0));
    // A chat is for everybody, and encrypted.
    check_refused(
        "chat-server",
        &["--listen".to_owned(), "0.0.0.0:0".to_owned()],
        1,
        "serve over TLS with --tls-cert",
    );
    let mut chat = system_tests::Process::start("chat-server", command("chat-server").args(&alone));
    chat.complaint("listening on 0.0.0.0:");
}

/// The four lines of the README, each with its words; `lab` is this folder.
fn lines_of_the_readme(lab: &str) -> Vec<Vec<String>> {
    let (_, example) =
        include_str!("../../README.md").split_once("certificates made by `rpc`:\n\n```sh\n").unwrap();
    let (lines, _) = example.split_once("```").unwrap();
    let word = |word: &str| match word.strip_prefix("lab/") {
        Some(file) => format!("{lab}/{file}"),
        None if word == "lab" => lab.to_owned(),
        None => word.to_owned(),
    };
    lines.lines().map(|line| line.split(' ').map(word).collect()).collect()
}

/// The chat server was refused by the binder: its certificate was for serving alone.
#[test]
fn the_certificates_of_rpc_gen_cert_serve_as_the_readme_says() {
    let folder = Folder::new();
    let lines = lines_of_the_readme(folder.path());
    let [make, binder, server, client] = lines.as_slice() else { unreachable!("{lines:?}") };
    let programs = [make, binder, server, client].map(|line| line.first().unwrap().as_str());
    assert_eq!(programs, ["rpc", "binder", "chat-server", "chat-client"]);
    let (files, errors, code) = said(&command("rpc").args(make.iter().skip(1)).output().unwrap());
    assert!(code == Some(0) && files.lines().count() == 6, "{files}{errors}");

    // Where it listens, and who is in the chat, says the test.
    let binder: Vec<&str> = binder.iter().skip(3).map(String::as_str).collect();
    let binder = BinderProgram::start_with(&binder);
    let server: Vec<&str> = server.iter().skip(1).map(String::as_str).collect();
    let _server = ServerProgram::start_with(&binder, &server);
    let papers: Vec<&str> =
        client.iter().skip(1).map(String::as_str).take_while(|word| *word != "--username").collect();
    let mut ana = Chatter::start_with(&binder, "ana", &papers);
    ana.expect("registered");
    ana.open_room("rust");
    assert_eq!(ana.finish().1, Some(0));

    let address = binder.address.to_string();
    let ask = |papers: &[&str]| {
        said(&command("rpc").args(["list", "--to", &address]).args(papers).output().unwrap())
    };
    let (listed, errors, code) = ask(&papers);
    assert!(code == Some(0) && listed.contains("lookup_procedure"), "{listed}{errors}");
    let ca = folder.options(&[("--tls-ca", "ca.pem")]);
    let (_, errors, code) = ask(&ca.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(code == Some(3) && errors.contains("asks for a certificate, and none was given"), "{errors}");
    let (_, errors, code) = ask(&[]);
    assert!(code == Some(3) && errors.contains("this server is reached over TLS only"), "{errors}");
}
